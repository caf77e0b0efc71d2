#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# What the caller happens to be in must not reach the program: a container that behaves differently
# under another manager cannot be debugged.

load helpers

@test "signals that the caller ignores are not ignored inside" {
	bundle "$(args status SigIgn)"
	run bash -c 'trap "" HUP INT PIPE TERM; exec "$@"' - "$OCIRT" --root "$root" run "$id"
	expect_status 0
	expect_fact SigIgn 0000000000000000
}

@test "signals that an exec's caller ignores are not ignored inside" {
	standing
	run bash -c 'trap "" HUP INT PIPE TERM; exec "$@"' - \
		"$OCIRT" --root "$root" exec "$id" /bin/demo status SigIgn
	expect_status 0
	expect_fact SigIgn 0000000000000000
}

@test "the caller's umask and environment stay outside" {
	bundle "$(args umask)"
	run bash -c 'umask 0077; exec "$@"' - "$OCIRT" --root "$root" run "$id"
	expect_fact umask 0022
	change "$(args env)"
	run env CALLER=here "$OCIRT" --root "$root" run "$id"
	expect_no_line CALLER
}

@test "a caller without standard descriptors is no accident" {
	bundle "$(args fds)"
	"$OCIRT" --root "$root" run "$id" 0<&- 2>&- >"$dir/out"
	run cat "$dir/out"
	expect_no_line "socket"
	expect_no_line "memfd"
}
