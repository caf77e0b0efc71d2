#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# `ocirt update`: each option arrives in the kernel's file, what is not named stays, and an update
# that cannot be finished changes nothing at all.

load helpers
load life
load cgroups

NO_LIMIT=9223372036854771712 # of memory, as v1 shows it

memory_limit() {
	limit memory memory.limit_in_bytes memory.max
}

pids_limit() {
	limit pids pids.max pids.max
}

# From the container's copy of the configuration, which later commands read.
remembered() { # JQ-PATH
	jq -c ".linux.resources$1" "$root/$id/config.json"
}

# The update is refused for just this reason.
update_fails() { # OPTION... -- TEXT...
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	run ocirt update "${options[@]}" "$id"
	expect_status 1
	local text
	for text; do
		expect_line "$text"
	done
}

# --- each option ----------------------------------------------------------------------------------

# bats test_tags=vm
@test "--memory takes sizes with a suffix, and -1" {
	standing
	ocirt update --memory 50M "$id"
	expect_limit memory memory.limit_in_bytes 52428800 memory.max 52428800
	ocirt update --memory 67108864 "$id"
	expect_limit memory memory.limit_in_bytes 67108864 memory.max 67108864
	ocirt update --memory -1 "$id"
	expect_limit memory memory.limit_in_bytes $NO_LIMIT memory.max max
}

@test "--memory-swap is the sum of memory and swap" {
	standing
	need_limit memory memory.memsw.limit_in_bytes memory.swap.max
	ocirt update --memory 50M --memory-swap 70M "$id"
	expect_limit memory memory.limit_in_bytes 52428800 memory.max 52428800
	expect_limit memory memory.memsw.limit_in_bytes 73400320 memory.swap.max 20971520
	ocirt update --memory-swap -1 "$id"
	expect_limit memory memory.memsw.limit_in_bytes $NO_LIMIT memory.swap.max max
}

@test "memory and swap together go up and down in one update" {
	standing
	need_limit memory memory.memsw.limit_in_bytes memory.swap.max
	local size
	for size in 50 200 30 100; do
		ocirt update --memory ${size}M --memory-swap $((size + 10))M "$id"
		expect_limit memory memory.limit_in_bytes $((size << 20)) memory.max $((size << 20))
		expect_limit memory memory.memsw.limit_in_bytes $(((size + 10) << 20)) memory.swap.max $((10 << 20))
	done
	ocirt update --memory -1 "$id"
	expect_limit memory memory.limit_in_bytes $NO_LIMIT memory.max max
}

@test "--memory-reservation" {
	standing
	ocirt update --memory-reservation 33M "$id"
	expect_limit memory memory.soft_limit_in_bytes 34603008 memory.low 34603008
}

@test "--kernel-memory is known, and ignored with a warning" {
	standing
	run ocirt update --kernel-memory 50M "$id"
	expect_status 0
	expect_line "--kernel-memory is ignored"
}

@test "--cpu-quota and --cpu-period, together and alone" {
	standing
	ocirt update --cpu-period 20000 --cpu-quota 5000 "$id"
	expect_limit cpu cpu.cfs_quota_us 5000 cpu.max "5000 20000"
	expect_limit cpu cpu.cfs_period_us 20000 cpu.max "5000 20000"
	ocirt update --cpu-quota 8000 "$id"
	expect_limit cpu cpu.cfs_quota_us 8000 cpu.max "8000 20000"
	ocirt update --cpu-period 40000 "$id"
	expect_limit cpu cpu.cfs_quota_us 8000 cpu.max "8000 40000"
	expect_limit cpu cpu.cfs_period_us 40000 cpu.max "8000 40000"
	ocirt update --cpu-quota -1 "$id"
	expect_limit cpu cpu.cfs_quota_us -1 cpu.max "max 40000"
}

@test "--cpu-burst" {
	standing
	need_limit cpu cpu.cfs_burst_us cpu.max.burst
	ocirt update --cpu-quota 10000 --cpu-burst 5000 "$id"
	expect_limit cpu cpu.cfs_burst_us 5000 cpu.max.burst 5000
	ocirt update --cpu-burst 0 "$id"
	expect_limit cpu cpu.cfs_burst_us 0 cpu.max.burst 0
	update_fails --cpu-burst 20000 -- "linux.resources.cpu.burst: cannot write '20000' to " \
		"hint: it must not be larger than the quota, 10000"
}

@test "--cpu-share" {
	standing
	ocirt update --cpu-share 2048 "$id"
	expect_limit cpu cpu.shares 2048 cpu.weight 174
}

