#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# create, start, run: runtime.md, Lifecycle and Operations; what a container begins with, and what
# becomes of it when the one who makes it dies.

load helpers
load life

clean_up() {
	[[ -z ${child-} ]] || kill -KILL "$child" 2>/dev/null || :
}

# --- create and start ---------------------------------------------------------------------------

@test "create makes a container that start starts" {
	bundle "$(args sleep)"
	ocirt create --pid-file pid "$id" </dev/null >out 2>&1
	[[ $(status_of "$id") == created ]]
	[[ $(pid_of "$id") == $(<pid) ]]
	[[ $(readlink "/proc/$(<pid)/exe") == "/memfd:ocirt-init (deleted)" ]]
	ocirt start "$id"
	[[ $(status_of "$id") == running ]]
	[[ $(readlink "/proc/$(<pid)/exe") == */bin/demo ]]
}

@test "a container goes through created, running and stopped, and is gone after delete" {
	bundle "$(args sleep)"
	ocirt create "$id" </dev/null >out 2>&1
	has_status "$id" created
	ocirt start "$id"
	has_status "$id" running
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	ocirt delete "$id"
	expect_no_container "$id"
}

@test "the program does not run before start" {
	bundle "$(args write /tmp/ran yes)" '.root.readonly = false'
	ocirt create "$id" </dev/null >out 2>&1
	[[ ! -e rootfs/tmp/ran ]]
	ocirt start "$id"
	await test -e rootfs/tmp/ran
}

@test "a configuration that is rewritten after create has no effect" {
	bundle "$(args hostname)"
	ocirt create "$id" </dev/null >out 2>&1
	echo '{"nonsense": true}' >config.json
	ocirt start "$id"
	await holds out "hostname: ocirt"
}

@test "a bundle that is taken away after create has no effect" {
	bundle "$(args hostname)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	rm config.json
	ocirt start "$id"
	await holds "$dir/out" "hostname: ocirt"
	await has_status "$id" stopped
	ocirt delete "$id"
}

@test "--bundle is where the configuration is, other paths are the caller's" {
	bundle "$(args sleep)"
	cd "$dir"
	ocirt create --bundle bundle --pid-file pid "$id" </dev/null >out 2>&1
	[[ $(<pid) == "$(pid_of "$id")" ]]
	[[ ! -e $bundle/pid ]]
}

@test "--config names another file of the bundle" {
	bundle "$(args exit 4)"
	mv config.json other.json
	run ocirt run --config other.json "$id"
	expect_status 4
}

@test "the pid file holds the host's number and nothing else" {
	bundle "$(args sleep)"
	ocirt create --pid-file pid "$id" </dev/null >out 2>&1
	[[ $(wc -c <pid) == $(($(printf %s "$(pid_of "$id")" | wc -c))) ]]
	[[ $(find . -name '*pid*') == ./pid ]]
}

@test "a name is free again after delete" {
	bundle "$(args exit 0)"
	for _ in 1 2; do
		ocirt create "$id" </dev/null >out 2>&1
		ocirt delete "$id"
	done
}

@test "of many who create one name at the same time, one wins" {
	bundle "$(args sleep)"
	local i wins=0
	for i in {1..12}; do
		{ ocirt create "$id" </dev/null >"$dir/out.$i" 2>&1 3>&- && : >"$dir/won.$i"; } &
	done
	wait
	for i in {1..12}; do
		[[ ! -e $dir/won.$i ]] || wins=$((wins + 1))
		[[ -e $dir/won.$i ]] || grep -q "already exists" "$dir/out.$i"
	done
	[[ $wins == 1 ]]
	has_status "$id" created
}

@test "of many who start one container at the same time, one wins" {
	bundle "$(args sleep)"
	ocirt create "$id" </dev/null >out 2>&1
	local i wins=0
	for i in 1 2 3 4; do
		{ ocirt start "$id" >"$dir/out.$i" 2>&1 3>&- && : >"$dir/won.$i"; } &
	done
	wait
	for i in 1 2 3 4; do
		[[ ! -e $dir/won.$i ]] || wins=$((wins + 1))
		[[ -e $dir/won.$i ]] || grep -q "cannot start a container that is running" "$dir/out.$i"
	done
	[[ $wins == 1 ]]
	has_status "$id" running
}

