#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
#
# What a start costs, in counts that do not depend on the machine's mood: system calls and page faults
# of all processes together, against bench/limits. Times are bench/'s business.

load helpers

limits=$BATS_TEST_DIRNAME/../../bench/limits

prepare() {
	command -v strace >/dev/null || skip "strace is not installed"
	[[ -r $limits ]] || skip "bench/limits is not here"
	if grep -q __asan <(strings "$OCIRT" 2>/dev/null || :); then
		skip "a build with sanitizers makes calls of its own"
	fi
}

limit() { # COMMAND COLUMN
	awk -v command="$1" -v column="$2" '$1 == command { print $column }' "$limits"
}

# Both counts of a command line, and whether they are within the limits of its row.
within() { # ROW ARGUMENT...
	local row=$1 calls faults
	shift
	strace -f -o "$dir/calls" "$OCIRT" "$@" >"$dir/out" 2>&1 || complain "$(<"$dir/out")"
	calls=$(grep -cE '^[0-9]+ +[a-z_0-9]+\(' "$dir/calls")
	faults=$(python3 -c '
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                     file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
print(os.wait4(pid, 0)[2].ru_minflt)' "$OCIRT" "$@")
	echo "# $row: $calls system calls, $faults page faults" >&3
	((calls <= $(limit "$row" 2))) || complain "$row makes $calls system calls, $(limit "$row" 2) are allowed"
	((faults <= $(limit "$row" 3))) || complain "$row has $faults page faults, $(limit "$row" 3) are allowed"
}

@test "--version stays within its limits" {
	within version --version
}

@test "state stays within its limits" {
	standing
	within state --root "$root" state "$id"
}

@test "run stays within its limits" {
	bundle "$(args exit 0)"
	within run --root "$root" --cgroup-manager disabled run "$id"
}
