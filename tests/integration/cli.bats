#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
#
# The command line as far as no container is needed: help, version, spelling of options, where
# errors go, `list` of what is not there, `spec`, `features`.

load helpers

commands="create start run state kill delete exec list ps pause resume update events stats spec features completion help"

setup() {
	cli=$(mktemp -d "$BATS_TMPDIR/cli.XXXXXX")
	cd "$cli" || return 1
	mkdir root
}

teardown() {
	rm -rf "$cli"
}

# Runs ocirt with a root of its own; $output has both streams.
cli() {
	run "$OCIRT" --root "$cli/root" "$@"
}

expect() { # STATUS [TEXT...]: the exit status, and texts that the output contains
	local text
	if [[ $status != "$1" ]]; then
		echo "exit status $status instead of $1: $output"
		return 1
	fi
	for text in "${@:2}"; do
		if [[ $output != *"$text"* ]]; then
			echo "'$text' is not in: $output"
			return 1
		fi
	done
}

@test "without a command the help is shown" {
	run "$OCIRT"
	expect 0 "COMMANDS:" "GLOBAL OPTIONS"
	[[ ${lines[0]} = "NAME:" ]]
}

@test "every command has help, in three spellings" {
	for command in $commands; do
		for spelling in "$command --help" "$command -h" "help $command"; do
			# shellcheck disable=SC2086 # words
			run "$OCIRT" $spelling
			expect 0 "USAGE:" "OPTIONS:"
			[[ ${lines[0]} = "NAME:" ]]
			[[ ${lines[1]} = "   ocirt $command - "* ]]
		done
	done
}

@test "the help lists every command" {
	run "$OCIRT" --help
	for command in $commands; do
		expect 0 "   $command "
	done
}

@test "every option that help shows is in the manual page of its command" {
	local man=${top_srcdir:-$BATS_TEST_DIRNAME/../..}/man
	for command in $commands; do
		case $command in
		help) continue ;;
		resume) page=pause ;;
		*) page=$command ;;
		esac
		for option in $("$OCIRT" help "$command" | sed -n 's/^   .*--\([a-z0-9-]*\)\( .*\|\)$/\1/p'); do
			[[ $option = help ]] && continue
			grep -qF -e "\\-\\-${option//-/\\-}" "$man/ocirt-$page.8" || {
				echo "ocirt-$page.8 does not know --$option"
				return 1
			}
		done
	done
}

@test "--version begins with lines that managers read" {
	for option in --version -v; do
		run "$OCIRT" $option
		expect 0
		[[ ${lines[0]} =~ ^"ocirt version "[0-9]+\.[0-9]+\.[0-9]+ ]]
		[[ ${lines[1]} = "commit: "?* ]]
		[[ ${lines[2]} = "spec: 1."* ]]
	done
}

@test "an unknown command is refused with the one that was meant" {
	cli craete
	expect 3 "No help topic for 'craete'" "did you mean 'create'?"
	cli help craete
	expect 3 "No help topic for 'craete'"
}

@test "an unknown option is refused with the one that was meant" {
	cli create --bundel x web
	expect 1 "ocirt: create: unknown option '--bundel'" "did you mean '--bundle'?"
	cli --no-such-option state web
	expect 1 "unknown option '--no-such-option'"
}

@test "a missing id is refused with the usage" {
	for command in create start run state kill delete ps pause resume update events; do
		cli $command
		expect 1 "$command: the container's id is missing" "usage: ocirt $command [options] ID"
	done
}

@test "an argument too many is refused" {
	for command in create start run state pause resume update events; do
		cli $command one two
		expect 1 "'two' is one argument too many"
	done
	cli list one
	expect 1 "'one' is one argument too many"
}

@test "global options are understood before and after the command" {
	run "$OCIRT" --root="$cli/root" list
	expect 0 "ID          PID         STATUS"
	run "$OCIRT" list --root "$cli/root"
	expect 0 "ID          PID         STATUS"
	run "$OCIRT" list -f json "--root=$cli/root"
	expect 0
	[[ $output = "[]" ]]
}

@test "wrong values of global options are refused" {
	for option in --log-format=xml --log-level=loud --cgroup-manager=mine --rootless=perhaps --root=; do
		run "$OCIRT" $option list
		expect 1 "ocirt: ${option%=*}: "
	done
}

@test "a container that does not exist is an error that managers know" {
	for command in start state kill delete ps pause resume events stats "update --pids-limit 5"; do
		# shellcheck disable=SC2086 # words
		cli $command nosuch
		expect 1 "ocirt: ${command%% *} nosuch: " "does not exist"
	done
	cli exec nosuch true
	expect 255 "ocirt: exec nosuch: " "does not exist"
}

@test "delete --force of a container that does not exist succeeds" {
	cli delete --force nosuch
	expect 0
	[[ -z $output ]]
}

@test "delete of several containers goes on after a failure" {
	cli delete one two
	expect 1 "ocirt: delete one: " "ocirt: delete two: "
}

@test "delete and kill by a regular expression that matches nothing do nothing" {
	cli delete --regex '^nosuch'
	expect 0
	cli kill --regex '^nosuch' TERM
	expect 0
	cli delete --regex '('
	expect 1 "'(' is not a regular expression"
}

