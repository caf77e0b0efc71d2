#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Limits hold: what a program does that wants more than it may have, and what is left of many
# containers at once. The numbers are the kernel's counters, so a busy machine does no harm.

load helpers
load life
load cgroups

# Members of `stats` of the container.
stats() { # JQ-FILTER
	ocirt stats -f json "$id" | jq ".containers[0]$1"
}

# The counter that `demo count` writes.
counter() {
	local n
	n=$(<"$bundle/rootfs/tmp/n") 2>/dev/null || return 1
	[[ $n ]] && echo $((10#$n))
}

counts_on() { # FROM
	(($(counter) > $1))
}

@test "a program that fills memory is killed at its limit, and the error says why" {
	bundle "$(args hog 64M)" '.linux.resources.memory.limit = 16777216'
	run ocirt run "$id" </dev/null
	expect_status 137
}

@test "a program that keeps the CPU busy gets its quota" {
	# Of the shares as many as it can have: on a busy machine its quota would be too much for it.
	bundle '.linux.resources.cpu = {quota: 4000, period: 20000, shares: 262144}' "$(args spin)"
	local first last
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	# The counters are not read all at once, so they must not go on meanwhile.
	first=$(stats .cpu)
	ocirt start "$id"
	# 50 periods of 20 ms; none passes without somebody who wants to run.
	enough() { (($(stats .cpu.periods) >= $(jq .periods <<<"$first") + 50)); }
	await enough
	ocirt pause "$id"
	last=$(stats .cpu)
	run jq -n --argjson a "$first" --argjson b "$last" '
		($b.totalNsec - $a.totalNsec) as $used
		| ($b.periods - $a.periods) as $periods
		| ($b.throttledPeriods - $a.throttledPeriods) as $throttled
		| {$used, $periods, $throttled,
			fits: ($throttled > 0
				and $used <= 1.1 * $periods * 4000000
				and $used >= 0.9 * ($throttled - 1) * 4000000)}'
	[[ $(jq .fits <<<"$output") == true ]] || complain "not held to its quota"
}

@test "an exec that the limit of processes does not admit says so" {
	standing '.linux.resources.pids.limit = 2'
	run ocirt exec "$id" /bin/demo exit 0
	expect_status 255
	expect_line "exec $id: cannot make a process in the container: Resource temporarily unavailable"
	expect_line "hint: a limit on processes is reached, pids.max of the cgroup"
	ocirt update --pids-limit 3 "$id"
	ocirt exec "$id" /bin/demo exit 0
}

@test "forks stop at the limit of processes" {
	standing '.linux.resources.pids.limit = 12'
	# Not through a pipe: the children that there are keep it open.
	run eval 'ocirt exec "$id" /bin/demo fork 1000 >"$dir/fork" 2>&1 </dev/null'
	expect_status 1
	holds "$dir/fork" "demo: fork 1000: EAGAIN"
	[[ $(stats '.pids | .usage <= 12 and .peak <= 12 and .failures > 0 or has("peak") == false') == true ]]
	[[ $(ocirt ps --format json "$id" | jq 'length <= 12') == true ]]
	ocirt kill --all "$id" KILL
	await has_status "$id" stopped
	[[ $(ocirt ps --format json "$id") == "[]" ]]
}

@test "a device without a rule is denied, one with a rule is not, and an update changes that" {
	[[ -e /dev/loop-control ]] || skip "no /dev/loop-control, which all may open"
	standing '.linux.devices += [{path: "/dev/loop", type: "c", major: 10, minor: 237}]' \
		'.linux.resources.devices = [{allow: false}]'
	run ocirt exec "$id" /bin/demo lock-rw /dev/loop
	expect_line "lock-rw: EPERM"
	ocirt update -r - "$id" <<<'{"devices": [{"allow": false}, {"allow": true, "type": "c", "major": 10, "minor": 237, "access": "rw"}]}'
	run ocirt exec "$id" /bin/demo lock-rw /dev/loop
	expect_line "lock-rw: ok"
	run ocirt exec "$id" /bin/demo lock-rw /dev/null
	expect_line "lock-rw: ok"
	ocirt update -r - "$id" <<<'{"devices": [{"allow": false}]}'
	run ocirt exec "$id" /bin/demo lock-rw /dev/loop
	expect_line "lock-rw: EPERM"
}

@test "a paused program does nothing, and goes on where it was" {
	bundle "$(args count /tmp/n)" '.root.readonly = false'
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	await counts_on 3
	ocirt pause "$id"
	local n m
	n=$(counter)
	# Time passes: that of ten programs.
	for _ in {1..10}; do ocirt state "$id" >/dev/null; done
	m=$(counter)
	[[ $n == "$m" ]] || complain "it counted from $n to $m"
	[[ $(stats .id) == "\"$id\"" ]]
	ocirt resume "$id"
	await counts_on "$m"
}

@test "a pause that fails lets the program go on" {
	command -v strace >/dev/null || skip "strace is not installed"
	bundle "$(args count /tmp/n)" '.root.readonly = false'
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	# The answer to "have they stopped?" cannot be read; "is it paused?", asked before, can.
	local file=freezer.state inject=read:error=EIO:when=3+ n
	! in_v2 freezer || file=cgroup.events inject=pread64:error=EIO
	run strace -qq -o "$dir/calls" -P "$(cgroup_of freezer)/$file" -e "inject=$inject" \
		"$OCIRT" --root "$root" pause "$id"
	expect_status 1
	expect_error pause "cannot pause: "
	grep -q INJECTED "$dir/calls"
	has_status "$id" running
	n=$(counter)
	await counts_on "$n"
}

@test "pause and resume by the wrong state are errors that change nothing" {
	standing
	run ocirt resume "$id"
	expect_status 1
	expect_error resume "container not paused: it is running"
	ocirt pause "$id"
	run ocirt pause "$id"
	expect_status 1
	expect_error pause "cannot pause a container that is paused"
	has_status "$id" paused
	ocirt kill "$id" KILL
	# What is frozen by cgroup v1 dies when it may go on, by v2 at once.
	in_v2 freezer || ocirt resume "$id"
	await has_status "$id" stopped
}

# OCIRT_TEST_MANY=20 where that takes too long.
@test "many containers made, changed and deleted at the same time leave nothing" {
	bundle "$(args sleep)" '.linux.resources.memory.limit = 67108864'
	local i many=${OCIRT_TEST_MANY:-200} failed=0
	for ((i = 1; i <= many; i++)); do
		{
			ocirt create "$id-$i" </dev/null &&
				ocirt start "$id-$i" &&
				ocirt update --pids-limit "$((100 + i))" --memory 70M "$id-$i" &&
				[[ $(cat "$(cgroup_of pids "$id-$i")/pids.max") == $((100 + i)) ]] &&
				ocirt delete --force "$id-$i" || echo failed
		} >"$dir/many.$i" 2>&1 3>&- &
		# A few at a time keep two processors as busy as all of them would.
		((i % 10)) || wait
	done
	wait
	for ((i = 1; i <= many; i++)); do
		[[ ! -s $dir/many.$i ]] || failed=$((failed + 1)) && continue
		cat "$dir/many.$i"
	done
	[[ $failed == 0 ]] || complain "$failed of $many: $(cat "$dir"/many.* | sort | uniq -c)"
	expect_no_container "$id-"
	[[ -z $(ls "$root") ]]
}
