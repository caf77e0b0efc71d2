#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A seccomp filter around ocirt, as in a nested container, that answers openat2, on which every lookup in
# an image rests: it must refuse, and never do the same in a weaker way.

load sec

@test "without openat2 there is no other way to a path of the image" {
	without_calls openat2
}

@test "without openat2 nothing is done with cgroups, either" {
	local error
	need_stopper
	for error in ENOSYS EPERM; do
		attacked
		run "$stopper_program" -F $error -e openat2 -- "$OCIRT" --root "$root" run "$id" </dev/null
		expect_refused
		expect_line "ocirt: "
		rm -rf "$bundle" "$host"
	done
}

@test "without close_range nothing is passed on" {
	without_calls close_range
}
