#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# linux.resources, every member of it: what the kernel's file says when the container is there, on
# cgroup v1 and on v2, and what is said where this kernel has none for it.
#
# Those with the tag vm see what only a kernel with cgroup v2 shows. What is refused before the kernel is
# asked does not need one: tests/unit/cgroup.c imagines it.

load helpers
load cgroups

# A container with these resources that stands still.
limited() { # RESOURCES [FILTER...]
	rm -rf --one-file-system "$bundle"
	standing ".linux.resources += $1" "${@:2}"
}

# Not by way of `run`: what is created would keep its pipe open.
create() {
	status=0
	ocirt create "$id" </dev/null >"$dir/out" 2>&1 || status=$?
	output=$(<"$dir/out")
}

# These resources are refused, for this reason.
refused() { # RESOURCES TEXT...
	local text
	rm -rf --one-file-system "$bundle"
	bundle ".linux.resources += $1"
	create
	expect_status 1
	for text in "${@:2}"; do
		expect_line "$text"
	done
	expect_no_container "$id"
}

# --- memory --------------------------------------------------------------------------------------

# bats test_tags=vm
@test "memory: limit, reservation and swap" {
	need_controller memory
	limited '{"memory": {"limit": 67108864, "reservation": 33554432}}'
	expect_limit memory memory.limit_in_bytes 67108864 memory.max 67108864
	expect_limit memory memory.soft_limit_in_bytes 33554432 memory.low 33554432
	need_limit memory memory.memsw.limit_in_bytes memory.swap.max
	ocirt delete --force "$id"
	change '.linux.resources.memory.swap = 134217728'
	create
	expect_limit memory memory.limit_in_bytes 67108864 memory.max 67108864
	# The specification means both together, as v1 does; v2 counts them apart.
	expect_limit memory memory.memsw.limit_in_bytes 134217728 memory.swap.max 67108864
}

# bats test_tags=vm
@test "memory: -1 is no limit, 0 says nothing" {
	need_controller memory
	limited '{"memory": {"limit": -1, "swap": 0, "reservation": 0}}'
	expect_limit memory memory.limit_in_bytes 9223372036854771712 memory.max max
	expect_limit memory memory.soft_limit_in_bytes 9223372036854771712 memory.low 0
}

# bats test_tags=vm
@test "memory: swap as large as the limit is no swap, -1 is any amount" {
	need_controller memory
	need_file memory memory.memsw.limit_in_bytes memory.swap.max
	limited '{"memory": {"limit": 67108864, "swap": 67108864}}'
	expect_limit memory memory.memsw.limit_in_bytes 67108864 memory.swap.max 0
	ocirt delete --force "$id"
	change '.linux.resources.memory.swap = -1'
	create
	expect_limit memory memory.memsw.limit_in_bytes 9223372036854771712 memory.swap.max max
}

@test "memory: swap without a limit, or smaller than it, is refused" {
	need_controller memory
	refused '{"memory": {"limit": -1, "swap": 67108864}}' "linux.resources.memory.swap" \
		"needs a limit in linux.resources.memory.limit"
	refused '{"memory": {"limit": 67108864, "swap": 33554432}}' "linux.resources.memory.swap" \
		"is smaller than linux.resources.memory.limit"
	refused '{"memory": {"limit": -2}}' "linux.resources.memory.limit: -2 is out of range"
}

@test "memory: swappiness, and who may not be killed, are v1's" {
	need_controller memory
	if in_v2 memory; then
		refused '{"memory": {"swappiness": 17}}' \
			"linux.resources.memory.swappiness: has no counterpart in cgroup v2"
		refused '{"memory": {"disableOOMKiller": true}}' \
			"linux.resources.memory.disableOOMKiller: has no counterpart in cgroup v2"
		refused '{"memory": {"useHierarchy": false}}' \
			"linux.resources.memory.useHierarchy: has no counterpart in cgroup v2"
		limited '{"memory": {"disableOOMKiller": false, "useHierarchy": true}}'
		return
	fi
	limited '{"memory": {"limit": 67108864, "swappiness": 17, "disableOOMKiller": true, "useHierarchy": true}}'
	expect_limit memory memory.swappiness 17 - -
	expect_limit memory memory.use_hierarchy 1 - -
	limit memory memory.oom_control - | grep -qx "oom_kill_disable 1"
}

