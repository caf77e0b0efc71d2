#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# create, start, state, kill, delete, run: runtime.md, Lifecycle and Operations.

load helpers

@test "run shows what the program prints and ends with its status" {
	bundle
	demo exit 7
	expect_status 7
	demo hostname
	expect_status 0
	expect_line "ocirt"
}

@test "create makes a container that start starts" {
	bundle "$(args sleep)"
	ocirt create --pid-file pid "$id" </dev/null >out 2>&1
	[[ $(status_of "$id") == created ]]
	[[ $(pid_of "$id") == $(<pid) ]]
	[[ $(readlink "/proc/$(<pid)/exe") == "/memfd:ocirt-init (deleted)" ]]
	ocirt start "$id"
	[[ $(status_of "$id") == running ]]
	[[ $(readlink "/proc/$(<pid)/exe") == */bin/demo ]]
	run ocirt start "$id"
	expect_status 1
	expect_line "cannot start a container that is running"
	ocirt kill "$id" KILL
	await test "$(status_of "$id")" = stopped
	run ocirt kill "$id" TERM
	expect_status 1
	expect_line "container not running"
	ocirt delete "$id"
	run ocirt state "$id"
	expect_status 1
	expect_line "does not exist"
}
