#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# linux.namespaces and what belongs to them: names, clocks, the loopback interface. What user
# namespaces need more is in userns.bats.

load helpers

clean_up() {
	ocirt delete --force "$id-2" 2>/dev/null || :
}

# As the specification calls what /proc/PID/ns/KIND is.
type_of() { # KIND
	case $1 in
	mnt) echo mount ;;
	net) echo network ;;
	*) echo "$1" ;;
	esac
}

ns_of() { # PID KIND
	readlink "/proc/$1/ns/$2"
}

stopped() {
	[[ $(status_of "$id") == stopped ]]
}

# The demo's own namespaces and one more.
with() { # TYPE
	printf '.linux.namespaces |= (map(select(.type != "%s")) + [{"type": "%s"}])' "$1" "$1"
}

# Where the limit of processes is, on the host as in the container.
pids_mount() {
	[[ -e /sys/fs/cgroup/cgroup.controllers ]] || local at=/pids
	echo "/sys/fs/cgroup${at-}"
}

joining() { # TYPE PID KIND
	printf '.linux.namespaces |= (map(select(.type != "%s")) + [{"type": "%s", "path": "/proc/%s/ns/%s"}])' \
		"$1" "$1" "$2" "$3"
}

@test "namespaces that are asked for are new, the others are the caller's" {
	bundle "$(with time)" "$(with cgroup)"
	demo namespaces
	expect_status 0
	local kind
	for kind in cgroup ipc mnt net pid time uts; do
		[[ $(fact "namespace.$kind") != "$(ns_of self $kind)" ]] || complain "$kind is not new"
	done
	expect_fact namespace.user "$(ns_of self user)"
}

@test "namespaces that are not asked for are the caller's" {
	bundle '.linux.namespaces = [{"type": "mount"}]' 'del(.hostname)' \
		'.mounts |= map(select(.destination != "/sys"))'
	demo namespaces
	expect_status 0
	local kind
	for kind in cgroup ipc net pid time user uts; do
		expect_fact "namespace.$kind" "$(ns_of self $kind)"
	done
	[[ $(fact namespace.mnt) != "$(ns_of self mnt)" ]]
}

@test "cgroup, ipc, network, pid, time and uts namespaces are joined by path" {
	standing "$(with time)" "$(with cgroup)"
	local kind type first
	first=$(pid_of "$id")
	for kind in cgroup ipc net pid time uts; do
		type=$(type_of $kind)
		"$OCIRT_DEMO" spec --demo "$dir/second-$kind"
		jq "$(args namespaces) | del(.hostname) | $(joining "$type" "$first" "$kind")" \
			config.json >"$dir/second-$kind/config.json"
		run ocirt run -b "$dir/second-$kind" "$id-2"
		expect_status 0
		expect_fact "namespace.$kind" "$(ns_of "$first" $kind)"
		[[ $(fact namespace.mnt) != "$(ns_of "$first" mnt)" ]]
	done
}

@test "a mount namespace that is joined gets the container's root" {
	mkdir "$dir/pinned"
	mount -t tmpfs -o size=4k tmpfs "$dir/pinned" # a peer group of its own takes no copy of itself
	touch "$dir/pinned/mnt"
	mount --make-private "$dir/pinned"
	# A mount namespace takes mounts of later ones only, by their numbers, which Linux 6.18 gives out
	# for each processor apart: one that is made on ours is later.
	local cpu
	for cpu in $(seq 0 "$(($(nproc --all) - 1))"); do
		taskset -c "$cpu" unshare "--mount=$dir/pinned/mnt" true && break
	done
	bundle "$(joining mount 0 mnt | sed "s|/proc/0/ns/mnt|$dir/pinned/mnt|")"
	demo namespaces
	local joined
	joined=$(stat -Lc 'mnt:[%i]' "$dir/pinned/mnt")
	umount -R "$dir/pinned"
	expect_status 0
	expect_fact namespace.mnt "$joined"
}

@test "two containers share the pid namespace that the second joins" {
	standing
	local first
	first=$(pid_of "$id")
	"$OCIRT_DEMO" spec --demo "$dir/second"
	jq "$(args ids) | $(joining pid "$first" pid)" config.json >"$dir/second/config.json"
	run ocirt run -b "$dir/second" "$id-2"
	expect_status 0
	[[ $(fact pid) -gt 1 ]]
}

@test "a joined uts namespace keeps its name, or takes the one that is given" {
	standing '.hostname = "first"'
	local first
	first=$(pid_of "$id")
	"$OCIRT_DEMO" spec --demo "$dir/second"
	jq "$(args hostname) | $(joining uts "$first" uts) | del(.hostname)" config.json \
		>"$dir/second/config.json"
	run ocirt run -b "$dir/second" "$id-2"
	expect_fact hostname first
	jq "$(args hostname) | $(joining uts "$first" uts) | .hostname = \"second\"" config.json \
		>"$dir/second/config.json"
	run ocirt run -b "$dir/second" "$id-2"
	expect_fact hostname second
	run ocirt exec "$id" /bin/demo hostname
	expect_fact hostname second
}

