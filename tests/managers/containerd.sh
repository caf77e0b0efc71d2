#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# containerd.sh -- the runtime beneath containerd and its shim, as ctr drives them; the CRI of
# Kubernetes takes the same way. Options: see common.bash.
set -u

needs() {
	need containerd containerd
	need ctr containerd
}

# shellcheck source=tests/managers/common.bash
. "$(dirname "$0")/common.bash"

# --- set-up -----------------------------------------------------------------------------------

# shellcheck source=tests/managers/containerd.bash
. "$here/containerd.bash"

export CONTAINERD_NAMESPACE=$space
containerd_config grpc.v1.cri

# `ctr run` with the runtime: OPTION... ID ARGUMENT...; an option has its value after a "=", and the last
# of two alike is heeded.
ctr_run() {
	local options=()
	while [[ $1 == -* ]]; do
		options+=("$1")
		shift
	done
	local id=$1
	shift
	[[ -z $systemd ]] || options=(--runc-systemd-cgroup "--cgroup=$parent:ctr:$id" "${options[@]}")
	ctr run --runc-binary "$runtime" --snapshotter "$snapshotter" "${options[@]}" img "$id" "$@"
}

# A container that is gone when its program ends, named after the check.
once() { # OPTION... ARGUMENT...
	local options=()
	while [[ $1 == -* ]]; do
		options+=("$1")
		shift
	done
	turn=$((${turn-0} + 1))
	ctr_run --rm "${options[@]}" "once-$BASHPID-$turn" "$@"
}

standing() { # NAME OPTION...
	local id=$1
	shift
	ctr_run -d "$@" "$id" sleep 1000
}

gone() { # NAME...
	local id
	for id; do
		ctr task delete --force "$id" || :
		ctr container delete "$id"
	done
}

state() { # NAME
	ctr task ls | awk -v id="$1" '$1 == id { print $3 }'
}

has_state() { # NAME STATE
	[[ $(state "$1") == "$2" ]]
}

set_up() {
	make_rootfs "$work/rootfs" &&
		make_image "$work/rootfs" "$work/img.tar" img:latest &&
		try_snapshotters set_up_with
}
set_up_with() {
	containerd_start &&
		ctr image import --snapshotter "$snapshotter" "$work/img.tar" &&
		ctr image tag --force docker.io/library/img:latest img &&
		standing c
}

# --- a task's life ----------------------------------------------------------------------------

