#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A seccomp filter around ocirt, as in a nested container, that answers the calls on which the other
# tests rest: it must refuse, and never do the same in a weaker way.

load sec

# Without these calls, an image that would like the weaker way: its /proc, /dev and a target are links.
without() { # CALLS ERROR FILTER
	attacked "$3"
	run "$stopper_program" -F "$2" -e "$1" -- "$OCIRT" --root "$root" run "$id" </dev/null
}

sweep() { # CALLS
	local error
	need_stopper
	for error in ENOSYS EPERM; do
		without "$1" $error .
		expect_refused
		expect_line "ocirt: "
		rm -rf "$bundle" "$host"
	done
}

@test "without openat2" {
	sweep openat2
	# Without cgroups, where it is first needed in the root file system.
	without openat2 ENOSYS '.linux.resources = null'
	expect_refused
	rm -rf rootfs/dev && ln -s "$host/dev" rootfs/dev
	run "$stopper_program" -F ENOSYS -e openat2 -- "$OCIRT" --root "$root" --cgroup-manager disabled run "$id"
	expect_refused
}

@test "without open_tree, move_mount, mount_setattr: each alone" {
	sweep open_tree
	sweep move_mount
	sweep mount_setattr
}

@test "without fsopen, fsconfig, fsmount" {
	sweep fsopen
	sweep fsconfig
	sweep fsmount
}

@test "without pivot_root there is no chroot instead" {
	sweep pivot_root
}

@test "without all of the new mount calls there is no mount(2) instead" {
	sweep open_tree,move_mount,mount_setattr,fsopen,fsconfig,fsmount,fspick
}

@test "without close_range nothing is passed on" {
	sweep close_range
}
