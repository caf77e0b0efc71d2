#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# Bad input: each is one line of error that names the field or the path, exit status 1, and nothing
# left on the host.

load helpers
load life

# --- the bundle ---------------------------------------------------------------------------------

@test "a bundle without config.json says which file is missing and how to get one" {
	mkdir "$bundle"
	cd "$bundle"
	expect_refused "cannot read 'config.json' of the bundle '$bundle': No such file or directory"
	expect_line "hint: 'ocirt spec'"
}

@test "a bundle that is not there is named" {
	run ocirt run --bundle "$dir/nowhere" "$id"
	expect_status 1
	expect_error run "bundle '$dir/nowhere': No such file or directory"
}

@test "what is not JSON is shown by line and column" {
	bundle
	printf '{\n  "ociVersion": "1.0.0",,\n}' >config.json
	expect_refused "config.json:2:"
}

@test "an empty config.json is refused" {
	bundle
	: >config.json
	expect_refused "config.json"
}

@test "a value of the wrong type is named with its place" {
	bundle '.process.args = "sh"'
	expect_refused "config.json:" "process.args: "
}

@test "a number that is too large is named with its place" {
	bundle '.process.user.uid = 4294967296'
	expect_refused "process.user.uid: "
}

@test "a missing required property is named" {
	bundle 'del(.process.cwd)'
	expect_refused "process.cwd"
}

@test "a missing root is named" {
	bundle 'del(.root)'
	expect_refused "root: "
}

@test "a root that does not exist is named" {
	bundle '.root.path = "nowhere"'
	expect_refused "root.path: cannot open 'nowhere': No such file or directory"
	expect_line "hint: unpack the root filesystem"
}

@test "a root that is a file is named" {
	bundle '.root.path = "config.json"'
	expect_refused "root.path: cannot open 'config.json': Not a directory"
}

# --- ids ----------------------------------------------------------------------------------------

@test "an id with a slash, an empty and an endless one are refused" {
	bundle
	local long
	long=$(printf 'x%.0s' {1..256})
	run ocirt create a/b
	expect_status 1
	expect_line "invalid container id 'a/b'"
	run ocirt create ''
	expect_status 1
	expect_line "id is empty"
	run ocirt create "$long"
	expect_status 1
	expect_line "id has 256 characters"
	[[ ! -e $root ]]
}

@test "an id that is taken is refused, and the container that has it stays" {
	standing
	run ocirt create "$id"
	expect_status 1
	expect_error create "already exists"
	run ocirt run "$id"
	expect_status 1
	expect_error run "already exists"
	has_status "$id" running
}

# --- namespaces ---------------------------------------------------------------------------------

@test "an unknown type of namespace is named" {
	bundle '.linux.namespaces |= [{type: "nett"}] + .'
	expect_refused "linux.namespaces[0].type: " "nett"
}

@test "a namespace given twice is named" {
	bundle '.linux.namespaces |= [{type: "ipc"}, {type: "uts"}, {type: "uts"}]'
	expect_refused "linux.namespaces[2]" "uts"
}

@test "a namespace path of another type is named, with what it is" {
	bundle '(.linux.namespaces[] | select(.type == "uts")).path = "/proc/self/ns/ipc"'
	expect_refused "linux.namespaces[2].path: '/proc/self/ns/ipc' is a namespace of type ipc, not uts"
}

@test "a namespace path that is no namespace is named" {
	bundle '(.linux.namespaces[] | select(.type == "network")).path = "/dev/null"'
	expect_refused "linux.namespaces[4].path: '/dev/null' is not a namespace"
}

@test "a namespace path that does not exist is named" {
	bundle '(.linux.namespaces[] | select(.type == "network")).path = "/run/netns/nowhere"'
	expect_refused "linux.namespaces[4].path: cannot open '/run/netns/nowhere': No such file"
}

# --- mounts -------------------------------------------------------------------------------------

