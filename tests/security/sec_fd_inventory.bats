#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2024-21626, CVE-2016-9962, CVE-2015-3627, LXC CVE-2016-8649: a descriptor of the host that is
# open inside is a way out.

load sec

@test "a running container has what its configuration gives it and nothing else" {
	standing
	expect_inventory "$(pid_of "$id")"
}

@test "what the caller has open stays outside" {
	bundle "$(args sleep)"
	ocirt create "$id" 3</ 4</etc 5<config.json 9</proc </dev/null >"$dir/out" 2>&1
	ocirt start "$id" 3</ 4</etc
	expect_inventory "$(pid_of "$id")"
	ocirt exec --detach --pid-file "$dir/pid" "$id" /bin/demo sleep 3</ 7</etc </dev/null >"$dir/out" 2>&1
	expect_inventory "$(<"$dir/pid")"
}

@test "what is to be preserved is there, and no more" {
	bundle "$(args sleep)"
	ocirt create --preserve-fds 2 "$id" 3<config.json 4<config.json 5</ 6</ </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	expect_inventory "$(pid_of "$id")" 3 4
	ocirt exec --detach --preserve-fds 1 --pid-file "$dir/pid" "$id" /bin/demo sleep 3<config.json 4</ \
		</dev/null >"$dir/out" 2>&1
	expect_inventory "$(<"$dir/pid")" 3
}

@test "what is to be preserved and is not open is not one of ours" {
	attacked
	local n
	for n in 1 2 8; do
		run ocirt run --preserve-fds "$n" "$id" 3<&- 4<&-
		expect_refused
		LISTEN_FDS=$n run ocirt run "$id" 3<&- 4<&-
		expect_refused
	done
	rm -rf "$bundle"
	standing
	run ocirt exec --preserve-fds 4 "$id" /bin/demo fds 3<&-
	[[ $status -ne 0 ]]
	expect_no_line "$root"
}

@test "closed standard files do not become the host's" {
	bundle "$(args sleep)"
	ocirt create "$id" <&- >&- 2>&-
	ocirt start "$id"
	expect_inventory "$(pid_of "$id")"
	[[ $(readlink "/proc/$(pid_of "$id")/fd/"{0,1,2} | sort -u) == /dev/null ]]
}

@test "hooks have nothing of ours either" {
	local hook
	bundle "$(args exit 0)"
	cat >"$dir/hook" <<-EOF
		#!/bin/bash
		cd /proc/self/fd && echo * >>"$dir/fds"
		umask >>"$dir/umask"
	EOF
	chmod +x "$dir/hook"
	for hook in prestart createRuntime createContainer poststart poststop; do
		change ".hooks.$hook = [{path: \"$dir/hook\"}]"
	done
	(umask 027 && ocirt run "$id" 3</ 4</etc </dev/null)
	# bash itself has 255, which is the script, and 3, which is the directory that it lists.
	[[ $(sort -u "$dir/fds") == "0 1 2 255 3" ]] || complain "$(<"$dir/fds")"
	[[ $(sort -u "$dir/umask") == 0027 ]] || complain "$(<"$dir/umask")"
}

@test "the created container keeps no descriptor of a directory of the host" {
	local fd pid
	bundle "$(args sleep)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	pid=$(pid_of "$id")
	for fd in "/proc/$pid/fd/"*; do
		[[ ! -d $fd || $(stat -Lc %d:%i "$fd") == "$(stat -Lc %d:%i "/proc/$pid/root")" ]] ||
			complain "$(ls -l "$fd")"
	done
	[[ $(stat -Lc %d:%i "/proc/$pid/cwd") != "$(stat -Lc %d:%i .)" ]]
}

@test "the keys of the caller stay outside, for exec, too" {
	local own
	standing
	own=$(rootfs/bin/demo syscall keyctl 0 -3 0)
	run ocirt exec "$id" /bin/demo syscall keyctl 0 -3 0
	expect_status 0
	expect_fact errno none
	[[ $own != *"return: $(fact return)"* ]] || complain "it has the caller's session keyring"
}