@test "a container without a process can be created and deleted, not started" {
	bundle 'del(.process)'
	ocirt create "$id" </dev/null >out 2>&1
	has_status "$id" created
	run ocirt start "$id"
	expect_status 1
	expect_error start "has no process"
	has_status "$id" created
	ocirt delete "$id"
	expect_no_container "$id"
}

@test "a program that is gone by the time of start is reported by start" {
	bundle '.process.args = ["/bin/other"]'
	cp rootfs/bin/demo rootfs/bin/other
	ocirt create "$id" </dev/null >out 2>&1
	rm rootfs/bin/other
	run ocirt start "$id"
	expect_status 1
	expect_error start "process.args: exec '/bin/other': No such file or directory"
	await has_status "$id" stopped
	ocirt delete "$id"
}

# --- run ----------------------------------------------------------------------------------------

@test "run shows what the program prints and ends with its status" {
	bundle
	demo exit 7
	expect_status 7
	demo hostname
	expect_status 0
	expect_line "ocirt"
}

# bats test_tags=v2
@test "run leaves nothing when the program ends" {
	bundle "$(args exit 0)"
	ocirt run "$id"
	expect_no_container "$id"
}

@test "run ends with 128 and the number of the signal that killed the program" {
	bundle "$(args sleep)"
	running
	await has_status "$id" running
	ocirt kill "$id" KILL
	status=0
	wait "$runner" || status=$?
	expect_status 137
	expect_no_container "$id"
}

@test "run --detach ends at once and leaves a running container" {
	bundle "$(args sleep)"
	ocirt run --detach --pid-file pid "$id" </dev/null >out 2>&1
	has_status "$id" running
	[[ $(<pid) == "$(pid_of "$id")" ]]
}

@test "run --detach hands its standard files on" {
	bundle "$(args hostname)"
	ocirt run -d "$id" </dev/null >out 2>&1
	await holds out "hostname: ocirt"
}

@test "run --keep leaves a stopped container with its cgroup for delete" {
	bundle "$(args exit 3)"
	run ocirt run --keep "$id"
	expect_status 3
	has_status "$id" stopped
	[[ -n $(find_cgroups -name "*$id*") ]]
	ocirt delete "$id"
	expect_no_container "$id"
}

@test "a container that is deleted while it runs is no error of run" {
	bundle "$(args sleep)"
	running
	await has_status "$id" running
	ocirt delete --force "$id"
	status=0
	wait "$runner" || status=$?
	expect_status 137
	[[ ! -s $dir/out ]]
}

@test "run passes signals on to the program" {
	bundle "$(args signals)"
	running
	await holds "$dir/out" ready
	for signal in HUP INT QUIT USR1 USR2 WINCH CONT; do
		kill -"$signal" "$runner"
		await holds "$dir/out" "SIG$signal"
	done
	kill -TERM "$runner"
	wait "$runner"
	holds "$dir/out" SIGTERM
}

@test "standard input reaches the program" {
	bundle "$(args cat /dev/stdin)"
	run ocirt run "$id" <<<"words from outside"
	expect_status 0
	[[ $output == "words from outside" ]]
}

@test "standard error is apart from standard output" {
	bundle "$(args cat /nowhere)"
	run --separate-stderr ocirt run "$id"
	[[ $status == 1 && -z $output && $stderr == *"/nowhere"* ]]
}

# --- descriptors --------------------------------------------------------------------------------

@test "run with all standard files closed works, and the program finds /dev/null" {
	bundle "$(args write /tmp/ran yes)" '.root.readonly = false'
	"$OCIRT" --root "$root" run "$id" <&- >&- 2>&-
	[[ $(<rootfs/tmp/ran) == yes ]]
	change "$(args fds)"
	"$OCIRT" --root "$root" run "$id" <&- >"$dir/out" 2>&-
	holds "$dir/out" "0: /dev/null"
	holds "$dir/out" "2: /dev/null"
}

