#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# faults -- system calls that fail, processes that are killed, resources that are used up: the command
# says so or succeeds, never hangs, and leaves nothing. A sample of what `make check-faults` does.

load ../integration/helpers
load faults

alone=() # or a command before all others: cgroups.bash

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

# With something done at calls: see stopper.c.
stopped() { # STOPPER-OPTION... -- ARGUMENT...
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	"${alone[@]}" "$(dirname "$OCIRT")/tests/security/stopper" -o "$dir/stops" -l demo "${options[@]}" -- \
		"$OCIRT" --root "$root" "${@:2}"
}

# The numbers of its calls that are in stopper's report like this.
stops() { # CALLS PATTERN ARGUMENT...
	stopped -v -e "$1" -- "${@:3}" >/dev/null 2>&1 </dev/null || :
	grep -E "^[0-9]+ .*($2)" "$dir/stops" | cut -d ' ' -f 1 | grep . || complain "no $1 $2: $(cat "$dir/stops")"
}

# At each of them a run fails, or its program sees what it sees otherwise.
expect_no_less() { # CALLS PATTERN
	local n list usual
	usual=$(ocirt run "$id")
	list=$(stops "$1" "$2" run "$id")
	for n in $list; do
		run stopped -e "$1" -n "$n" -f EIO -- run "$id"
		[[ $status -ne 0 || $output == "$usual" ]] || complain "without call $n"
	done
}

@test "what cannot be found out leaves no mount option out" {
	sweep_bundle "$(args mounts)" '.mounts += [{destination: "/etc", type: "tmpfs"}]'
	chmod 711 rootfs/etc
	expect_no_less setresgid,openat2 'setresgid|etc$'
}

@test "root of a user namespace that we cannot become is not done without" {
	sweep_bundle "$(args mounts)" '.linux.namespaces += [{type: "user"}] | .process.user = {uid: 7, gid: 8}
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 rootfs
	chmod 711 "$dir" "${BATS_TEST_TMPDIR:-$dir}"
	expect_no_less setresgid,setresuid .
}

@test "a create that cannot lock what it has made leaves nothing" {
	sweep_bundle
	run stopped -e flock -n 1 -f EIO -- create "$id"
	expect_status 1
	expect_line "cannot lock the state directory: I/O error"
	expect_no_container "$id"
	run stopped -e flock -n 2 -f EIO -- create "$id"
	expect_status 1
	expect_line "cannot open the container's state: I/O error"
	expect_no_container "$id"
}

@test "a run that cannot lock its container for its end leaves it, and says so" {
	sweep_bundle "$(args exit 0)"
	local n
	n=$(stops flock . run "$id" | tail -n 1)
	run stopped -e flock -n "$n" -f EIO -- run "$id"
	expect_status 1
	expect_line "cannot open the container's state"
	ocirt delete --force "$id"
}

@test "a state directory that cannot be looked at does not say that there is no container" {
	sweep_bundle "$(args sleep)"
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	local n list
	list=$(stops fstat . state "$id")
	for n in $list; do
		run stopped -e fstat -n "$n" -f EIO -- delete --force "$id"
		[[ ! -e $root/$id || $status -ne 0 ]] || complain "it is not deleted at call $n"
		expect_no_line "does not exist"
		[[ -e $root/$id ]] || ocirt create "$id" >/dev/null 2>&1 </dev/null
	done
}

@test "a lock that cannot be looked at is not one that somebody holds" {
	mkdir -p "$root/$id"
	run stopped -e flock -n 1 -f EIO -- state "$id"
	expect_status 1
	expect_line "cannot lock the state directory: I/O error"
	run stopped -e flock -n 2 -f EIO -- state "$id"
	expect_status 1
	expect_line "the lock on the container's state: I/O error"
	ocirt delete --force "$id"
}