@test "--cpu-idle, and a wrong value keeps the old one" {
	standing
	need_limit cpu cpu.idle cpu.idle
	ocirt update --cpu-idle 1 "$id"
	expect_limit cpu cpu.idle 1 cpu.idle 1
	update_fails --cpu-idle 2 -- "--cpu-idle" "'2' is neither 0 nor 1"
	expect_limit cpu cpu.idle 1 cpu.idle 1
	ocirt update --cpu-idle 0 "$id"
	expect_limit cpu cpu.idle 0 cpu.idle 0
}

@test "--cpu-rt-period and --cpu-rt-runtime" {
	standing
	need_limit cpu cpu.rt_runtime_us -
	ocirt update --cpu-rt-period 1000000 --cpu-rt-runtime 1000 "$id"
	expect_limit cpu cpu.rt_runtime_us 1000 - -
	ocirt update --cpu-rt-period 500000 --cpu-rt-runtime 500 "$id"
	expect_limit cpu cpu.rt_period_us 500000 - -
	expect_limit cpu cpu.rt_runtime_us 500 - -
}

@test "--cpuset-cpus and --cpuset-mems" {
	standing
	ocirt update --cpuset-cpus 0 --cpuset-mems 0 "$id"
	expect_limit cpuset cpuset.cpus 0 cpuset.cpus 0
	expect_limit cpuset cpuset.mems 0 cpuset.mems 0
	[[ $(ocirt stats -f json "$id" | jq -r '.containers[0].cpu.cpus') == 0 ]]
}

@test "--pids-limit: a number, no limit, and 0 is the least that works" {
	standing
	ocirt update --pids-limit 17 "$id"
	expect_limit pids pids.max 17 pids.max 17
	ocirt update --pids-limit -1 "$id"
	expect_limit pids pids.max max pids.max max
	ocirt update --pids-limit 0 "$id"
	expect_limit pids pids.max 1 pids.max 1
}

@test "--blkio-weight" {
	standing
	in_v2 blkio || need_limit blkio blkio.bfq.weight -
	! in_v2 blkio || need_limit blkio - io.weight
	ocirt update --blkio-weight 500 "$id"
	if [[ -e $(cgroup_of blkio)/io.bfq.weight ]]; then
		[[ $(limit blkio - io.bfq.weight) == *500* ]]
	else
		expect_limit blkio blkio.bfq.weight 500 io.weight "default 4950"
	fi
}

@test "options before and after the id" {
	standing
	ocirt update --pids-limit 20 "$id" --memory 60M
	[[ $(pids_limit) == 20 && $(memory_limit) == 62914560 ]]
}

# --- JSON -----------------------------------------------------------------------------------------

@test "--resources from a file and from standard input" {
	standing
	echo '{"pids": {"limit": 21}}' >"$dir/new.json"
	ocirt update --resources "$dir/new.json" "$id"
	[[ $(pids_limit) == 21 ]]
	ocirt update -r - "$id" <<<'{"pids": {"limit": 22}}'
	[[ $(pids_limit) == 22 ]]
}

@test "--resources replaces all other options, and knows names in any case" {
	standing
	ocirt update --pids-limit 5 -r - --memory 1M "$id" <<<'{"PIDS": {"Limit": 23}}'
	[[ $(pids_limit) == 23 ]]
	expect_limit memory memory.limit_in_bytes $NO_LIMIT memory.max max
}

