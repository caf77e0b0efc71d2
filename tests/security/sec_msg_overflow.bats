#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2021-43784: a length that does not fit into its field, and what follows is read as something
# else.

load sec

# It ran as it should, or it was refused in words.
expect_sane() {
	[[ $status -eq 0 ]] || {
		expect_refused
		[[ -n $output ]]
		expect_no_line "was killed"
	}
}

@test "environments, arguments and lists beyond 64 KiB" {
	local filter
	for filter in \
		'.process.env += ["A=" + "x" * 70000, "B=" + "y" * 131000]' \
		'.process.env += [range(20000) | "V\(.)=\(.)"]' \
		'.process.args += ["z" * 131000]' \
		'.process.cwd = "/" + "d" * 70000' \
		'.hostname = "h" * 70000' \
		'.linux.devices = [{path: ("/d" * 35000), type: "p"}]' \
		'.linux.cgroupsPath = "/" + "c" * 70000' \
		'.linux.maskedPaths += [range(5000) | "/none/\(.)" + "m" * 100]' \
		'.linux.uidMappings = [range(5000) | {containerID: ., hostID: ., size: 1}] | .linux.namespaces += [{type: "user"}]' \
		'.process.user.additionalGids = [range(70000)]' \
		'.mounts += [{destination: "/m", type: "tmpfs", source: ("s" * 70000)}]' \
		'.mounts += [{destination: "/m", type: "tmpfs", source: "t", options: [range(5000) | "o\(.)=" + "v" * 20]}]' \
		'.annotations = {"a": ("v" * 1000000)}' \
		'.linux.sysctl = {"net.ipv4.ip_forward": ("1" * 70000)}' \
		'.process.apparmorProfile = "p" * 70000' \
		'.process.rlimits = [range(3000) | {type: "RLIMIT_NOFILE", soft: 1024, hard: 1024}]'; do
		attacked "$filter"
		run ocirt run "$id"
		expect_sane
		rm -rf "$bundle" "$host"
	done
}

@test "numbers at the edge of their fields" {
	local filter
	for filter in \
		'.process.oomScoreAdj = 2147483648' \
		'.linux.devices = [{path: "/dev/x", type: "c", major: 4294967296, minor: 3}]' \
		'.linux.devices = [{path: "/dev/x", type: "c", major: -1, minor: -1}]' \
		'.process.consoleSize = {height: 65536, width: 65536} | .process.terminal = true' \
		'.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 18446744073709551616, hard: 1}]' \
		'.linux.uidMappings = [{containerID: 0, hostID: 4294967295, size: 2}] | .linux.namespaces += [{type: "user"}]' \
		'.process.user.umask = 4294967296' \
		'.linux.resources.pids.limit = 9223372036854775808'; do
		attacked "$filter"
		run ocirt run "$id" </dev/null
		expect_sane
		rm -rf "$bundle" "$host"
	done
}