@test "a bind mount whose source is missing names the field and the path" {
	bundle '.mounts = [{"destination": "/data", "source": "/missing", "options": ["bind"]}]'
	expect_refused "mounts[0].source: cannot open '/missing': No such file or directory"
}

@test "a mount destination behind a link out of the root does not touch the host" {
	mkdir "$dir/canary"
	bundle '.root.readonly = false' \
		'.mounts = [{destination: "/out/made", type: "tmpfs", source: "tmpfs"}]'
	ln -s "$dir/canary" rootfs/out
	run ocirt run "$id"
	# A link is taken as the container would see it: below its root.
	[[ -z $(ls -A "$dir/canary") ]]
	if [[ $status != 0 ]]; then
		expect_error run "mounts[0].destination: cannot open or make '/out/made'"
	fi
}

@test "a relative link out of the root ends at the root" {
	mkdir "$dir/canary"
	bundle '.root.readonly = false' \
		'.mounts = [{destination: "/out/made", type: "tmpfs", source: "tmpfs"}]'
	ln -s ../../../../../../../../../.."$dir"/canary rootfs/out
	run ocirt run "$id"
	[[ -z $(ls -A "$dir/canary") ]]
}

@test "a mount option that the file system refuses is named" {
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["sizze=1"]}]'
	expect_refused "mounts[7].options: the file system refuses 'sizze=1': " "Invalid argument"
}

@test "an unknown type of file system is named" {
	bundle '.mounts += [{destination: "/tmp", type: "nosuchfs", source: "x"}]'
	expect_refused "mounts[7].type: unknown file system type 'nosuchfs'"
}

@test "a directory cannot be mounted onto a file" {
	bundle '.mounts += [{destination: "/etc/passwd", source: "/tmp", options: ["bind"]}]'
	expect_refused "mounts[7].destination: " "/etc/passwd" "Not a directory"
}

# --- the process --------------------------------------------------------------------------------

@test "an unknown capability is a warning, and the program runs" {
	bundle "$(args exit 3)" '.process.capabilities.bounding += ["CAP_TO_THE_MOON"]'
	run ocirt run "$id"
	expect_status 3
	expect_line "warning: "
	expect_line "CAP_TO_THE_MOON"
}

@test "an unknown rlimit is named" {
	bundle '.process.rlimits += [{type: "RLIMIT_PATIENCE", soft: 1, hard: 1}]'
	expect_refused "process.rlimits[1].type: " "RLIMIT_PATIENCE"
}

@test "an rlimit given twice is named" {
	bundle '.process.rlimits += [{type: "RLIMIT_NOFILE", soft: 1, hard: 1}]'
	expect_refused "process.rlimits[1]" "RLIMIT_NOFILE"
}

@test "a soft rlimit above the hard one is named" {
	bundle '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2, hard: 1}]'
	expect_refused "process.rlimits[0]"
}

@test "a seccomp profile with an unknown action is refused" {
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_SHRUG"}'
	expect_refused "linux.seccomp.defaultAction: " "SCMP_ACT_SHRUG"
}

@test "an empty list of arguments is named" {
	bundle '.process.args = []'
	expect_refused "process.args"
}

@test "a program that is not there is named" {
	bundle '.process.args = ["/bin/nowhere"]'
	expect_refused "process.args: exec '/bin/nowhere': No such file or directory"
}

@test "a program that is not in PATH is named" {
	bundle '.process.args = ["nowhere"]'
	expect_refused "process.args: executable file 'nowhere' not found in \$PATH"
}

@test "create finds out, too, that the program is not there" {
	bundle '.process.args = ["nowhere"]'
	run ocirt create "$id"
	expect_status 1
	expect_error create "executable file 'nowhere' not found in \$PATH"
	expect_no_container "$id"
}

@test "a program that is not executable is named" {
	bundle '.process.args = ["/etc/passwd"]'
	expect_refused "process.args: exec '/etc/passwd': Permission denied"
	expect_line "hint: "
}

@test "a program that is a directory is named" {
	bundle '.process.args = ["/etc"]'
	expect_refused "process.args: exec '/etc': Is a directory"
}