prints() { says hello once echo hello; }
exit_status() {
	run once sh -c 'exit 42'
	expect_status 42
}
killed_status() {
	standing killed
	ctr task kill -s KILL killed
	await has_state killed STOPPED
	run ctr task delete killed
	expect "exit code 137"
	ctr container delete killed
}
both_outputs() {
	once sh -c 'echo out; echo err >&2' >"$work/out" 2>"$work/err"
	[[ $(<"$work/out") == out && $(<"$work/err") == err ]]
}
standard_input() {
	output=$(head -c 300000 /dev/zero | once wc -c)
	[[ $output == 300000 ]]
}
much_output() {
	once head -c 3000000 /dev/zero >"$work/out"
	[[ $(stat -c %s "$work/out") == 3000000 ]]
}
terminal() {
	mentions /dev/pts/0 with_terminal ctr run --rm -t --runc-binary "$runtime" \
		--snapshotter "$snapshotter" img tty sh -c "tty; $patient"
	expect "33 77"
}
not_found() {
	run once nonsense
	((status != 0))
	expect nonsense
	expect "not found"
	run ctr task ls
	expect_not "once-"
}
detached() {
	standing detached "--pid-file=$work/pid"
	[[ $(state detached) == RUNNING ]]
	run ctr task ps detached
	expect "$(<"$work/pid")"
	[[ $(tr '\0' ' ' <"/proc/$(<"$work/pid")/cmdline") == "sleep 1000 " ]]
	gone detached
}
kill_signal() {
	ctr_run -d kill sh -c 'trap "exit 9" USR1; touch /tmp/ready; while :; do usleep 20000; done'
	await ctr task exec --exec-id look kill test -e /tmp/ready
	ctr task kill -s USR1 kill
	await has_state kill STOPPED
	run ctr task delete kill
	expect "exit code 9"
	ctr container delete kill
}
kill_all() {
	ctr_run -d all sh -c 'sleep 1000 & sleep 1000'
	ctr task kill -s KILL --all all
	await has_state all STOPPED
	gone all
}
kill_gone() {
	ctr_run -d over true
	await has_state over STOPPED
	run ctr task kill over
	[[ $status == 0 || $output == *"not found"* || $output == *"already finished"* ]]
	gone over
}
pause() {
	standing pause
	ctr task pause pause
	[[ $(state pause) == PAUSED ]]
	run ctr task exec --exec-id p pause true
	((status != 0))
	ctr task resume pause
	[[ $(state pause) == RUNNING ]]
	says ok ctr task exec --exec-id q pause echo ok
	gone pause
}
delete_running() {
	standing running
	run ctr task delete running
	((status != 0))
	[[ $(state running) == RUNNING ]]
	gone running
}
metrics() {
	standing metrics --memory-limit=$((64 << 20))
	run ctr task metrics --format json metrics
	expect_status 0
	[[ $(jq -r '.. | objects | .limit, .usage_limit' <<<"$output" | grep -cx $((64 << 20))) -ge 1 ]]
	gone metrics
}
events() {
	timeout "$patience" ctr events >"$work/events" &
	local listener=$! id=ev$BASHPID topic
	await eval 'ctr namespaces label '"$space"' a=b$SECONDS; test -s "$work/events"'
	standing "$id"
	ctr task exec --exec-id x "$id" true
	ctr task pause "$id"
	ctr task resume "$id"
	gone "$id"
	for topic in create start exec-added exec-started exit paused resumed delete; do
		await grep -q "/tasks/$topic .*$id" "$work/events"
	done
	kill "$listener"
}
oom() {
	timeout "$patience" ctr events >"$work/oom" &
	local listener=$!
	await eval 'ctr namespaces label '"$space"' a=c$SECONDS; test -s "$work/oom"'
	run once --memory-limit=$((16 << 20)) sh -c 'head -c 200000000 /dev/zero | tail'
	expect_status 137
	await grep -q /tasks/oom "$work/oom"
	kill "$listener"
}
one_of_many() { says "$1" once echo "$1"; }
many() { at_once 20 one_of_many; }
one_stands() { standing "hundred-$1"; }
one_goes() { gone "hundred-$1"; }
hundred() {
	[[ -z $systemd ]] || skip "a hundred shims have no room in this machine"
	patience=300
	at_once 100 one_stands
	[[ $(ctr task ls | grep -c '^hundred-.*RUNNING') == 100 ]]
	at_once 100 one_goes
	run ctr task ls -q
	expect_not hundred
	expect_no_cgroups -path "*/$space/hundred-*"
}
shim_dies() {
	standing orphan "--pid-file=$work/pid"
	pkill -KILL -f "containerd-shim-runc-v2 .* -id orphan "
	await eval '[[ ! -e /proc/$(<"$work/pid") ]]'
	await eval '! ctr task ls | grep -q orphan || ctr task delete --force orphan'
	ctr container delete orphan
	expect_no_cgroup orphan
}
daemon_restarts() {
	standing survivor
	containerd_stop
	containerd_start
	[[ $(state survivor) == RUNNING ]]
	says ok ctr task exec --exec-id s survivor echo ok
	gone survivor
}

# --- exec -------------------------------------------------------------------------------------