@test "an id is one path component" {
	for id in .. . a/b ../x 'a b' ''; do
		cli state "$id"
		expect 1
		cli delete --force "$id"
		expect 1
	done
}

@test "kill knows signals by number, name and any case, and lists them" {
	for signal in 9 KILL kill SIGKILL sigkill RTMIN+3 0; do
		cli kill nosuch "$signal"
		expect 1 "does not exist"
	done
	for signal in SIGNOSUCH 65 -- 9x ''; do
		cli kill -- nosuch "$signal"
		expect 1 "'$signal' is not a signal"
	done
	cli kill -l
	expect 0 " 9 SIGKILL" "15 SIGTERM" "SIGRTMIN+1"
}

@test "exec takes no option of the program for its own" {
	cli exec nosuch sh --nonsense -c true
	expect 255 "does not exist"
	cli exec --nonsense nosuch sh
	expect 255 "unknown option '--nonsense'"
}

@test "exec needs a program or --process, not both" {
	cli exec nosuch
	expect 255 "the program to run is missing"
	cli exec --process p.json nosuch sh
	expect 255 "'sh' is one too many"
}

@test "exec --user takes numbers only, and all of the text" {
	for user in root 1a 1: :1 -1 4294967295 4294967296 0x1 '1 ' ' 1' ''; do
		cli exec --user "$user" nosuch sh
		expect 255 "--user: '$user' is not UID or UID:GID"
	done
	for user in 0 1 1:2 4294967294; do
		cli exec --user "$user" nosuch sh
		expect 255 "does not exist"
	done
}

@test "exec --env needs a name" {
	for env in A =b ''; do
		cli exec --env "$env" nosuch sh
		expect 255 "'$env' is not NAME=VALUE"
	done
}

@test "update names the option whose value is wrong" {
	for option in --memory=5x --memory-swap=-2 --cpu-quota=1.5 --cpu-period=-1 --cpu-share=all \
		--cpuset-cpus=0- --cpuset-mems=3-1 --pids-limit=-2 --blkio-weight=5 --cpu-idle=2; do
		cli update "$option" nosuch
		expect 1 "update: ${option%%=*}: '${option#*=}' "
	done
}

@test "update --resources says where the JSON is wrong" {
	echo '{"memory": {"limit": "much"}}' >bad.json
	cli update --resources bad.json nosuch
	expect 1 "--resources: bad.json:1:" "memory.limit: "
	cli update --resources - nosuch <bad.json
	expect 1 "--resources: standard input:1:" "memory.limit: "
	cli update --resources missing.json nosuch
	expect 1 "--resources: cannot read 'missing.json': No such file or directory"
}

@test "the systemd driver is of no concern to commands that make no cgroup" {
	cli --systemd-cgroup delete --force nosuch
	expect 0
	cli --systemd-cgroup list
	expect 0
}

@test "an error is one line on standard error, and its hint another" {
	"$OCIRT" --root "$cli/root" state nosuch >out 2>err || true
	[[ ! -s out ]]
	run cat err
	[[ ${lines[0]} = "ocirt: state nosuch: "* ]]
}

@test "with --log an error goes to the log and to standard error" {
	cli --log log state nosuch
	expect 1 "ocirt: state nosuch: "
	run cat log
	expect 0 'level=error msg="state nosuch: '
}

@test "with --log-format json the last line of the log is an object" {
	cli --log log --log-format json state nosuch
	expect 1
	cli state other --log log --log-format=json
	expect 1
	[[ $(wc -l <log) = 2 ]]
	[[ $(tail -n 1 log | jq -r .level) = error ]]
	[[ $(tail -n 1 log | jq -r .msg) = "state other: "* ]]
	jq -e '.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T")' <log
}

@test "a wrong option of a command is logged, too" {
	cli --log log --log-format json create --bundel x web
	expect 1
	[[ $(jq -r .msg log) = *"unknown option '--bundel'"* ]]
}

@test "a log that cannot be opened is an error" {
	cli --log /nonexistent/log state nosuch
	expect 1 "--log: cannot open '/nonexistent/log'"
}

@test "list of a root that does not exist is an error and does not make it" {
	run "$OCIRT" --root "$cli/nosuch" list
	expect 1 "$cli/nosuch"
	[[ ! -e $cli/nosuch ]]
}

@test "list of no containers is a header, nothing, or an empty array" {
	cli list
	expect 0
	[[ $output = "ID          PID         STATUS      BUNDLE      CREATED     OWNER" ]]
	cli list --quiet
	expect 0
	[[ -z $output ]]
	cli list --format json
	expect 0
	[[ $output = "[]" ]]
	cli list --format yaml
	expect 1 "--format: 'yaml' is neither table nor json"
}

@test "a full disk is an error" {
	"$OCIRT" features >/dev/full 2>err && return 1
	run cat err
	expect 0 "cannot write to standard output: No space left on device"
}