@test "the program has 0, 1 and 2 and nothing else" {
	bundle "$(args fds)"
	ocirt run "$id" 7</etc/passwd 9>"$dir/nine" </dev/null >"$dir/out"
	[[ $(cut -d: -f1 "$dir/out") == $'0\n1\n2' ]]
}

@test "a created container holds nothing of the caller's" {
	bundle "$(args sleep)"
	ocirt create "$id" 7</etc/passwd 9>"$dir/nine" </dev/null >out 2>&1
	run find "/proc/$(pid_of "$id")/fd" -type l -printf '%l\n'
	expect_no_line /etc/passwd
	expect_no_line "$dir/nine"
}

@test "--preserve-fds keeps descriptors from 3 on" {
	bundle "$(args fds)"
	ocirt run --preserve-fds 2 "$id" 3<config.json 4<rootfs/etc/passwd 5<rootfs </dev/null >"$dir/out"
	[[ $(cut -d: -f1 "$dir/out") == $'0\n1\n2\n3\n4' ]]
}

@test "--preserve-fds of what is not open is an error, though ocirt opens files of its own" {
	bundle "$(args fds)"
	only_fd_3 "$OCIRT" --root "$root" run --preserve-fds 2 "$id"
	expect_status 1
	expect_error run "--preserve-fds: descriptor 4 is not open: Bad file descriptor"
	only_fd_3 "$OCIRT" --root "$root" --log "$dir/log" run --preserve-fds 2 "$id"
	expect_error run "--preserve-fds: descriptor 4 is not open: Bad file descriptor"
	only_fd_3 env LISTEN_FDS=2 "$OCIRT" --root "$root" run "$id"
	expect_error run "LISTEN_FDS: descriptor 4 is not open: Bad file descriptor"
	expect_no_container "$id"
}

@test "LISTEN_FDS come first, and the program is told" {
	bundle "$(args env)"
	# shellcheck disable=SC2016 # the inner shell's
	sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@"' - \
		"$OCIRT" --root "$root" run "$id" 3<config.json </dev/null >"$dir/out"
	holds "$dir/out" LISTEN_FDS=1
	holds "$dir/out" LISTEN_PID=1
	holds "$dir/out" LISTEN_FDNAMES=web
	change "$(args fds)"
	# shellcheck disable=SC2016
	sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' - "$OCIRT" --root "$root" \
		run --preserve-fds 1 "$id" 3<config.json 4<rootfs 5</etc </dev/null >"$dir/out"
	[[ $(cut -d: -f1 "$dir/out") == $'0\n1\n2\n3\n4' ]]
}

@test "LISTEN_FDS for another process are none of ours" {
	bundle "$(args env)"
	LISTEN_PID=1 LISTEN_FDS=1 ocirt run "$id" 3<config.json </dev/null >"$dir/out"
	run cat "$dir/out"
	expect_no_line LISTEN_
}

@test "--pidfd-socket gets a descriptor of the first process" {
	bundle "$(args sleep)"
	"$BATS_TEST_DIRNAME/receive" pidfd "$dir/sock" >"$dir/got" 3>&- &
	await test -S "$dir/sock"
	ocirt create --pidfd-socket "$dir/sock" "$id" </dev/null >out 2>&1
	wait
	holds "$dir/got" "pid: $(pid_of "$id")"
}

@test "signals that the caller ignores or blocks are as new for the program" {
	bundle "$(args status)"
	(
		trap '' HUP INT USR1
		ocirt run "$id" </dev/null >"$dir/out"
	)
	holds "$dir/out" "SigIgn: 0000000000000000"
	holds "$dir/out" "SigBlk: 0000000000000000"
}

