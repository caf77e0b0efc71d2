#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# conmon.sh -- the runtime beneath conmon, called by hand as CRI-O does it (and Podman, with other
# files): what they are told on the pipes, and what they find in the files. Options: see common.bash.
set -u

needs() {
	need conmon conmon
}

# shellcheck source=tests/managers/common.bash
. "$(dirname "$0")/common.bash"

# --- set-up -----------------------------------------------------------------------------------

space=${work##*/}

# The ids of Kubernetes' containers are like this.
new_id() {
	id=$(od -An -N 32 -tx1 /dev/urandom | tr -d ' \n')
	bundle=$work/bundles/$id
}

runtime() {
	"$runtime" --root "$work/state" "$@"
}

# A bundle for $id that runs this command, changed by a jq filter.
make_bundle() { # FILTER COMMAND...
	local filter=$1
	shift
	mkdir -p "$bundle"
	jq -n --arg root "$work/rootfs" --arg cgroup "/$space/$id" '
		def tmp($at; $options): {destination: $at, type: "tmpfs", source: "tmpfs", options: $options};
		{ociVersion: "1.0.2", hostname: "web", root: {path: $root},
		process: {args: $ARGS.positional, cwd: "/", env: ["PATH=/bin"], user: {uid: 0, gid: 0},
			capabilities: ({bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"]})},
		mounts: [{destination: "/proc", type: "proc", source: "proc"},
			tmp("/dev"; ["mode=755"]),
			{destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=666"]}],
		linux: {cgroupsPath: $cgroup,
			namespaces: (["pid", "ipc", "uts", "mount", "network"] | map({type: .}))}} | '"$filter" \
		--args -- "$@" >"$bundle/config.json"
}

# conmon as CRI-O calls it; what it says on the pipe is in $said. It waits for the start pipe before
# it does anything, and goes to the background.
conmon_says() { # OPTION...
	local pipes=$bundle/pipes.$RANDOM sync start
	mkdir -p "$pipes"
	mkfifo "$pipes/sync" "$pipes/start"
	exec {sync}<>"$pipes/sync" {start}<>"$pipes/start"
	echo >&"$start"
	_OCI_SYNCPIPE=9 _OCI_STARTPIPE=8 timeout --kill-after=5 30 conmon --api-version 1 \
		--cid "$id" --cuuid "$id" --name "k8s_$id" --runtime "$runtime" \
		--runtime-arg --root="$work/state" --bundle "$bundle" --exit-dir "$work/exits" \
		--persist-dir "$bundle/persist" --socket-dir-path "$work/attach" --log-level warning \
		"$@" 9<>"$pipes/sync" 8<"$pipes/start" {sync}>&- {start}>&- </dev/null >>"$bundle/conmon" 2>&1 || :
	said=
	read -rt 20 said <&"$sync" || :
	echo "conmon: $said"
	sync_pipe=$sync
}

# The next line on the pipe of an exec: how it ended.
next_said() {
	said=
	read -rt 20 said <&"$sync_pipe"
	echo "conmon: $said"
}

conmon_create() { # OPTION...
	mkdir -p "$bundle/persist"
	conmon_says --container-pidfile "$bundle/pid" --conmon-pidfile "$bundle/conmon-pid" \
		--log-path "$bundle/log" "$@"
	[[ $(jq .data <<<"$said") == "$(<"$bundle/pid")" ]]
}

# A container with this program, made and started.
container() { # FILTER COMMAND...
	new_id
	make_bundle "$@"
	conmon_create
	runtime start "$id"
}

exec_in() { # FILTER COMMAND... -- OPTION...
	local filter=$1 command=()
	shift
	while (($#)) && [[ $1 != -- ]]; do
		command+=("$1")
		shift
	done
	shift
	jq -n '{args: $ARGS.positional, cwd: "/", env: ["PATH=/bin"], user: {uid: 0, gid: 0}} | '"$filter" \
		--args -- "${command[@]}" >"$bundle/process.json"
	conmon_says --exec --exec-process-spec "$bundle/process.json" --log-path "$bundle/exec.log" \
		--container-pidfile "$bundle/exec-pid" "$@"
}

ended() { # STATUS
	await test -e "$work/exits/$id"
	[[ $(<"$work/exits/$id") == "$1" ]] || complain "the exit file has $(<"$work/exits/$id")"
}

gone() {
	runtime delete --force "$id"
	expect_no_cgroup "$id"
}

set_up() {
	mkdir -p "$work/exits" "$work/attach" "$work/state" &&
		make_rootfs "$work/rootfs" || return
	container . true && ended 0 && gone
}

# --- a container ------------------------------------------------------------------------------

life() {
	container . sh -c 'echo words; echo wrong >&2; exit 42'
	ended 42
	grep -q ' stdout F words$' "$bundle/log"
	grep -q ' stderr F wrong$' "$bundle/log"
	runtime delete "$id"
	expect_no_cgroup "$id"
}
created() {
	new_id
	make_bundle . echo started
	conmon_create
	[[ $(runtime state "$id" | jq -r .status) == created ]]
	[[ ! -s $bundle/log ]]
	# The first process is conmon's child: it gets the exit status.
	[[ $(awk '/^PPid:/ { print $2 }' "/proc/$(<"$bundle/pid")/status") == "$(<"$bundle/conmon-pid")" ]]
	runtime start "$id"
	ended 0
	grep -q ' stdout F started$' "$bundle/log"
	gone
}
terminal() {
	new_id
	make_bundle '.process.terminal = true' sh -c 'tty; exit 3'
	conmon_create --terminal
	runtime start "$id"
	ended 3
	grep -q ' stdout F /dev/pts/0' "$bundle/log"
	gone
}
terminal_far_away() {
	# Longer than the address of a socket may be.
	new_id
	bundle=$work/bundles/$(printf 'long%.0s' {1..50})
	make_bundle '.process.terminal = true' tty
	conmon_create --terminal
	runtime start "$id"
	ended 0
	gone
}
killed() {
	container . sleep 1000
	runtime kill "$id" 9
	ended 137
	gone
}
stopped() {
	container . sh -c 'trap "exit 5" TERM; echo ready; while :; do usleep 20000; done'
	await grep -q ready "$bundle/log"
	runtime kill "$id" TERM
	ended 5
	gone
}
refused() {
	new_id
	make_bundle . nonsense
	mkdir -p "$bundle/persist"
	conmon_says --container-pidfile "$bundle/pid" --conmon-pidfile "$bundle/conmon-pid" --log-path "$bundle/log"
	[[ $(jq .data <<<"$said") == -1 ]]
	[[ $(jq -r .message <<<"$said") == *nonsense*"not found"* ]]
	run runtime state "$id"
	((status != 0))
	expect_no_cgroup "$id"
}
out_of_memory() {
	container '.linux.resources = {memory: {limit: 16777216, swap: 16777216}}' \
		sh -c 'head -c 200000000 /dev/zero | tail'
	ended 137
	await test -e "$bundle/persist/oom"
	gone
}
exit_command() {
	new_id
	make_bundle . true
	printf '#!/bin/sh\n"$@" </dev/null >/dev/null 2>&1\necho done >"%s/ended"\n' "$bundle" >"$bundle/cleanup"
	chmod +x "$bundle/cleanup"
	conmon_create --exit-command "$bundle/cleanup" --exit-command-arg "$runtime" \
		--exit-command-arg "--root=$work/state" --exit-command-arg delete \
		--exit-command-arg --force --exit-command-arg "$id"
	runtime start "$id"
	await test -e "$bundle/ended"
	run runtime state "$id"
	((status != 0))
	expect_no_cgroup "$id"
}
much_output() {
	container . sh -c 'head -c 3000000 /dev/zero | tr "\0" x; echo; echo end'
	ended 0
	grep -q ' stdout F end$' "$bundle/log"
	[[ $(sed 's/^[^ ]* [^ ]* [^ ]* //' "$bundle/log" | tr -cd x | wc -c) == 3000000 ]]
	gone
}

# --- exec -------------------------------------------------------------------------------------

exec_status() {
	container . sleep 1000
	exec_in . sh -c 'echo words; exit 9' --
	[[ $(jq .data <<<"$said") -gt 1 ]]
	next_said
	[[ $(jq .data <<<"$said") == 9 ]]
	grep -q ' stdout F words$' "$bundle/exec.log"
	gone
}
exec_terminal() {
	container . sleep 1000
	exec_in '.terminal = true' tty -- --terminal
	next_said
	[[ $(jq .data <<<"$said") == 0 ]]
	grep -q ' stdout F /dev/pts/0' "$bundle/exec.log"
	gone
}
exec_refused() {
	container . sleep 1000
	exec_in . nonsense --
	[[ $(jq .data <<<"$said") -lt 0 ]] || next_said
	[[ $(jq -r .message <<<"$said") == *"not found"* ]]
	gone
}
exec_timeout() {
	container . sleep 1000
	exec_in . sleep 777 -- --timeout 1
	next_said
	[[ $(jq .data <<<"$said") == -1 && $(jq -r .message <<<"$said") == *"timed out"* ]]
	await eval '! pgrep -f "^sleep 777"'
	gone
}

# --- what goes wrong --------------------------------------------------------------------------

# conmon is killed: nobody reads the output, nobody gets the exit status.
conmon_dies() {
	container . sh -c 'trap "" PIPE; while :; do echo words; usleep 20000; done'
	kill -KILL "$(<"$bundle/conmon-pid")"
	[[ $(runtime state "$id" | jq -r .status) == running ]]
	runtime exec "$id" true
	runtime kill "$id" 9
	await eval '[[ $(runtime state "$id" | jq -r .status) == stopped ]]'
	runtime delete "$id"
	expect_no_cgroup "$id"
}
conmon_dies_early() {
	new_id
	make_bundle . sleep 1000
	conmon_create
	kill -KILL "$(<"$bundle/conmon-pid")"
	[[ $(runtime state "$id" | jq -r .status) == created ]]
	runtime delete --force "$id"
	expect_no_cgroup "$id"
	[[ ! -e /proc/$(<"$bundle/pid") ]]
}
# conmon stands still: the pipe fills, the program waits, and everything else goes on.
full_pipe() {
	container . sh -c 'while :; do echo wordswordswordswordswordswords; done'
	kill -STOP "$(<"$bundle/conmon-pid")"
	await grep -q '^pipe_write\|^anon_pipe_write' "/proc/$(<"$bundle/pid")/wchan" ||
		grep -q '^State:.S' "/proc/$(<"$bundle/pid")/status"
	[[ $(runtime state "$id" | jq -r .status) == running ]]
	runtime exec "$id" true
	runtime kill "$id" 9
	kill -CONT "$(<"$bundle/conmon-pid")"
	ended 137
	gone
}

nothing_left() {
	await eval '! pgrep -x conmon'
	expect_empty "$work/state"
	expect_no_cgroups -path "*/$space/*"
	expect_no_mounts
}

set_up >"$work/set-up.log" 2>&1 || {
	sed 's/^/# /' "$work/set-up.log"
	echo "Bail out! conmon cannot run anything here"
	exit 1
}

check fast "output in the log, the exit status in its file" life
check fast "create, and start later: conmon's child, silent until then" created
check fast "a terminal" terminal
check full "a terminal's socket with a very long path" terminal_far_away
check full "a killed container's exit status" killed
check full "a container that ends on TERM" stopped
check fast "the reason of a failed create is on the pipe" refused
check full "out of memory is in its file" out_of_memory
check full "the exit command finds what it needs to delete" exit_command
check full "three megabytes in the log" much_output
check fast "exec: its exit status is on the pipe" exec_status
check full "exec: a terminal" exec_terminal
check fast "exec: the reason of a failure is on the pipe" exec_refused
check full "exec: a timeout kills" exec_timeout
check full "a conmon that is killed" conmon_dies
check full "a conmon that is killed before the start" conmon_dies_early
check full "a conmon that does not read" full_pipe
check fast "nothing is left" nothing_left
finish