exec_in_c() { # OPTION... ARGUMENT...
	turn=$((${turn-0} + 1))
	ctr task exec --exec-id "e-$BASHPID-$turn" "$@"
}
exec_basics() {
	says one exec_in_c c echo one
	run exec_in_c c sh -c 'exit 9'
	expect_status 9
	output=$(echo words | exec_in_c c cat)
	[[ $output == words ]]
}
exec_options() {
	says "1000 /home/bob" exec_in_c --user 1000:1000 --cwd /home/bob c sh -c 'echo $(id -u) $(pwd)'
}
exec_terminal() {
	mentions "33 77" with_terminal ctr task exec -t --exec-id tty c sh -c "$patient"
}
exec_errors() {
	run exec_in_c c nonsense
	((status != 0))
	expect "not found"
	run exec_in_c --cwd /no/such/place c true
	((status != 0))
	says ok exec_in_c c echo ok
}
exec_detached() {
	exec_in_c -d c sh -c 'echo there >/tmp/detached; sleep 1000'
	await exec_in_c c test -s /tmp/detached
}
exec_killed() {
	ctr task exec -d --exec-id victim c sleep 777
	pgrep -f "^sleep 777"
	ctr task kill -s KILL --exec-id victim c
	await eval '! pgrep -f "^sleep 777"'
}
one_exec() { says "$1" exec_in_c c echo "$1"; }
exec_many() { at_once 20 one_exec; }

# --- what a container is made of --------------------------------------------------------------

