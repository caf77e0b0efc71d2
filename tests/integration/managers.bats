#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What container managers do and people rarely do by hand. tests/managers puts ocirt beneath the
# managers themselves; what those found is shown here in small.

# shellcheck disable=SC2034,SC2154
load helpers
load cgroups

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
	need_controller pids
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

# --- what is large, and who does not answer ------------------------------------------------------

@test "ids of 64 hex digits and of 200 characters live a whole life" {
	bundle "$(args sleep)"
	local name hex long
	hex=$(sha256sum <<<"$id$RANDOM")
	long=$id$(printf 'x%.0s' {1..200})
	for name in "${hex::64}" "${long::200}"; do
		ocirt create --pid-file "$dir/pid" "$name" >/dev/null 2>&1 </dev/null
		ocirt start "$name"
		[[ $(pid_of "$name") == "$(<"$dir/pid")" ]]
		run ocirt exec "$name" /bin/demo ids
		expect_status 0
		[[ $(ocirt list --quiet) == "$name" ]]
		ocirt kill "$name" KILL
		await eval '[[ $(status_of "$name") == stopped ]]'
		ocirt delete "$name"
		expect_no_container "$name"
	done
}

@test "an environment of 10,000 variables arrives" {
	bundle "$(args env)" '.process.env = [range(10000) | "V\(.)=\(.)"]'
	run ocirt run "$id"
	expect_status 0
	((${#lines[@]} >= 10000))
	[[ $'\n'$output$'\n' == *$'\nV0=0\n'* && $'\n'$output$'\n' == *$'\nV9999=9999\n'* ]]
	change "$(args sleep)"
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	ocirt start "$id"
	run ocirt exec "$id" /bin/demo env
	expect_status 0
	((${#lines[@]} >= 10000))
}

# execve(2): an argument may have 128 KiB, and all of them a quarter of the stack's limit.
@test "arguments as large as the kernel takes arrive, and what is larger is an error that says so" {
	bundle '.process.args = ["/bin/demo", "args", ("x" * 131071)]'
	run ocirt run "$id"
	expect_status 0
	((${#output} > 131071))

	change '.process.args = ["/bin/demo", "args", ("x" * 131072)]'
	run ocirt run "$id"
	expect_status 1
	expect_line "Argument list too long"
	expect_no_container "$id"

	change '.process.args = ["/bin/demo", "true"] + [range(100) | "x" * 100000]'
	run ocirt run "$id"
	expect_status 1
	expect_line "Argument list too long"
	expect_no_container "$id"
}

@test "a console socket that nobody reads" {
	command -v python3 >/dev/null || skip "python3 is not installed"
	bundle '.process.terminal = true' "$(args tty)"
	# Listens and never accepts.
	python3 -c '
import os, signal, socket, sys
s = socket.socket(socket.AF_UNIX)
os.chdir(sys.argv[1]) # sun_path is short
s.bind("console")
s.listen(4)
signal.pause()' "$dir" &
	local listener=$!
	await test -S "$dir/console"
	run timeout 60 "$OCIRT" --root "$root" create --console-socket "$dir/console" "$id" </dev/null
	expect_status 0
	kill "$listener"
	ocirt delete --force "$id"
}

@test "a log that nobody reads, and is full" {
	mkfifo "$dir/log"
	local pipe
	exec {pipe}<>"$dir/log"
	dd if=/dev/zero of="$dir/log" bs=4096 oflag=nonblock status=none 2>/dev/null || :
	run timeout 60 "$OCIRT" --root "$root" --log "$dir/log" --log-format json state nobody
	expect_status 1
	expect_line "container does not exist"
	bundle
	run timeout 60 "$OCIRT" --root "$root" --log "$dir/log" --debug run "$id"
	expect_status 0
	exec {pipe}>&-
}

@test "output that nobody reads stops the program, and nothing else" {
	mkfifo "$dir/output"
	local pipe
	exec {pipe}<>"$dir/output"
	dd if=/dev/zero of="$dir/output" bs=4096 oflag=nonblock status=none 2>/dev/null || :
	bundle "$(args env)"
	ocirt create "$id" >"$dir/output" 2>&1 </dev/null
	ocirt start "$id"
	[[ $(status_of "$id") == running ]]
	run ocirt exec "$id" /bin/demo ids
	expect_status 0
	ocirt kill "$id" KILL
	await eval '[[ $(status_of "$id") == stopped ]]'
	ocirt delete "$id"
	exec {pipe}>&-
}

# shellcheck disable=SC2016
@test "a manager that dies between create and start" {
	bundle "$(args sleep)"
	# Its own session and process group, which die with it.
	setsid bash -c '"$@" </dev/null >/dev/null 2>&1; kill -KILL 0' bash \
		"$OCIRT" --root "$root" create --pid-file "$dir/pid" "$id" || :
	[[ $(status_of "$id") == created && $(pid_of "$id") == "$(<"$dir/pid")" ]]
	ocirt start "$id"
	[[ $(status_of "$id") == running ]]
	ocirt delete --force "$id"
	expect_no_container "$id"
}

@test "a caller of run that is killed leaves a container that can be deleted" {
	bundle "$(args sleep)"
	"$OCIRT" --root "$root" run "$id" </dev/null >/dev/null 2>&1 &
	local runner=$!
	await eval '[[ $(status_of "$id" 2>/dev/null) == running ]]'
	kill -KILL "$runner"
	run ocirt delete --force "$id"
	expect_status 0
	expect_no_container "$id"
}
