#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A failure names what it is about. In an image that is made for it, the name is a command to the
# terminal: to type, to change its title, to show another text.

load sec

# An escape sequence, a bell, another whose beginning is one character, and text from right to left.
words='\u001b[2J\u0007\u009b31m\u202egnp'

expect_no_command() { # TEXT
	[[ -n $1 ]] || complain "nothing is said"
	! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]\|\xc2[\x80-\x9f]\|\xe2\x80\xae' <<<"$1" ||
		complain "it commands: $(od -c <<<"$1")"
}

# What is said on standard error, in the log, and by a manager that has read the log.
expect_harmless() { # FILTER...
	local format
	for format in text json; do
		attacked "$@"
		run ocirt --log "$dir/log" --log-format $format run "$id" </dev/null
		expect_refused
		expect_no_command "$output"
		expect_no_command "$(<"$dir/log")"
		[[ $format != json ]] || expect_no_command "$(jq -r .msg "$dir/log")"
		rm -rf "$bundle" "$host" "$dir/log"
	done
}

@test "the name of a program commands nothing" {
	expect_harmless ".process.args = [\"/$words\"]"
	expect_line '/\x1b[2J\x07\xc2\x9b31m\xe2\x80\xaegnp'
}

@test "the name of a directory, a mount, or a hook commands nothing" {
	expect_harmless ".process.cwd = \"/bin/demo/$words\""
	expect_harmless ".mounts += [{destination: \"/bin/demo/$words\", type: \"tmpfs\"}]"
	expect_harmless ".hooks.createContainer = [{path: \"/$words\"}]"
	expect_harmless ".hooks.startContainer = [{path: \"/$words\"}]"
	expect_harmless ".root.path = \"$words\""
}

@test "the words of a hook command nothing" {
	cat >"$dir/hook" <<-'END'
		#!/bin/sh
		printf '\033]0;title\007 \302\233 \233 \0 done' >&2
		exit 1
	END
	chmod 755 "$dir/hook"
	expect_harmless ".hooks.createRuntime = [{path: \"$dir/hook\"}]"
	expect_line 'stderr: \x1b]0;title\x07 \xc2\x9b \x9b  done'
}
