#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
#
# What `make install` puts where, and that `make uninstall` takes it away. After `make`, nothing is built.

load helpers

prepare() {
	build=$(dirname "$OCIRT")
	source=${top_srcdir:-$BATS_TEST_DIRNAME/../..}
	[[ -e $build/Makefile ]] || skip "the runtime is not in its build directory"
}

make_it() { # TARGET
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$build" "$1" prefix=/usr \
		DESTDIR="$dir/root" >"$dir/log" 2>&1 || {
		cat "$dir/log"
		return 1
	}
}

installed() {
	(cd "$dir/root" && find . ! -type d | sort)
}

expected() {
	local page
	echo ./usr/bin/ocirt
	for page in "$source"/man/*.[58]; do
		echo "./usr/share/man/man${page##*.}/${page##*/}"
	done
	[[ ! -e $build/completion ]] || printf './usr/share/%s\n' bash-completion/completions/ocirt \
		zsh/site-functions/_ocirt fish/vendor_completions.d/ocirt.fish
}

@test "make install installs one program, its manual and the completion, and uninstall removes them" {
	make_it install
	diff <(expected | sort) <(installed)
	[[ $("$dir/root/usr/bin/ocirt" --version) == "$("$OCIRT" --version)" ]]
	[[ $(stat -c %a "$dir/root/usr/bin/ocirt") == 755 ]]

	make_it uninstall
	[[ -z $(installed) ]]
}

@test "every manual page is for a command or the configuration, and each command has one" {
	for command in $("$OCIRT" --help | sed -n '/^COMMANDS/,/^$/s/^   \([a-z]*\) .*/\1/p'); do
		[[ $command == help || -e $source/man/ocirt-$command.8 ]]
	done
}

@test "the specification of the RPM can be read" {
	command -v rpmspec >/dev/null || skip "rpmspec is not installed"
	run rpmspec -P "$source/contrib/rpm/ocirt.spec"
	expect_status 0
	expect_line "Name:           ocirt"
}
