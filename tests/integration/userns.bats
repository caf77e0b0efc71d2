#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# User namespaces: id mappings, what root inside may do, and what the host has to do for it.

load helpers

clean_up() {
	ocirt delete --force "$id-2" 2>/dev/null || :
}

# A user namespace in which ids 0 to 999 are 100000 to 100999 on the host. The root file system is
# handed over to them.
mapped='.linux.namespaces += [{"type": "user"}] |
	.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] |
	.linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 1000}]'

user_bundle() { # FILTER...
	bundle "$mapped" "$@"
	chown -R 100000:200000 rootfs
	# The way to a bundle is the manager's business; this one's is the test's.
	chmod 755 "$dir" "${BATS_TEST_TMPDIR:-$dir}"
}

@test "ids are mapped, root inside is nobody's root outside" {
	user_bundle "$(args sleep)"
	ocirt create "$id" </dev/null >/dev/null 2>&1
	ocirt start "$id"
	local pid
	pid=$(pid_of "$id")
	[[ $(awk '/^Uid:/ { print $2, $3, $4 }' "/proc/$pid/status") == "100000 100000 100000" ]]
	[[ $(awk '/^Gid:/ { print $2, $3, $4 }' "/proc/$pid/status") == "200000 200000 200000" ]]
	[[ $(readlink "/proc/$pid/ns/user") != "$(readlink /proc/self/ns/user)" ]]
	run ocirt exec "$id" /bin/demo ids
	expect_fact uid 0
	expect_fact gid 0
}

@test "the maps are those of the configuration" {
	user_bundle
	demo cat /proc/self/uid_map
	expect_status 0
	[[ $(xargs <<<"$output") == "0 100000 1000" ]]
	demo cat /proc/self/gid_map
	[[ $(xargs <<<"$output") == "0 200000 1000" ]]
	demo cat /proc/self/setgroups
	[[ $output == allow ]]
}

@test "several ranges, and a user in the second" {
	user_bundle '.linux.uidMappings += [{"containerID": 5000, "hostID": 300000, "size": 10}]' \
		'.linux.gidMappings += [{"containerID": 5000, "hostID": 400000, "size": 10},
			{"containerID": 7000, "hostID": 410000, "size": 1}]' \
		'.process.user = {"uid": 5003, "gid": 5004, "additionalGids": [7000, 5]}'
	demo ids
	expect_fact uid 5003
	expect_fact gid 5004
	[[ " $(fact groups) " == *" 7000 "* && " $(fact groups) " == *" 5 "* ]]
	demo cat /proc/self/uid_map
	[[ $(xargs <<<"$output") == "0 100000 1000 5000 300000 10" ]]
}

@test "a user that is not mapped is an error" {
	user_bundle '.process.user = {"uid": 4242, "gid": 0}'
	demo ids
	expect_status 1
	expect_line "process.user.uid"
	expect_no_container "$id"
}

@test "a namespace in which nobody is root" {
	bundle '.linux.namespaces += [{"type": "user"}]' \
		'.linux.uidMappings = [{"containerID": 1000, "hostID": 101000, "size": 1}]' \
		'.linux.gidMappings = [{"containerID": 1000, "hostID": 101000, "size": 1}]' \
		'.process.user = {"uid": 1000, "gid": 1000}' '.process.capabilities = {}' \
		'del(.mounts[] | select(.destination == "/dev/pts").options[] | select(startswith("gid=")))'
	chown -R 101000:101000 rootfs
	chmod 755 "$dir" "${BATS_TEST_TMPDIR:-$dir}"
	demo ids
	expect_status 0
	expect_fact uid 1000
	expect_fact gid 1000
}

@test "devices are the host's, bound, and work" {
	user_bundle
	demo stat /dev/null
	expect_fact type char
	expect_fact rdev 1:3
	demo mounts /dev/null
	expect_line "type=devtmpfs"
	demo lock-rw /dev/null
	expect_line ok
	demo lock-rw /dev/zero
	expect_line ok
}

@test "a listed device is the host's of that path" {
	user_bundle '.linux.devices = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]'
	demo stat /dev/kmsg
	expect_fact rdev 1:11
	change '.linux.devices[0].minor = 3'
	demo ids
	expect_status 1
	expect_line "/dev/kmsg"
	expect_no_container "$id"
}

@test "mounts are those that the configuration asks for" {
	user_bundle
	demo mounts
	expect_status 0
	local point
	for point in / /proc /dev /dev/pts /dev/shm /dev/mqueue /sys /sys/fs/cgroup; do
		grep -q "^$point: options=" <<<"$output" || complain "$point is not mounted"
	done
	demo stat /dev/shm
	expect_fact uid 0
}

@test "without a network namespace of its own the host's /sys is bound, read-only" {
	user_bundle '.linux.namespaces |= map(select(.type != "network"))'
	demo mounts /sys
	expect_status 0
	expect_line "options=ro,nosuid,nodev,noexec"
	demo ls /sys
	expect_line kernel
	demo write /sys/kernel/profiling 1
	expect_status 1
}

