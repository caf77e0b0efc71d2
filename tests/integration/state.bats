#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# state: runtime.md, State and Query State.

load helpers
load life

@test "state has every member that the specification asks for, and what users of runc expect" {
	standing '.annotations = {"org.example.key": "value"}'
	run ocirt state "$id"
	expect_status 0
	jq -e --arg id "$id" --arg bundle "$bundle" '
		(.ociVersion | test("^1\\.[0-9]+\\.[0-9]+$")) and .id == $id and .status == "running" and
		.pid > 1 and .bundle == $bundle and .rootfs == $bundle + "/rootfs" and
		.annotations["org.example.key"] == "value" and .owner == "root" and
		(.created | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{9}Z$"))' <<<"$output"
}

@test "state is indented for people" {
	standing
	run ocirt state "$id"
	[[ ${#lines[@]} -gt 5 && ${lines[0]} == "{" ]]
}

@test "the pid is that of the program, and 0 when it has ended" {
	bundle "$(args sleep)"
	ocirt create --pid-file pid "$id" </dev/null >out 2>&1
	[[ $(pid_of "$id") == "$(<pid)" ]]
	ocirt start "$id"
	[[ $(pid_of "$id") == "$(<pid)" ]]
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	[[ $(pid_of "$id") == 0 ]]
}

@test "the bundle is absolute and clean however it was given" {
	bundle "$(args sleep)"
	ln -s bundle "$dir/link"
	cd "$dir"
	ocirt create --bundle ./link/../link/. "$id" </dev/null >out 2>&1
	[[ $(ocirt state "$id" | jq -r .bundle) == "$bundle" ]]
}

@test "annotations come back as they are, whatever is in them" {
	standing '.annotations = {"a \"b\"\n": "\\ \u00e4 \t\u0001 \ud83d\ude00"}'
	ocirt state "$id" | jq -e '.annotations == {"a \"b\"\n": "\\ \u00e4 \t\u0001 \ud83d\ude00"}'
}

@test "a state is there without annotations" {
	standing 'del(.annotations)'
	ocirt state "$id" | jq -e '.annotations // {} == {}'
}

@test "the status follows the container" {
	standing
	has_status "$id" running
	ocirt pause "$id"
	has_status "$id" paused
	ocirt resume "$id"
	has_status "$id" running
	kill -KILL "$(pid_of "$id")"
	await has_status "$id" stopped
}

@test "state does not wait for a command that is at work" {
	standing
	exec {lock}<"$root/$id"
	flock "$lock"
	has_status "$id" running
	exec {lock}<&-
}

@test "a half made container has a state" {
	mkdir -p "$root/$id"
	ocirt state "$id" | jq -e --arg id "$id" '.id == $id and .status == "stopped" and .pid == 0'
}

@test "a file among the states is no container" {
	mkdir -p "$root"
	: >"$root/$id"
	run ocirt state "$id"
	expect_status 1
	expect_error state "container does not exist"
	rm "$root/$id"
}

@test "a link among the states is not followed" {
	standing
	ln -s "$id" "$root/$id-link"
	run ocirt state "$id-link"
	expect_status 1
	run ocirt delete --force "$id-link"
	rm -f "$root/$id-link"
	has_status "$id" running
}
