#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# kill, pause, resume, delete: what ends a container, and what is left then (nothing).

load helpers
load life

clean_up() {
	[[ -z ${canary-} ]] || kill "$canary" 2>/dev/null || :
}

# A process of the host's that must survive.
make_canary() {
	mkfifo "$dir/canary"
	cat "$dir/canary" >/dev/null 2>&1 3>&- &
	canary=$!
}

start_of() { # PID: the 22nd field of /proc/PID/stat
	sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20
}

edit_state() { # FILTER
	tail -n 1 "$root/$id/state.json" | jq -c "$1" >"$dir/state.json"
	cat "$dir/state.json" >"$root/$id/state.json"
}

# --- kill ---------------------------------------------------------------------------------------

@test "a signal reaches the program, by number and by name" {
	started signals
	await holds "$dir/out" ready
	local signal
	for signal in 1:SIGHUP INT:SIGINT SIGQUIT:SIGQUIT usr1:SIGUSR1 sigUsr2:SIGUSR2 \
		RTMIN+3:SIGRTMIN+3 14:SIGALRM; do
		ocirt kill "$id" "${signal%:*}"
		await holds "$dir/out" "${signal#*:}"
	done
	ocirt kill "$id"
	await has_status "$id" stopped
	holds "$dir/out" SIGTERM
}

@test "without a signal it is the one that the image wants to be stopped by, or TERM" {
	started signals
	ocirt delete --force "$id"
	change '.annotations["org.opencontainers.image.stopSignal"] = "SIGUSR2"'
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
	await holds "$dir/out" ready
	ocirt kill "$id"
	await holds "$dir/out" SIGUSR2
	has_status "$id" running
	ocirt kill "$id" TERM
	await has_status "$id" stopped
	ocirt delete "$id"
	change '.annotations["org.opencontainers.image.stopSignal"] = "NOSIG"'
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	run ocirt kill "$id"
	expect_status 1
	expect_line "annotations[\"org.opencontainers.image.stopSignal\"]: 'NOSIG' is not a signal"
	has_status "$id" created
}

@test "kill with 0 asks whether the program is there" {
	standing
	ocirt kill "$id" 0
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	run ocirt kill "$id" 0
	expect_status 1
}

@test "kill takes a signal out of range for what it is" {
	standing
	run ocirt kill "$id" 65
	expect_status 1
	expect_error kill "'65' is not a signal"
	run ocirt kill "$id" SIGNONSENSE
	expect_status 1
	expect_error kill "'SIGNONSENSE' is not a signal"
	has_status "$id" running
}

@test "TERM ends a container that is created, not started" {
	bundle "$(args sleep)"
	ocirt create "$id" </dev/null >out 2>&1
	ocirt kill "$id" TERM
	await has_status "$id" stopped
	ocirt delete "$id"
	expect_no_container "$id"
}

