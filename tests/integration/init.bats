#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# --init: ocirt-init stays as the first process and looks after the program.

load helpers
load life

# A container with an init in the background, started; its output is in $dir/out.
with_init() { # DEMO-ARGUMENT...
	bundle "$(args "$@")"
	ocirt create --init "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
}

# Children of the first process that are dead, as the host sees them.
corpses() {
	local pid n=0
	for pid in $(<"/proc/$1/task/$1/children"); do
		grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null && n=$((n + 1))
	done
	echo "$n"
}

no_corpses() {
	[[ $(corpses "$1") == 0 ]]
}

@test "the program is a child of the first process, in a session of its own" {
	bundle "$(args ids)"
	run ocirt run --init "$id" </dev/null
	expect_status 0
	expect_fact pid 2
	expect_fact ppid 1
	expect_fact sid 2
	expect_fact pgid 2
}

@test "the annotation says the same" {
	bundle "$(args ids)" '.annotations = {"org.ocirt.init": "true"}'
	run ocirt run "$id" </dev/null
	expect_fact ppid 1
	change '.annotations = {"org.ocirt.init": "false"}'
	run ocirt run "$id" </dev/null
	expect_fact pid 1
	change '.annotations = {"org.ocirt.init": "yes"}'
	expect_refused 'annotations["org.ocirt.init"]: '\''yes'\'' is neither true nor false'
}

@test "the exit status is the program's, and 128 + N for a signal" {
	bundle "$(args exit 42)"
	run ocirt run --init "$id" </dev/null
	expect_status 42
	change "$(args kill 2 KILL)"
	run ocirt run --init "$id" </dev/null
	expect_status 137
}

@test "orphans are buried, and without an init they are not" {
	local pid
	with_init orphans 5
	pid=$(pid_of "$id")
	await holds "$dir/out" "orphans: 5"
	await no_corpses "$pid"
	ocirt delete --force "$id"
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
	pid=$(pid_of "$id")
	await holds "$dir/out" "orphans: 5"
	[[ $(corpses "$pid") == 5 ]]
}

@test "signals reach the program, from outside and from inside, for all there are" {
	local sig
	with_init signals
	await holds "$dir/out" ready
	for sig in HUP USR1 USR2 CHLD WINCH CONT RTMIN+1; do
		ocirt kill "$id" "$sig"
		[[ $sig == CHLD ]] || await holds "$dir/out" "SIG$sig"
	done
	run ! grep -q SIGCHLD "$dir/out" # that is between the first process and its children
	ocirt exec "$id" /bin/demo kill 1 INT
	await holds "$dir/out" SIGINT
	ocirt kill "$id" TERM
	await has_status "$id" stopped
}

@test "a program without a handler ends by a signal, which the first of its namespace would not" {
	with_init spin
	await holds "$dir/out" started
	ocirt kill "$id" TERM
	await has_status "$id" stopped
}

@test "run passes a signal on" {
	bundle "$(args signals)"
	running --init
	await holds "$dir/out" ready
	kill -USR1 "$runner"
	await holds "$dir/out" SIGUSR1
	kill -TERM "$runner"
	wait "$runner" || :
	holds "$dir/out" SIGTERM
}

@test "when the program ends, so does all that it started" {
	local pid left
	with_init exec /bin/demo sleep
	pid=$(pid_of "$id")
	ocirt exec --detach "$id" /bin/demo sleep >"$dir/exec" 2>&1 </dev/null
	left=$(ocirt ps --format json "$id" | jq -r '.[]')
	[[ $(wc -w <<<"$left") == 3 ]]
	ocirt kill "$id" TERM
	await has_status "$id" stopped
	for pid in $left; do
		await is_gone "$pid"
	done
}

