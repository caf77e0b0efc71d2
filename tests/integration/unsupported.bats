#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# What the specification has and ocirt has not is refused by name, and never ignored.

load helpers

refused() { # FILTER FIELD
	bundle "$1"
	run ocirt run "$id"
	expect_status 1
	expect_line "$2: is not supported by this ocirt"
	expect_no_line "demo program"
	expect_no_container "$id"
}

@test "intelRdt is refused" {
	refused '.linux.intelRdt = {closID: "one", l3CacheSchema: "L3:0=f"}' linux.intelRdt
}