@test "limits of a disk: one by one, named twice, and back" {
	standing
	local disk major minor
	find_disk
	major=${disk%:*} minor=${disk#*:}
	need_limit blkio blkio.throttle.read_bps_device io.max
	ocirt update -r - "$id" <<<"{\"blockIO\": {\"throttleReadBpsDevice\": [
		{\"major\": $major, \"minor\": $minor, \"rate\": 1000000},
		{\"major\": $major, \"minor\": $minor, \"rate\": 2000000}]}}"
	expect_limit blkio blkio.throttle.read_bps_device "$disk 2000000" io.max "$disk rbps=2000000 wbps=max riops=max wiops=max"
	ocirt update -r - "$id" <<<"{\"blockIO\": {\"throttleWriteIOPSDevice\": [
		{\"major\": $major, \"minor\": $minor, \"rate\": 300}]}}"
	expect_limit blkio blkio.throttle.write_iops_device "$disk 300" io.max "$disk rbps=2000000 wbps=max riops=max wiops=300"
	[[ $(remembered .blockIO.throttleReadBpsDevice[0].rate) == 2000000 ]]
	[[ $(remembered '.blockIO.throttleReadBpsDevice | length') == 1 ]]
	[[ $(remembered .blockIO.throttleWriteIOPSDevice[0].rate) == 300 ]]
	# Refused after the disk's limit was changed: that goes back, too.
	update_fails -r - -- "linux.resources.blockIO.throttleReadIOPSDevice[0]: cannot write '4000:0 " \
		"hint: there is no such block device" <<<"{\"blockIO\": {
		\"throttleReadBpsDevice\": [{\"major\": $major, \"minor\": $minor, \"rate\": 7000000}],
		\"throttleWriteBpsDevice\": [{\"major\": $major, \"minor\": $minor, \"rate\": 8000000}],
		\"throttleReadIOPSDevice\": [{\"major\": 4000, \"minor\": 0, \"rate\": 5}]}}"
	expect_limit blkio blkio.throttle.read_bps_device "$disk 2000000" io.max "$disk rbps=2000000 wbps=max riops=max wiops=300"
	expect_limit blkio blkio.throttle.write_bps_device "" io.max "$disk rbps=2000000 wbps=max riops=max wiops=300"
	ocirt update -r - "$id" <<<"{\"blockIO\": {\"throttleReadBpsDevice\": [
		{\"major\": $major, \"minor\": $minor, \"rate\": 0}], \"throttleWriteIOPSDevice\": [
		{\"major\": $major, \"minor\": $minor, \"rate\": 0}]}}"
	expect_limit blkio blkio.throttle.read_bps_device "" io.max ""
}

# --- all or nothing -------------------------------------------------------------------------------

@test "what is not named stays" {
	standing '.linux.resources.memory.limit = 83886080 | .linux.resources.pids.limit = 40 | .linux.resources.cpu.shares = 700'
	ocirt update --pids-limit 41 "$id"
	[[ $(memory_limit) == 83886080 && $(pids_limit) == 41 ]]
	expect_limit cpu cpu.shares 700 cpu.weight 75
}

# bats test_tags=vm
@test "an update that is refused halfway changes nothing" {
	standing '.linux.resources.memory = {limit: 83886080, reservation: 41943040} | .linux.resources.pids.limit = 40' \
		'.linux.resources.cpu = {quota: 20000, period: 50000, shares: 700, cpus: "0"}'
	local before
	before=$(remembered)
	# In the order of writing: memory and cpu come before the list of CPUs, which no machine has.
	update_fails -r - -- "linux.resources.cpu.cpus: cannot write '4000-4001' to " "hint: the parent has the CPUs 0" \
		<<<'{"memory": {"limit": 50331648, "reservation": 1048576}, "pids": {"limit": 9},
		"cpu": {"quota": 30000, "period": 60000, "shares": 300, "cpus": "4000-4001"}}'
	[[ $(memory_limit) == 83886080 && $(pids_limit) == 40 ]]
	expect_limit memory memory.soft_limit_in_bytes 41943040 memory.low 41943040
	expect_limit cpu cpu.cfs_quota_us 20000 cpu.max "20000 50000"
	expect_limit cpu cpu.cfs_period_us 50000 cpu.max "20000 50000"
	expect_limit cpu cpu.shares 700 cpu.weight 75
	expect_limit cpuset cpuset.cpus 0 cpuset.cpus 0
	[[ $(remembered) == "$before" ]]
	[[ $(ls "$root/$id") != *next* ]]
}

@test "a wrong value is refused before anything is written" {
	standing '.linux.resources.pids.limit = 40'
	update_fails -r - -- "linux.resources.cpu.period: 5 is out of range: 1000 to 1000000" \
		<<<'{"pids": {"limit": 9}, "cpu": {"period": 5}}'
	update_fails -r - -- "linux.resources.cpu.cpus: '0-' is not a list" \
		<<<'{"pids": {"limit": 9}, "cpu": {"cpus": "0-"}}'
	update_fails --memory 50M --memory-swap 40M -- "linux.resources.memory.swap: 41943040 is smaller than"
	[[ $(pids_limit) == 40 ]]
}

@test "memory that is in use cannot be taken away, and the error says so" {
	standing
	need_limit memory memory.limit_in_bytes -
	ocirt exec --detach "$id" /bin/demo hog 20M >"$dir/hog" 2>&1 </dev/null
	await holds "$dir/hog" :
	ocirt update --memory 100M --memory-swap 100M "$id"
	update_fails --pids-limit 7 --memory 4M --memory-swap 4M -- \
		"linux.resources.memory.limit: cannot write '4194304' to " "bytes are in use"
	[[ $(memory_limit) == 104857600 && $(pids_limit) == max ]]
}

@test "checkBeforeUpdate refuses a limit below what is in use" {
	standing '.linux.resources.memory.checkBeforeUpdate = true'
	in_v2 memory || skip "cgroup v1 refuses such a limit by itself"
	update_fails --memory 4096 -- "rejecting memory limit"
	update_fails --memory-swap 8192 -- "rejecting memory+swap limit"
	expect_limit memory - - memory.max max
}

# --- devices --------------------------------------------------------------------------------------

can_open() { # DEVICE
	run ocirt exec "$id" /bin/demo lock-rw "$1"
	[[ $output == "lock-rw: ok" ]]
}

@test "device rules stay where an update names none" {
	standing
	can_open /dev/null
	ocirt update --pids-limit 50 "$id"
	ocirt update -r - "$id" <<<'{"devices": [], "pids": {"limit": 51}}'
	ocirt update -r - "$id" <<<'{"devices": null, "pids": {"limit": 52}}'
	can_open /dev/null
	[[ $(remembered '.devices | length') != 0 ]]
}

# bats test_tags=vm
@test "device rules are replaced, and put back when the rest is refused" {
	standing
	ocirt update -r - "$id" <<<'{"devices": [{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 5, "access": "rw"}]}'
	can_open /dev/zero
	[[ $(remembered '.devices | length') == 2 ]]
	update_fails -r - -- "linux.resources.cpu.cpus" \
		<<<'{"devices": [{"allow": true}], "cpu": {"cpus": "4000"}}'
	local rules
	if in_v2 devices; then
		skip "the rest is read from devices.list"
	fi
	rules=$(limit devices devices.list -)
	[[ $rules != *"a *:* rwm"* && $rules == *"c 1:5 rw"* ]]
	update_fails -r - -- "linux.resources.cpu.cpus" \
		<<<'{"devices": [{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 7, "access": "rw"}], "cpu": {"cpus": "4000"}}'
	[[ $(limit devices devices.list - | sort) == "$(sort <<<"$rules")" ]]
}

# --- states ---------------------------------------------------------------------------------------

@test "new values are remembered, and the bundle is left alone" {
	standing '.linux.resources.memory.limit = 83886080'
	cp "$bundle/config.json" "$dir/before"
	ocirt update --memory 90M --pids-limit 12 --cpuset-cpus 0 "$id"
	[[ $(remembered .memory.limit) == 94371840 && $(remembered .pids.limit) == 12 ]]
	[[ $(remembered .cpu.cpus) == '"0"' ]]
	ocirt update --cpu-share 300 "$id"
	[[ $(remembered .memory.limit) == 94371840 && $(remembered .cpu.shares) == 300 ]]
	[[ $(remembered .cpu.cpus) == '"0"' ]]
	cmp "$bundle/config.json" "$dir/before"
	# Nothing else of the configuration is lost.
	[[ $(jq -S 'del(.linux.resources)' "$root/$id/config.json") == "$(jq -S 'del(.linux.resources)' "$dir/before")" ]]
}

@test "a paused container stays paused, also when the update fails" {
	standing
	ocirt pause "$id"
	ocirt update --pids-limit 30 "$id"
	[[ $(status_of "$id") == paused && $(pids_limit) == 30 ]]
	ocirt update -r - "$id" <<<'{"devices": [{"allow": true}, {"allow": false, "type": "c", "major": 10, "minor": 1, "access": "w"}]}'
	[[ $(status_of "$id") == paused ]]
	update_fails --pids-limit 31 --cpuset-cpus 4000 -- "linux.resources.cpu.cpus"
	[[ $(status_of "$id") == paused && $(pids_limit) == 30 ]]
	ocirt resume "$id"
	[[ $(status_of "$id") == running ]]
}

@test "a container that is only created can be updated, one that is stopped not" {
	bundle "$(args exit 0)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt update --pids-limit 30 "$id"
	[[ $(pids_limit) == 30 && $(status_of "$id") == created ]]
	ocirt start "$id"
	await has_status "$id" stopped
	update_fails --pids-limit 31 -- "cannot update a container that is stopped"
}

@test "without cgroups there is nothing to update, to pause or to count" {
	bundle "$(args sleep)"
	ocirt --cgroup-manager disabled create "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	local command
	for command in "update --pids-limit 3" pause events stats; do
		# shellcheck disable=SC2086 # words
		run ocirt $command "$id"
		expect_status 1
		expect_error "${command%% *}" "cgroups disabled"
	done
}
