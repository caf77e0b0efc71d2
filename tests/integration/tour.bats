#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# docs/tour.md tells the truth: its commands are run, and print what stands there.

load helpers

# What this machine or this ocirt has not: blocks of the tour with if=WORD are left out.
without() {
	"$OCIRT" features | jq -e .linux.seccomp.enabled >/dev/null || echo seccomp
	grep -qw overlay /proc/filesystems || echo overlay
	bundle "$(args exit 0)" '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 4}}'
	ocirt run "$id" >/dev/null 2>&1 </dev/null || echo cgroups
}

@test "the tour says what happens" {
	local program
	for program in python3 nsenter jq; do
		command -v $program >/dev/null || skip "$program is missing (Debian: apt install python3 util-linux jq)"
	done
	mkdir "$dir/tour"
	TOUR_WITHOUT=$(without) run "$BATS_TEST_DIRNAME/tour" "$BATS_TEST_DIRNAME/../../docs/tour.md" "$dir/tour"
	expect_status 0
	[[ ! -e $dir/tour/bundle ]]
	rmdir "$dir"/tour/state # nothing is in it
}
