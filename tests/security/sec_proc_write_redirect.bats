#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2025-52881, CVE-2025-62596: what ocirt writes to procfs must reach the file that it means, not
# one that somebody has mounted over it.

load sec

writes='.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "4242"} | .process.oomScoreAdj = 321'

@test "nothing may be mounted over the container's proc files" {
	attacked "$writes"
	change ".mounts += [{destination: \"/proc/sys/net/ipv4/ip_forward\",
		source: \"$host/proc/sysrq-trigger\", options: [\"bind\"]}]"
	run ocirt run "$id"
	expect_refused
	expect_line "is inside /proc"
}

@test "what is mounted over them through a link of the image gets nothing of what is written" {
	attacked "$writes" "$(args cat /proc/self/oom_score_adj)"
	ln -s /proc/sys rootfs/sysctls
	change ".mounts += [{destination: \"/sysctls\", source: \"$host/proc/sys\", options: [\"rbind\"]}]"
	run ocirt run "$id"
	expect_safe
	[[ $status -ne 0 || $output == 321 ]]
	ln -sfn /proc/sys/net/ipv4/ip_forward rootfs/sysctls
	change ".mounts[-1] = {destination: \"/sysctls\", source: \"$host/proc/sysrq-trigger\", options: [\"bind\"]}"
	run ocirt run "$id"
	expect_safe
	[[ $status -ne 0 || $output == 321 ]]
}

# ocirt in a mount namespace of its own, where a command has prepared the host's /proc.
with_host_proc() { # COMMAND
	run unshare --mount --propagation private sh -c "$1"' && shift && exec "$@"' sh x \
		"$OCIRT" --root "$root" run "$id"
}

# A namespace has sysctl files of its own, that nothing is mounted over: then it may go on.
@test "what is mounted over the host's own proc files is noticed, or makes no difference" {
	local file
	attacked "$writes" "$(args cat /proc/sys/net/ipv4/ip_forward)"
	for file in sys/net/ipv4/ip_forward sys/kernel/shmmax; do
		with_host_proc "mount --bind $host/proc/sysrq-trigger /proc/$file"
		expect_safe
		[[ $status -ne 0 || $output == 1 ]]
		# Another real proc file has the right type, too.
		with_host_proc "mount --bind /proc/sys/kernel/core_pattern /proc/$file"
		expect_safe
		[[ $(</proc/sys/kernel/core_pattern) != [14]* ]]
	done
	mkdir -p "$host/proc/sys/net/ipv4"
	echo decoy | tee "$host/proc/sys/net/ipv4/ip_forward" >"$host/proc/sys/kernel/shmmax"
	decoy_before=$(decoy_sum)
	with_host_proc "mount --bind $host/proc/sys /proc/sys"
	expect_refused
	expect_line "linux.sysctl"
}

# Stronger than anybody in a container is: it mounts on the host, and in the container that is made.
@test "what is mounted over proc files at any moment gets nothing of what is written" {
	local n within=(unshare --mount --propagation private)
	need_stopper
	attacked "$writes" '.linux.namespaces += [{type: "user"}]' "$(args cat /proc/self/oom_score_adj)" \
		'.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	cat >"$dir/over" <<-EOF
		over() {
			for f in oom_score_adj uid_map gid_map setgroups attr/exec attr/current; do
				\$@ mount --bind "$host/proc/sysrq-trigger" /proc/\$pid/\$f
			done
			\$@ mount --bind "$host/proc/sysrq-trigger" /proc/sys/net/ipv4/ip_forward
			\$@ mount --bind "$host/proc/sysrq-trigger" /proc/sys/kernel/shmmax
		}
		for pid in \$STOP_PID \$(pgrep -P \$STOP_PID); do
			over
			over nsenter --mount=/proc/\$STOP_PID/ns/mnt
		done >/dev/null 2>&1
	EOF
	stopped -e openat,openat2,proc-write -- run "$id"
	expect_status 0
	for n in $(sample 12); do
		stopped -e openat,openat2,proc-write -n "$n" -s "sh $dir/over" -- run "$id"
		expect_safe
		[[ $status -ne 0 || $output == 321 ]]
	done
}

@test "a /proc that is no procfs, or only a part of one, is refused" {
	attacked "$writes"
	with_host_proc "mount -t tmpfs tmpfs /proc"
	expect_refused
	with_host_proc "mount --bind /proc/sys /proc"
	expect_refused
}

@test "the uid map is written to procfs, not to what is mounted over it" {
	attacked "$writes" '.linux.namespaces += [{type: "user"}]' \
		'.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]' \
		'.linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 rootfs
	with_host_proc "mount -t tmpfs tmpfs /proc"
	expect_refused
}