# The cgroup of a process: on v1 the one with this controller.
cgroup_of() { # PID V1-CONTROLLER
	local controller=$2
	[[ -z $v2 ]] || controller=
	echo "/sys/fs/cgroup/$controller$(sed -n "s/^[0-9]*:$controller://p" "/proc/$1/cgroup")"
}
limit_says() { # V1-FILE TEXT V2-FILE TEXT OPTION...
	limit "${@:1:4}"
	standing limited "--pid-file=$work/pid" "${@:5}"
	says "$text" cat "$(cgroup_of "$(<"$work/pid")" "${1%/*}")/${file##*/}"
	gone limited
}
limit_memory() {
	limit_says memory/memory.limit_in_bytes $((64 << 20)) memory.max $((64 << 20)) --memory-limit=$((64 << 20))
}
limit_cpus() { limit_says cpu/cpu.cfs_quota_us 50000 cpu.max "50000 100000" --cpus=0.5; }
cgroup_option() {
	local path=/$space/own name=/$space/own
	[[ -z $systemd ]] || name=$parent:its:own path=/$parent/its-own.scope
	standing placed "--pid-file=$work/pid" "--cgroup=$name"
	mentions "$path" cgroup_of "$(<"$work/pid")" memory
	gone placed
}
capabilities() {
	local before
	before=$(once sed -n 's/CapEff:.//p' /proc/self/status)
	run once --cap-add=CAP_SYS_TIME sed -n 's/CapEff:.//p' /proc/self/status
	[[ $((16#$output)) == $((16#$before | 1 << 25)) ]]
	run once --cap-drop=CAP_CHOWN sed -n 's/CapEff:.//p' /proc/self/status
	[[ $((16#$output)) == $((16#$before & ~1)) ]]
}
privileged() {
	says ok once --privileged sh -c 'mount -t tmpfs x /tmp && echo ok'
}
seccomp() {
	says 2 once --seccomp sed -n 's/Seccomp:.//p' /proc/self/status
}
read_only() {
	run once --read-only touch /x
	expect "Read-only file system"
}
mounts() {
	mkdir -p "$work/v"
	echo text >"$work/v/file"
	says text once "--mount=type=bind,src=$work/v,dst=/v,options=rbind:ro" cat /v/file
	run once "--mount=type=bind,src=$work/v,dst=/v,options=rbind:ro" touch /v/x
	expect "Read-only file system"
	says tmpfs once --mount=type=tmpfs,src=tmpfs,dst=/t,options=size=1m stat -f -c %T /t
	run once --mount=type=bind,src=/no/such/place,dst=/v,options=rbind true
	((status != 0))
	expect "/no/such/place"
}
options() {
	says /home/bob once --cwd=/home/bob pwd
	says B once --env=A=B sh -c 'echo $A'
}
user_maps() {
	mentions "0     100000       1000" once --uidmap=0:100000:1000 --gidmap=0:100000:1000 \
		cat /proc/self/uid_map ||
		{ [[ $output == *"remap"* ]] && skip "this snapshotter cannot remap"; }
}
network_host() {
	says "$(readlink /proc/self/ns/net)" once --net-host readlink /proc/self/ns/net
	says lo once ls /sys/class/net
}
join() {
	local pid
	pid=$(ctr task ls | awk '$1 == "c" { print $2 }')
	says "$(readlink "/proc/$pid/ns/ipc")" once "--with-ns=ipc:/proc/$pid/ns/ipc" readlink /proc/self/ns/ipc
}
devices() {
	says ok once --device=/dev/null sh -c 'echo >/dev/null && echo ok'
	run once sh -c 'mknod /tmp/d b 7 0 && cat /tmp/d'
	((status != 0))
}
descriptors() { says "0 1 2 3" once sh -c 'echo $(ls /proc/self/fd)'; }
environment() {
	run once env
	expect_not NOTIFY
	expect_not TTRPC
	expect_not SHIM
}
log_uri() {
	ctr_run -d "--log-uri=file://$work/logged" log echo logged
	await grep -qx logged "$work/logged"
	await has_state log STOPPED
	gone log
}
checkpoint() {
	can_checkpoint
	standing cp
	ctr task checkpoint --image-path "$work/cp" cp
	gone cp
}

nothing_left() {
	gone c
	run ctr task ls -q
	[[ -z $output ]]
	run ctr container ls -q
	[[ -z $output ]]
	expect_nothing_left
}

set_up >"$work/set-up.log" 2>&1 || {
	sed 's/^/# /' "$work/set-up.log" "$work/containerd.log"
	echo "Bail out! containerd cannot run anything here"
	exit 1
}

check fast "the program's output is ctr's" prints
check fast "the program's exit status is ctr's" exit_status
check full "a killed program's exit status" killed_status
check full "standard output and standard error stay apart" both_outputs
check fast "standard input reaches the program" standard_input
check full "three megabytes of output arrive" much_output
check fast "a terminal of the caller's size" terminal
check fast "a program that is not there" not_found
check fast "a task in the background, with its processes" detached
check fast "kill sends the signal" kill_signal
check full "kill --all" kill_all
check full "kill of what is over" kill_gone
check fast "pause and resume" pause
check full "delete of what runs is refused" delete_running
check fast "metrics has the limit" metrics
check full "events" events
check full "the memory limit kills, with an event" oom
check fast "twenty at once" many
check full "a hundred stand at once, and go at once" hundred
check full "what a killed shim leaves is cleaned up" shim_dies
check full "a task outlives containerd" daemon_restarts

check fast "exec: output, exit status, standard input" exec_basics
check full "exec: user and directory" exec_options
check fast "exec: a terminal of the caller's size" exec_terminal
check fast "exec: a program that is not there" exec_errors
check full "exec: in the background" exec_detached
check full "exec: killed by its name" exec_killed
check full "exec: twenty at once" exec_many

check full "--memory-limit" limit_memory
check full "--cpus" limit_cpus
check full "--cgroup" cgroup_option
check fast "--cap-add and --cap-drop" capabilities
check full "--privileged" privileged
check fast "--seccomp" seccomp
check full "--read-only" read_only
check fast "--mount" mounts
check full "--cwd and --env" options
check full "--uidmap" user_maps
check full "--net-host" network_host
check full "--with-ns" join
check full "devices" devices
check full "no descriptors but standard ones" descriptors
check full "nothing of the shim in the environment" environment
check full "--log-uri" log_uri
check full "checkpoint" checkpoint

check fast "nothing is left" nothing_left
finish
