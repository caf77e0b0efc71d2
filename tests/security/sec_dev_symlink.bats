#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2026-41579, CVE-2026-47766: the image's /dev is a link, and what is made and removed in /dev is
# made and removed where it leads to, on the host.

load sec

no_tmpfs='.mounts |= map(select(.destination | startswith("/dev") | not))'

image_with() { # FILTER COMMAND...
	attacked "$1"
	rm -rf rootfs/dev
	(cd rootfs && "${@:2}")
	run ocirt run "$id"
	expect_safe
}

@test "nothing happens where a /dev that is a link leads to" {
	local target filter
	for filter in . "$no_tmpfs"; do
		for target in "$dir/host/dev" ../../host/dev ../../../../../../../../../../../"$dir/host/dev"; do
			image_with "$filter" ln -s "$target" dev
			rm -rf "$bundle"
		done
		image_with "$filter" sh -c "ln -s x dev; ln -s y x; ln -s $dir/host/dev y"
		rm -rf "$bundle"
	done
}

@test "create and start with such a /dev leave the decoy alone, too" {
	attacked "$no_tmpfs"
	rm -rf rootfs/dev
	ln -s "$host/dev" rootfs/dev
	! ocirt create "$id" </dev/null >"$dir/out" 2>&1 || run ocirt start "$id"
	expect_decoy
}

@test "a link inside the root file system keeps everything inside" {
	attacked "$no_tmpfs" '.root.readonly = false' "$(args stat /real/null)"
	rm -rf rootfs/dev
	mkdir rootfs/real
	ln -s /../../real rootfs/dev
	run ocirt run "$id"
	expect_status 0
	expect_fact rdev 1:3
	expect_decoy
}

@test "links below /dev lead nowhere else either" {
	local name
	attacked "$no_tmpfs"
	rm -rf rootfs/dev
	mkdir rootfs/dev
	for name in null zero full tty random urandom ptmx fd stdin stdout stderr console pts shm; do
		ln -s "$host/dev/$name" "rootfs/dev/$name"
	done
	run ocirt run "$id"
	expect_safe
}
