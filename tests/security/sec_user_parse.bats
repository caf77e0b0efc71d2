#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2016-3697, CVE-2026-30892, containerd CVE-2026-46680: a user that is read loosely is root in the
# end.

load sec

@test "exec --user: numbers, all of them, and nothing else" {
	local user
	standing
	# What the image calls its users must not matter.
	mkdir -p rootfs/etc
	printf '1000:x:0:0::/:/bin/demo\nroot:x:0:0::/:/bin/demo\n1a:x:0:0::/:/bin/demo\n' >rootfs/etc/passwd
	for user in '' : 1: :1 -1 +1 ' 1' '1 ' 1a 0x1 1: 1:: 1:2:3 1:-1 1:root root 4294967295 4294967296 \
		18446744073709551616 1.0 1e3; do
		run ocirt exec --user "$user" "$id" /bin/demo ids
		[[ $status -eq 255 ]] || complain "'$user' is taken for a user"
		expect_no_line "uid:"
	done
	while read -r user uid gid; do
		run ocirt exec --user "$user" "$id" /bin/demo ids
		expect_status 0
		expect_fact uid "$uid"
		expect_fact euid "$uid"
		expect_fact suid "$uid"
		expect_fact gid "$gid"
	done <<-EOF
		0 0 0
		1 1 0
		01 1 0
		1000 1000 0
		1:2 1 2
		4294967294:4294967294 4294967294 4294967294
	EOF
}

@test "process.user: only what is an id" {
	local value
	attacked
	for value in -1 4294967295 4294967296 18446744073709551616 1.5 '"1000"' '"root"' true null; do
		change ".process.user = {uid: 1, gid: 1}"
		sed -i "s/\"uid\": 1/\"uid\": $value/" config.json
		run ocirt run "$id"
		[[ $value == null ]] || expect_refused
		change ".process.user = {uid: 1, gid: 1}"
		sed -i "s/\"gid\": 1/\"gid\": $value/" config.json
		run ocirt run "$id"
		[[ $value == null ]] || expect_refused
	done
	change '.process.user = {uid: 1, gid: 1, additionalGids: [4294967295]}'
	run ocirt run "$id"
	expect_refused
}

@test "a passwd file that is a pipe, a link out, or endless holds nobody up" {
	attacked "$(args env)" 'del(.process.env[] | select(startswith("HOME")))'
	mkdir -p rootfs/etc
	rm -f rootfs/etc/passwd
	mkfifo rootfs/etc/passwd
	run ocirt run "$id"
	expect_status 0
	expect_line "HOME=/"
	rm rootfs/etc/passwd
	echo "root:x:0:0::/from-the-host:/bin/sh" >"$host/etc/passwd"
	decoy_before=$(decoy_sum)
	ln -s "$host/etc/passwd" rootfs/etc/passwd
	run ocirt run "$id"
	expect_status 0
	expect_no_line from-the-host
	rm rootfs/etc/passwd
	truncate -s 1T rootfs/etc/passwd
	run ocirt run "$id"
	expect_status 0
	expect_line "HOME=/"
}