@test "closed standard files do no harm" {
	"$OCIRT" --root "$cli/root" list <&- >&- 2>&-
	run "$OCIRT" --root "$cli/root" state nosuch <&- >&-
	expect 1 "ocirt: state nosuch: "
}

@test "spec writes what users expect" {
	cli spec
	expect 0
	[[ -z $output ]]
	jq -e '
		.ociVersion == "1.3.0" and
		.process.args == ["sh"] and
		.process.terminal == true and
		.process.noNewPrivileges == true and
		.process.rlimits == [{type: "RLIMIT_NOFILE", hard: 1024, soft: 1024}] and
		.process.capabilities.bounding ==
			["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"] and
		(.process.capabilities | has("ambient") or has("inheritable") | not) and
		.root == {path: "rootfs", readonly: true} and
		([.mounts[].destination] == ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue",
			"/sys", "/sys/fs/cgroup"]) and
		(.mounts[] | select(.type == "cgroup") | .options | index("ro") != null) and
		([.linux.namespaces[].type] | contains(["pid", "network", "ipc", "uts", "mount"])) and
		.linux.resources.devices == [{allow: false, access: "rwm"}]
	' config.json
}

@test "spec overwrites nothing" {
	echo mine >config.json
	cli spec
	expect 1 "config.json" "File exists"
	[[ $(cat config.json) = mine ]]
	cli spec --file other.json
	expect 0
	[[ -s other.json ]]
}

@test "spec --bundle writes there" {
	mkdir bundle
	cli spec --bundle bundle
	expect 0
	[[ -s bundle/config.json ]]
	cli spec --bundle nosuch
	expect 1 "--bundle: cannot open 'nosuch'"
}

@test "spec --rootless has a user namespace and no limits" {
	cli spec --rootless --file -
	expect 0
	echo "$output" | jq -e '
		([.linux.namespaces[].type] | index("user") != null and index("network") == null) and
		.linux.uidMappings[0].containerID == 0 and
		.linux.gidMappings[0].size == 1 and
		(.linux | has("resources") | not) and
		([.mounts[].options // [] | .[] | select(startswith("gid="))] == []) and
		(.mounts[] | select(.destination == "/sys") | .options | index("rbind") != null)
	'
}

@test "spec --demo makes a whole bundle" {
	umask 077
	cli spec --demo demo
	expect 0
	[[ -x demo/rootfs/bin/demo ]]
	for dir in proc sys dev etc tmp; do
		[[ -d demo/rootfs/$dir ]]
	done
	[[ $(stat -c %a demo/rootfs) = 755 ]]
	[[ $(stat -c %a demo/rootfs/tmp) = 1777 ]]
	grep -q '^root:x:0:0:' demo/rootfs/etc/passwd
	grep -q '^[a-z]*:x:1000:' demo/rootfs/etc/passwd
	jq -e '.process.args == ["/bin/demo"] and .process.terminal == false' demo/config.json
	cli spec --demo demo
	expect 1 "File exists"
}

@test "features names every annotation of the manual, and the manual every one of them" {
	"$OCIRT" features | jq -r '.potentiallyUnsafeConfigAnnotations[]' | sort >"$dir/features"
	sed -n '/^\.SH ANNOTATIONS/,/^These of others mean nothing here/p' "$BATS_TEST_DIRNAME/../../man/ocirt-config.5" |
		grep -A 1 '^\.TP' | grep -o '\(run\.oci\|org\.[a-z]*\)\.[a-z_.]*' | sort >"$dir/manual"
	"$OCIRT" features | jq -e .linux.cgroup.systemd || sed -i /systemd/d "$dir/manual"
	diff "$dir/features" "$dir/manual"
}

@test "features says of which version it is" {
	run "$OCIRT" --version
	expect_line "$("$OCIRT" features | jq -r '.annotations["org.ocirt.version"]')"
	expect_line "$("$OCIRT" features | jq -r '.annotations["org.ocirt.commit"]')"
}

@test "features has every member, with arrays that are never absent" {
	run "$OCIRT" features
	expect 0
	echo "$output" | jq -e '
		.ociVersionMin == "1.0.0" and .ociVersionMax == "1.3.0" and
		(.hooks | length == 6) and
		(.mountOptions | index("ro") and index("rro") and index("bind")) and
		(.linux.namespaces | length == 8) and
		(.linux.capabilities | length == 41 and index("CAP_SYS_ADMIN")) and
		(.linux.cgroup | [.v1, .v2, .systemd, .systemdUser, .rdma] | all(type == "boolean")) and
		(.linux.seccomp | .enabled and
			([.actions, .operators, .archs, .knownFlags, .supportedFlags] | all(length > 0)) and
			(.supportedFlags - .knownFlags == [])) and
		([.linux.apparmor, .linux.selinux, .linux.intelRdt, .linux.netDevices,
			.linux.mountExtensions.idmap] | all(.enabled | type == "boolean")) and
		(.linux.memoryPolicy.modes | length == 7) and
		(.linux.memoryPolicy.flags | length == 3) and
		(.annotations | has("org.opencontainers.runc.checkpoint.enabled")) and
		(.potentiallyUnsafeConfigAnnotations | type == "array")
	'
}
