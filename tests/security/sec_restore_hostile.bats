#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runc PR 5402, containerd CVE-2026-53489, -53492: what comes from a checkpoint's directory is believed.
# ocirt restores nothing so far. This fails as soon as it does, and wants the attacks to be written.

load sec

# bats test_tags=ocirt
@test "there is no restore, and nobody is told that there is one" {
	local command
	attacked
	for command in restore checkpoint; do
		run ocirt $command --image-path "$host" "$id"
		[[ $status -ne 0 ]]
		expect_line "'$command'"
		expect_no_line "the program ran"
	done
	run ocirt features
	[[ $(jq '[.annotations // {} | to_entries[] | select((.key | test("checkpoint|criu")) and .value == "true")] | length' <<<"$output") == 0 ]]
	expect_decoy
}