@test "a program for another machine is named, with the machine" {
	bundle '.process.args = ["/bin/alien"]'
	cp rootfs/bin/demo rootfs/bin/alien
	# e_machine, two bytes at 18: 22 is s390, 62 is x86-64
	printf '\x16\x00' | dd of=rootfs/bin/alien bs=1 seek=18 conv=notrunc status=none
	expect_refused "process.args: exec '/bin/alien': it is for another architecture"
	expect_line "hint: the file is for s390"
}

@test "a file that is no program at all is named" {
	bundle '.process.args = ["/bin/text"]'
	echo "hello" >rootfs/bin/text
	chmod +x rootfs/bin/text
	expect_refused "process.args: exec '/bin/text': Exec format error"
	expect_line "hint: it is neither an ELF program nor a script"
}

@test "a script whose interpreter is missing names the interpreter" {
	bundle '.process.args = ["/bin/script"]'
	printf '#!/bin/nosuchshell -e\n' >rootfs/bin/script
	chmod +x rootfs/bin/script
	expect_refused "exec '/bin/script': cannot use its interpreter: /bin/nosuchshell: No such file"
}

@test "a program whose ELF loader is missing names the loader" {
	# shellcheck disable=SC2154
	bundle '.process.args = ["/bin/true"]'
	cp /bin/true rootfs/bin/true
	expect_refused "process.args: exec '/bin/true': cannot use its interpreter: /lib" "ld-linux"
}

@test "a working directory that is a file is named" {
	bundle '.process.cwd = "/etc/passwd"'
	expect_refused "process.cwd: cannot enter '/etc/passwd': Not a directory"
}

@test "a relative working directory is named" {
	bundle '.process.cwd = "tmp"'
	expect_refused "process.cwd: " "tmp"
}

@test "a working directory that leads out of the root is refused" {
	bundle "$(args cwd)"
	for fd in {3..12}; do
		change ".process.cwd = \"/proc/self/fd/$fd\""
		run ocirt run "$id"
		# Some of them may be the root itself, which is as good as any other way to it.
		[[ $status == 0 ]] && expect_fact cwd / && continue
		expect_error run "process.cwd: " "/proc/self/fd/$fd"
	done
}

# --- hooks --------------------------------------------------------------------------------------

@test "a hook that fails is named, with what it wrote" {
	bundle "$(sh_hook createRuntime 'echo no luck >&2; exit 5')"
	expect_refused "error running createRuntime hook #0: /bin/sh: exit status 5" "no luck"
}

@test "a hook that hangs past its timeout is named" {
	bundle "$(sh_hook prestart 'exec cat fifo')" '.hooks.prestart[0].timeout = 1'
	mkfifo fifo
	expect_refused "error running prestart hook #0: /bin/sh: timed out after 1s"
}

@test "a hook that does not exist is named" {
	bundle '.hooks.createRuntime = [{path: "/no/such/hook"}]'
	expect_refused "error running createRuntime hook #0: /no/such/hook: No such file or directory"
}

@test "a hook with a relative path is refused before anything is made" {
	bundle '.hooks.poststop = [{path: "bin/hook"}]'
	expect_refused "hooks.poststop[0].path: 'bin/hook' is not an absolute path"
}

@test "a hook with a timeout of nothing is refused" {
	bundle '.hooks.poststop = [{path: "/bin/hook", timeout: 0}]'
	expect_refused "hooks.poststop[0].timeout: 0 is out of range (1 to "
}

# --- the wrong moment ---------------------------------------------------------------------------

@test "start of a running container is refused and changes nothing" {
	standing
	local before
	before=$(pid_of "$id")
	run ocirt start "$id"
	expect_status 1
	expect_error start "running"
	has_status "$id" running
	[[ $(pid_of "$id") == "$before" ]]
}

@test "start of a stopped container is refused" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	run ocirt start "$id"
	expect_status 1
	expect_error start "stopped"
}

