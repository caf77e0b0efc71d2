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

# --- the terminal goes to a console socket ------------------------------------------------------

# The one who wants the terminal: what it got is in $dir/got, then what comes out of the terminal.
# What is written to $dir/keys goes in.
listener() { # [SOCKET]
	mkfifo "$dir/keys"
	"$BATS_TEST_DIRNAME/receive" pty "${1:-$dir/sock}" <"$dir/keys" >"$dir/got" 2>&1 3>&- &
	exec {keys}>"$dir/keys"
	await test -S "${1:-$dir/sock}"
}

@test "--console-socket gets the terminal, with its name" {
	bundle "$(args tty)" '.process.terminal = true'
	listener
	ocirt create --console-socket "$dir/sock" "$id"
	await holds "$dir/got" "data: /dev/ptmx"
	holds "$dir/got" "descriptors: 1"
	ocirt start "$id"
	await holds "$dir/got" "0: /dev/pts/0"
	await holds "$dir/got" "1: /dev/pts/0"
	await holds "$dir/got" "2: /dev/pts/0"
}

@test "the terminal does not make CR LF of newlines" {
	bundle "$(args hostname)" '.process.terminal = true'
	listener
	ocirt run --detach --console-socket "$dir/sock" "$id"
	await holds "$dir/got" "hostname: ocirt"
	holds "$dir/got" "onlcr: off"
	run cat -A "$dir/got"
	expect_no_line "^M"
}

@test "the terminal has the size of consoleSize" {
	bundle "$(args tty)" '.process.terminal = true' '.process.consoleSize = {width: 91, height: 17}'
	listener
	ocirt run -d --console-socket "$dir/sock" "$id"
	await holds "$dir/got" "0: /dev/pts/0 91x17"
}

@test "the terminal belongs to the program's user, and the group of devpts" {
	bundle "$(args stat /dev/pts/0)" '.process.terminal = true' '.process.user = {uid: 1000, gid: 1000}'
	listener
	ocirt run -d --console-socket "$dir/sock" "$id"
	await holds "$dir/got" "uid: 1000"
	await holds "$dir/got" "gid: 5"
	await holds "$dir/got" "mode: 0620"
}

@test "/dev/console is the terminal" {
	bundle "$(args stat /dev/console)" '.process.terminal = true'
	listener
	ocirt run -d --console-socket "$dir/sock" "$id"
	await holds "$dir/got" "rdev: 136:0"
}

@test "keys reach the program, and those for signals are signals" {
	bundle "$(args signals)" '.process.terminal = true'
	listener
	ocirt run -d --console-socket "$dir/sock" "$id"
	await holds "$dir/got" ready
	printf '\003' >&"$keys"
	await holds "$dir/got" SIGINT
	printf '\034' >&"$keys"
	await holds "$dir/got" SIGQUIT
}

@test "the path of the socket may be long, and relative to the caller's directory" {
	bundle "$(args tty)" '.process.terminal = true'
	local far
	far=$dir/$(printf 'x%.0s' {1..120})
	mkdir "$far"
	listener "$far/sock"
	ocirt run -d --console-socket "$far/sock" "$id"
	await holds "$dir/got" "0: /dev/pts/0"
	ocirt delete --force "$id"
	rm "$far/sock" "$dir/keys"
	listener
	cd "$dir"
	ocirt run -d --bundle "$bundle" --console-socket sock "$id"
	await holds "$dir/got" "0: /dev/pts/0"
}

@test "exec --tty gives its terminal to the console socket" {
	standing
	listener
	ocirt exec --detach --tty --console-socket "$dir/sock" "$id" /bin/demo tty </dev/null >"$dir/out" 2>&1
	await holds "$dir/got" "data: /dev/ptmx"
	await holds "$dir/got" "0: /dev/pts/0"
}

@test "exec --tty --detach without a console socket is refused" {
	standing
	run ocirt exec --detach --tty "$id" /bin/demo tty
	expect_status 255
	expect_error exec "cannot allocate tty"
	expect_line "hint: --console-socket"
}

@test "a console socket that is missing, or no socket, is named, and nothing is left" {
	bundle '.process.terminal = true'
	run ocirt create --console-socket "$dir/nosuch" "$id"
	expect_status 1
	expect_error create "--console-socket: cannot connect to '$dir/nosuch': No such file or directory"
	run ocirt create --console-socket "$bundle/config.json" "$id"
	expect_status 1
	expect_error create "--console-socket: cannot connect to '$bundle/config.json': Connection refused"
	expect_line "hint: it is not a socket"
	expect_no_container "$id"
}

@test "a console socket that hangs up is an error that leaves nothing" {
	bundle '.process.terminal = true'
	"$BATS_TEST_DIRNAME/receive" closed "$dir/sock" 3>&- &
	await test -S "$dir/sock"
	# The connection is made before the container, the terminal sent when it exists.
	change "$(sh_hook createRuntime "cat $dir/fifo")"
	mkfifo "$dir/fifo"
	ocirt create --console-socket "$dir/sock" "$id" >"$dir/out" 2>&1 3>&- &
	local creator=$!
	wait "$(jobs -p | head -n 1)" || :
	: >"$dir/fifo"
	status=0
	wait "$creator" || status=$?
	expect_status 1
	output=$(<"$dir/out")
	expect_error create "--console-socket: cannot send the descriptor: Broken pipe"
	expect_line "hint: the other side closed the connection"
	expect_no_container "$id"
}

@test "--console-socket without a terminal is refused" {
	bundle
	run ocirt create --console-socket "$dir/sock" "$id"
	expect_status 1
	expect_error create "--console-socket: process.terminal is not true"
}

@test "a terminal needs a devpts" {
	bundle '.process.terminal = true' '.mounts |= map(select(.type != "devpts"))'
	expect_refused "process.terminal: cannot make the terminal: /dev/pts"
	expect_line "hint: a terminal needs a devpts mounted on /dev/pts"
}