@test "created, running and stopped are told apart" {
	bundle "$(args sleep)"
	ocirt create --init "$id" </dev/null >"$dir/out" 2>&1
	[[ $(status_of "$id") == created && $(status_of "$id") == created ]]
	ocirt start "$id"
	[[ $(status_of "$id") == running ]]
	[[ $(readlink "/proc/$(pid_of "$id")/exe") == /memfd:ocirt-init* ]]
	ocirt pause "$id"
	[[ $(status_of "$id") == paused ]]
	ocirt resume "$id"
	run ocirt start "$id"
	expect_error start "cannot start a container that is running"
	ocirt kill "$id" KILL
	await has_status "$id" stopped
}

@test "a start that was cut off before it could clean up leaves no doubt that it runs" {
	local pid
	bundle "$(args sleep)"
	ocirt create --init "$id" </dev/null >"$dir/out" 2>&1
	# The socket stays, as when `start` is killed between the program's beginning and its own end.
	ln "$root/$id/start" "$dir/start"
	ocirt start "$id"
	ln "$dir/start" "$root/$id/start"
	[[ $(status_of "$id") == running ]]
}

@test "exec works, before and after the start" {
	bundle "$(args sleep)"
	ocirt create --init "$id" </dev/null >"$dir/out" 2>&1
	run ocirt exec "$id" /bin/demo hostname
	expect_status 0
	ocirt start "$id"
	run ocirt exec "$id" /bin/demo namespaces
	expect_status 0
	[[ $output == *"$(readlink "/proc/$(pid_of "$id")/ns/mnt")"* ]]
}

@test "a program that cannot be executed is told of by start" {
	bundle "$(args sleep)" '.process.args = ["/bin/script"]'
	printf '#!/missing\n' >rootfs/bin/script
	chmod 755 rootfs/bin/script
	ocirt create --init "$id" </dev/null >"$dir/out" 2>&1
	run ocirt start "$id"
	expect_status 1
	expect_error start "exec '/bin/script': cannot use its interpreter: /missing"
	await has_status "$id" stopped
}

@test "with a terminal the program has it, as if it were alone" {
	bundle "$(args tty)" '.process.terminal = true'
	run ocirt run --init "$id" </dev/null
	expect_status 0
	expect_line "0: /dev/pts/0"
	# A controlling terminal is what /dev/tty opens.
	change "$(args lock-rw /dev/tty)"
	run ocirt run --init "$id" </dev/null
	expect_line "lock-rw: ok"
}

@test "a hang-up of the terminal ends the program" {
	bundle "$(args sleep)" '.process.terminal = true'
	"$BATS_TEST_DIRNAME/receive" pty "$dir/console" </dev/null >"$dir/got" 3>&- &
	local holder=$!
	await test -S "$dir/console"
	ocirt create --init --console-socket "$dir/console" "$id"
	ocirt start "$id"
	[[ $(status_of "$id") == running ]]
	kill "$holder"
	await has_status "$id" stopped
}

@test "NOTIFY_SOCKET is the program's, too" {
	bundle "$(args notify)"
	"$BATS_TEST_DIRNAME/receive" datagrams "$dir/notify" READY=1 >"$dir/got" 3>&- &
	await test -S "$dir/notify"
	NOTIFY_SOCKET=$dir/notify ocirt run --init "$id" </dev/null >"$dir/out"
	wait $!
	holds "$dir/got" READY=1
	holds "$dir/out" "notify: ok"
}

@test "LISTEN_PID is the program's" {
	bundle "$(args env)"
	run env LISTEN_FDS=1 "$OCIRT" --root "$root" run --init "$id" 3</dev/null
	expect_status 0
	expect_line LISTEN_PID=2
	expect_line LISTEN_FDS=1
}

@test "without a pid namespace it is the parent of orphans all the same" {
	bundle "$(args orphans 3)" '.linux.namespaces |= map(select(.type != "pid"))'
	ocirt create --init "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
	await holds "$dir/out" "orphans: 3"
	await no_corpses "$(pid_of "$id")"
}