@test "kill of a stopped container is refused" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	run ocirt kill "$id" TERM
	expect_status 1
	expect_error kill "container not running"
}

@test "delete of a running container is refused and changes nothing" {
	standing
	run ocirt delete "$id"
	expect_status 1
	expect_error delete "that is not stopped" "running"
	expect_line "hint: 'ocirt delete --force $id'"
	has_status "$id" running
}

@test "pause of a paused, resume of a running, update of a stopped container are refused" {
	standing
	run ocirt resume "$id"
	expect_status 1
	expect_error resume "container not paused"
	ocirt pause "$id"
	run ocirt pause "$id"
	expect_status 1
	expect_error pause "paused"
	ocirt resume "$id"
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	run ocirt update --pids-limit 5 "$id"
	expect_status 1
	expect_error update "stopped"
	run ocirt pause "$id"
	expect_status 1
	expect_error pause "stopped"
}

@test "commands for a container that does not exist say so" {
	for command in start state kill delete pause resume ps; do
		run ocirt "$command" "$id"
		expect_status 1
		expect_error "$command" "container does not exist"
	done
	run ocirt exec "$id" /bin/demo
	expect_status 255
	expect_error exec "container does not exist"
}

# --- the state directory ------------------------------------------------------------------------

# create with the state on a file system of its own, which only this command sees; $left is what is
# on it afterwards. By way of a file: where it succeeds, a pipe would be the container's.
create_on_tmpfs() { # MOUNT-OPTIONS [FILE-THAT-FILLS-IT]
	mkdir -p "$root"
	# shellcheck disable=SC2016 # the inner shell's
	run unshare --mount bash -c 'mount -t tmpfs -o "$1" tmpfs "$2"
		[[ -z $3 ]] || dd if=/dev/zero of="$2/$3" bs=4k status=none 2>/dev/null
		"$4" --root "$2" create "$5" </dev/null >"$6" 2>&1
		status=$?
		cat "$6"
		ls -A "$2" >"$6"
		exit $status' - "$1" "$root" "${2-}" "$OCIRT" "$id" "$dir/left"
	left=$(<"$dir/left")
	expect_status 1
	expect_no_container "$id"
}

@test "a full disk below the state directory is an error that leaves nothing" {
	bundle
	create_on_tmpfs size=64k filler
	expect_error create "No space left on device"
	[[ $left == filler ]]
}

@test "a state directory that fills up on the way is an error that leaves nothing" {
	# The second line of state.json does not fit behind the first in what it has already.
	bundle "$(sh_hook createRuntime "dd if=/dev/zero of=$root/filler bs=4k 2>/dev/null; :")" \
		'.annotations.long = "x" * 3000'
	create_on_tmpfs size=256k
	expect_error create "No space left on device"
	[[ $left == filler ]]
}

@test "a disk without inodes below the state directory is an error that leaves nothing" {
	bundle
	create_on_tmpfs nr_inodes=1
	expect_error create "cannot make the state directory '$root/$id': No space left on device"
	[[ -z $left ]]
}

@test "a state directory that is read-only is named" {
	bundle
	create_on_tmpfs ro
	expect_error create "cannot make the state directory '$root/$id': Read-only file system"
}

@test "a state directory without permission is named" {
	bundle
	mkdir -m 555 "$root"
	run setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override \
		"$OCIRT" --root "$root" create "$id" </dev/null
	expect_status 1
	expect_error create "cannot make the state directory '$root/$id': Permission denied"
	expect_no_container "$id"
}

@test "a state directory that is a file is named" {
	bundle
	: >"$dir/file"
	run "$OCIRT" --root "$dir/file" create "$id"
	expect_status 1
	expect_error create "'$dir/file': Not a directory"
}

@test "a pid file that cannot be written is an error that leaves nothing" {
	bundle
	run ocirt create --pid-file "$dir/no/such/pid" "$id" </dev/null
	expect_status 1
	expect_error create "--pid-file: cannot write '$dir/no/such/pid': No such file or directory"
	expect_no_container "$id"
}
