#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# faults -- system calls that fail, processes that are killed, resources that are used up: the command
# says so or succeeds, never hangs, and leaves nothing. A sample of what `make check-faults` does.

load ../integration/helpers
load faults

# Every so manieth call of a command, beginning with another one each day.
sample() { # EVERY COMMAND FAULT
	run sweep "$2" "$3" -e "$1" -s $((1 + 10#$(date +%j) % $1))
	expect_status 0
	expect_line 'not ok 0'
}

@test "calls of create that fail leave nothing" {
	sweep_bundle
	sample 40 create ENOMEM
	sample 50 create EMFILE
}

@test "calls of run that fail take nothing from what protects the container" {
	sweep_bundle '.process.user.uid = 7' '.linux.maskedPaths = ["/proc/keys"]'
	sample 35 run EPERM
	sample 45 run EINTR
}

@test "calls of exec that fail take nothing from what protects the container" {
	sweep_bundle
	sample 25 exec EPERM
	sample 31 exec ENOSPC
}

@test "calls of start, kill and delete that fail are told" {
	sweep_bundle
	sample 11 start EIO
	sample 13 kill EAGAIN
	sample 19 delete EIO
}

@test "calls of update, pause and resume that fail are told" {
	sweep_bundle
	sample 17 update EIO
	sample 17 pause ENOMEM
	sample 17 resume EPERM
}

@test "whoever is killed while a container is made, delete --force ends it" {
	sweep_bundle
	sample 45 create kill
	sample 50 run kill
	sample 50 run kill-all
}

@test "whoever is killed while a container is started, deleted or entered, delete --force ends it" {
	sweep_bundle
	sample 13 start kill
	sample 25 delete kill
	sample 35 exec kill
	sample 25 update kill-all
}

@test "a session that cannot be made is a failure" {
	sweep_bundle
	run "$(dirname "$OCIRT")/tests/security/stopper" -o "$dir/stops" -n 1 -e setsid -f EPERM -- \
		"$OCIRT" --root "$root" run "$id"
	expect_status 1
	expect_line "cannot begin a session for the process"
	expect_no_container "$id"
}

@test "a hook that cannot be waited for is a failure" {
	sweep_bundle '.hooks.startContainer = [{"path": "/bin/demo", "args": ["demo", "sleep"]}]'
	run timeout 20 "$(dirname "$OCIRT")/tests/security/stopper" -o "$dir/stops" -n all -e pidfd_open \
		-f ENOMEM -- "$OCIRT" --root "$root" run "$id"
	expect_status 1
	expect_line "startContainer"
	expect_no_container "$id"
}

@test "a process that cannot be looked at is not taken for one that has ended" {
	local pid
	sweep_bundle "$(args sleep)"
	ocirt --cgroup-manager disabled create "$id" >/dev/null 2>&1 </dev/null
	pid=$(pid_of "$id")
	run "$(dirname "$OCIRT")/tests/security/stopper" -o "$dir/stops" -n all -e pidfd_open -f ENOMEM -- \
		"$OCIRT" --root "$root" delete --force "$id"
	expect_status 1
	expect_line "cannot look at the container's process"
	ocirt delete --force "$id"
	[[ ! -e /proc/$pid ]] || grep -q '^State:.*Z' "/proc/$pid/status" || complain "it is still there"
}

# The command with the look at the process of $pid made to fail.
without_look() { # ARGUMENT...
	local stopper n
	stopper=$(dirname "$OCIRT")/tests/security/stopper
	"$stopper" -o "$dir/stops" -v -e open,openat -- "$OCIRT" --root "$root" "$@" >/dev/null 2>&1 || :
	n=$(sed -n "s,^\([0-9]*\) open[at]* /proc/$pid/stat\$,\1,p" "$dir/stops" | head -n 1)
	[[ $n ]] || complain "$1 does not look: $(cat "$dir/stops")"
	run "$stopper" -o "$dir/stops" -n "$n" -e open,openat -f EMFILE -- "$OCIRT" --root "$root" "$@"
}

@test "a container that cannot be looked at is not said to be stopped" {
	local pid command
	sweep_bundle "$(args sleep)"
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	ocirt start "$id"
	pid=$(pid_of "$id")
	for command in state delete exec kill; do
		local more=() failure=1
		[[ $command != exec ]] || more=(/bin/demo true) failure=255
		without_look "$command" "$id" "${more[@]}"
		expect_status "$failure"
		expect_line "cannot look at the container's process: No file descriptors available"
	done
	[[ -d /proc/$pid ]]
}

@test "list says what it cannot look at, and lists the others" {
	local pid other=$id-other
	sweep_bundle "$(args sleep)"
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	ocirt create "$other" >/dev/null 2>&1 </dev/null
	pid=$(pid_of "$id")
	without_look list
	expect_status 1
	expect_line "ocirt: list: $id: cannot look at the container's process"
	[[ $output == *"$other "*created* ]]
	ocirt delete --force "$other"
}

@test "half a directory is not taken for all of it" {
	local command
	sweep_bundle "$(args sleep)"
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	for command in list "delete --force $id"; do
		# shellcheck disable=SC2086 # a list of words
		run "$(dirname "$OCIRT")/tests/security/stopper" -o "$dir/stops" -n all -e getdents64 -f EIO -- \
			"$OCIRT" --root "$root" $command
		expect_status 1
		expect_line "the state directory"
	done
	ocirt delete --force "$id"
	expect_no_container "$id"
}

@test "a hierarchy that cannot be looked at is not taken for one that is not there" {
	[[ -e /sys/fs/cgroup/pids/cgroup.procs ]] || skip "no cgroup of version 1"
	sweep_bundle "$(args sleep)"
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	[[ -d /sys/fs/cgroup/pids/ocirt-$id ]] || complain "its cgroup is elsewhere"
	# The first one looks for cgroup v2.
	"$(dirname "$OCIRT")/tests/security/stopper" -o "$dir/stops" -n 4 -e statfs -f EIO -- \
		"$OCIRT" --root "$root" delete --force "$id"
	rmdir /sys/fs/cgroup/*/"ocirt-$id" 2>/dev/null && complain "a cgroup is left"
	expect_no_container "$id"
}

# --- many at once -------------------------------------------------------------------------------

@test "of many who create one container, one succeeds" {
	sweep_bundle "$(args sleep)"
	local i pids=()
	for i in {1..12}; do
		(ocirt create "$id" >"$dir/out.$i" 2>&1 </dev/null && : >"$dir/won.$i") &
		pids+=($!)
	done
	wait "${pids[@]}" || :
	set -- "$dir"/won.*
	[[ $# -eq 1 && -e $1 ]] || complain "there are $# winners"
	[[ $(grep -l 'already exists' "$dir"/out.* | wc -l) -eq 11 ]] || complain "$(cat "$dir"/out.*)"
}

@test "a name that a create has only just taken has no cgroup yet" {
	mkdir -p "$root/$id"
	run ocirt update --pids-limit 5 "$id"
	expect_status 1
	expect_line "container not running: its create has not come far"
}

@test "random commands of many at once get legal answers and leave nothing" {
	sweep_bundle "$(args sleep)"
	run storm 8 12 5
	[[ ${#lines[@]} -eq 1 ]] || complain "wrong answers"
	expect_line "of them succeeded"
}

# --- what is used up ----------------------------------------------------------------------------

# In a mount namespace of its own: COMMAND, after SETUP. Both see $root and $id.
elsewhere() { # SETUP COMMAND...
	run unshare --mount sh -c "$1"' && shift && exec "$@"' "$root" "$@"
}

@test "a full disk is told, and nothing is left" {
	sweep_bundle
	mkdir -p "$root"
	# One page for the directory's own needs, none for state.json.
	elsewhere 'mount -t tmpfs -o size=4k none "$0" && echo full >"$0/.full"' \
		"$OCIRT" --root "$root" run "$id"
	expect_status 1
	expect_line "No space left on device"
	expect_no_container "$id"
}

@test "a state directory that cannot be written to is told" {
	sweep_bundle
	mkdir -p "$root"
	elsewhere 'mount -t tmpfs -o ro none "$0"' "$OCIRT" --root "$root" run "$id"
	expect_status 1
	expect_line "cannot make the state directory '$root/$id': Read-only file system"
}

@test "too few descriptors are told, and nothing is left" {
	sweep_bundle
	local n
	for n in 4 5 6 8 10 12 14; do
		run bash -c "ulimit -n $n && exec \"\$@\"" - "$OCIRT" --root "$root" run "$id"
		[[ $status -eq 0 || $output == *[Nn]"o file descriptors available"* ||
			$output == *"Too many open files"* ]] || complain "with $n descriptors"
		[[ $status -le 1 || $n -lt 5 ]] || complain "with $n descriptors"
		expect_no_container "$id"
	done
}

@test "too few processes are told, and nothing is left" {
	sweep_bundle
	local limited=/sys/fs/cgroup/pids/faults-$id
	[[ -e /sys/fs/cgroup/pids/pids.max || -d /sys/fs/cgroup/pids ]] || skip "no pids cgroup of version 1"
	mkdir "$limited"
	echo 1 >"$limited/pids.max"
	run bash -c 'echo $BASHPID >"$0/cgroup.procs" && exec "$@"' "$limited" \
		"$OCIRT" --root "$root" run "$id"
	rmdir "$limited"
	expect_status 1
	expect_line "Resource temporarily unavailable"
	expect_no_container "$id"
}

@test "too little memory is told, and nothing is left" {
	sweep_bundle '.linux.resources.memory.limit = 65536'
	run ocirt run "$id"
	[[ $status -ne 0 ]] || complain "it was enough"
	expect_line "memory"
	expect_no_container "$id"
}
