#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Default devices, linux.devices, and who may use them: the cgroup's device rules.

load helpers
load cgroups

expect_node() { # PATH TYPE MODE NUMBERS [UID GID]
	demo stat "$1"
	expect_status 0
	expect_fact type "$2"
	expect_fact mode "$3"
	expect_fact rdev "$4"
	expect_fact uid "${5:-0}"
	expect_fact gid "${6:-0}"
}

@test "the default devices are there" {
	bundle
	expect_node /dev/null char 0666 1:3
	expect_node /dev/zero char 0666 1:5
	expect_node /dev/full char 0666 1:7
	expect_node /dev/random char 0666 1:8
	expect_node /dev/urandom char 0666 1:9
	expect_node /dev/tty char 0666 5:0
}

@test "the links of /dev are there" {
	bundle
	local link
	demo ls /dev
	for link in fd full null ptmx pts random shm stderr stdin stdout tty urandom zero; do
		grep -qx "$link" <<<"$output" || complain "no $link"
	done
	demo readlink /dev/ptmx
	expect_line pts/ptmx
	demo readlink /dev/fd
	expect_line /proc/self/fd
	demo readlink /dev/stderr
	expect_line /proc/self/fd/2
}

@test "listed devices are made with mode and owner, whatever the umask" {
	bundle '.process.user.umask = 63' '.linux.devices = [
		{"path": "/dev/char", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 12, "gid": 34},
		{"path": "/dev/block", "type": "b", "major": 7, "minor": 0, "fileMode": 384},
		{"path": "/dev/unbuffered", "type": "u", "major": 10, "minor": 200},
		{"path": "/dev/fifo", "type": "p", "fileMode": 432},
		{"path": "/dev/deep/er/node", "type": "c", "major": 1, "minor": 3}]'
	umask 077
	expect_node /dev/char char 0666 10:229 12 34
	expect_node /dev/block block 0600 7:0
	expect_node /dev/unbuffered char 0666 10:200
	expect_node /dev/fifo fifo 0660 0:0
	expect_node /dev/deep/er/node char 0666 1:3
}

@test "a device can be outside of /dev, in a writable root" {
	bundle '.root.readonly = false' \
		'.linux.devices = [{"path": "/nodes/null", "type": "c", "major": 1, "minor": 3}]'
	expect_node /nodes/null char 0666 1:3
	[[ -c rootfs/nodes/null ]]
}

@test "a listed device takes the place of the default one" {
	bundle '.linux.devices = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3,
		"fileMode": 420, "uid": 5}]'
	expect_node /dev/null char 0644 1:3 5
}

@test "another file in the place of a device is an error, the same device is not" {
	bundle 'del(.mounts[] | select(.destination | startswith("/dev")))' '.root.readonly = false'
	mknod rootfs/dev/null c 1 3
	demo stat /dev/null
	expect_status 0
	expect_fact rdev 1:3
	rm rootfs/dev/null
	mknod rootfs/dev/null c 1 5
	demo ids
	expect_status 1
	expect_line "/dev/null"
	rm rootfs/dev/null
	touch rootfs/dev/null
	demo ids
	expect_status 1
	expect_line "/dev/null"
	rm rootfs/dev/null
	ln -s zero rootfs/dev/null
	demo ids
	expect_status 1
	expect_line "/dev/null"
	expect_no_container "$id"
}

# --- cgroup rules ----------------------------------------------------------------------------

# Nodes in a writable root that the program may try to open.
# (The kernel's log asks for CAP_SYSLOG as well.)
nodes='.process.capabilities |= map_values(. + ["CAP_SYSLOG"]) | .linux.devices = [
	{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229},
	{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]'

rules() { # RULE...
	local IFS=,
	echo ".linux.resources.devices = [{\"allow\": false, \"access\": \"rwm\"}, $*]"
}

# bats test_tags=v2
@test "a device that no rule allows cannot be opened, the default ones can" {
	bundle "$nodes"
	demo lock-rw /dev/kmsg
	expect_line "lock-rw: EPERM"
	demo lock-rw /dev/null
	expect_line "lock-rw: ok"
	demo lock-rw /dev/zero
	expect_line "lock-rw: ok"
	demo lock-rw /dev/ptmx
	expect_line "lock-rw: ok"
}

