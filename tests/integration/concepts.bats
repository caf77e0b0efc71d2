#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# What a container is made of, looked at with the tools of the host and from inside.

load helpers
load life

need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null || skip "$1 is missing (Debian: apt install $2)"
}

@test "the pid that state shows is enough for nsenter and lsns" {
	need nsenter util-linux
	local pid
	standing
	pid=$(pid_of "$id")
	run nsenter --target "$pid" --all /bin/demo hostname
	expect_status 0
	expect_line ocirt
	run nsenter --target "$pid" --all /bin/demo readlink /proc/1/exe
	run lsns --task "$pid" --noheadings --output TYPE,PID
	expect_status 0
	for type in mnt uts ipc pid net; do
		grep -qE "^ *$type +$pid\$" <<<"$output" || complain "$type is not its own"
	done
}

@test "one process has two numbers: the host's, and 1" {
	local pid
	standing
	pid=$(pid_of "$id")
	((pid > 1))
	[[ $(sed -n 's/^NSpid:\t//p' "/proc/$pid/status") == "$pid"$'\t1' ]]
	run ocirt exec "$id" /bin/demo status NSpid
	[[ $output != *"$pid"* ]]
}

@test "the clock of the host cannot be set from inside, and not for want of a filter" {
	bundle "$(args syscall settimeofday 0 0)"
	run ocirt run "$id" </dev/null
	expect_line EPERM
	run jq -e '[.process.capabilities[][]] | index("CAP_SYS_TIME")' config.json
	expect_status 1
}

@test "nothing of the old root is left to go back to" {
	local pid
	standing
	pid=$(pid_of "$id")
	[[ $(ocirt exec "$id" /bin/demo ls /../../..) == "$(ocirt exec "$id" /bin/demo ls /)" ]]
	# Its table of mounts begins with its own root, and the host's is not among the rest.
	[[ $(awk '$5 == "/"' "/proc/$pid/mountinfo" | wc -l) == 1 ]]
	run ! grep -F "$(awk '$5 == "/" { print " " $4 " / " }' /proc/self/mountinfo)" "/proc/$pid/mountinfo"
	[[ $(stat -Lc %d:%i "/proc/$pid/root") == "$(stat -Lc %d:%i rootfs)" ]]
}

@test "who made a container may end, and its caller's reaper has it then" {
	local pid
	bundle "$(args sleep)"
	# As a shim does: a subreaper, which asks ocirt and goes on when that has ended.
	python3 - "$OCIRT" "$root" "$id" >"$dir/parents" 3>&- <<-'EOF' || skip "python3 cannot be a subreaper"
		import ctypes, json, os, subprocess, sys
		ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
		ocirt, root, id = sys.argv[1:]
		subprocess.run([ocirt, "--root", root, "create", id], check=True,
		               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		state = json.loads(subprocess.check_output([ocirt, "--root", root, "state", id]))
		parent = open("/proc/%d/stat" % state["pid"]).read().rsplit(")", 1)[1].split()[1]
		print(os.getpid(), parent)
		subprocess.run([ocirt, "--root", root, "delete", "--force", id], check=True)
		print(os.waitpid(state["pid"], 0)[0] == state["pid"])
	EOF
	read -r shim parent <"$dir/parents"
	[[ $shim == "$parent" ]]
	holds "$dir/parents" True
}

# --- lxcfs ----------------------------------------------------------------------------------------

# lxcfs below $dir, in a mount namespace that is made for it; what is run there sees it.
# shellcheck disable=SC2016 # that shell's own variables
lxcfs_there='
	mount --make-rprivate /
	mkdir -p "$1/lxcfs" "$1/run"
	mount --bind "$1/run" /run
	lxcfs -f "$1/lxcfs" >"$1/lxcfs.log" 2>&1 </dev/null 3>&- &
	lxcfs=$!
	for n in $(seq 100); do
		[ ! -e "$1/lxcfs/proc/meminfo" ] || break
		kill -0 $lxcfs || exit 77
		read -r none <"$1/tick"
	done
	[ -e "$1/lxcfs/proc/meminfo" ] || exit 77
	shift
	"$@"
	status=$?
	kill $lxcfs
	wait $lxcfs
	exit $status'

@test "lxcfs: /proc/meminfo and the like show the container its own limits" {
	need lxcfs lxcfs
	[[ -w /dev/fuse ]] || skip "there is no /dev/fuse"
	bundle "$(args cat /proc/meminfo)" '.linux.resources.memory.limit = 67108864' \
		".mounts += [[\"meminfo\", \"uptime\", \"cpuinfo\", \"stat\", \"loadavg\"][] |
			{destination: \"/proc/\\(.)\", source: \"$dir/lxcfs/proc/\\(.)\", options: [\"bind\"]}]"
	mkfifo "$dir/tick"
	while echo; do read -rt 0.05 <> <(:) || :; done >"$dir/tick" 2>/dev/null 3>&- &
	local ticker=$!
	run timeout 60 unshare --mount sh -c "$lxcfs_there" sh "$dir" "$OCIRT" --root "$root" run "$id" </dev/null
	kill "$ticker" 2>/dev/null || :
	[[ $status != 77 ]] || skip "lxcfs does not come up: $(<"$dir/lxcfs.log")"
	expect_status 0
	[[ $output == *"MemTotal:"*" 65536 kB"* ]] || complain "that is not the limit of 64 MB"
	# The host's own is not that.
	[[ $(sed -n 's/^MemTotal: *//p' /proc/meminfo) != "65536 kB" ]]
}