@test "a limit of one process leaves no room, and start says so" {
	bundle "$(args sleep)" '.linux.resources.pids.limit = 1'
	ocirt create --init "$id" </dev/null >"$dir/out" 2>&1 || skip "no pids controller: $(<"$dir/out")"
	run ocirt start "$id"
	expect_error start "ocirt-init cannot stay as the program's parent: making its child"
	expect_line "pids.max"
}

@test "a scheduler that no child inherits does not go with it" {
	bundle '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 1, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	run ocirt run --init "$id" </dev/null
	expect_error run 'annotations["org.ocirt.init"]: the program is a child then'
}

# --- what an attacker inside finds ------------------------------------------------------------------

field() { # PID NAME
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

@test "the first process has no right that the program has not" {
	local pid child name
	bundle "$(args sleep)" '.process.user = {"uid": 1000, "gid": 1000, "additionalGids": [7, 8], "umask": 54}' \
		'.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	ocirt create --init "$id" </dev/null >"$dir/out" 2>&1 || skip "no seccomp: $(<"$dir/out")"
	ocirt start "$id"
	pid=$(pid_of "$id")
	child=$(<"/proc/$pid/task/$pid/children")
	for name in Uid Gid Groups Umask CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp Seccomp_filters; do
		[[ $(field "$pid" $name) == "$(field "${child% }" $name)" ]] ||
			complain "$name: $(field "$pid" $name), the program: $(field "${child% }" $name)"
	done
	[[ $(field "$pid" Seccomp) == 2 && $(field "$pid" Threads) == 1 ]]
	cmp <(sed -n '3,$p' "/proc/$pid/limits") <(sed -n '3,$p' "/proc/${child% }/limits")
	[[ $(cat "/proc/$pid/oom_score_adj") == "$(cat "/proc/${child% }/oom_score_adj")" ]]
}

@test "the first process has no descriptor, no plan and no environment" {
	local pid
	with_init sleep
	pid=$(pid_of "$id")
	[[ -z $(ls "/proc/$pid/fd") ]] || complain "it has $(ls -l "/proc/$pid/fd")"
	[[ -z $(tr -d '\0' <"/proc/$pid/environ") ]]
	run ! grep -E 'memfd:' <(grep -v 'memfd:ocirt-init' "/proc/$pid/maps")
	[[ $(readlink "/proc/$pid/cwd") == / && $(readlink "/proc/$pid/root") == / ]]
}

@test "nobody inside may look at the first process" {
	bundle "$(args readlink /proc/1/exe)"
	run ocirt run --init "$id" </dev/null
	expect_line EACCES
	for command in "cat /proc/1/maps" "lock-rw /proc/1/mem" "cat /proc/1/environ"; do
		# shellcheck disable=SC2086 # words
		change "$(args $command)"
		run ocirt run --init "$id" </dev/null
		[[ $output == *EACCES* || $output == *EPERM* ]] || complain "$command is allowed"
	done
}

@test "with CAP_SYS_PTRACE and CAP_SYS_ADMIN there is nothing of the host in it" {
	local caps='["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]'
	bundle "$(args sleep)" '.process.noNewPrivileges = false' \
		".process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps}"
	ocirt create --init "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	run ocirt exec "$id" /bin/demo readlink /proc/1/exe
	expect_line memfd:ocirt-init
	run ocirt exec "$id" /bin/demo write /proc/1/exe text
	[[ $status -ne 0 ]]
	run ocirt exec "$id" /bin/demo ls /proc/1/fd
	expect_status 0
	[[ -z $output ]]
}

@test "a filter without what an init needs still lets the program's status through" {
	bundle "$(args exit 3)" \
		'.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["rt_sigtimedwait", "kill"], "action": "SCMP_ACT_ERRNO"}]}'
	run ocirt run --init "$id" </dev/null
	[[ $output != *"linux.seccomp"* ]] || skip "no seccomp"
	expect_status 3
}