@test "rules for devices that are not in place of the earlier ones are no update" {
	see_only_v2
	ocirt() { "${alone[@]}" "$OCIRT" --root "$root" "$@"; }
	sweep_bundle "$(args sleep)" '.linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]'
	local n list refused=0
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null || complain "$(<"$dir/out")"
	echo '{"devices": [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]}' >more.json
	echo '{"devices": [{"allow": false}]}' >less.json
	list=$(stops bpf . update --resources more.json "$id")
	for n in $list; do
		ocirt update --resources less.json "$id"
		run stopped -e bpf -n "$n" -f EIO -- update --resources more.json "$id"
		if ((status != 0)); then
			refused=$((refused + 1))
			continue
		fi
		run ocirt exec "$id" /bin/demo syscall openat -100 /dev/fuse 2048
		expect_no_line EPERM
	done
	((refused > 0)) || complain "nothing was refused"
	ocirt delete --force "$id"
}

@test "a session that cannot be made is a failure" {
	sweep_bundle
	run stopped -n 1 -e setsid -f EPERM -- run "$id"
	expect_status 1
	expect_line "cannot begin a session for the process"
	expect_no_container "$id"
}

@test "a hook that cannot be waited for is a failure" {
	sweep_bundle '.hooks.startContainer = [{"path": "/bin/demo", "args": ["demo", "sleep"]}]'
	alone=(timeout 60)
	run stopped -n all -e pidfd_open -f ENOMEM -- run "$id"
	expect_status 1
	expect_line "startContainer"
	expect_no_container "$id"
}

@test "a process that cannot be looked at is not taken for one that has ended" {
	local pid
	sweep_bundle "$(args sleep)"
	ocirt --cgroup-manager disabled create "$id" >/dev/null 2>&1 </dev/null
	pid=$(pid_of "$id")
	run stopped -n all -e pidfd_open -f ENOMEM -- delete --force "$id"
	expect_status 1
	expect_line "cannot look at the container's process"
	ocirt delete --force "$id"
	[[ ! -e /proc/$pid ]] || grep -q '^State:.*Z' "/proc/$pid/status" || complain "it is still there"
}

# The command with the look at the process of $pid made to fail.
without_look() { # ARGUMENT...
	local n
	n=$(stops open,openat "/proc/$pid/stat$" "$@" | head -n 1)
	run stopped -n "$n" -e open,openat -f EMFILE -- "$@"
}

@test "when it is not known whether the machine was started anew, nothing is said to be stopped" {
	local n
	sweep_bundle "$(args sleep)"
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	n=$(stops open,openat boot_id state "$id")
	run stopped -n "$n" -e open,openat -f EIO -- state "$id"
	expect_status 1
	expect_line "cannot look at the container's process: I/O error"
}

