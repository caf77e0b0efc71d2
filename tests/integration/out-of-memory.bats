#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The kernel kills without a word; ocirt has one.

load helpers

@test "run says that the memory limit ended the program" {
	bundle "$(args hog 60000000)" '.linux.resources.memory = {limit: 20971520}'
	run ocirt run "$id"
	expect_status 137
	expect_line "the kernel killed a process of it for lack of memory: linux.resources.memory.limit is 20971520 bytes"
}

@test "a limit too small to create anything is named" {
	bundle "$(args exit 0)" '.linux.resources.memory = {limit: 4096}'
	run ocirt run "$id"
	[[ $status != 0 ]]
	expect_line "linux.resources.memory.limit is"
	expect_no_container "$id"
}