# bats test_tags=vm
@test "memory: kernel limits that Linux has given up are a warning at most" {
	need_controller memory
	bundle "$(args sleep)" '.linux.resources.memory = {"kernel": 67108864, "kernelTCP": 33554432}'
	create
	expect_status 0
	if in_v2 memory; then
		expect_line "linux.resources.memory.kernel: ignored"
		expect_line "linux.resources.memory.kernelTCP: ignored"
	else
		[[ $(limit memory memory.kmem.tcp.limit_in_bytes -) == @(33554432|9223372036854771712) ]]
	fi
}

# --- cpu -----------------------------------------------------------------------------------------

# bats test_tags=vm
@test "cpu: shares, quota, period, burst" {
	need_controller cpu
	limited '{"cpu": {"shares": 512, "quota": 20000, "period": 50000}}'
	expect_limit cpu cpu.shares 512 cpu.weight 59
	expect_limit cpu cpu.cfs_quota_us 20000 cpu.max "20000 50000"
	expect_limit cpu cpu.cfs_period_us 50000 cpu.max "20000 50000"
	need_limit cpu cpu.cfs_burst_us cpu.max.burst
	ocirt delete --force "$id"
	change '.linux.resources.cpu.burst = 5000'
	create
	expect_limit cpu cpu.cfs_burst_us 5000 cpu.max.burst 5000
}

# bats test_tags=vm
@test "cpu: idle" {
	need_controller cpu
	need_file cpu cpu.idle cpu.idle
	limited '{"cpu": {"idle": 1}}'
	expect_limit cpu cpu.idle 1 cpu.idle 1
}

@test "cpu: time for real-time programs, where the groups above have none yet" {
	need_controller cpu
	if in_v2 cpu; then
		refused '{"cpu": {"realtimeRuntime": 5000}}' \
			"linux.resources.cpu.realtimeRuntime: has no counterpart in cgroup v2"
		refused '{"cpu": {"realtimePeriod": 500000}}' \
			"linux.resources.cpu.realtimePeriod: has no counterpart in cgroup v2"
		return
	fi
	need_file cpu cpu.rt_runtime_us -
	limited '{"cpu": {"realtimeRuntime": 5000, "realtimePeriod": 500000}}' \
		".linux.cgroupsPath = \"/ocirt-$id/above/below\""
	[[ $(<"$(cgroup_of cpu)/above/below/cpu.rt_runtime_us") == 5000 ]]
	[[ $(<"$(cgroup_of cpu)/above/below/cpu.rt_period_us") == 500000 ]]
}

@test "cpu: a processor's time is not more than its period, or its parent's" {
	need_controller cpu
	refused '{"cpu": {"period": 999}}' "linux.resources.cpu.period: 999 is out of range: 1000 to 1000000"
	refused '{"cpu": {"quota": 10}}' "linux.resources.cpu.quota: 10 is"
	refused '{"cpu": {"quota": 10000, "period": 20000, "burst": 20000}}' "linux.resources.cpu.burst"
	refused '{"cpu": {"idle": 2}}' "linux.resources.cpu.idle: 2 is out of range: 0 to 1"
}

# bats test_tags=vm
@test "cpuset: processors and memory nodes, in the program's mask as well" {
	need_controller cpuset
	limited '{"cpu": {"cpus": "0", "mems": "0"}}'
	expect_limit cpuset cpuset.cpus 0 cpuset.cpus 0
	expect_limit cpuset cpuset.mems 0 cpuset.mems 0
	run ocirt exec "$id" /bin/demo sched
	expect_fact cpus 0
}