@test "a rule lets a device be opened" {
	bundle "$nodes" "$(rules '{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}')"
	demo lock-rw /dev/kmsg
	expect_line "lock-rw: ok"
	demo lock-rw /dev/fuse
	expect_no_line "lock-rw: ok"
}

@test "a rule for reading lets nobody write" {
	bundle "$nodes" "$(rules '{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}')"
	demo lock-rw /dev/kmsg
	expect_line "lock-rw: EPERM"
	demo syscall openat -100 /dev/kmsg 2048 # O_RDONLY | O_NONBLOCK
	expect_line "errno: none"
}

# bats test_tags=v2
@test "the last rule that matches prevails" {
	bundle "$nodes" "$(rules '{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rwm"}' \
		'{"allow": false, "type": "c", "major": 1, "minor": 11, "access": "rwm"}')"
	demo lock-rw /dev/kmsg
	expect_line "lock-rw: EPERM"
}

@test "a rule that cgroup v1 cannot follow is refused, not forgotten" {
	[[ -d /sys/fs/cgroup/devices ]] || skip "the device rules of this host are not in cgroup v1"
	bundle "$(rules '{"allow": true, "type": "c", "major": 1, "access": "rwm"}' \
		'{"allow": false, "type": "c", "major": 1, "minor": 11, "access": "rwm"}')"
	demo ids
	expect_status 1
	expect_line "cgroup v1 cannot deny 'c 1:11 rwm' out of a rule for more devices"
	expect_no_container "$id"
}

@test "everything is allowed where the rules say so" {
	bundle "$nodes" '.linux.resources.devices = [{"allow": true, "access": "rwm"}]'
	demo lock-rw /dev/kmsg
	expect_line "lock-rw: ok"
}

@test "making a node takes the rule m" {
	bundle '.root.readonly = false' '.process.capabilities |= map_values(. + ["CAP_MKNOD"])' \
		"$(rules '{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}' \
			'{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "m"}')"
	# 133 is mknod; 8192 | 0600, 1:11 and 10:229
	[[ $(uname -m) == x86_64 ]] || skip "the number of mknod is that of x86_64"
	demo syscall 133 /kmsg 8576 267
	expect_line "errno: none"
	demo syscall 133 /fuse 8576 2789
	expect_line "errno: none"
	demo lock-rw /fuse
	expect_line "lock-rw: EPERM"
}

# The answers of the kernel to all of these, in containers of cgroup v1 and of v2.
verdicts() { # COMMAND-BEFORE...
	local device flags
	"$@" "$OCIRT" --root "$root" create "$id" </dev/null >"$dir/out" 2>&1 || complain "$(<"$dir/out")"
	for device in kmsg fuse null; do
		for flags in 2048 2049 2050; do # O_NONBLOCK and O_RDONLY, O_WRONLY, O_RDWR
			echo "$device $flags $("$@" "$OCIRT" --root "$root" exec "$id" \
				/bin/demo syscall openat -100 /dev/$device $flags | grep errno)"
		done
	done
	"$@" "$OCIRT" --root "$root" delete --force "$id"
}

@test "the same rules have the same verdicts on cgroup v1 and v2" {
	! in_v2 devices || skip "there is no cgroup v1 here to compare with"
	see_only_v2
	local rules seen=0
	for rules in \
		'{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}' \
		'{"allow": false}, {"allow": true, "type": "c", "major": 1, "access": "rw"}' \
		'{"allow": true}, {"allow": false, "type": "c", "major": 1, "minor": 11, "access": "w"}, {"allow": false, "type": "c", "major": 10, "minor": 229, "access": "r"}' \
		'{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}, {"allow": false, "type": "c", "major": 1, "minor": 11, "access": "w"}'; do
		rm -rf --one-file-system "$bundle"
		bundle "$nodes" "$(args sleep)" ".linux.resources = {\"devices\": [$rules]}"
		verdicts >"$dir/v1"
		verdicts "${alone[@]}" >"$dir/v2"
		run diff "$dir/v1" "$dir/v2"
		expect_status 0
		seen=$((seen + $(grep -c EPERM "$dir/v1")))
	done
	((seen > 8 && seen < 28)) || complain "$seen of 36 were denied, which proves little"
}
