#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2025-24965: whatever is made in the root file system may be there already, as a link to a file
# of the host.

load sec

plant() { # TARGET-OF-LINKS
	local name
	for name in null zero full random urandom tty console ptmx fd stdin stdout stderr pts shm mqueue fuse; do
		ln -sfn "$1" "rootfs/dev/$name"
	done
	ln -sfn "$1" rootfs/file
	ln -sfn "$1" rootfs/dir
	ln -sfn "$1" rootfs/work
	rm -rf rootfs/run
	ln -sfn "$1" rootfs/run
}

@test "every file that is made, planted as a link to the host" {
	local target with
	for target in "$dir/host/secret" ../../../host/secret "$dir/host/new" "$dir/host"; do
		for with in device mount directory cwd console; do
			attacked '.root.readonly = false | .mounts |= map(select(.destination | startswith("/dev") | not))'
			mkdir -p rootfs/dev
			plant "$target"
			case $with in
			device) change '.linux.devices = [{path: "/file", type: "c", major: 1, minor: 3},
					{path: "/dir/sub/node", type: "p"}]' ;;
			mount) change ".mounts += [{destination: \"/file\", source: \"$bundle/config.json\", options: [\"bind\"]}]" ;;
			directory) change '.mounts += [{destination: "/dir/a/b", type: "tmpfs", source: "tmpfs"}]' ;;
			cwd) change '.process.cwd = "/work/a"' ;;
			console) change '.process.terminal = true' ;;
			esac
			run ocirt run "$id" </dev/null
			echo "$with, $target:"
			expect_safe
			[[ ! -e $dir/host/new ]]
			rm -rf "$bundle" "$host"
		done
	done
}

@test "a copied directory with links, pipes and devices in it copies nothing of the host" {
	attacked '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]' \
		"$(args cat /data/link)"
	mkdir -p rootfs/data/sub
	ln -s "$host/secret" rootfs/data/link
	mkfifo rootfs/data/pipe
	mknod rootfs/data/sub/zero c 1 5
	run ocirt run "$id"
	expect_line ENOENT
	expect_no_line decoy:
	expect_decoy
}

@test "a directory that changes while it is copied" {
	local n swap
	need_stopper
	attacked ".mounts += [{destination: \"/vol\", source: \"$dir/vol\", options: [\"bind\"]},
		{destination: \"/vol/data\", type: \"tmpfs\", source: \"tmpfs\", options: [\"tmpcopyup\", \"size=1m\"]}]" \
		"$(args cat /vol/data/sub/file)"
	renew() {
		rm -rf "$dir/vol"
		mkdir -p "$dir/vol/data/sub"
		echo old >"$dir/vol/data/sub/file"
	}
	for swap in "rm -r sub; ln -s $host sub" "rm sub/file; ln -s $host/secret sub/file" \
		"rm sub/file; mkfifo sub/file" "rm sub/file; mknod sub/file c 1 5"; do
		# What is a pipe or without an end is not for the program to read.
		change "$(args "$([[ $swap == *mk* ]] && echo stat || echo cat)" /vol/data/sub/file)"
		renew
		stopped -e openat,mkdirat,fchownat,fchown,openat2 -- run "$id"
		expect_status 0
		for n in $(sample 5); do
			renew
			stopped -e openat,mkdirat,fchownat,fchown,openat2 -n "$n" -s "cd $dir/vol/data; $swap" -- run "$id"
			expect_no_line decoy
			expect_decoy
			[[ $status -ne 124 ]]
		done
	done
}