@test "cpuset: what is no list, and what this machine has not" {
	need_controller cpuset
	refused '{"cpu": {"cpus": "0-"}}' "linux.resources.cpu.cpus: '0-' is not a list of numbers and ranges"
	refused '{"cpu": {"mems": "x"}}' "linux.resources.cpu.mems: 'x' is not a list of numbers and ranges"
	refused '{"cpu": {"cpus": "4000"}}' "linux.resources.cpu.cpus: cannot write '4000' to"
	refused '{"cpu": {"mems": "900"}}' "linux.resources.cpu.mems: cannot write '900' to"
}

# --- pids ----------------------------------------------------------------------------------------

# bats test_tags=vm
@test "pids: a number, none, and 0" {
	need_controller pids
	limited '{"pids": {"limit": 17}}'
	expect_limit pids pids.max 17 pids.max 17
	ocirt delete --force "$id"
	change '.linux.resources.pids.limit = -1'
	create
	expect_limit pids pids.max max pids.max max
	ocirt delete --force "$id"
	change '.linux.resources.pids.limit = 0'
	create
	expect_limit pids pids.max 1 pids.max 1
	ocirt delete --force "$id"
	refused '{"pids": {"limit": -2}}' "linux.resources.pids.limit: -2 is out of range"
}

# --- block devices -------------------------------------------------------------------------------

# bats test_tags=vm
@test "blkio: weight" {
	need_controller blkio
	limited '{}'
	local bfq=1
	in_v2 blkio || need_limit blkio blkio.bfq.weight -
	[[ ! -e $(cgroup_of blkio)/io.weight ]] || bfq=
	! in_v2 blkio || [[ ! $bfq ]] || need_limit blkio - io.bfq.weight
	ocirt delete --force "$id"
	change '.linux.resources.blockIO.weight = 500'
	create
	if [[ $bfq ]]; then
		[[ $(limit blkio blkio.bfq.weight io.bfq.weight) == *500* ]]
	else
		expect_limit blkio - - io.weight "default 4950"
	fi
}

@test "blkio: a weight of a kernel that has none is refused, by the name of the file" {
	need_controller blkio
	limited '{}'
	local file=blkio.bfq.weight
	! in_v2 blkio || file=io.weight
	[[ ! -e $(cgroup_of blkio)/$file ]] || skip "this kernel has $file"
	[[ ! -e $(cgroup_of blkio)/io.bfq.weight ]] || skip "this kernel has io.bfq.weight"
	ocirt delete --force "$id"
	refused '{"blockIO": {"weight": 500}}' "linux.resources.blockIO.weight: cannot write '" "$file"
	refused '{"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 500}]}}' \
		"linux.resources.blockIO.weightDevice[0].weight: cannot write '8:0 "
}

@test "blkio: leafWeight, which no kernel since 5.0 has, is refused" {
	need_controller blkio
	limited '{}'
	[[ ! -e $(cgroup_of blkio)/blkio.leaf_weight ]] || skip "this kernel has blkio.leaf_weight"
	ocirt delete --force "$id"
	refused '{"blockIO": {"leafWeight": 500}}' "linux.resources.blockIO.leafWeight: "
	refused '{"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "leafWeight": 500}]}}' \
		"linux.resources.blockIO.weightDevice[0].leafWeight: "
	refused '{"blockIO": {"weight": 5}}' "linux.resources.blockIO.weight: 5 is out of range: 10 to 1000"
}

# bats test_tags=vm
@test "blkio: all four limits of a disk" {
	need_controller blkio
	find_disk
	local device="\"major\": ${disk%:*}, \"minor\": ${disk#*:}"
	limited "{\"blockIO\": {
		\"throttleReadBpsDevice\": [{$device, \"rate\": 1048576}],
		\"throttleWriteBpsDevice\": [{$device, \"rate\": 2097152}],
		\"throttleReadIOPSDevice\": [{$device, \"rate\": 77}],
		\"throttleWriteIOPSDevice\": [{$device, \"rate\": 88}]}}"
	local all="$disk rbps=1048576 wbps=2097152 riops=77 wiops=88"
	expect_limit blkio blkio.throttle.read_bps_device "$disk 1048576" io.max "$all"
	expect_limit blkio blkio.throttle.write_bps_device "$disk 2097152" io.max "$all"
	expect_limit blkio blkio.throttle.read_iops_device "$disk 77" io.max "$all"
	expect_limit blkio blkio.throttle.write_iops_device "$disk 88" io.max "$all"
}

