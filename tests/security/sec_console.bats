#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2025-52565: the terminal is bound onto /dev/console before anything is masked; what that name or
# /dev/pts/N leads to is the image's business.

load sec

terminal='.process.terminal = true'
image_dev='.mounts |= map(select(.destination != "/dev" and .destination != "/dev/shm" and .destination != "/dev/mqueue"))'

@test "no kind of /dev/console in the image leads out of it" {
	local make
	for make in "ln -s $dir/host/dev/console console" "ln -s ../../../host/dev/console console" \
		"ln -s /proc/sys/kernel/core_pattern console" "mkfifo console" "mkdir console" "touch console" \
		"mknod console c 5 1"; do
		attacked "$terminal" "$image_dev"
		rm -rf rootfs/dev
		mkdir -p rootfs/dev/pts
		(cd rootfs/dev && $make)
		run ocirt run "$id" </dev/null
		expect_safe
		rm -rf "$bundle"
	done
}

@test "a /dev/console that becomes a link at any moment" {
	local n
	need_stopper
	attacked "$terminal" "$image_dev" \
		".mounts = [{destination: \"/dev\", source: \"$dir/dev\", options: [\"bind\"]}] + .mounts"
	renew() {
		rm -rf "${dir:?}/dev"
		mkdir -p "$dir/dev/pts"
	}
	renew
	stopped -- run "$id"
	for n in $(sample 10); do
		renew
		stopped -n "$n" -s "cd $dir/dev; rm -f console; ln -s $host/dev/console console" -- run "$id"
		expect_safe
	done
}

@test "a /dev/pts that is no devpts gives no terminal, to exec neither" {
	attacked "$terminal" '(.mounts[] | select(.destination == "/dev/pts")) |=
		{destination: "/dev/pts", type: "tmpfs", source: "tmpfs"}'
	run ocirt run "$id" </dev/null
	expect_refused
	rm -rf "$bundle"
	attacked "$(args sleep)" '(.mounts[] | select(.destination == "/dev/pts")) |=
		{destination: "/dev/pts", source: "'"$dir/pts"'", options: ["bind"]}'
	mkdir "$dir/pts"
	mkfifo "$dir/pts/ptmx"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	run ocirt exec --tty "$id" /bin/demo cat /ran </dev/null
	[[ $status -ne 0 ]]
	expect_no_line "the program ran"
	expect_line "devpts"
}