@test "an order of commands is looked for" {
	command -v python3 >/dev/null || skip "python3 is not installed"
	local orders=$BATS_TEST_DIRNAME/orders
	printf '%s\n' '1 5 create a yes' '2 6 create a no' '7 8 start a no' >"$dir/wrong"
	printf '%s\n' '1 5 create a yes' '2 6 create a no' '4 8 start a no' '9 10 start a yes' >"$dir/right"
	run "$orders" "$dir/wrong"
	expect_status 1
	expect_line "a: no order of the commands has the answer of (7, 8, 'start', 'no')"
	run "$orders" "$dir/right"
	expect_status 0
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
		run stopped -n all -e getdents64 -f EIO -- $command
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
	stopped -n 4 -e statfs -f EIO -- delete --force "$id"
	rmdir /sys/fs/cgroup/*/"ocirt-$id" 2>/dev/null && complain "a cgroup is left"
	expect_no_container "$id"
}

# --- what tells it ------------------------------------------------------------------------------

@test "a command that never ends is told, and is ended with all that it has begun" {
	cat >"$dir/runtime" <<-'EOF'
		#!/bin/sh
		[ "$3" != state ] || {
			while [ -d / ]; do :; done &
			wait
		}
	EOF
	chmod +x "$dir/runtime"
	mkdir "$dir/swept"
	run timeout 30 "$(dirname "$OCIRT")/tests/faults/sweeper" -r "$dir/runtime" -b "$dir" -d "$dir/swept" \
		-c state -f EIO -t 1
	expect_status 1
	expect_line "not ok: state, EIO at 0 (): it hangs"
	expect_line "not ok: state, EIO at 0 (): processes are left"
}

# --- many at once -------------------------------------------------------------------------------

# A create, and others who do COMMANDS in the moment when the name is taken and not yet locked.
create_meanwhile() { # COMMANDS
	local n
	mkdir -p "$root" # the same calls the first time
	n=$(stops open,openat "openat $id\$" create "$id" | head -n 1)
	ocirt delete --force "$id"
	status=0
	stopped -n "$n" -e open,openat -s "$1" -- create "$id" >"$dir/out" 2>&1 </dev/null || status=$?
	output=$(<"$dir/out")
}

@test "a name that is taken and freed again before we could lock it is ours" {
	sweep_bundle "$(args sleep)"
	create_meanwhile "'$OCIRT' --root '$root' delete --force $id"
	expect_status 0
	ocirt start "$id"
}

@test "a name that was freed and taken again before we could lock it is not ours" {
	sweep_bundle "$(args sleep)"
	create_meanwhile "'$OCIRT' --root '$root' delete --force $id; '$OCIRT' --root '$root' create $id </dev/null"
	expect_status 1
	expect_line "already exists"
	ocirt start "$id"
}

@test "a name that a create has only just taken is not that of a stopped container" {
	sweep_bundle "$(args sleep)"
	mkdir -p "$root"
	# Until it has looked, or waits.
	create_meanwhile "'$OCIRT' --root '$root' state $id >'$dir/seen' 2>&1 &
		until [ -s '$dir/seen' ] || grep -q -- '-> FLOCK .*:$(stat -c %i "$root") ' /proc/locks; do :; done"
	expect_status 0
	await grep -q status "$dir/seen"
	[[ $(jq -r .status "$dir/seen") == creat* ]] || complain "$(<"$dir/seen")"
}

@test "a name that a create has only just taken has no cgroup yet" {
	mkdir -p "$root/$id"
	run ocirt update --pids-limit 5 "$id"
	expect_status 1
	expect_line "container not running: its create has not come far"
}

# Is there an order of the commands HISTORY, "BEGIN END COMMAND ANSWER" each?
ordered() { # HISTORY...
	printf '%s\n' "$@" | awk '{ print $1, $2, $3, "x", $4 }' >"$dir/history"
	run "$BATS_TEST_DIRNAME/orders" "$dir/history"
}

@test "an order is found for what commands see of each other, and none for what they cannot have seen" {
	command -v python3 >/dev/null || skip "python3 is not installed"
	# What is being killed has not ended yet: it still takes a signal, and has its status.
	ordered "1 2 create yes" "3 9 delete-force yes" "4 5 exec no" "6 7 kill yes"
	expect_status 0
	ordered "1 9 create yes" "2 3 state no" "4 5 state creating" "6 7 state created"
	expect_status 0
	ordered "1 9 create yes" "2 3 state creating" "4 5 state stopped"
	expect_status 1
	ordered "1 2 create yes" "3 9 delete yes" "4 5 exec no" "6 7 state created"
	expect_status 0
	ordered "1 2 create yes" "3 4 kill yes" "5 6 exec no" "7 8 kill yes"
	expect_status 0
	# Nobody made it, twice made, gone but still told of, ended and yet killed.
	ordered "1 2 start yes"
	expect_status 1
	ordered "1 5 create yes" "2 6 create yes"
	expect_status 1
	ordered "1 2 create yes" "3 4 delete-force yes" "5 6 state created"
	expect_status 1
	ordered "1 2 create yes" "3 4 kill yes" "5 6 state stopped" "7 8 kill yes"
	expect_status 1
	ordered "1 2 create yes" "3 9 delete-force yes" "4 5 state running"
	expect_status 1
}

@test "random commands of many at once get legal answers and leave nothing" {
	command -v python3 >/dev/null || skip "python3 is not installed"
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
	! in_v2 pids || limited=/sys/fs/cgroup/faults-$id
	mkdir "$limited"
	[[ -e $limited/pids.max ]] || {
		rmdir "$limited"
		skip "no controller 'pids' for a cgroup of ours"
	}
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