# bats test_tags=vm
@test "blkio: a disk that is not there" {
	need_controller blkio
	refused '{"blockIO": {"throttleReadBpsDevice": [{"major": 4000, "minor": 7, "rate": 5}]}}' \
		"linux.resources.blockIO.throttleReadBpsDevice[0]: cannot write '4000:7 " \
		"hint: there is no such block device"
}

# --- what is left --------------------------------------------------------------------------------

# The smallest huge page, as cgroups have it: 2MB.
page_size() {
	local pages
	pages=$(find /sys/kernel/mm/hugepages -name 'hugepages-*' 2>/dev/null | sort -V | head -n 1)
	[[ -n $pages ]] || skip "no huge pages"
	size=${pages##*-}
	size=$((${size%kB} / 1024))MB
}

# bats test_tags=vm
@test "hugetlb: reservations, and what is used" {
	need_controller hugetlb
	page_size
	limited "{\"hugepageLimits\": [{\"pageSize\": \"$size\", \"limit\": 4194304}]}"
	expect_limit hugetlb "hugetlb.$size.limit_in_bytes" 4194304 "hugetlb.$size.max" 4194304
	need_limit hugetlb "hugetlb.$size.rsvd.limit_in_bytes" "hugetlb.$size.rsvd.max"
	expect_limit hugetlb "hugetlb.$size.rsvd.limit_in_bytes" 4194304 "hugetlb.$size.rsvd.max" 4194304
}

@test "hugetlb: a size that is none, and one that this machine has not" {
	need_controller hugetlb
	refused '{"hugepageLimits": [{"pageSize": "2mb", "limit": 4194304}]}' \
		"linux.resources.hugepageLimits[0]: pageSize '2mb' is not a size"
	refused '{"hugepageLimits": [{"pageSize": "3MB", "limit": 4194304}]}' \
		"linux.resources.hugepageLimits[0]: cannot write '4194304' to "
}

# Mounted for this test alone, beside the others: whoever else looks for hierarchies does not see them.
@test "network: classID and priorities, where net_cls and net_prio are mounted" {
	[[ -e /sys/fs/cgroup/cgroup.controllers ]] && skip "cgroup v2 has neither"
	grep -q '^net_cls' /proc/cgroups || skip "no controller 'net_cls' in this kernel"
	grep -q '^net_prio' /proc/cgroups || skip "no controller 'net_prio' in this kernel"
	[[ ! -e /sys/fs/cgroup/net_cls && ! -e /sys/fs/cgroup/net_prio ]] ||
		skip "net_cls or net_prio is mounted here"
	bundle "$(args sleep)" '.linux.resources.network = {"classID": 1048577, "priorities": [{"name": "lo", "priority": 7}]}'
	mkdir "$dir/cgroup"
	run unshare --mount bash -ec '
		top=$1/cgroup
		mount -t tmpfs none "$top"
		for there in /sys/fs/cgroup/*/; do
			mkdir "$top/$(basename "$there")"
			mount --rbind "$there" "$top/$(basename "$there")"
		done
		for name in net_cls net_prio; do
			mkdir "$top/$name"
			mount -t cgroup -o $name none "$top/$name"
		done
		mount --rbind "$top" /sys/fs/cgroup
		"$2" --root "$1/state" create "$3" </dev/null >"$1/out" 2>&1 || cat "$1/out"
		echo "class: $(cat "$top/net_cls/ocirt-$3/net_cls.classid")"
		echo "map: $(grep "^lo " "$top/net_prio/ocirt-$3/net_prio.ifpriomap")"
		"$2" --root "$1/state" delete --force "$3"
		[ ! -e "$top/net_cls/ocirt-$3" ]' bash "$dir" "$OCIRT" "$id"
	expect_status 0
	expect_fact class 1048577
	expect_fact map "lo 7"
}

@test "network: without net_cls and net_prio it is refused, and the error says what there is instead" {
	local network
	for network in '{"classID": 1048577}' '{"priorities": [{"name": "lo", "priority": 7}]}'; do
		bundle ".linux.resources.network = $network"
		[[ ! -e /sys/fs/cgroup/net_cls && ! -e /sys/fs/cgroup/net_prio ]] ||
			skip "net_cls or net_prio is mounted here"
		create
		expect_status 1
		expect_line "linux.resources.network."
		if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
			expect_line "hint: cgroup v2 has none: use netfilter's cgroup match or BPF"
		else
			expect_line "hint: mkdir /sys/fs/cgroup/net_"
		fi
		rm -rf --one-file-system "$bundle"
	done
}

# A device takes hardware, so it is the kernel's refusal that shows that the file was written.
# bats test_tags=vm
@test "rdma: a device that is not there" {
	local v2=/sys/fs/cgroup
	[[ -e $v2/cgroup.controllers ]] || v2+=/unified
	if grep -qsw rdma $v2/cgroup.controllers || [[ -d /sys/fs/cgroup/rdma ]]; then
		refused '{"rdma": {"mlx5_9": {"hcaHandles": 3, "hcaObjects": 100}}}' \
			"linux.resources.rdma.mlx5_9: cannot write 'mlx5_9 hca_handle=3 hca_object=100' to " rdma.max
	else
		refused '{"rdma": {"mlx5_9": {"hcaHandles": 3}}}' \
			"linux.resources.rdma.mlx5_9" "controller 'rdma'"
	fi
}

# Files that the kernel has in every cgroup of v2, controllers or not, come first.
@test "unified: files of cgroup v2 by their names" {
	[[ -n $(v2_top) ]] || skip "no cgroup v2 here"
	limited '{"unified": {"cgroup.max.depth": "17", "cgroup.max.descendants": "23"}}'
	[[ $(<"$(v2_top)/ocirt-$id/cgroup.max.depth") == 17 ]]
	[[ $(<"$(v2_top)/ocirt-$id/cgroup.max.descendants") == 23 ]]
	ocirt delete --force "$id"
	if in_v2 hugetlb && grep -qw hugetlb "$(v2_top)/cgroup.controllers"; then
		page_size
		change ".linux.resources.unified = {\"hugetlb.$size.max\": \"4194304\"}"
		create
		expect_limit hugetlb - - "hugetlb.$size.max" 4194304
	fi
}

# bats test_tags=vm
@test "unified: every controller of cgroup v2, and it prevails" {
	in_v2 memory || skip "the controllers of this host are in cgroup v1"
	find_disk
	limited "$(
		cat <<-END
			{"memory": {"limit": 67108864}, "unified": {"memory.max": "83886080",
			"memory.high": "50331648", "memory.min": "1048576", "memory.oom.group": "1",
			"cpu.max": "30000 60000", "cpu.weight": "77", "pids.max": "19", "cpuset.cpus": "0",
			"io.max": "$disk rbps=1048576\n$disk wiops=99"}}
		END
	)"
	expect_limit memory - - memory.max 83886080
	expect_limit memory - - memory.high 50331648
	expect_limit memory - - memory.min 1048576
	expect_limit memory - - memory.oom.group 1
	expect_limit cpu - - cpu.max "30000 60000"
	expect_limit cpu - - cpu.weight 77
	expect_limit pids - - pids.max 19
	expect_limit cpuset - - cpuset.cpus 0
	expect_limit blkio - - io.max "$disk rbps=1048576 wbps=max riops=max wiops=99"
}

@test "unified: a path, a file that is ours, a controller that is not there" {
	refused '{"unified": {"../evil": "1"}}' 'linux.resources.unified["../evil"]'
	refused '{"unified": {"nosuch.max": "1"}}' 'linux.resources.unified["nosuch.max"]' "'nosuch'"
	refused '{"unified": {"cgroup.procs": "1"}}' 'linux.resources.unified["cgroup.procs"]'
	[[ -n $(v2_top) ]] || return 0
	refused '{"unified": {"cgroup.max.depth": "-7"}}' \
		"linux.resources.unified[\"cgroup.max.depth\"]: cannot write '-7' to "
	# misc counts what few machines have; nobody has this.
	! grep -qw misc "$(v2_top)/cgroup.controllers" ||
		refused '{"unified": {"misc.max": "sheep 3"}}' \
			"linux.resources.unified[\"misc.max\"]: cannot write 'sheep 3' to "
}

@test "unified: what this host has in cgroup v1 is refused, and the error says where it is" {
	! in_v2 memory || skip "memory is in cgroup v2 here"
	refused '{"unified": {"memory.high": "50331648"}}' 'linux.resources.unified["memory.high"]' v1
}

@test "devices: the rules are in the file of cgroup v1" {
	! in_v2 devices || skip "cgroup v2 has no file for them"
	limited '{"devices": [{"allow": false, "access": "rwm"},
		{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]}'
	local rules
	rules=$(limit devices devices.list -)
	grep -qx "c 10:229 rw" <<<"$rules"
	grep -qx "c 1:3 rwm" <<<"$rules"
	run ! grep -qx "a \*:\* rwm" <<<"$rules"
}

# bats test_tags=vm
@test "all of them at once" {
	limited "$(all_resources)"
	expect_limit memory memory.limit_in_bytes 67108864 memory.max 67108864
	expect_limit cpu cpu.cfs_quota_us 20000 cpu.max "20000 50000"
	expect_limit cpuset cpuset.cpus 0 cpuset.cpus 0
	expect_limit pids pids.max 17 pids.max 17
	ocirt update -r - "$id" <<<"$(all_resources)"
	ocirt delete --force "$id"
}

# --- what it costs, in system calls ---------------------------------------------------------------

# How often a command line enters the kernel, all its processes together; the calls are in $dir/calls.
count() { # OCIRT-ARGUMENT...
	strace -f -qq -o "$dir/calls" "$OCIRT" --root "$root" "$@" >"$dir/out" 2>&1 </dev/null ||
		complain "$(<"$dir/out")"
	calls=$(grep -cE '^[0-9]+ +[a-z_0-9]+\(' "$dir/calls")
}

need_strace() {
	command -v strace >/dev/null || skip "strace is not installed"
	! grep -q __asan <(strings "$OCIRT" 2>/dev/null || :) || skip "sanitizers make calls of their own"
}

# bats test_tags=vm
@test "limits for everything cost less than a third of a container's life" {
	need_strace
	bundle "$(args exit 0)" '.linux.resources = {}'
	count run "$id"
	local without=$calls
	change ".linux.resources = $(all_resources)"
	count run "$id"
	echo "# $without system calls without resources, $calls with all" >&3
	((10 * calls <= 13 * without)) || complain "$calls calls instead of $without"
}

# bats test_tags=vm
@test "an update of one value is one process and one write to a cgroup" {
	need_strace
	need_controller pids
	limited '{"pids": {"limit": 17}}'
	count update --pids-limit 18 "$id"
	echo "# $calls system calls" >&3
	expect_limit pids pids.max 18 pids.max 18
	run awk '{ print $1 }' "$dir/calls"
	[[ $(sort -u <<<"$output" | wc -l) == 1 ]] || complain "more than one process"
	# What is opened for writing: the new configuration, and one file of the cgroup.
	run grep -E 'open(at|at2)?\(.*O_(WRONLY|RDWR)' "$dir/calls"
	[[ $(grep -c 'pids.max' <<<"$output") == 1 && ${#lines[@]} == 2 ]] || complain "more writes"
}
