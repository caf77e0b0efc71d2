# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# cgroups.bash -- where the limits of a container are on this host: v1, v2 or both.

# A controller by its v1 name: is it in cgroup v2 here?
in_v2() { # CONTROLLER
	[[ -e /sys/fs/cgroup/cgroup.controllers || ! -d /sys/fs/cgroup/$1 ]]
}

# The container's directory in the hierarchy that has the controller.
cgroup_of() { # CONTROLLER [ID]
	local name=ocirt-${2:-$id}
	if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
		echo "/sys/fs/cgroup/$name"
	elif [[ -d /sys/fs/cgroup/$1 ]]; then
		echo "/sys/fs/cgroup/$1/$name"
	else
		echo "/sys/fs/cgroup/unified/$name"
	fi
}

# What a limit's file says. The names are those of v1 and of v2; "-" is one that has none.
limit() { # CONTROLLER V1-FILE V2-FILE
	local file=$2
	! in_v2 "$1" || file=$3
	cat "$(cgroup_of "$1")/$file"
}

expect_limit() { # CONTROLLER V1-FILE V1-VALUE V2-FILE V2-VALUE
	local expected=$3 is
	! in_v2 "$1" || expected=$5
	is=$(limit "$1" "$2" "$4")
	[[ $is == "$expected" ]] || complain "$2/$4 is '$is' instead of '$expected'"
}

# For a test that needs a file which not every kernel has.
need_limit() { # CONTROLLER V1-FILE V2-FILE
	local file=$2
	! in_v2 "$1" || file=$3
	[[ $file != - ]] || skip "cgroup v2 has no counterpart of $2"
	[[ -e $(cgroup_of "$1")/$file ]] || skip "this kernel has no $file of the controller $1"
}

# For a test of a controller that not every kernel has.
need_controller() { # CONTROLLER
	local v2=/sys/fs/cgroup/unified
	[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || v2=/sys/fs/cgroup
	in_v2 "$1" || return 0
	grep -qw "${1/blkio/io}" $v2/cgroup.controllers || skip "no controller '$1'"
}

# A block device that can be limited, as MAJOR:MINOR, or nothing.
disk() {
	local dev found=
	for dev in /sys/block/*/dev; do
		[[ $dev == */@(loop|ram|zram|sr|\*)* ]] || found=$(<"$dev")
	done
	echo "$found"
}

# The same in $disk, or skip.
find_disk() {
	disk=$(disk)
	[[ $disk ]] || skip "this machine has no disk"
}

# The top of cgroup v2, or nothing.
v2_top() {
	local top
	for top in /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[[ ! -e $top/cgroup.controllers ]] || echo $top
	done
}

# As need_limit(), before there is a container: one is made to look into.
need_file() { # CONTROLLER V1-FILE V2-FILE
	standing
	need_limit "$@"
	ocirt delete --force "$id"
	rm -rf --one-file-system "$bundle"
}

# A value for every resource that this machine can limit, as JSON.
all_resources() {
	local all='"devices": [{"allow": false}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]'
	local device swap='' v2
	v2=$(v2_top)
	has() { [[ -d /sys/fs/cgroup/$1 && ! -e /sys/fs/cgroup/cgroup.controllers ]] ||
		grep -qsw "${1/blkio/io}" "$v2/cgroup.controllers"; }
	in_v2 memory || [[ ! -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]] ||
		swap=', "swap": 134217728, "swappiness": 17'
	! in_v2 memory || swap=', "swap": 134217728'
	! has memory || all+=", \"memory\": {\"limit\": 67108864, \"reservation\": 33554432$swap}"
	! has cpu || all+=', "cpu": {"shares": 512, "quota": 20000, "period": 50000'
	! has cpu || ! has cpuset || all+=', "cpus": "0", "mems": "0"'
	! has cpu || all+='}'
	! has pids || all+=', "pids": {"limit": 17}'
	device=$(disk)
	! has blkio || [[ -z $device ]] || {
		device="[{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 1048576}]"
		all+=", \"blockIO\": {\"throttleReadBpsDevice\": $device, \"throttleWriteIOPSDevice\": $device}"
	}
	! has hugetlb || [[ ! -e /sys/kernel/mm/hugepages/hugepages-2048kB ]] ||
		all+=', "hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]'
	[[ -z $v2 ]] || all+=', "unified": {"cgroup.max.depth": "17"}'
	echo "{$all}"
}

# In ${alone[@]}, a command before another one: it sees cgroup v2 and nothing else. Or skip.
see_only_v2() {
	local why
	alone=("$BATS_TEST_DIRNAME/../cgroup-layout" v2)
	why=$("${alone[@]}" true 2>&1) || skip "${why##*skipped: }"
}
