#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# linux.cgroupsPath and linux.resources: where the container is, and what the kernel was told. On
# hosts with cgroup v1, with v2, and with both.

load helpers

clean_up() {
	ocirt delete --force "$id-2" 2>/dev/null || :
	find /sys/fs/cgroup -depth -type d -path "*$id-mine*" -exec rmdir {} + 2>/dev/null || :
}

# A filter: inside, cgroups look as they do on the host, which is v1's default.
host_view='del(.linux.namespaces[] | select(.type == "cgroup"))'

# The directory of a controller's hierarchy, or skip. A controller of v2 must be enabled for it.
hierarchy() { # CONTROLLER
	if [[ -d /sys/fs/cgroup/$1 && ! -e /sys/fs/cgroup/cgroup.controllers ]]; then
		v=1 top=/sys/fs/cgroup/$1
		return
	fi
	top=/sys/fs/cgroup/unified v=2
	[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || top=/sys/fs/cgroup
	grep -qw "${1/blkio/io}" "$top/cgroup.controllers" || skip "no controller '$1'"
}

# What the file of a standing container says: the name in v1 or in v2.
expect_file() { # V1-FILE V1-VALUE V2-FILE V2-VALUE
	local file=$1 value=$2
	((v == 1)) || file=$3 value=$4
	[[ -n $file ]] || return 0
	local is
	is=$(<"$top/$at/$file")
	[[ $is == "$value" ]] || complain "$file is '$is' instead of '$value'"
}

# A standing container in a cgroup of its own, with these resources.
limited() { # RESOURCES [FILTER...]
	at=$id-limits
	standing ".linux.cgroupsPath = \"/$at\"" ".linux.resources += $1" "${@:2}"
	[[ $(status_of "$id") == running ]]
}

# --- where -----------------------------------------------------------------------------------

# bats test_tags=vm
@test "an absolute cgroupsPath is the path in every hierarchy" {
	standing '.linux.cgroupsPath = "/'"$id"'-a/b"'
	local line pid controllers
	pid=$(pid_of "$id")
	while read -r line; do
		# A hierarchy may be there that nobody has mounted, or not any more.
		controllers=${line#*:} controllers=${controllers%%:*}
		[[ -z $controllers ]] ||
			grep -qE " - cgroup [^ ]+ [^ ]*\b$controllers\b" /proc/self/mountinfo || continue
		[[ $line == *":/$id-a/b" ]] || complain "elsewhere: $line"
	done <"/proc/$pid/cgroup"
}

@test "a relative cgroupsPath is always at the same place" {
	standing '.linux.cgroupsPath = "'"$id"'-a/b"'
	local first second
	first=$(grep -m1 -E '^0::|:pids:' "/proc/$(pid_of "$id")/cgroup")
	[[ $first == *"/$id-a/b" ]]
	ocirt delete --force "$id"
	ocirt create "$id" </dev/null >/dev/null 2>&1
	second=$(grep -m1 -E '^0::|:pids:' "/proc/$(pid_of "$id")/cgroup")
	[[ $first == "$second" ]]
}

@test "without a cgroupsPath the container has one of its own" {
	standing
	grep -q "$id" "/proc/$(pid_of "$id")/cgroup"
}

@test "a cgroupsPath that leads elsewhere is refused" {
	bundle '.linux.cgroupsPath = "/a/../../b"'
	demo ids
	expect_status 1
	expect_line "linux.cgroupsPath"
	change '.linux.cgroupsPath = "/"'
	demo ids
	expect_status 1
	expect_line "linux.cgroupsPath"
	expect_no_container "$id"
}

@test "nothing is left after delete, not of the way there either" {
	standing '.linux.cgroupsPath = "/'"$id"'-a/b/c"'
	ocirt delete --force "$id"
	local left
	left=$(find /sys/fs/cgroup -path "*$id-a*")
	[[ -z $left ]] || complain "left: $left"
}

@test "cgroups that the program made below its own go, too" {
	standing '.linux.cgroupsPath = "/'"$id"'-a"'
	hierarchy pids
	mkdir "$top/$id-a/inner"
	ocirt delete --force "$id"
	[[ ! -e $top/$id-a ]]
}

# bats test_tags=vm
@test "a cgroup with somebody else in it is refused" {
	standing '.linux.cgroupsPath = "/'"$id"'-shared"'
	"$OCIRT_DEMO" spec --demo "$dir/second"
	cp config.json "$dir/second/config.json"
	run ocirt create -b "$dir/second" "$id-2" </dev/null
	expect_status 1
	expect_line "container's cgroup is not empty"
	[[ $(status_of "$id") == running ]]
	[[ ! -e $root/$id-2 ]]
}

@test "a cgroup that the caller made is used, and stays" {
	hierarchy pids
	mkdir -p "$top/$id-mine/own"
	bundle "$host_view" '.linux.cgroupsPath = "/'"$id"'-mine/own/below"'
	demo cgroup
	expect_status 0
	expect_line "/$id-mine/own/below"
	[[ -d $top/$id-mine/own && ! -e $top/$id-mine/own/below ]]
	change '.linux.cgroupsPath = "/'"$id"'-mine/own"'
	demo cgroup
	expect_status 0
	[[ -d $top/$id-mine/own ]] || complain "the caller's cgroup is gone"
}

@test "with cgroups disabled none is made" {
	bundle "$host_view"
	change "$(args cgroup)"
	run ocirt --cgroup-manager disabled run "$id"
	expect_status 0
	expect_no_line "$id"
	[[ $output == "$(</proc/self/cgroup)" ]]
}

@test "the program is in its cgroup from its first instruction" {
	hierarchy pids
	bundle "$host_view" '.linux.cgroupsPath = "/'"$id"'-c"'
	demo cgroup
	expect_line ":/$id-c"
	[[ $output == *pids:/$id-c* || $output == "0::/$id-c" ]] || complain "elsewhere"
}

# Moving a process takes a lock of all threads of the host, and milliseconds.
# bats test_tags=vm
@test "no process is moved: it is born in its cgroup, or joins by itself" {
	command -v strace >/dev/null || skip "strace is not installed"
	hierarchy pids
	standing "$host_view" '.linux.cgroupsPath = "/'"$id"'-d"'
	change '.linux.cgroupsPath = "/'"$id"'-e"'
	change "$(args exit 0)"
	strace -f -e trace=openat,open -o "$dir/run" "$OCIRT" --root "$root" run "$id-2" </dev/null
	strace -f -e trace=openat,open -o "$dir/exec" "$OCIRT" --root "$root" exec "$id" /bin/demo cgroup \
		>"$dir/out"
	grep -qE "(pids|^0:):/$id-d" "$dir/out" || complain "elsewhere: $(<"$dir/out")"
	! grep -hE '"cgroup.procs", O_(WRONLY|RDWR)' "$dir/run" "$dir/exec" || complain "moved"
}

# --- what ------------------------------------------------------------------------------------

# bats test_tags=vm
@test "memory: limit, reservation, swap" {
	hierarchy memory
	limited '{"memory": {"limit": 67108864, "reservation": 33554432, "swap": 134217728}}'
	expect_file memory.limit_in_bytes 67108864 memory.max 67108864
	expect_file memory.soft_limit_in_bytes 33554432 memory.low 33554432
	[[ ! -e $top/$at/memory.memsw.limit_in_bytes && $v == 1 ]] ||
		expect_file memory.memsw.limit_in_bytes 134217728 memory.swap.max 67108864
}

@test "memory: swappiness and the OOM killer of cgroup v1" {
	hierarchy memory
	((v == 1)) || skip "they are of cgroup v1"
	limited '{"memory": {"limit": 67108864, "swappiness": 17, "disableOOMKiller": true}}'
	expect_file memory.swappiness 17
	grep -qx "oom_kill_disable 1" "$top/$at/memory.oom_control"
}

@test "memory: -1 is no limit" {
	hierarchy memory
	limited '{"memory": {"limit": -1}}'
	expect_file memory.limit_in_bytes "$(cat "$top/memory.limit_in_bytes" 2>/dev/null)" memory.max max
}

@test "memory: the limit is seen inside, and holds" {
	hierarchy memory
	bundle '.linux.resources.memory = {"limit": 16777216, "swap": 16777216}'
	change "$host_view | .linux.namespaces += [{\"type\": \"cgroup\"}]"
	if ((v == 1)); then
		demo cat /sys/fs/cgroup/memory/memory.limit_in_bytes
		[[ $output == 16777216 ]]
	fi
	demo hog 64M
	expect_status 137
	expect_no_line "hog: "
}

@test "cpu: shares, quota, period, burst" {
	hierarchy cpu
	limited '{"cpu": {"shares": 512, "quota": 20000, "period": 50000, "burst": 5000}}'
	expect_file cpu.shares 512
	expect_file cpu.cfs_quota_us 20000 cpu.max "20000 50000"
	expect_file cpu.cfs_period_us 50000
	expect_file cpu.cfs_burst_us 5000 cpu.max.burst 5000
}

@test "cpu: idle" {
	hierarchy cpu
	limited '{"cpu": {"idle": 1}}'
	expect_file cpu.idle 1 cpu.idle 1
}

@test "cpuset: processors and memory nodes, in the program's mask as well" {
	hierarchy cpuset
	limited '{"cpu": {"cpus": "0", "mems": "0"}}'
	expect_file cpuset.cpus 0 cpuset.cpus 0
	expect_file cpuset.mems 0 cpuset.mems 0
	run ocirt exec "$id" /bin/demo sched
	expect_fact cpus 0
}

@test "pids: the limit is told, and stops a fork" {
	hierarchy pids
	limited '{"pids": {"limit": 17}}'
	expect_file pids.max 17 pids.max 17
	ocirt delete --force "$id"
	change "$(args fork 20)"
	run ocirt run "$id"
	expect_status 1
	expect_line "demo: fork"
	expect_line EAGAIN
}

@test "pids: 1 is enough for a program, -1 is no limit" {
	hierarchy pids
	bundle '.linux.resources.pids = {"limit": 1}'
	demo exit 3
	expect_status 3
	bundle_again
	limited '{"pids": {"limit": -1}}'
	expect_file pids.max max pids.max max
}

@test "blkio: throttling a real device" {
	hierarchy blkio
	local device
	device=$(awk '$3 ~ /^(vd|sd|xvd)[a-z]$|^nvme[0-9]+n1$/ { print $1 ":" $2; exit }' /proc/diskstats)
	[[ -n $device ]] || skip "no block device"
	local throttle="[{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 1048576}]"
	local few="[{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 77}]"
	limited "{\"blockIO\": {\"throttleReadBpsDevice\": $throttle, \"throttleWriteIOPSDevice\": $few}}"
	expect_file blkio.throttle.read_bps_device "$device 1048576" \
		io.max "$device rbps=1048576 wbps=max riops=max wiops=77"
	expect_file blkio.throttle.write_iops_device "$device 77"
}

# The smallest huge page, as cgroups have it: 2MB.
page_size() {
	local pages
	pages=$(find /sys/kernel/mm/hugepages -name 'hugepages-*' 2>/dev/null | sort -V | head -n 1)
	[[ -n $pages ]] || skip "no huge pages"
	size=${pages##*-}
	size=$((${size%kB} / 1024))MB
}

@test "hugetlb: a limit for a page size" {
	hierarchy hugetlb
	page_size
	limited "{\"hugepageLimits\": [{\"pageSize\": \"$size\", \"limit\": 4194304}]}"
	expect_file "hugetlb.$size.limit_in_bytes" 4194304 "hugetlb.$size.max" 4194304
}

@test "devices: the rules are in the file of cgroup v1" {
	hierarchy devices
	limited '{"devices": [{"allow": false, "access": "rwm"},
		{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]}'
	((v == 1)) || skip "cgroup v2 has no file for it"
	grep -qx "c 10:229 rw" "$top/$at/devices.list"
	grep -qx "c 1:3 rwm" "$top/$at/devices.list"
	run ! grep -qx "a \*:\* rwm" "$top/$at/devices.list"
}

@test "unified: files of cgroup v2 by their names" {
	hierarchy hugetlb
	((v == 2)) || skip "the only controller that these tests know of is in cgroup v1"
	page_size
	limited "{\"unified\": {\"hugetlb.$size.max\": \"4194304\"}}"
	expect_file '' '' "hugetlb.$size.max" 4194304
}

@test "unified: without its controller, or with a path in it, is refused" {
	bundle '.linux.resources.unified = {"../evil": "1"}'
	demo ids
	expect_status 1
	expect_line "linux.resources.unified"
	change '.linux.resources.unified = {"nosuch.max": "1"}'
	demo ids
	expect_status 1
	expect_line "nosuch.max"
	expect_no_container "$id"
}

@test "a value that the kernel refuses is an error that names field, file and value" {
	hierarchy cpuset
	bundle '.linux.resources.cpu = {"cpus": "4000"}'
	demo ids
	expect_status 1
	expect_line "linux.resources.cpu.cpus"
	expect_line 4000
	expect_no_container "$id"
}

# bats test_tags=vm
@test "pause freezes every process, resume lets them go on" {
	standing "$(args count /tmp/n)" '.root.readonly = false'
	await test -s rootfs/tmp/n
	ocirt pause "$id"
	[[ $(status_of "$id") == paused ]]
	local before
	before=$(<rootfs/tmp/n)
	read -rt 0.05 <> <(:) || :
	[[ $(<rootfs/tmp/n) == "$before" ]]
	ocirt resume "$id"
	[[ $(status_of "$id") == running ]]
	moved_on() { [[ $(<rootfs/tmp/n) != "$before" ]]; }
	await moved_on
}

bundle_again() {
	rm -rf --one-file-system "$bundle"
}
