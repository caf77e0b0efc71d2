#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# A container in the foreground of a terminal. script(1) is the user with the terminal; the finer
# points are in tests/unit/supervise.c.

load helpers
load life

# Run ocirt as a user at a terminal of 33 rows would; $output is the screen. The modes of the terminal
# before and after are left in files.
at_terminal() { # OCIRT-ARGUMENT...
	command -v script >/dev/null || skip "script(1) is missing (Debian: apt install bsdutils)"
	local command
	command=$(printf '%q ' "$OCIRT" --root "$root" "$@")
	run script --quiet --return /dev/null --command \
		"stty rows 33 cols 77; stty -g >before; $command; s=\$?; stty -g >after; exit \$s" </dev/null
}

@test "the program has a terminal of its own, of the size of the caller's" {
	bundle "$(args tty)" '.process.terminal = true'
	at_terminal run "$id"
	expect_status 0
	expect_line "0: /dev/pts/0"
	expect_line "77x33"
}

@test "the caller's terminal is as before when the program has ended" {
	bundle "$(args exit 0)" '.process.terminal = true'
	at_terminal run "$id"
	expect_status 0
	cmp before after
}

@test "the caller's terminal is as before when the container cannot be made" {
	bundle '.process.terminal = true' '.process.args = ["/bin/missing"]'
	at_terminal run "$id"
	expect_status 1
	cmp before after
	expect_line "/bin/missing"
}

@test "the status of the program is that of run, with a terminal, too" {
	bundle "$(args exit 42)" '.process.terminal = true'
	at_terminal run "$id"
	expect_status 42
}

@test "exec has a terminal, too, of its own size" {
	standing
	at_terminal exec --tty "$id" /bin/demo tty
	expect_status 0
	expect_line "77x33"
	cmp before after
}

@test "a terminal works where the caller has none and no input" {
	bundle "$(args tty)" '.process.terminal = true'
	run ocirt run "$id" </dev/null
	expect_status 0
	expect_line "0: /dev/pts/0"
}

@test "all of a long output comes through the terminal" {
	bundle "$(args help)" '.process.terminal = true'
	ocirt run "$id" </dev/null >"$dir/through"
	change '.process.terminal = false'
	ocirt run "$id" </dev/null >"$dir/direct"
	cmp "$dir/through" "$dir/direct"
}

@test "a terminal and --detach need --console-socket" {
	bundle "$(args sleep)" '.process.terminal = true'
	run ocirt run --detach "$id" </dev/null
	expect_status 1
	expect_line "--console-socket"
}
