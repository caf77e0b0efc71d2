#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# LXC CVE-2016-10124, bubblewrap CVE-2017-5226: TIOCSTI types into the caller's terminal.

load sec

# As somebody at a terminal, who has no terminal for the container.
at_terminal() { # OCIRT-ARGUMENT...
	command -v script >/dev/null || skip "script(1) is missing (Debian: apt install bsdutils)"
	run script --quiet --return --command "$(printf '%q ' "$OCIRT" --root "$root" "$@")" /dev/null </dev/null
}

@test "the caller's terminal is not the program's controlling terminal" {
	bundle "$(args ids)"
	at_terminal run "$id"
	output=${output//$'\r'/}
	expect_status 0
	expect_fact sid 1
	change "$(args cat /proc/self/stat)"
	at_terminal run "$id"
	expect_status 0
	[[ $(awk '{ print $7 }' <<<"$output") == 0 ]] || complain "it has a terminal"
}

case $(uname -m) in
x86_64) ioctl=16 ;;
*) ioctl=29 ;;
esac

@test "nothing can be typed into the caller's terminal" {
	bundle "$(args syscall "$ioctl" 0 0x5412 x)"
	at_terminal run "$id"
	expect_line "return: -1"
	rm -rf "$bundle"
	standing
	at_terminal exec "$id" /bin/demo syscall "$ioctl" 0 0x5412 x
	expect_line "return: -1"
}

@test "neither can by a process that enters" {
	standing
	at_terminal exec "$id" /bin/demo cat /proc/self/stat
	expect_status 0
	[[ $(awk '{ print $7 }' <<<"$output") == 0 ]] || complain "it has a terminal"
}
