#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
#
# What commands cost, in counts that do not depend on the machine's mood: system calls, page faults and
# instructions of all processes together, against bench/limits. Times are bench/'s business.

load helpers

limits=$BATS_TEST_DIRNAME/../../bench/limits

prepare() {
	command -v strace >/dev/null || skip "strace is not installed"
	[[ -r $limits ]] || skip "bench/limits is not here"
	if grep -q __asan <(strings "$OCIRT" 2>/dev/null || :); then
		skip "a build with sanitizers makes calls of its own"
	fi
	# The dynamic program names its loader at the beginning.
	libc=musl
	! grep -qa ld-linux <(head -c 4096 "$OCIRT") || libc=glibc
}

before() { :; } # each run of the command; of those that can run once

system_calls() { # ARGUMENT...
	before
	strace -f -o "$dir/calls" "$OCIRT" "$@" >"$dir/out" 2>&1 || complain "$(<"$dir/out")"
	grep -cE '^[0-9]+ +[a-z_0-9]+\(' "$dir/calls"
}

page_faults() { # ARGUMENT...
	before
	python3 -c '
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                     file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
print(os.wait4(pid, 0)[2].ru_minflt)' "$OCIRT" "$@"
}

# In thousands, of user space; nothing where perf does not count them, as in most virtual machines.
instructions() { # ARGUMENT...
	command -v perf >/dev/null || return 0
	before
	perf stat -x, -e instructions:u -o "$dir/perf" "$OCIRT" "$@" >/dev/null || return 0
	awk -F, '$1 ~ /^[0-9]+$/ { print int($1 / 1000) }' "$dir/perf"
}

# The counts of a command line, and whether they are within the limits of its row.
within() { # ROW ARGUMENT...
	local row=$libc/$1 what limit count said=
	shift
	for what in system_calls page_faults instructions; do
		limit=$(awk -v row="$row" -v what="$what" '
			$1 == "command" { for (i = 2; i <= NF; i++) if ($i == what) column = i }
			$1 == row { print $column }' "$limits")
		[[ -n $limit ]] || complain "bench/limits has no $what of '$row'"
		count=$("$what" "$@") || complain "$count"
		[[ -n $count ]] || continue
		said+=" $what=$count"
		((count <= limit)) || complain "$row: $what are $count, and $limit are allowed"
	done
	echo "# $row:$said" >&3
}

@test "--version stays within its limits" {
	within version --version
}

@test "state stays within its limits" {
	standing
	within state --root "$root" state "$id"
}

@test "kill stays within its limits" {
	standing
	within kill --root "$root" kill "$id" CONT
}

@test "exec stays within its limits" {
	bundle "$(args sleep)"
	ocirt --cgroup-manager disabled run --detach "$id" >"$dir/out" 2>&1 </dev/null
	within exec --root "$root" exec "$id" /bin/demo exit 0
}

@test "run stays within its limits" {
	bundle "$(args exit 0)"
	within run --root "$root" --cgroup-manager disabled run "$id"
}

@test "delete stays within its limits" {
	before() {
		[[ -e $root/$id ]] || ocirt --cgroup-manager disabled run --keep "$id" >"$dir/out" 2>&1 </dev/null
	}
	bundle "$(args exit 0)"
	within delete --root "$root" delete "$id"
}

# It has a line for each mount, so every start would get dearer with every container.
@test "run and list do not read the host's mounts" {
	[[ -e /sys/fs/cgroup/cgroup.controllers || -d /sys/fs/cgroup/memory ]] ||
		skip "cgroups are not where they usually are"
	bundle "$(args exit 0)"
	for what in "run $id" list; do
		# shellcheck disable=SC2086 # words
		strace -f -o "$dir/calls" "$OCIRT" --root "$root" $what >"$dir/out" 2>&1 || complain "$(<"$dir/out")"
		! grep -E 'mountinfo|/proc/[^"]*/mounts' "$dir/calls" || complain "$what reads the mounts"
	done
}