@test "kill --all reaches every process" {
	started fork 2
	await holds "$dir/out" "children: 2"
	local pids
	mapfile -t pids < <(ocirt ps --format json "$id" | jq '.[]')
	[[ ${#pids[@]} == 3 ]]
	ocirt kill --all "$id" KILL
	await has_status "$id" stopped
	for pid in "${pids[@]}"; do
		await is_gone "$pid"
	done
}

@test "kill --all of a stopped container is no error" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	ocirt kill --all "$id" KILL
	ocirt kill -a "$id" TERM
}

@test "without a pid namespace of its own, KILL goes to every process" {
	bundle "$(args fork 2)" '.linux.namespaces |= map(select(.type != "pid"))'
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
	await holds "$dir/out" "children: 2"
	local pids
	mapfile -t pids < <(ocirt ps --format json "$id" | jq '.[]')
	ocirt kill "$id" KILL
	for pid in "${pids[@]}"; do
		await is_gone "$pid"
	done
	await has_status "$id" stopped
}

@test "without a pid namespace of its own, KILL ends what the first process left" {
	bundle "$(args fork 2)" '.linux.namespaces |= map(select(.type != "pid"))'
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
	await holds "$dir/out" "children: 2"
	local pids
	mapfile -t pids < <(ocirt ps --format json "$id" | jq '.[]')
	kill -KILL "$(pid_of "$id")"
	await has_status "$id" stopped
	run ocirt kill "$id" KILL
	for pid in "${pids[@]}"; do
		await is_gone "$pid"
	done
}

@test "kill by a regular expression reaches those that match" {
	standing
	ocirt create "$id-b" >"$dir/out" 2>&1 </dev/null
	ocirt create "other-$id" >"$dir/out" 2>&1 </dev/null
	ocirt kill --regex "^$id(-b)?$" KILL
	await has_status "$id" stopped
	await has_status "$id-b" stopped
	has_status "other-$id" created
}

@test "a process that has the pid of the container's first one is not killed" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	make_canary
	edit_state ".state.pid = $canary"
	has_status "$id" stopped
	run ocirt kill "$id" KILL
	expect_status 1
	ocirt delete --force "$id"
	kill -0 "$canary"
}

@test "after a reboot a container is stopped, whatever has its pid" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	make_canary
	edit_state ".state.pid = $canary | .pidStart = $(start_of "$canary") | .bootID = \"another\""
	has_status "$id" stopped
	run ocirt kill "$id" KILL
	expect_status 1
	expect_error kill "container not running"
	ocirt delete "$id"
	kill -0 "$canary"
	expect_no_container "$id"
}

# --- pause and resume ---------------------------------------------------------------------------

@test "a paused container stands still until it is resumed" {
	bundle "$(args count /tmp/n)" '.root.readonly = false'
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
	await test -s rootfs/tmp/n
	ocirt pause "$id"
	has_status "$id" paused
	local n
	n=$(<rootfs/tmp/n)
	read -rt 0.05 <> <(:) || :
	[[ $(<rootfs/tmp/n) == "$n" ]]
	ocirt resume "$id"
	has_status "$id" running
	moved() { [[ $(<rootfs/tmp/n) != "$n" ]]; }
	await moved
}

@test "a container that is paused before its start waits for a resume" {
	bundle "$(args sleep)"
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	ocirt pause "$id"
	has_status "$id" paused
	run ocirt start "$id"
	expect_status 1
	expect_line "cannot start a container that is paused"
	ocirt resume "$id"
	has_status "$id" created
	ocirt start "$id"
	has_status "$id" running
}

@test "kill of a paused container works as soon as it is resumed" {
	started signals
	await holds "$dir/out" ready
	ocirt pause "$id"
	ocirt kill "$id" USR1
	has_status "$id" paused
	ocirt resume "$id"
	await holds "$dir/out" SIGUSR1
}

@test "a paused container is not deleted without --force" {
	standing
	ocirt pause "$id"
	run ocirt delete "$id"
	expect_status 1
	expect_error delete "that is not stopped" "paused"
	has_status "$id" paused
}

# --- delete -------------------------------------------------------------------------------------

@test "delete --force ends a running container" {
	started fork 2
	await holds "$dir/out" "children: 2"
	local pids
	mapfile -t pids < <(ocirt ps --format json "$id" | jq '.[]')
	ocirt delete --force "$id"
	expect_no_container "$id"
	for pid in "${pids[@]}"; do
		await is_gone "$pid"
	done
}

@test "delete --force ends a paused container" {
	standing
	ocirt pause "$id"
	ocirt delete --force "$id"
	expect_no_container "$id"
}

@test "delete ends a container that was created and never started" {
	bundle "$(args sleep)"
	ocirt create --pid-file pid "$id" </dev/null >out 2>&1
	ocirt delete "$id"
	expect_no_container "$id"
	is_gone "$(<pid)"
}

@test "delete --force of nothing is no error" {
	ocirt delete --force "$id"
	run ocirt delete "$id"
	expect_status 1
	expect_error delete "container does not exist"
}