@test "READY=1 of the program reaches the service manager" {
	bundle "$(args notify)"
	"$BATS_TEST_DIRNAME/receive" datagrams "$dir/notify" READY=1 >"$dir/got" 3>&- &
	child=$!
	await test -S "$dir/notify"
	NOTIFY_SOCKET=$dir/notify ocirt run "$id" </dev/null >"$dir/out"
	wait "$child"
	holds "$dir/got" READY=1
	run cat "$dir/out"
	expect_line "notify: ok"
}

# --- when somebody dies -------------------------------------------------------------------------

# A create whose createRuntime hook waits on a fifo: its pid is left in $creator.
stuck_create() {
	mkfifo "$dir/fifo"
	bundle "$(args sleep)" "$(sh_hook createRuntime "echo >$dir/reached; exec cat $dir/fifo")"
	"$OCIRT" --root "$root" create "$id" </dev/null >"$dir/out" 2>&1 3>&- &
	creator=$!
	await test -e "$dir/reached"
}

@test "while a container is created it has that status" {
	stuck_create
	[[ $(status_of "$id") == creating ]]
	run ocirt exec "$id" /bin/demo
	expect_status 255
	expect_error exec "container not running: it is creating"
	run ocirt kill "$id" TERM
	expect_status 1
	expect_error kill "container not running: it is creating"
	: >"$dir/fifo"
	wait "$creator"
	has_status "$id" created
}

@test "delete --force ends a create that hangs in a hook" {
	stuck_create
	run ocirt delete --force "$id"
	expect_status 0
	expect_line "works on container '$id' and does not end: killing it"
	expect_no_container "$id"
	: >"$dir/fifo" # the hook is the host's, and ends
	run wait "$creator"
	expect_status 137
}

@test "what a killed create leaves is removed by delete --force" {
	stuck_create
	local init
	init=$(pgrep -P "$creator" -f ocirt-init)
	[[ -n $init ]]
	kill -KILL "$creator"
	wait "$creator" || :
	: >"$dir/fifo" # the hook is the host's, and ends
	await is_gone "$init"
	has_status "$id" stopped
	run ocirt list -q
	expect_line "$id"
	ocirt delete --force "$id"
	expect_no_container "$id"
}

@test "what a killed create leaves is removed by delete without --force, too" {
	stuck_create
	kill -KILL "$creator"
	wait "$creator" || :
	: >"$dir/fifo"
	ocirt delete "$id"
	expect_no_container "$id"
}

@test "the container outlives the one who created it" {
	bundle "$(args sleep)"
	(ocirt create "$id" </dev/null >out 2>&1)
	(ocirt start "$id")
	has_status "$id" running
}

@test "a program that nobody buries is stopped" {
	bundle "$(args sleep)"
	mkfifo "$dir/end"
	# Adopts the container's first process when create has ended, and never waits for it.
	python3 -c '
import ctypes, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, check=True)
open(sys.argv[1]).read()
' "$dir/end" "$OCIRT" --root "$root" create --pid-file "$dir/pid" "$id" >"$dir/out" 2>&1 3>&- &
	child=$!
	await has_status "$id" created
	ocirt start "$id"
	ocirt kill "$id" KILL
	await grep -q '^State:.*zombie' "/proc/$(<"$dir/pid")/status"
	has_status "$id" stopped
	run ocirt kill "$id" TERM
	expect_status 1
	expect_error kill "container not running"
	ocirt delete "$id"
	expect_no_container "$id"
	: >"$dir/end"
}

@test "without a pid namespace of its own, run ends what the program leaves behind" {
	bundle "$(args fork 2)" '.linux.namespaces |= map(select(.type != "pid"))'
	running
	await holds "$dir/out" "children: 2"
	local pids
	mapfile -t pids < <(ocirt ps --format json "$id" | jq '.[]')
	[[ ${#pids[@]} == 3 ]]
	kill -TERM "$runner"
	status=0
	wait "$runner" || status=$?
	expect_status 143
	for pid in "${pids[@]}"; do
		is_gone "$pid"
	done
	expect_no_container "$id"
}