@test "a namespace can be joined by a bind mount of it" {
	standing
	touch "$dir/net"
	mount --bind "/proc/$(pid_of "$id")/ns/net" "$dir/net"
	"$OCIRT_DEMO" spec --demo "$dir/second"
	jq "$(args namespaces) | .linux.namespaces |= map(if .type == \"network\" then .path = \"$dir/net\" else . end)" \
		config.json >"$dir/second/config.json"
	run ocirt run -b "$dir/second" "$id-2"
	umount "$dir/net"
	expect_status 0
	expect_fact namespace.net "$(ns_of "$(pid_of "$id")" net)"
}

@test "a path to a namespace of another type is refused" {
	bundle '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)'
	demo namespaces
	expect_status 1
	expect_line "linux.namespaces[4].path"
	expect_no_container "$id"
}

@test "a path that is no namespace, or is missing, is refused" {
	bundle '.linux.namespaces |= map(if .type == "network" then .path = "/etc/passwd" else . end)'
	demo namespaces
	expect_status 1
	expect_line "linux.namespaces[4].path"
	change '.linux.namespaces |= map(if .type == "network" then .path = "/nowhere" else . end)'
	demo namespaces
	expect_status 1
	expect_line "linux.namespaces[4].path: cannot open '/nowhere'"
	expect_no_container "$id"
}

@test "host name and domain name are the container's own" {
	local host
	host=$(uname -n)
	bundle '.hostname = "inside"' '.domainname = "example.org"'
	demo hostname
	expect_fact hostname inside
	expect_fact domainname example.org
	[[ $(uname -n) == "$host" ]]
}

@test "a host name without a uts namespace is refused" {
	bundle '.linux.namespaces |= map(select(.type != "uts"))'
	demo hostname
	expect_status 1
	expect_line "hostname: 'ocirt' would become the host's"
	expect_no_container "$id"
}

@test "a new network has nothing but lo, and it is up" {
	bundle
	demo ls /sys/class/net
	[[ $output == lo ]]
	demo cat /sys/class/net/lo/flags
	((output & 1)) # IFF_UP
	demo cat /proc/net/route
	[[ ${#lines[@]} -eq 1 ]]
}

@test "a new cgroup namespace shows the container's cgroup as /" {
	bundle "$(with cgroup)"
	demo cgroup
	expect_status 0
	expect_line "0::/"
	local line
	for line in "${lines[@]}"; do
		[[ $line == *:/ ]] || complain "not the root: $line"
	done
	demo mounts "$(pids_mount)"
	expect_line "root=/"
	[[ $output == *"root=/" ]]
}

@test "without a cgroup namespace the container's own path shows" {
	bundle '.linux.cgroupsPath = "/'"$id"'"' 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	demo cgroup
	grep -qxE "([0-9]+:pids|0:):/$id" <<<"$output" || complain "elsewhere"
}

@test "clocks of a time namespace run ahead" {
	bundle "$(with time)" '.linux.timeOffsets = {
		"monotonic": {"secs": 86400, "nanosecs": 5},
		"boottime": {"secs": 864000}}'
	demo cat /proc/uptime
	local here
	read -r here _ </proc/uptime
	((${output%%.*} >= ${here%%.*} + 864000 - 1))
	demo cat /proc/self/timens_offsets
	expect_line "monotonic       86400         5"
	expect_line "boottime       864000         0"
}

@test "a clock can run behind" {
	bundle "$(with time)" '.linux.timeOffsets.boottime = {"secs": -20, "nanosecs": 0}'
	demo cat /proc/uptime
	local here
	read -r here _ </proc/uptime
	((${output%%.*} <= ${here%%.*} - 18))
}

@test "a new ipc namespace has no one else's queues" {
	bundle '.linux.sysctl = {"kernel.shmmni": "1234"}'
	demo cat /proc/sys/kernel/shmmni
	[[ $output == 1234 ]]
	[[ $(</proc/sys/kernel/shmmni) != 1234 ]]
}

@test "the first process of a pid namespace is 1 and sees only its own" {
	bundle
	demo ids
	expect_fact pid 1
	expect_fact ppid 0
	demo ls /proc
	expect_line 1
	run grep -cE '^[0-9]+$' <<<"$output"
	[[ $output -eq 1 ]]
}

@test "a container in the caller's pid namespace can be killed and deleted" {
	standing '.linux.namespaces |= map(select(.type != "pid"))'
	local pid
	pid=$(pid_of "$id")
	[[ $(ns_of "$pid" pid) == "$(ns_of self pid)" ]]
	ocirt kill "$id" KILL
	await stopped
	ocirt delete "$id"
	# Gone, or dead and not yet buried by the host's init.
	[[ ! -e /proc/$pid || $(<"/proc/$pid/stat") == *") Z "* ]]
}
