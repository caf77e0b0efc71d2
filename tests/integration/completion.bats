#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
#
# What `ocirt completion` prints: the shells take it, and complete commands, options, values and ids.

load helpers

prepare() {
	ocirt completion bash >"$dir/bash"
	mkdir -p "$root" "$dir/path"
	ln -s "$OCIRT" "$dir/path/ocirt"
	PATH=$dir/path:$PATH
}

# What bash offers at the end of these words, the last of which may be empty; as readline has them, with
# '=' on its own. $output has one in each line.
press_tab() { # WORD...
	run bash -c '
		. "$1"
		shift
		COMP_WORDS=(ocirt "$@")
		COMP_CWORD=$#
		_ocirt
		printf "%s\n" "${COMPREPLY[@]}"' bash "$dir/bash" "$@"
	expect_status 0
}

# The same in fish, for a line.
press_tab_in_fish() { # LINE
	command -v fish >/dev/null || skip "fish is not installed"
	ocirt completion fish >"$dir/fish"
	run env HOME="$dir" fish --no-config -c "source $dir/fish; complete -C '$1'"
	expect_status 0
	output=$(cut -f1 <<<"$output")
}

some_ids() { # ID...
	local one
	bundle
	for one; do
		ocirt create "$one" >/dev/null 2>&1 </dev/null
	done
}

@test "bash completes every command" {
	press_tab ''
	for command in $("$OCIRT" --help | sed -n '/^COMMANDS/,/^$/s/^   \([a-z]*\) .*/\1/p'); do
		[[ " ${lines[*]} " == *" $command "* ]]
	done
	press_tab fea
	[[ $output == features ]]
	press_tab help fea
	[[ $output == features ]]
}

@test "bash completes every option that help shows, and no other" {
	for command in $("$OCIRT" --help | sed -n '/^COMMANDS/,/^$/s/^   \([a-z]*\) .*/\1/p'); do
		press_tab "$command" --
		[[ $(sort <<<"$output") == "$("$OCIRT" help "$command" |
			sed -n '/^OPTIONS/,$s/^   .*\(--[a-z0-9-]*\).*/\1/p' | sort)" ]]
	done
	press_tab --
	expect_line --cgroup-manager
	expect_no_line --bundle
}

@test "bash completes values that are one of a few words, and ocirt takes each" {
	for option in log-format log-level cgroup-manager rootless; do
		press_tab "--$option" ''
		((${#lines[@]} > 1))
		for word in "${lines[@]}"; do
			ocirt "--$option" "$word" list
		done
	done
	press_tab --log-level = de
	[[ $output == debug ]]
	press_tab --log-level =
	((${#lines[@]} == 4))
	press_tab list -f j
	[[ $output == json ]]
	press_tab completion ''
	for word in "${lines[@]}"; do
		"$OCIRT" completion "$word" >/dev/null
	done
	press_tab exec -c SYS_ADM
	[[ $output == SYS_ADMIN ]]
	press_tab kill some TER
	[[ $output == TERM ]]
}

@test "bash completes directories and files where such are meant" {
	mkdir "$dir/files" && cd "$dir/files"
	mkdir d-one && touch d-file
	press_tab create -b d
	[[ $output == d-one ]]
	press_tab create --bundle = d
	[[ $output == d-one ]]
	press_tab create --config d
	expect_line d-file
	press_tab --log d
	expect_line d-file
}

@test "bash completes ids, below the root that the line names" {
	some_ids "$id.a" "$id.b"
	press_tab --root "$root" state "$id"
	[[ $output == "$id.a"$'\n'"$id.b" ]]
	press_tab state --root = "$root" "$id.b"
	[[ $output == "$id.b" ]]
	press_tab --root "$root" delete --force "$id.a" "$id.b"
	[[ $output == "$id.b" ]]
	press_tab --root "$root" state "$id.a" ''
	[[ -z $output ]]
	press_tab --root "$dir/nosuch" state ''
	[[ -z $output ]]
}

@test "bash leaves to the program of exec what is its own" {
	press_tab exec web -
	[[ -z $output ]]
	press_tab exec web sh ''
	[[ -z $output ]]
	press_tab exec --tty --
	expect_line --detach
}

@test "bash takes nothing from the line for commands" {
	touch "$dir/made"
	press_tab state "\$(rm $dir/made)" "\`rm $dir/made\`"
	press_tab --root "\$(rm $dir/made)" state '$(rm'
	press_tab create -b "\$(rm $dir/made)"
	[[ -e $dir/made ]]
}

@test "fish completes commands, options, values and ids" {
	press_tab_in_fish 'ocirt fea'
	[[ $output == features ]]
	press_tab_in_fish 'ocirt create --b'
	[[ $output == --bundle ]]
	press_tab_in_fish 'ocirt --log-level d'
	[[ $output == debug ]]
	press_tab_in_fish 'ocirt kill web TER'
	[[ $output == TERM ]]
	press_tab_in_fish 'ocirt --root x exec web --'
	[[ -z $output ]]
	some_ids "$id.a"
	press_tab_in_fish "ocirt --root $root state $id"
	[[ $output == "$id.a" ]]
	press_tab_in_fish "ocirt state --root=$root $id"
	[[ $output == "$id.a" ]]
}

@test "zsh takes its script, and finds commands and options in it" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	ocirt completion zsh >"$dir/_ocirt"
	zsh -n "$dir/_ocirt"
	# In a terminal of its own, as zsh completes nowhere else: a tab, and what is on the line then.
	run zsh -f -c '
		zmodload zsh/zpty
		zpty shell zsh -f -i
		send() { zpty -w shell "$1"; }
		send "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -u -d $1/dump"
		send "show() { print -r -- \"<\$BUFFER>\"; }; zle -N show; bindkey ^X show"
		send "setopt no_auto_menu no_list_ambiguous; print re\"\"ady"
		zpty -r shell line "*ready*"
		for text in "ocirt fea" "ocirt create --bun" "ocirt --log-level=de" "ocirt kill web TER"; do
			zpty -w -n shell "$text"$'"'\\t\\x18'"'
			zpty -r shell line "*<*>*"
			print -r -- "${${line#*<}%>*}"
			zpty -w -n shell $'"'\\x15'"'
		done
		zpty -d shell' zsh "$dir"
	expect_line "ocirt features"
	expect_line "ocirt create --bundle="
	expect_line "ocirt --log-level=debug"
	expect_line "ocirt kill web TERM"
}

@test "a shell that there is no script for is refused" {
	run ocirt completion
	expect_status 1
	expect_line "completion: the shell is missing"
	run ocirt completion csh
	expect_status 1
	expect_line "completion: 'csh' is none of bash, zsh and fish"
}
