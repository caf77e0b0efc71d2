#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# The annotations run.oci.hooks.stdout and run.oci.hooks.stderr.

load helpers
load life

to_files() {
	printf '.annotations = {"run.oci.hooks.stdout": "%s", "run.oci.hooks.stderr": "%s"}' \
		"$dir/hooks.out" "$dir/hooks.err"
}

@test "what hooks write is appended to the files of the annotations" {
	bundle "$(args exit 0)" "$(to_files)" "$(sh_hook createRuntime 'echo one; echo two >&2')" \
		"$(sh_hook poststop 'echo three; echo four >&2')"
	run ocirt run "$id"
	expect_status 0
	[[ $(<"$dir/hooks.out") == $'one\nthree' ]]
	[[ $(<"$dir/hooks.err") == $'two\nfour' ]]
}

@test "a hook that fails names the file that has its words" {
	bundle "$(to_files)" "$(sh_hook prestart 'echo gone >&2; exit 4')"
	expect_refused "error running prestart hook #0: /bin/sh: exit status 4 after "
	expect_line "$dir/hooks.err"
	[[ $(<"$dir/hooks.err") == gone ]]
}

@test "a file that cannot be opened names its annotation" {
	bundle '.annotations = {"run.oci.hooks.stdout": "/missing/directory/file"}' \
		"$(sh_hook createRuntime 'exit 0')"
	expect_refused "annotations[\"run.oci.hooks.stdout\"]: cannot open '/missing/directory/file'"
}
