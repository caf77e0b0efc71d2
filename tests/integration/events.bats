#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# `ocirt events` and `ocirt stats`: what a container uses, told under names that stay, when its
# memory runs out, and until it ends.

load helpers
load life
load cgroups

# Follow a container in the background: its lines go to $dir/events, its exit status to $dir/ended.
follow() { # OPTION...
	{
		"$OCIRT" --root "$root" events "$@" "$id" >"$dir/events" 2>"$dir/events.err"
		echo $? >"$dir/ended"
	} 3>&- </dev/null &
	await grep -q '"type":"stats"' "$dir/events"
}

ended() { # STATUS
	await test -s "$dir/ended"
	[[ $(<"$dir/ended") == "$1" ]] || complain "events ended with $(<"$dir/ended"): $(<"$dir/events.err")"
}

# One number, or more, of `events --stats`.
data() { # JQ-FILTER
	ocirt events --stats "$id" | jq -c ".data$1"
}

@test "events --stats prints one object on one line, with the names that are known" {
	standing '.linux.resources.memory.limit = 104857600 | .linux.resources.pids.limit = 33'
	run ocirt events --stats "$id"
	expect_status 0
	[[ ${#lines[@]} == 1 && $output == '{"type":"stats","id":"'$id'","data":{"cpu":{"usage":{"total":'* ]]
	[[ $(jq -c '.data | keys_unsorted' <<<"$output") == '["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]' ]]
	[[ $(jq -c .data.pids <<<"$output") == '{"current":1,"limit":33}' ]]
	[[ $(jq .data.memory.usage.limit <<<"$output") == 104857600 ]]
	[[ $(jq '.data.memory.usage | .usage > 0 and .max >= .usage and .failcnt == 0' <<<"$output") == true ]]
	[[ $(jq '.data.memory | has("cache", "swap", "kernel", "kernelTCP")' <<<"$output" | sort -u) == true ]]
	[[ $(jq '.data.memory.raw | length > 20' <<<"$output") == true ]]
	[[ $(jq '.data.cpu.usage | has("kernel", "user") and .total > 0' <<<"$output" | sort -u) == true ]]
	[[ $(jq -c '.data.cpuset.mems' <<<"$output") == "[0"* ]]
	[[ $(jq '.data.cpuset.cpus | length' <<<"$output") == $(nproc --all) ]]
}

@test "no limit is the largest number, and a limit of processes that is none is left out" {
	standing
	run ocirt events --stats "$id"
	expect_line '"usage":{"limit":18446744073709551615,'
	[[ $(jq -c '.data.pids | keys' <<<"$output") == '["current"]' ]]
}

@test "cgroup v1: the time of each CPU adds up" {
	! in_v2 cpuacct || skip "cgroup v2 does not count per CPU"
	standing
	[[ $(data '.cpu.usage | (.percpu | add) == .total and (.percpu | length) == (.percpu_user | length)') == true ]]
}

@test "pressure is told where there is cgroup v2" {
	standing
	local v2=/sys/fs/cgroup
	[[ -e $v2/cgroup.controllers ]] || v2+=/unified
	[[ -e $v2/cpu.pressure ]] || skip "this kernel does not measure pressure"
	[[ $(data '.cpu.psi.some | keys') == '["avg10","avg300","avg60","total"]' ]]
	[[ $(data ' | [.memory.psi.full.total, .blkio.psi.some.avg10] | map(type)') == '["number","number"]' ]]
}

@test "reads and writes of disks have a device, a kind and a number" {
	standing
	# Whether any were is the page cache's affair; what there is has the right shape.
	[[ $(data '.blkio | [.ioServiceBytesRecursive[]? | has("major", "minor", "op", "value")] | all') == true ]]
}

@test "network interfaces count for themselves, and only those of the container" {
	standing
	[[ $(data .network_interfaces) == null ]]
	local pid
	pid=$(pid_of "$id")
	nsenter --net="/proc/$pid/ns/net" ip link add dev inner type veth peer name outer 2>/dev/null ||
		skip "no veth, or no nsenter and ip"
	nsenter --net="/proc/$pid/ns/net" ip link set inner up
	nsenter --net="/proc/$pid/ns/net" ip link set outer up
	[[ $(data '.network_interfaces | map(.Name) | sort') == '["inner","outer"]' ]]
	sent() { (($(data '.network_interfaces | map(.TxBytes) | add') > 0)); }
	await sent # the kernel looks for neighbours
	[[ $(ocirt stats -f json "$id" | jq '.containers[0].network | all(has("name", "rxBytes", "txDropped"))') == true ]]
}

@test "the network of the host is not counted as the container's" {
	standing '.linux.namespaces |= map(select(.type != "network"))'
	[[ $(data .network_interfaces) == null ]]
}

@test "huge pages are told for each size" {
	need_controller hugetlb
	[[ -e /sys/kernel/mm/hugepages/hugepages-2048kB ]] || skip "no pages of 2 MB"
	standing '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]'
	[[ $(data '.hugetlb["2MB"] | .usage == 0 and .failcnt == 0') == true ]]
	[[ $(ocirt stats -f json "$id" | jq '.containers[0].hugetlb["2MB"].limit') == 4194304 ]]
}

@test "events prints at once, at every interval, and ends with the container" {
	standing
	follow --interval 20ms
	await eval '(($(wc -l <"$dir/events") >= 4))'
	ocirt kill "$id" KILL
	ended 0
	[[ $(jq -r .type "$dir/events" | sort -u) == stats && ! -s $dir/events.err ]]
}

@test "events ends when the container is deleted" {
	standing
	follow --interval 1h
	ocirt delete --force "$id"
	ended 0
	[[ $(wc -l <"$dir/events") == 1 ]]
}

@test "events sees what an update changes" {
	standing
	follow --interval 20ms
	ocirt update --pids-limit 77 "$id"
	await grep -q '"limit":77}' "$dir/events"
}

@test "a container whose memory runs out is told of" {
	bundle "$(args hog 64M)" '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
	in_v2 memory || [[ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]] || change 'del(.linux.resources.memory.swap)'
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	follow --interval 1h
	ocirt start "$id"
	ended 0
	# Once for each time that it ran out; the kernel may have needed more than one.
	[[ $(sed 1d "$dir/events" | sort -u) == '{"type":"oom","id":"'$id'"}' ]]
	[[ $(status_of "$id") == stopped ]]
}

@test "a program in the container that is killed for memory is told of while others go on" {
	standing '.linux.resources.memory = {limit: 33554432}'
	follow --interval 1h
	run ocirt exec "$id" /bin/demo hog 128M
	expect_status 137
	await grep -qF '{"type":"oom","id":"'"$id"'"}' "$dir/events"
	[[ $(status_of "$id") == running && ! -e $dir/ended ]]
	[[ $(ocirt stats -f json "$id" | jq '.containers[0].memory | .oomKills > 0 and .peak > 30000000') == true ]]
	ocirt kill "$id" KILL
	ended 0
	[[ $(tail -n 1 "$dir/events") == '{"type":"oom",'* ]]
}

@test "the end of a cgroup is not taken for the end of memory" {
	standing '.linux.resources.memory.limit = 33554432'
	follow --interval 1h
	ocirt kill "$id" KILL
	ocirt delete --force "$id"
	ended 0
	[[ $(<"$dir/events") != *oom* ]]
}

@test "wrong intervals are refused" {
	standing
	local bad
	for bad in 0 0s 5 x s -1s 5s3 1d . .s 99999999999h; do
		run ocirt events --interval "$bad" "$id"
		expect_status 1
		expect_line "--interval"
	done
	run ocirt events --interval 1.5h30m0.25s500us --stats "$id"
	expect_status 0
}

@test "a container that is stopped has no events and no stats" {
	bundle "$(args exit 0)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt events --stats "$id" >/dev/null
	ocirt start "$id"
	await has_status "$id" stopped
	run ocirt events "$id"
	expect_status 1
	expect_error events "container not running: it is stopped"
	run ocirt stats "$id"
	expect_status 1
	expect_error stats "container not running: it is stopped"
	run ocirt stats
	expect_status 0
	[[ ${#lines[@]} == 1 ]]
}

# --- stats ----------------------------------------------------------------------------------------

@test "stats is a table for people" {
	standing '.linux.resources.memory.limit = 67108864'
	run ocirt stats
	expect_status 0
	[[ ${lines[0]} =~ ^ID\ +CPU\ +MEMORY\ +PEAK\ +LIMIT\ +SWAP\ +PIDS\ +OOM-KILLS$ ]]
	[[ ${lines[1]} =~ ^"$id"\ +0\.[0-9]{2}s\ .*\ 64M\ .*\ 1\ +0$ ]]
	ocirt update --memory -1 "$id"
	run ocirt stats "$id"
	expect_line " none "
}

@test "stats --format json has a version, and null for no limit" {
	standing
	run ocirt stats --format json "$id"
	expect_status 0
	[[ $(jq .schemaVersion <<<"$output") == 1 && $(jq -r '.containers[0].id' <<<"$output") == "$id" ]]
	[[ $(jq -c '.containers[0].pids | {usage, limit}' <<<"$output") == '{"usage":1,"limit":null}' ]]
	[[ $(jq '.containers[0].memory | has("limit") and .limit == null and .usage > 0 and .oomKills == 0' <<<"$output") == true ]]
	[[ $(jq '.containers[0].cpu | .totalNsec > 0 and .totalNsec < 60000000000' <<<"$output") == true ]]
	[[ $(jq '.containers[0].io.devices | type' <<<"$output") == '"array"' ]]
}

@test "stats of several containers goes on after a failure" {
	standing
	ocirt create "$id-2" >"$dir/out" 2>&1 </dev/null
	run ocirt stats "$id" nosuch "$id-2"
	expect_status 1
	expect_line "ocirt: stats nosuch: container does not exist"
	expect_line "$id "
	expect_line "$id-2 "
	[[ $(ocirt stats -f json | jq -c '[.containers[].id]') == "[\"$id\",\"$id-2\"]" ]]
	ocirt delete --force "$id-2"
}
