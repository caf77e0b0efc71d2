#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2024-21626: a working directory that is reached through a descriptor of the runtime.

load sec

# It did not start, or where it is, is inside: then / has the mark of the image.
expect_inside() {
	[[ $status -ne 0 ]] || expect_line "the program ran"
	expect_no_line decoy
}

@test "no descriptor of the runtime is a working directory" {
	local n by
	attacked "$(args cat ran)"
	ln -s /proc/self/fd rootfs/link
	for n in {3..12}; do
		for by in "/proc/self/fd/$n" "/proc/1/fd/$n" "/proc/thread-self/fd/$n" "/link/$n"; do
			change ".process.cwd = \"$by\""
			run ocirt run "$id"
			expect_inside
		done
	done
}

@test "nor of one that enters by exec" {
	local n
	decoy
	standing
	ln -s /proc/self/fd rootfs/link 2>/dev/null || :
	for n in {3..12}; do
		run ocirt exec --cwd "/proc/self/fd/$n" "$id" /bin/demo cwd 3<&-
		[[ $status -ne 0 ]] || expect_fact cwd /
		run ocirt exec --cwd "/link/$n/" "$id" /bin/demo cwd 3<&-
		[[ $status -ne 0 ]] || expect_fact cwd /
	done
}

@test "a directory that is preserved is no working directory" {
	attacked '.process.cwd = "/proc/self/fd/3"'
	run ocirt run --preserve-fds 1 "$id" 3<"$host"
	expect_refused
	expect_line "outside of the container's root"
	rm -rf "$bundle"
	standing
	run ocirt exec --preserve-fds 1 --cwd /proc/self/fd/3 "$id" /bin/demo ls . 3<"$host"
	[[ $status -ne 0 ]]
	# Who enters the directory is in no pid namespace of this procfs yet: it has no "self" for it.
	expect_line "process.cwd: cannot enter '/proc/self/fd/3'"
	run ocirt exec --preserve-fds 1 --cwd /proc/self/fd/3/proc "$id" /bin/demo ls . 3<"$host"
	[[ $status -ne 0 ]]
}

@test "a program or a missing working directory is not made or found through a descriptor" {
	attacked '.process.cwd = "/proc/self/fd/3/new"'
	run ocirt run --preserve-fds 1 "$id" 3<"$host"
	expect_refused
}
