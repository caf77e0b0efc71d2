#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Whose the container's cgroup is: with cgroup v2, a namespace that ends at it and a cgroup file system
# to write to, the program may divide it among its own; otherwise it belongs to the caller alone.

load helpers
load life
load cgroups

# The user that owns a file of the container's cgroup; "" is the directory.
owner() { # FILE
	stat -c %u "$(cgroup_of pids)/$1"
}

mapped='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 200000, size: 1000}]
	| .linux.gidMappings = .linux.uidMappings'
writable='.linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "cgroup"}])
	| .mounts |= (map(select(.type != "cgroup")) + [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev"]}])'

need_v2() {
	in_v2 pids || skip "the controllers of this host are in cgroup v1, which is never delegated"
}

@test "the container's root owns its cgroup, and makes others in it" {
	need_v2
	standing "$mapped" "$writable"
	[[ $(owner "") == 200000 && $(owner cgroup.procs) == 200000 ]]
	[[ $(owner cgroup.subtree_control) == 200000 ]]
	# The limits stay the host's.
	[[ $(owner pids.max) == 0 && $(owner memory.max) == 0 ]]
	run ocirt exec "$id" /bin/demo mkdir /sys/fs/cgroup/inner
	expect_line "mkdir: ok"
	run ocirt exec "$id" /bin/demo write /sys/fs/cgroup/inner/cgroup.procs 1
	expect_line "write: ok"
	run ocirt exec "$id" /bin/demo write /sys/fs/cgroup/pids.max 5
	expect_status 1
	ocirt delete --force "$id"
	expect_no_container "$id"
}

@test "a second program goes where the first is, when their cgroup takes none any more" {
	need_v2
	standing "$mapped" "$writable"
	ocirt exec "$id" /bin/demo mkdir /sys/fs/cgroup/inner
	ocirt exec "$id" /bin/demo write /sys/fs/cgroup/inner/cgroup.procs 1
	echo +pids >"$(cgroup_of pids)/cgroup.subtree_control"
	run ocirt exec "$id" /bin/demo cgroup
	expect_line "0::/inner"
	run ocirt exec --cgroup / "$id" /bin/demo cgroup
	expect_status 255
	expect_line "controllers are enabled for cgroups below"
	run ocirt exec --cgroup /inner "$id" /bin/demo cgroup
	expect_line "0::/inner"
}

@test "who the program runs as owns it" {
	need_v2
	standing "$mapped" "$writable" '.process.user = {uid: 7, gid: 7}'
	[[ $(owner "") == 200007 ]]
}

@test "without a user namespace that is the user itself" {
	need_v2
	standing "$writable" '.process.user = {uid: 9, gid: 9}'
	[[ $(owner "") == 9 ]]
}

@test "to read only, it stays the caller's" {
	standing "$mapped" "$writable" '.mounts[-1].options += ["ro"]'
	[[ $(owner "") == 0 && $(owner cgroup.procs) == 0 ]]
}

@test "without a cgroup namespace it stays the caller's" {
	standing "$mapped" "$writable" '.linux.namespaces |= map(select(.type != "cgroup"))' '.mounts |= map(select(.type != "cgroup"))'
	[[ $(owner "") == 0 ]]
}

@test "without a cgroup mount it stays the caller's" {
	standing "$mapped" "$writable" '.mounts |= map(select(.type != "cgroup"))'
	[[ $(owner "") == 0 ]]
}

@test "on cgroup v1 it stays the caller's" {
	! in_v2 pids || skip "this host has cgroup v2"
	standing "$mapped" "$writable"
	[[ $(owner "") == 0 && $(owner cgroup.procs) == 0 ]]
}