@test "delete removes cgroups that the program made below its own" {
	standing
	local cgroup
	for cgroup in /sys/fs/cgroup/{,*/}*"$id"*/; do
		[[ ! -d $cgroup ]] || mkdir -p "$cgroup/one/two"
	done
	[[ -n $(find_cgroups -path "*$id*/one/two") ]]
	ocirt delete --force "$id"
	expect_no_container "$id"
}

@test "a half made container is removed: empty directory" {
	mkdir -p "$root/$id"
	has_status "$id" stopped
	ocirt delete "$id"
	expect_no_container "$id"
}

@test "a half made container is removed: torn state.json" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	local text
	text=$(<"$root/$id/state.json")
	# Torn in its second line, it is what it was before there was a process.
	printf %s "${text:0:${#text}-1}" >"$root/$id/state.json"
	has_status "$id" stopped
	[[ $(ocirt state "$id" | jq .pid) == 0 ]]
	# shellcheck disable=SC2046 # paths without blanks
	rmdir $(find_cgroups -depth -name "*$id*")
	text=${text%%$'\n'*}
	for n in 0 1 20 $((${#text} - 1)); do
		mkdir -p "$root/$id"
		printf %s "${text:0:n}" >"$root/$id/state.json"
		has_status "$id" stopped
		ocirt delete --force "$id"
		[[ ! -e $root/$id ]]
	done
}

@test "a container whose copy of config.json is gone can be deleted" {
	standing
	rm "$root/$id/config.json"
	ocirt delete --force "$id"
	expect_no_container "$id"
}

@test "a container whose cgroup is gone can be deleted" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	# shellcheck disable=SC2046 # paths without blanks
	rmdir $(find_cgroups -depth -name "*$id*")
	ocirt delete "$id"
	expect_no_container "$id"
}

@test "delete of several goes on after a failure and ends with 1" {
	standing
	ocirt create "$id-b" >"$dir/out" 2>&1 </dev/null
	run ocirt delete "$id" "$id-nosuch" "$id-b"
	expect_status 1
	expect_line "ocirt: delete $id: "
	expect_line "ocirt: delete $id-nosuch: container does not exist"
	[[ ! -e $root/$id-b ]]
	has_status "$id" running
}

@test "delete by a regular expression removes those that match" {
	bundle "$(args sleep)"
	for name in "$id-a" "$id-b" "other-$id"; do
		ocirt create "$name" >"$dir/out" 2>&1 </dev/null
	done
	ocirt delete --force --regex "^$id-"
	run ocirt list -q
	[[ $output == "other-$id" ]]
}

@test "two who delete one container do not disturb each other" {
	standing
	ocirt delete --force "$id" >"$dir/one" 2>&1 3>&- &
	ocirt delete --force "$id" >"$dir/two" 2>&1 3>&- &
	wait -n
	wait -n
	[[ ! -s $dir/one && ! -s $dir/two ]]
	expect_no_container "$id"
}

@test "delete leaves the bundle as it was" {
	bundle "$(args sleep)"
	local before
	before=$(find . -printf '%p %s %m %y\n' | sort)
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	ocirt delete --force "$id"
	[[ $(find . -printf '%p %s %m %y\n' | sort) == "$before" ]]
}

@test "a cgroup that was there before is left to its owner" {
	local cgroup hierarchies=(/sys/fs/cgroup/*/)
	[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || hierarchies=(/sys/fs/cgroup)
	bundle "$(args sleep)" ".linux.cgroupsPath = \"/own-$id/inner\""
	for cgroup in "${hierarchies[@]}"; do
		mkdir -p "$cgroup/own-$id" # cpu may be a link to cpu,cpuacct
	done
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt delete --force "$id"
	[[ -d /sys/fs/cgroup/pids/own-$id || -d /sys/fs/cgroup/own-$id ]]
	[[ -z $(find_cgroups -path "*/own-$id/inner") ]]
	# shellcheck disable=SC2046 # paths without blanks
	rmdir $(find_cgroups -depth -name "own-$id")
}