@test "a bundle that only root may enter" {
	user_bundle
	chown -R 0:0 "$bundle"
	chmod 700 "$bundle"
	demo cat /etc/passwd
	expect_status 0
	expect_line root
}

@test "the source of a bind that only root may enter" {
	user_bundle '.mounts += [{"destination": "/data", "source": "'"$dir"'/closed/data",
		"options": ["bind"]}]'
	mkdir -p "$dir/closed/data"
	echo here >"$dir/closed/data/file"
	chmod 700 "$dir/closed"
	demo cat /data/file
	expect_status 0
	[[ $output == here ]]
}

@test "what root makes belongs to the mapped root" {
	user_bundle '.root.readonly = false' '.process.capabilities |= map_values(. + ["CAP_CHOWN"])'
	demo write /tmp/file text
	expect_status 0
	[[ $(stat -c %u:%g rootfs/tmp/file) == 100000:200000 ]]
}

@test "a missing destination is made by the mapped root" {
	user_bundle '.mounts += [{"destination": "/made/here", "type": "tmpfs", "source": "tmpfs"}]'
	demo ids
	expect_status 0
	[[ $(stat -c %u:%g rootfs/made/here) == 100000:200000 ]]
}

@test "a second container joins the user namespace of the first, and its others" {
	user_bundle "$(args sleep)"
	ocirt create "$id" </dev/null >/dev/null 2>&1
	ocirt start "$id"
	local first
	first=$(pid_of "$id")
	"$OCIRT_DEMO" spec --demo "$dir/second"
	chown -R 100000:200000 "$dir/second"
	jq "$(args namespaces) | .linux.namespaces |= (map(select(.type != \"network\")) + [
		{\"type\": \"user\", \"path\": \"/proc/$first/ns/user\"},
		{\"type\": \"network\", \"path\": \"/proc/$first/ns/net\"}])" \
		"$dir/second/config.json" >"$dir/second/new"
	mv "$dir/second/new" "$dir/second/config.json"
	run ocirt run -b "$dir/second" "$id-2"
	expect_status 0
	expect_fact namespace.user "$(readlink "/proc/$first/ns/user")"
	expect_fact namespace.net "$(readlink "/proc/$first/ns/net")"
	[[ $(fact namespace.uts) != "$(readlink "/proc/$first/ns/uts")" ]]
}

@test "capabilities inside are over the container's things only" {
	user_bundle '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_TIME"])'
	demo mount-try tmpfs /tmp
	expect_line "mount: ok"
	demo syscall swapon
	expect_line "errno: EPERM"
}

@test "sysctls of user namespaces and of the network" {
	user_bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1", "user.max_uts_namespaces": "17"}'
	demo cat /proc/sys/net/ipv4/ip_forward
	[[ $output == 1 ]]
	demo cat /proc/sys/user/max_uts_namespaces
	[[ $output == 17 ]]
	[[ $(</proc/sys/user/max_uts_namespaces) != 17 ]]
}

@test "masked and read-only paths hold in a user namespace" {
	user_bundle
	demo cat /proc/timer_list
	[[ -z $output ]]
	demo write /proc/sys/kernel/domainname text
	expect_status 1
}

@test "a cgroup namespace in a user namespace" {
	local at=/sys/fs/cgroup/pids
	[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || at=/sys/fs/cgroup
	user_bundle '.linux.namespaces |= (map(select(.type != "cgroup")) + [{"type": "cgroup"}])'
	demo cgroup
	expect_status 0
	expect_line "0::/"
	demo mounts $at
	expect_status 0
	expect_line "type=cgroup"
}

@test "an idmapped bind shows the host's owner as the container's" {
	[[ $(stat -f -c %T "$dir") != tmpfs ]] || sort -VC <<<"6.3"$'\n'"$(uname -r)" ||
		skip "tmpfs has idmapped mounts since Linux 6.3"
	mkdir "$dir/data"
	touch "$dir/data/file"
	chown 1:2 "$dir/data/file"
	user_bundle '.mounts += [{"destination": "/data", "source": "'"$dir"'/data",
		"options": ["rbind", "idmap"]}]'
	demo stat /data/file
	expect_status 0
	expect_fact uid 1
	expect_fact gid 2
}

@test "mappings without a user namespace, and a user namespace without mappings, are refused" {
	bundle "$mapped" '.linux.namespaces |= map(select(.type != "user"))'
	demo ids
	expect_status 1
	expect_line "linux.uidMappings: is given, but there is no user namespace"
	bundle_again '.linux.namespaces += [{"type": "user"}]'
	demo ids
	expect_status 1
	expect_line "linux.uidMappings: is required for a new user namespace"
}

bundle_again() { # FILTER...
	rm -rf --one-file-system "$bundle"
	bundle "$@"
}
