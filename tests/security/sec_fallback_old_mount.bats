#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A seccomp filter around ocirt, as in a nested container, that answers calls of the mount API: it must
# refuse, and never mount by paths instead.

load sec

@test "without open_tree" {
	without_calls open_tree
}

@test "without move_mount" {
	without_calls move_mount
}

@test "without mount_setattr" {
	without_calls mount_setattr
}

@test "without fsopen, fsconfig, fsmount: each alone" {
	without_calls fsopen
	without_calls fsconfig
	without_calls fsmount
}

@test "without pivot_root there is no chroot instead" {
	without_calls pivot_root
}

@test "without all of the mount API there is no mount(2) instead" {
	without_calls open_tree,move_mount,mount_setattr,fsopen,fsconfig,fsmount,fspick
}
