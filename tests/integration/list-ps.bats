#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# list and ps: every container, and the processes of one.

load helpers
load life

create_three() {
	bundle "$(args sleep)"
	for name in "$id-c" "$id-a" "$id-b"; do
		ocirt create "$name" </dev/null >"$dir/out" 2>&1
	done
}

@test "list shows a table sorted by id" {
	create_three
	ocirt start "$id-b"
	run ocirt list
	expect_status 0
	[[ ${lines[0]} =~ ^ID\ +PID\ +STATUS\ +BUNDLE\ +CREATED\ +OWNER$ ]]
	[[ ${lines[1]} == "$id-a "*" created "*"$bundle"*" root" ]]
	[[ ${lines[2]} == "$id-b "*" running "* ]]
	[[ ${lines[3]} == "$id-c "* ]]
	[[ ${#lines[@]} == 4 ]]
}

@test "the columns of list stand below each other" {
	create_three
	run ocirt list
	local head=${lines[0]%%STATUS*} line
	for line in "${lines[@]:1}"; do
		[[ ${line:${#head}:7} == created ]]
	done
}

@test "list --quiet shows ids only" {
	create_three
	run ocirt list --quiet
	[[ $output == "$id-a"$'\n'"$id-b"$'\n'"$id-c" ]]
}

@test "list --format json is one line, in the order that runc has" {
	create_three
	run ocirt list --format json
	[[ ${#lines[@]} == 1 ]]
	jq -e --arg id "$id" 'map(.id) == [$id + "-a", $id + "-b", $id + "-c"]' <<<"$output"
	jq -e '.[0] | keys_unsorted[0:8] ==
		["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"]' <<<"$output"
}

@test "list leaves out files, and shows what is half made" {
	create_three
	: >"$root/file"
	mkdir "$root/$id-half"
	run ocirt list -q
	expect_status 0
	[[ $output == "$id-a"$'\n'"$id-b"$'\n'"$id-c"$'\n'"$id-half" ]]
	rm "$root/file"
}

@test "list while containers come and go does not fail" {
	bundle "$(args sleep)"
	mkdir -p "$root"
	for i in 1 2 3 4 5; do
		ocirt create "$id-$i" && ocirt delete --force "$id-$i" || exit
	done </dev/null >"$dir/out" 2>&1 3>&- &
	local maker=$! wrong=
	while kill -0 "$maker" 2>/dev/null; do
		run ocirt list
		[[ $status == 0 ]] || wrong+=$output
	done
	wait "$maker" || complain "$(<"$dir/out")"
	[[ -z $wrong ]] || complain "$wrong"
}

@test "ps shows the host's processes of the container" {
	started fork 2
	await holds "$dir/out" "children: 2"
	run ocirt ps "$id"
	expect_status 0
	[[ ${lines[0]} == *PID*CMD* ]]
	[[ ${#lines[@]} == 4 ]]
	[[ $(grep -c "/bin/demo fork 2" <<<"$output") == 3 ]]
}

@test "ps hands its arguments to ps" {
	standing
	run ocirt ps "$id" -e -o pid,comm
	expect_status 0
	[[ ${lines[0]} =~ ^\ *PID\ +COMMAND$ ]]
	[[ ${lines[1]} =~ ^\ *"$(pid_of "$id")"\ +demo$ ]]
	[[ ${#lines[@]} == 2 ]]
}

@test "ps needs a column with the pid" {
	standing
	run ocirt ps "$id" -e -o comm
	expect_status 1
	expect_line PID
}

@test "ps --format json is an array of the host's pids" {
	started fork 2
	await holds "$dir/out" "children: 2"
	run ocirt ps --format json "$id"
	jq -e 'length == 3 and all(. > 1)' <<<"$output"
	jq -e --argjson pid "$(pid_of "$id")" 'index($pid) != null' <<<"$output"
}

@test "ps shows what exec started" {
	standing
	ocirt exec --detach --pid-file pid "$id" /bin/demo sleep </dev/null >"$dir/exec" 2>&1
	ocirt ps --format json "$id" | jq -e --argjson pid "$(<pid)" 'index($pid) != null'
}

@test "ps of a stopped container is a header" {
	standing
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	run ocirt ps "$id"
	expect_status 0
	[[ ${#lines[@]} == 1 && $output == *PID* ]]
	run ocirt ps --format json "$id"
	expect_status 0
	[[ $output == "[]" || $output == null ]]
}

@test "ps of a created container shows the process that waits" {
	bundle "$(args sleep)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt ps --format json "$id" | jq -e --argjson pid "$(pid_of "$id")" '. == [$pid]'
}

@test "ps of a container that is being created has nothing to list yet" {
	standing
	kill -KILL "$(pid_of "$id")"
	await has_status "$id" stopped
	tail -n 1 "$root/$id/state.json" | jq -c 'del(.state.pid, .pidStart)' >"$dir/half"
	cp "$dir/half" "$root/$id/state.json"
	# Whoever creates it holds the lock.
	run flock "$root/$id" "$OCIRT" --root "$root" ps --format json "$id"
	expect_status 0
	[[ $output == "[]" ]]
}
