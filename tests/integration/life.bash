# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# life.bash -- what the tests of commands and of the lifecycle share, beyond helpers.bash.

# $output is one error of a command: one line that begins with its name and the container's, at most
# one hint, and these texts in it. The rest of the line does not repeat the id.
expect_error() { # COMMAND TEXT...
	local command=$1 error text
	shift
	error=$(grep -v '^ocirt: hint: ' <<<"$output")
	[[ $error != *$'\n'* ]] || complain "more than one line of error"
	[[ $error == "ocirt: $command $id: "* ]] || complain "does not begin with 'ocirt: $command $id: '"
	for text; do
		[[ $error == *"$text"* ]] || complain "not there: $text"
	done
}

# `run` of the bundle fails for just this reason, and leaves nothing.
expect_refused() { # TEXT...
	run ocirt run "$id" </dev/null
	expect_status 1
	expect_error run "$@"
	expect_no_container "$id"
	[[ ! -e $root/$id ]]
}

has_status() { # ID STATUS
	[[ $(status_of "$1") == "$2" ]]
}

holds() { # FILE TEXT
	grep -qF -- "$2" "$1" 2>/dev/null
}

is_gone() { # PID: no such process, or only its corpse
	local state
	state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 0
	[[ $state == [ZX] ]]
}

# A container in the background whose output goes to $dir/out, created and started.
started() { # DEMO-ARGUMENT...
	bundle "$(args "$@")"
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
}

# `ocirt run` in the foreground of a background job: its pid is left in $runner.
running() { # OCIRT-RUN-OPTION...
	"$OCIRT" --root "$root" run "$@" "$id" >"$dir/out" 2>&1 </dev/null 3>&- &
	export runner=$!
}

# The hook's fields besides its path: an inline shell script as its only argument.
sh_hook() { # KIND SCRIPT
	printf '.hooks.%s += [{path: "/bin/sh", args: ["sh", "-c", %s]}]' "$1" "$(jq -Rs . <<<"$2")"
}

# Run a command that has the descriptors 0 to 3 and no others, whatever bats and bash have open.
only_fd_3() { # COMMAND...
	run python3 -c 'import os, sys
os.closerange(3, 4096)
os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}
