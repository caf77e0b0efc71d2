#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# linux.maskedPaths, readonlyPaths and sysctl: what of the kernel a container may see and change.

load helpers

@test "a masked file is empty, a masked directory too, a missing path is no error" {
	bundle '.linux.maskedPaths = ["/secret/file", "/secret/dir", "/secret/none", "/proc/version"]'
	mkdir -p rootfs/secret/dir
	echo hidden | tee rootfs/secret/file >rootfs/secret/dir/file
	demo cat /secret/file
	expect_status 0
	[[ -z $output ]]
	demo ls /secret/dir
	expect_status 0
	[[ -z $output ]]
	demo cat /proc/version
	[[ -z $output ]]
	demo ls /secret
	expect_no_line none
}

@test "a masked directory takes no file" {
	bundle '.root.readonly = false' '.linux.maskedPaths = ["/secret"]'
	mkdir rootfs/secret
	demo write /secret/file text
	expect_status 1
	expect_line EROFS
	[[ ! -e rootfs/secret/file ]]
}

@test "what the demo masks of /proc and /sys is masked" {
	bundle
	demo ls /sys/firmware
	[[ -z $output ]]
	demo cat /proc/timer_list
	[[ -z $output ]]
	demo cat /proc/keys
	[[ -z $output ]]
}

@test "read-only paths cannot be written to" {
	bundle '.root.readonly = false' '.linux.readonlyPaths += ["/kept", "/kept-file", "/none"]'
	mkdir rootfs/kept
	echo old >rootfs/kept-file
	demo write /kept/file text
	expect_status 1
	expect_line EROFS
	demo write /kept-file text
	expect_status 1
	expect_line EROFS
	demo write /other text
	expect_status 0
	demo write /proc/sys/kernel/domainname text
	expect_status 1
	expect_line EROFS
	demo write /proc/sysrq-trigger h
	expect_status 1
	[[ $(<rootfs/kept-file) == old ]]
}

@test "a read-only path is so for what is mounted below it" {
	bundle '.linux.readonlyPaths = ["/kept"]' \
		'.mounts += [{"destination": "/kept/below", "type": "tmpfs", "source": "tmpfs"}]'
	demo write /kept/below/file text
	expect_status 1
	expect_line EROFS
}

@test "a read-only path keeps the other flags of the mount" {
	bundle '.linux.readonlyPaths = ["/kept"]' '.mounts += [{"destination": "/kept", "type": "tmpfs",
		"source": "tmpfs", "options": ["nosuid", "noexec", "nodev"]}]'
	mkdir rootfs/kept
	demo mounts /kept
	[[ ${lines[-1]} == "/kept: options=ro,nosuid,nodev,noexec,"* ]]
}

@test "a link as a masked path hides what it leads to, inside" {
	bundle '.linux.maskedPaths = ["/link"]'
	mkdir rootfs/real
	echo hidden >rootfs/real/file
	ln -s /../../real rootfs/link
	demo ls /real
	expect_status 0
	[[ -z $output ]]
}

@test "a hundred masked paths are masked" {
	bundle '.linux.maskedPaths = [range(100) | "/secret/\(.)"]'
	local i
	for i in {0..99}; do
		mkdir -p "rootfs/secret/$i/sub"
	done
	demo ls /secret/99
	expect_status 0
	[[ -z $output ]]
	demo mounts
	[[ $(grep -c '^/secret/.*type=tmpfs' <<<"$output") -eq 100 ]]
}

@test "the same path can be masked and read-only" {
	bundle '.linux.maskedPaths = ["/both"]' '.linux.readonlyPaths = ["/both"]'
	mkdir -p rootfs/both/sub
	demo ls /both
	expect_status 0
	[[ -z $output ]]
}

@test "sysctls are set in the container's namespaces and not on the host" {
	local shmmax forward
	shmmax=$(</proc/sys/kernel/shmmax)
	forward=$(</proc/sys/net/ipv4/ip_forward)
	bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "123456",
		"net/ipv4/ping_group_range": "0 7", "kernel.msgmax": "1234", "fs.mqueue.msg_max": "7"}'
	demo cat /proc/sys/net/ipv4/ip_forward
	expect_status 0
	[[ $output == 1 ]]
	demo cat /proc/sys/kernel/shmmax
	[[ $output == 123456 ]]
	demo cat /proc/sys/net/ipv4/ping_group_range
	[[ $output == 0[[:space:]]7 ]]
	demo cat /proc/sys/fs/mqueue/msg_max
	[[ $output == 7 ]]
	[[ $(</proc/sys/kernel/shmmax) == "$shmmax" ]]
	[[ $(</proc/sys/net/ipv4/ip_forward) == "$forward" ]]
}

@test "sysctls of the host are refused" {
	local key
	bundle
	for key in kernel.panic vm.swappiness fs.file-max kernel.hostname net../../kernel/panic; do
		change ".linux.sysctl = {\"$key\": \"1\"}"
		demo ids
		expect_status 1
		expect_line "linux.sysctl: '$key'"
	done
	expect_no_container "$id"
}

@test "a sysctl without its namespace is refused" {
	bundle '.linux.namespaces |= map(select(.type != "network"))' \
		'.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	demo ids
	expect_status 1
	expect_line "there is no network namespace"
	change '.linux.namespaces += [{"type": "network"}] |
		.linux.namespaces |= map(select(.type != "ipc")) |
		.linux.sysctl = {"kernel.shmmax": "1"}'
	demo ids
	expect_status 1
	expect_line "there is no ipc namespace"
}

@test "a sysctl that does not exist, or a value that it refuses, is an error that names it" {
	bundle '.linux.sysctl = {"net.ipv4.no_such_thing": "1"}'
	demo ids
	expect_status 1
	expect_line "net.ipv4.no_such_thing"
	change '.linux.sysctl = {"net.ipv4.ip_forward": "many"}'
	demo ids
	expect_status 1
	expect_line "net.ipv4.ip_forward"
	expect_no_container "$id"
}
