#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# exec: a second process in a container.

load helpers
load life

# exec of the demo program in the test's container; $output and $status as of run.
inside() { # [OPTION... --] DEMO-ARGUMENT...
	local options=()
	if [[ " $* " == *" -- "* ]]; then
		while [[ $1 != -- ]]; do
			options+=("$1")
			shift
		done
		shift
	fi
	run ocirt exec "${options[@]}" "$id" /bin/demo "$@"
}

# It fails by itself, with status 255 and one line.
expect_no_exec() { # TEXT...
	expect_status 255
	expect_error exec "$@"
}

# A --process file, from jq filters over the container's own process.
process_file() { # FILTER...
	local filter=.process
	while (($#)); do
		filter+=" | $1"
		shift
	done
	jq "$filter" config.json >"$dir/process.json"
}

# --- status and arguments -----------------------------------------------------------------------

@test "arguments arrive as they are, also those that look like options" {
	standing
	inside args -a --bundle '' 'two words'
	expect_status 0
	[[ $output == $'argc: 4\nargv[1]: -a\nargv[2]: --bundle\nargv[3]: \nargv[4]: two words' ]]
}

@test "the program's exit status is that of exec" {
	standing
	for n in 0 1 42 255; do
		inside exit "$n"
		expect_status "$n"
	done
}

@test "a program that is killed gives 128 and the number of the signal" {
	standing
	ocirt exec --pid-file pid "$id" /bin/demo sleep </dev/null >"$dir/out" 2>&1 3>&- &
	local runner=$!
	await test -s pid
	kill -KILL "$(<pid)"
	status=0
	wait "$runner" || status=$?
	expect_status 137
}

@test "signals to exec reach the program" {
	standing
	"$OCIRT" --root "$root" exec "$id" /bin/demo signals </dev/null >"$dir/exec" 2>&1 3>&- &
	local runner=$!
	await holds "$dir/exec" ready
	kill -USR1 "$runner"
	await holds "$dir/exec" SIGUSR1
	kill -TERM "$runner"
	wait "$runner"
}

@test "standard input and output are the caller's" {
	standing
	run ocirt exec "$id" /bin/demo cat /dev/stdin <<<"words from outside"
	[[ $output == "words from outside" ]]
}

@test "a program that is not there is an error with 255" {
	standing
	run ocirt exec "$id" nosuch
	expect_no_exec "executable file 'nosuch' not found in \$PATH"
	run ocirt exec "$id" /bin/nosuch
	expect_no_exec "process.args: exec '/bin/nosuch': No such file or directory"
	run ocirt exec "$id" /etc/passwd
	expect_no_exec "process.args: exec '/etc/passwd': Permission denied"
}

@test "a pid file that cannot be written is an error, and the program does not run" {
	standing '.root.readonly = false'
	inside --pid-file "$dir/no/such/pid" -- write /tmp/ran yes
	expect_no_exec "--pid-file: cannot write '$dir/no/such/pid'"
	[[ ! -e rootfs/tmp/ran ]]
}

# --- where and when -----------------------------------------------------------------------------

@test "the program is in the namespaces and the cgroup of the container" {
	standing 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	inside namespaces
	expect_status 0
	local kind
	for kind in ipc mnt net pid uts; do
		expect_fact "namespace.$kind" "$(readlink "/proc/$(pid_of "$id")/ns/$kind")"
	done
	inside cgroup
	expect_line "$id"
	[[ $(grep -c "$id" <<<"$output") == $(grep -c "$id" "/proc/$(pid_of "$id")/cgroup") ]]
}

@test "the program is another process of the container's pid namespace" {
	standing
	inside ids
	[[ $(fact pid) -gt 1 && $(fact ppid) == 0 ]]
}

@test "exec works in a container that is created" {
	bundle "$(args sleep)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	inside hostname
	expect_status 0
	expect_fact hostname ocirt
	has_status "$id" created
}

@test "exec in a stopped container is refused" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	inside hostname
	expect_no_exec "container not running" "stopped"
}

@test "exec in a paused container is refused" {
	standing
	ocirt pause "$id"
	inside hostname
	expect_no_exec "cannot exec in a paused container"
	expect_line "hint: 'ocirt resume $id'"
	has_status "$id" paused
}

@test "exec --ignore-paused waits until the container is resumed" {
	standing
	ocirt pause "$id"
	ocirt exec --ignore-paused "$id" /bin/demo hostname </dev/null >"$dir/exec" 2>&1 3>&- &
	local runner=$!
	has_status "$id" paused
	ocirt resume "$id"
	wait "$runner"
	holds "$dir/exec" "hostname: ocirt"
}

@test "a container that ends takes the exec with it" {
	standing
	ocirt exec "$id" /bin/demo sleep </dev/null >"$dir/exec" 2>&1 3>&- &
	local runner=$!
	two() { [[ $(ocirt ps -f json "$id" | jq length) == 2 ]]; }
	await two
	ocirt kill "$id" KILL
	status=0
	wait "$runner" || status=$?
	expect_status 137
}

@test "exec --detach ends at once and leaves the program" {
	standing
	ocirt exec --detach --pid-file "$dir/pid" "$id" /bin/demo signals </dev/null >"$dir/exec" 2>&1
	await holds "$dir/exec" ready
	[[ $(readlink "/proc/$(<"$dir/pid")/exe") == */bin/demo ]]
	kill -TERM "$(<"$dir/pid")"
	await holds "$dir/exec" SIGTERM
}

@test "--pidfd-socket gets a descriptor of the program" {
	standing
	"$BATS_TEST_DIRNAME/receive" pidfd "$dir/sock" >"$dir/got" 3>&- &
	await test -S "$dir/sock"
	ocirt exec --detach --pidfd-socket "$dir/sock" --pid-file pid "$id" /bin/demo sleep \
		</dev/null >"$dir/out" 2>&1
	wait
	holds "$dir/got" "pid: $(<pid)"
}

@test "exec in a container that shares every namespace but one" {
	standing '.linux.namespaces = [{type: "mount"}]' 'del(.hostname)' \
		'.mounts |= map(select(.destination | startswith("/sys") or . == "/dev/mqueue" | not))'
	inside exit 5
	expect_status 5
}

@test "exec in a container with a user namespace" {
	standing '.linux.namespaces += [{type: "user"}]' \
		'.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]' \
		'.linux.gidMappings = .linux.uidMappings'
	inside namespaces
	expect_status 0
	expect_fact namespace.user "$(readlink "/proc/$(pid_of "$id")/ns/user")"
	[[ $(fact namespace.user) != "$(readlink /proc/self/ns/user)" ]]
	inside ids
	expect_fact uid 0
}

# --- environment and directory ------------------------------------------------------------------

@test "the environment is the container's, with what --env adds on top" {
	standing '.process.env += ["A=container", "B=container"]'
	inside --env A=exec --env C=exec -- env
	expect_status 0
	expect_line "A=exec"
	expect_line "B=container"
	expect_line "C=exec"
	expect_no_line "A=container"
}

@test "nothing of the caller's environment goes in" {
	standing
	OF_THE_CALLER=1 inside env
	expect_no_line OF_THE_CALLER
}

@test "HOME is that of the user" {
	standing
	inside --user 1000 -- env
	expect_line "HOME=$(cut -d: -f3,6 rootfs/etc/passwd | sed -n 's/^1000://p')"
	inside --user 0 -- env
	expect_line "HOME=$(cut -d: -f3,6 rootfs/etc/passwd | sed -n 's/^0://p')"
	inside --user 4711 -- env
	expect_line HOME=/
}

@test "the directory is the container's, or that of --cwd" {
	standing '.process.cwd = "/etc"'
	inside cwd
	expect_fact cwd /etc
	inside --cwd /tmp -- cwd
	expect_fact cwd /tmp
}

@test "a directory that is not there is an error and is not made" {
	standing '.root.readonly = false'
	inside --cwd /no/such -- cwd
	expect_no_exec "process.cwd: cannot enter '/no/such': No such file or directory"
	[[ ! -e rootfs/no ]]
}

@test "a relative directory is refused" {
	standing
	inside --cwd tmp -- cwd
	expect_no_exec "cwd" "'tmp'"
}

@test "a directory out of the root is refused" {
	standing
	local fd
	for fd in {3..12}; do
		inside --cwd "/proc/self/fd/$fd" -- cwd
		# Some of them may be the root itself, which is as good as any other way to it.
		[[ $status == 0 ]] && expect_fact cwd / && continue
		expect_no_exec "process.cwd: " "/proc/self/fd/$fd"
	done
}

# --- user ---------------------------------------------------------------------------------------

@test "--user takes the user, and the group" {
	standing '.process.user = {uid: 3, gid: 4, additionalGids: [5]}'
	inside ids
	expect_fact uid 3
	expect_fact gid 4
	expect_fact groups 5
	inside --user 1000 -- ids
	expect_fact uid 1000
	expect_fact gid 4
	inside --user 1000:1001 -- ids
	expect_fact uid 1000
	expect_fact gid 1001
}

@test "--user takes numbers only" {
	standing
	local user
	for user in root 1a ' 1' '1 ' -1 +1 4294967295 4294967296 18446744073709551617 1:-1 1: :1 '' 0x0; do
		inside --user "$user" -- ids
		expect_status 255
		expect_line "--user: '$user' is not UID or UID:GID"
	done
}

@test "--additional-gids adds groups" {
	standing '.process.user.additionalGids = [5]'
	inside --additional-gids 100 --additional-gids 200 -- ids
	[[ $(fact groups | tr ' ' '\n' | sort -n | xargs) == "5 100 200" ]]
	inside --additional-gids 1x -- ids
	expect_status 255
}

# --- rights -------------------------------------------------------------------------------------

@test "the capabilities are the container's" {
	standing
	inside caps
	expect_fact CapEff 0000000020000420
	expect_fact CapBnd 0000000020000420
}

@test "--cap adds to the effective, permitted and bounding set, never to the inheritable" {
	standing
	inside --cap CAP_SYS_CHROOT -- caps
	for set in CapPrm CapEff CapBnd; do
		expect_fact $set 0000000020040420
	done
	expect_fact CapInh 0000000000000000
	expect_fact CapAmb 0000000000000000
}

@test "--cap for an ordinary user adds to the ambient set only what is inheritable" {
	standing '.process.capabilities.inheritable = ["CAP_KILL"]'
	inside --user 1000 --cap CAP_KILL --cap CAP_CHOWN -- caps
	expect_fact CapInh 0000000000000020
	expect_fact CapAmb 0000000000000020
	expect_fact CapEff 0000000000000020
}

@test "an unknown capability is a warning" {
	standing
	inside --cap CAP_TO_THE_MOON -- exit 3
	expect_status 3
	expect_line "CAP_TO_THE_MOON"
}

@test "--no-new-privs is set" {
	standing '.process.noNewPrivileges = false'
	inside status NoNewPrivs
	expect_fact NoNewPrivs 0
	inside --no-new-privs -- status NoNewPrivs
	expect_fact NoNewPrivs 1
}

@test "the filter of the container is that of exec" {
	standing '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["sethostname"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
	inside syscall sethostname
	expect_fact errno ENOSYS
}

@test "limits, scheduling and umask are the container's" {
	standing '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 99}]' \
		'.process.user.umask = 63' '.process.oomScoreAdj = 123'
	inside limits
	expect_fact RLIMIT_NOFILE "77 99"
	inside umask
	expect_fact umask 0077
	inside cat /proc/self/oom_score_adj
	expect_line 123
}

# --- descriptors --------------------------------------------------------------------------------

@test "the program has 0, 1 and 2 and nothing else" {
	standing
	ocirt exec "$id" /bin/demo fds 7</etc/passwd </dev/null >"$dir/exec"
	[[ $(cut -d: -f1 "$dir/exec") == $'0\n1\n2' ]]
}

@test "--preserve-fds keeps descriptors from 3 on" {
	standing
	ocirt exec --preserve-fds 2 "$id" /bin/demo fds 3<config.json 4<config.json 5</etc </dev/null >"$dir/exec"
	[[ $(cut -d: -f1 "$dir/exec") == $'0\n1\n2\n3\n4' ]]
}

@test "--preserve-fds of what is not open is an error, though ocirt opens files of its own" {
	standing
	only_fd_3 "$OCIRT" --root "$root" exec --preserve-fds 2 "$id" /bin/demo fds
	expect_no_exec "--preserve-fds: descriptor 4 is not open"
}

@test "closed standard files do no harm" {
	standing '.root.readonly = false'
	"$OCIRT" --root "$root" exec "$id" /bin/demo write /tmp/ran yes <&- >&- 2>&-
	[[ $(<rootfs/tmp/ran) == yes ]]
}

# --- --process ----------------------------------------------------------------------------------

@test "--process is the whole process" {
	standing '.process.env += ["OF=container"]'
	process_file "$(args env | sed 's/^.process//')" '.env = ["PATH=/bin", "OF=file"]'
	run ocirt exec --process "$dir/process.json" "$id"
	expect_status 0
	[[ $(sort <<<"$output") == $'HOME=/root\nOF=file\nPATH=/bin' || $(sort <<<"$output") == $'HOME=/\nOF=file\nPATH=/bin' ]]
	process_file "$(args ids | sed 's/^.process//')" '.user = {uid: 5, gid: 6}'
	run ocirt exec -p "$dir/process.json" "$id"
	expect_fact uid 5
	expect_fact gid 6
}

@test "--process may be a pipe" {
	standing
	run ocirt exec --process <(jq '.process | .args = ["/bin/demo", "exit", "9"]' config.json) "$id"
	expect_status 9
}

@test "what is wrong with a --process file is shown by place" {
	standing
	process_file '.cwd = 5'
	run ocirt exec --process "$dir/process.json" "$id"
	expect_no_exec "--process: $dir/process.json:" "cwd: "
	echo '{' >"$dir/process.json"
	run ocirt exec --process "$dir/process.json" "$id"
	expect_no_exec "--process: $dir/process.json:2:"
	run ocirt exec --process "$dir/nosuch" "$id"
	expect_no_exec "--process: cannot read '$dir/nosuch': No such file or directory"
}

# --- cgroups ------------------------------------------------------------------------------------

@test "--cgroup enters a cgroup below the container's" {
	standing
	if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
		mkdir "/sys/fs/cgroup/ocirt-$id/inner"
		inside --cgroup inner -- cgroup
		expect_status 0
		[[ $(grep '^0::' <<<"$output") == */inner ]]
		return
	fi
	[[ -d /sys/fs/cgroup/pids ]] || skip "no pids controller of cgroup v1 here"
	mkdir "/sys/fs/cgroup/pids/ocirt-$id/inner"
	inside --cgroup pids:inner -- cgroup
	expect_status 0
	[[ $(grep ':pids:' <<<"$output") == */inner ]]
	[[ $(grep ':freezer:' <<<"$output") != */inner ]]
}

@test "--cgroup that is not there, outside, or of an unknown controller is an error" {
	standing
	inside --cgroup nosuch -- cgroup
	expect_status 255
	expect_line "No such file or directory"
	inside --cgroup ../.. -- cgroup
	expect_no_exec "bad sub cgroup path"
	inside --cgroup nosuch:/ -- cgroup
	expect_no_exec "unknown controller "
}
