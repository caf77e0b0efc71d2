#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What container managers do and people rarely do by hand. tests/managers puts ocirt beneath the
# managers themselves; what those found is shown here in small.

# shellcheck disable=SC2034,SC2154
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

@test "a process limit of 0 is one in version 1.3, and none before" {
	local file=/sys/fs/cgroup/pids/pids.max
	[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || file=/sys/fs/cgroup/pids.max
	bundle '.linux.resources.pids.limit = 0' '.ociVersion = "1.0.2-dev"' "$(args cat $file)"
	run ocirt run "$id"
	expect_status 0
	[[ $output == max ]]
	change '.ociVersion = "1.3.0"'
	run ocirt run "$id"
	expect_status 0
	[[ $output == 1 ]]
}

# Docker's and Podman's exit statuses 127 and 126 come from these words, Docker's in just these letters.
@test "a program that cannot be run is described in the words that managers look for" {
	bundle
	local log=$dir/log case program words
	for case in "nowhere:executable file not found" "/bin/nowhere:no such file or directory" \
		"/etc/passwd:permission denied" "/etc:permission denied"; do
		program=${case%%:*} words=${case#*:}
		change ".process.args = [\"$program\"]"
		: >"$log"
		run ocirt --log "$log" --log-format json create "$id"
		expect_status 1
		[[ $(jq -r .msg "$log") == *"$words"* ]] || complain "$(<"$log")"
	done
}
