#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# linux.seccomp.listenerPath: the listener goes to an agent, with the container process state.

load helpers

clean_up() {
	[[ -z ${agent-} ]] || wait "$agent"
	agent=
}

listener='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/nowhere",
	listenerMetadata: "some words",
	syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'

start_agent() {
	"$BATS_TEST_DIRNAME/seccomp-agent" "$dir/agent" "$dir/state.json" 3>&- &
	agent=$!
	await test -S "$dir/agent"
	change ".linux.seccomp.listenerPath = \"$dir/agent\""
}

@test "the agent answers for the kernel, and knows of whom" {
	bundle "$(args mkdir /tmp/x)" "$listener" '.annotations = {"a": "b"}'
	start_agent

	run ocirt run "$id"

	expect_status 1
	expect_line "ENOMEDIUM"
	wait "$agent"
	jq -e --arg id "$id" '.fds == ["seccompFd"] and .metadata == "some words" and .pid > 1 and
		(.ociVersion | test("^1\\.[0-9]+\\.[0-9]+")) and .state.ociVersion == .ociVersion and
		.state.bundle != null and .state.id == $id and .state.pid == .pid and .state.annotations.a == "b"' "$dir/state.json"
}

@test "calls that hand over the listener may be notified of themselves" {
	bundle "$(args mkdir /tmp/x)" "$listener" \
		'.linux.seccomp.syscalls[0].names += ["sendmsg", "write", "execve", "capset", "prctl"]'
	start_agent

	run ocirt run "$id"

	expect_status 1
	expect_line "ENOMEDIUM"
}

@test "the same without noNewPrivileges, where capabilities go after the filter" {
	bundle "$(args mkdir /tmp/x)" "$listener" '.process.noNewPrivileges = false' \
		'.linux.seccomp.syscalls[0].names += ["capset", "prctl", "sendmsg"]'
	start_agent

	run ocirt run "$id"

	expect_line "ENOMEDIUM"
}

@test "an init that stays asks the agent for nothing, and the program does" {
	bundle "$(args mkdir /tmp/x)" "$listener" '.process.noNewPrivileges = false' \
		'.linux.seccomp.syscalls[0].names += ["capset", "prctl", "sendmsg"]'
	start_agent

	run ocirt run --init "$id"

	expect_status 1
	expect_line "ENOMEDIUM"
}

@test "create and start hand it over at start" {
	bundle "$(args mkdir /tmp/x)" "$listener"
	start_agent
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	[[ ! -e $dir/state.json ]]

	ocirt start "$id"

	wait "$agent"
	grep ENOMEDIUM "$dir/out"
	jq -e '.state.status == "created"' "$dir/state.json"
}

@test "what is run later has an agent, too" {
	bundle "$(args sleep)" "$listener" '.linux.seccomp.syscalls[0].names = ["mkdir", "mkdirat"]'
	"$BATS_TEST_DIRNAME/seccomp-agent" "$dir/agent" "$dir/first.json" 3>&- &
	agent=$!
	await test -S "$dir/agent"
	change ".linux.seccomp.listenerPath = \"$dir/agent\""
	ocirt run --detach "$id" </dev/null >"$dir/out" 2>&1
	kill "$agent" && wait "$agent" || :
	rm "$dir/agent"
	start_agent # ocirt looks at its own copy of the configuration: the same path

	run ocirt exec "$id" /bin/demo mkdir /tmp/x

	expect_line "ENOMEDIUM"
	wait "$agent"
	jq -e '.state.status == "running" and .pid != .state.pid' "$dir/state.json"
}

@test "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV goes with a listener" {
	"$OCIRT" features | jq -e '.linux.seccomp.supportedFlags | index("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")' ||
		skip "the kernel is older than the flag"
	bundle "$(args mkdir /tmp/x)" "$listener" \
		'.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
	start_agent

	run ocirt run "$id"

	expect_status 1
	expect_line "ENOMEDIUM"
}

@test "without an agent there is no container" {
	bundle "$listener"

	run ocirt run "$id"

	expect_status 1
	expect_line "linux.seccomp.listenerPath: cannot connect to '/nowhere': No such file or directory"
	expect_no_container "$id"
}
