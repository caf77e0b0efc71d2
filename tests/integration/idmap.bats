#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Idmapped mounts (config.md, mounts[].uidMappings and the options idmap, ridmap): who owns a file
# inside, while on the host nothing changes.

load helpers

prepare() {
	volume=$dir/volume
	mkdir "$volume"
	touch "$volume/file"
	chown 1000:1001 "$volume/file"
}

clean_up() {
	umount "$volume/below" 2>/dev/null || :
}

# A bundle with the volume at /vol, bound with these options and properties.
volume() { # OPTIONS-JSON [PROPERTIES-JSON]
	bundle "$(args stat /vol/file)" \
		".mounts += [{destination: \"/vol\", source: \"$volume\", options: $1} + ${2-{\}}]"
	mkdir "$bundle/rootfs/vol" # not for the root of a user namespace to make
}

maps() { # CONTAINER HOST SIZE
	printf '[{containerID: %d, hostID: %d, size: %d}]' "$@"
}

userns='.linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'

expect_owner() { # UID GID
	expect_status 0
	expect_fact uid "$1"
	expect_fact gid "$2"
	[[ $(stat -c %u:%g "$volume/file") == 1000:1001 ]]
}

@test "a mount's own mappings change the owners of its files" {
	volume '["bind"]' "{uidMappings: $(maps 1000 2000 1), gidMappings: $(maps 1001 2001 1)}"
	run ocirt run "$id"
	expect_owner 2000 2001
}

@test "the option idmap may bring a mapping of its own" {
	volume '["bind", "idmap=uids=0-0-1#1000-3000-10;gids=1000-4000-5"]'
	run ocirt run "$id"
	expect_owner 3000 4001
}

@test "an idmap option alone takes the container's mapping" {
	volume '["bind", "idmap"]' '{}'
	change "$userns"
	run ocirt run "$id"
	expect_owner 1000 1001
}

@test "without idmap the files of a user namespace's volume are nobody's" {
	volume '["bind"]'
	change "$userns"
	run ocirt run "$id"
	expect_owner 65534 65534
}

@test "a mapping that begins with @ counts in the container's ids" {
	volume '["bind", "idmap=uids=@1000-7-1;gids=@1001-8-1"]'
	change "$userns"
	run ocirt run "$id"
	expect_owner 7 8
}

@test "ridmap maps what is mounted below, idmap does not" {
	mkdir "$volume/below"
	mount -t tmpfs tmpfs "$volume/below"
	touch "$volume/below/file"
	chown 1000:1001 "$volume/below/file"
	local mapping
	mapping="{uidMappings: $(maps 1000 2000 1), gidMappings: $(maps 1001 2001 1)}"

	volume '["rbind", "ridmap"]' "$mapping"
	demo stat /vol/below/file
	expect_fact uid 2000
	change '.mounts[-1].options = ["rbind", "idmap"]'
	run ocirt run "$id"
	expect_fact uid 1000
}

@test "a file system that is made can be idmapped, too" {
	bundle "$(args stat /vol)" ".mounts += [{destination: \"/vol\", type: \"tmpfs\", source: \"tmpfs\",
		options: [\"mode=700\"], uidMappings: $(maps 0 2000 1), gidMappings: $(maps 0 2001 1)}]"
	run ocirt run "$id"
	expect_status 0
	expect_fact uid 2000
	expect_fact gid 2001
}

@test "a mapping that cannot be read is an error, with an example" {
	volume '["bind", "idmap=uids=1-2;gids=0-0-1"]'
	run ocirt run "$id"
	expect_status 1
	expect_line "mounts[7].options: 'idmap=uids=1-2;gids=0-0-1': is not a mapping"
	expect_line "hint: it looks like idmap="
	expect_no_container "$id"
}

@test "an id after @ that the container does not have is an error" {
	volume '["bind", "idmap=uids=@1000-70000-1;gids=@1001-8-1"]'
	change "$userns"
	run ocirt run "$id"
	expect_status 1
	expect_line "is not in the container's mappings"
}

@test "idmap without any mapping is an error" {
	volume '["bind", "idmap"]'
	run ocirt run "$id"
	expect_status 1
	expect_line "mounts[7].options: 'idmap' without a mapping"
}
