#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What container managers do and people rarely do by hand. tests/managers puts ocirt beneath the
# managers themselves; what those found is shown here in small.

load helpers

# A user namespace whose ids are those of nobody on the host, as managers choose them.
user_namespace='.linux.namespaces += [{"type": "user"}] |
	.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] |
	.linux.gidMappings = .linux.uidMappings'

@test "an exec that fails says why, whoever is faster" {
	standing
	local i
	for i in {1..20}; do
		run ocirt exec "$id" nonsense
		expect_status 255
		expect_line "executable file 'nonsense' not found in \$PATH"
	done
}

@test "root of a user namespace with the ids of nobody has its capabilities" {
	bundle "$user_namespace" "$(args caps)"
	chmod 755 "$dir"
	run ocirt run "$id"
	expect_status 0
	expect_fact CapEff.names "CAP_KILL CAP_NET_BIND_SERVICE CAP_AUDIT_WRITE"
	demo ids
	expect_status 0
	expect_fact uid 0
}
