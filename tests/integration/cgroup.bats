#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# linux.cgroupsPath: where the container is, on hosts with cgroup v1, with v2, and with both; and that
# it is inside. What the kernel was told is in resources.bats.

load helpers

clean_up() {
	ocirt delete --force "$id-2" 2>/dev/null || :
	find_cgroups -depth -path "*$id-mine*" -exec rmdir {} +
}

# A filter: inside, cgroups look as they do on the host, which is v1's default.
host_view='del(.linux.namespaces[] | select(.type == "cgroup"))'

# The directory of a controller's hierarchy, or skip. A controller of v2 must be enabled for it.
hierarchy() { # CONTROLLER
	if [[ -d /sys/fs/cgroup/$1 && ! -e /sys/fs/cgroup/cgroup.controllers ]]; then
		v=1 top=/sys/fs/cgroup/$1
		return
	fi
	top=/sys/fs/cgroup/unified v=2
	[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || top=/sys/fs/cgroup
	grep -qw "${1/blkio/io}" "$top/cgroup.controllers" || skip "no controller '$1'"
}

# --- where -----------------------------------------------------------------------------------

# bats test_tags=v2
@test "an absolute cgroupsPath is the path in every hierarchy" {
	standing '.linux.cgroupsPath = "/'"$id"'-a/b"'
	local line pid controllers
	pid=$(pid_of "$id")
	while read -r line; do
		# A hierarchy may be there that nobody has mounted, or not any more.
		controllers=${line#*:} controllers=${controllers%%:*}
		[[ -z $controllers ]] ||
			grep -qE " - cgroup [^ ]+ [^ ]*\b$controllers\b" /proc/self/mountinfo || continue
		[[ $line == *":/$id-a/b" ]] || complain "elsewhere: $line"
	done <"/proc/$pid/cgroup"
}

@test "a relative cgroupsPath is always at the same place" {
	standing '.linux.cgroupsPath = "'"$id"'-a/b"'
	local first second
	first=$(grep -m1 "/$id-a/b$" "/proc/$(pid_of "$id")/cgroup")
	ocirt delete --force "$id"
	ocirt create "$id" </dev/null >/dev/null 2>&1
	second=$(grep -m1 "/$id-a/b$" "/proc/$(pid_of "$id")/cgroup")
	[[ $first == "$second" ]]
}

@test "without a cgroupsPath the container has one of its own" {
	standing
	grep -q "$id" "/proc/$(pid_of "$id")/cgroup"
}

@test "a cgroupsPath that leads elsewhere is refused" {
	bundle '.linux.cgroupsPath = "/a/../../b"'
	demo ids
	expect_status 1
	expect_line "linux.cgroupsPath"
	change '.linux.cgroupsPath = "/"'
	demo ids
	expect_status 1
	expect_line "linux.cgroupsPath"
	expect_no_container "$id"
}

@test "nothing is left after delete, not of the way there either" {
	standing '.linux.cgroupsPath = "/'"$id"'-a/b/c"'
	ocirt delete --force "$id"
	local left
	left=$(find_cgroups -path "*$id-a*")
	[[ -z $left ]] || complain "left: $left"
}

@test "cgroups that the program made below its own go, too" {
	standing '.linux.cgroupsPath = "/'"$id"'-a"'
	hierarchy pids
	mkdir "$top/$id-a/inner"
	ocirt delete --force "$id"
	[[ ! -e $top/$id-a ]]
}

# bats test_tags=v2
@test "a cgroup with somebody else in it is refused" {
	standing '.linux.cgroupsPath = "/'"$id"'-shared"'
	"$OCIRT_DEMO" spec --demo "$dir/second"
	cp config.json "$dir/second/config.json"
	run ocirt create -b "$dir/second" "$id-2" </dev/null
	expect_status 1
	expect_line "container's cgroup is not empty"
	[[ $(status_of "$id") == running ]]
	[[ ! -e $root/$id-2 ]]
}

# bats test_tags=vm
@test "a cgroup where nobody would ever run is refused" {
	hierarchy freezer
	mkdir "$top/$id-mine"
	if ((v == 1)); then
		echo FROZEN >"$top/$id-mine/freezer.state"
	else
		echo 1 >"$top/$id-mine/cgroup.freeze"
	fi
	bundle '.linux.cgroupsPath = "/'"$id"'-mine/below"'
	demo ids
	expect_status 1
	expect_line "unexpectedly frozen"
	expect_line "hint: "
	[[ ! -e $root/$id && ! -e $top/$id-mine/below ]]
}

@test "a cgroup that the caller made is used, and stays" {
	hierarchy pids
	mkdir -p "$top/$id-mine/own"
	bundle "$host_view" '.linux.cgroupsPath = "/'"$id"'-mine/own/below"'
	demo cgroup
	expect_status 0
	expect_line "/$id-mine/own/below"
	[[ -d $top/$id-mine/own && ! -e $top/$id-mine/own/below ]]
	change '.linux.cgroupsPath = "/'"$id"'-mine/own"'
	demo cgroup
	expect_status 0
	[[ -d $top/$id-mine/own ]] || complain "the caller's cgroup is gone"
}

@test "with cgroups disabled none is made" {
	bundle "$host_view"
	change "$(args cgroup)"
	run ocirt --cgroup-manager disabled run "$id"
	expect_status 0
	expect_no_line "$id"
	[[ $output == "$(</proc/self/cgroup)" ]]
}

@test "the program is in its cgroup from its first instruction" {
	hierarchy pids
	bundle "$host_view" '.linux.cgroupsPath = "/'"$id"'-c"'
	demo cgroup
	expect_line ":/$id-c"
	[[ $output == *pids:/$id-c* || $output == "0::/$id-c" ]] || complain "elsewhere"
}

# Moving a process takes a lock of all threads of the host, and milliseconds.
# bats test_tags=vm
@test "no process is moved: it is born in its cgroup, or joins by itself" {
	command -v strace >/dev/null || skip "strace is not installed"
	hierarchy pids
	standing "$host_view" '.linux.cgroupsPath = "/'"$id"'-d"'
	change '.linux.cgroupsPath = "/'"$id"'-e"'
	change "$(args exit 0)"
	strace -f -e trace=openat,open -o "$dir/run" "$OCIRT" --root "$root" run "$id-2" </dev/null
	strace -f -e trace=openat,open -o "$dir/exec" "$OCIRT" --root "$root" exec "$id" /bin/demo cgroup \
		>"$dir/out"
	grep -qE "(pids|^0:):/$id-d" "$dir/out" || complain "elsewhere: $(<"$dir/out")"
	! grep -hE '"cgroup.procs", O_(WRONLY|RDWR)' "$dir/run" "$dir/exec" || complain "moved"
}

# --- what ------------------------------------------------------------------------------------

@test "memory: the limit is seen inside, and holds" {
	hierarchy memory
	bundle '.linux.resources.memory = {"limit": 16777216, "swap": 16777216}'
	change "$host_view | .linux.namespaces += [{\"type\": \"cgroup\"}]"
	if ((v == 1)); then
		demo cat /sys/fs/cgroup/memory/memory.limit_in_bytes
		[[ $output == 16777216 ]]
	fi
	demo hog 64M
	expect_status 137
	expect_no_line "hog: "
}

@test "pids: the limit stops a fork, and 1 is enough for a program" {
	hierarchy pids
	bundle '.linux.resources.pids = {"limit": 17}'
	demo fork 20
	expect_status 1
	expect_line "demo: fork"
	expect_line EAGAIN
	change '.linux.resources.pids.limit = 1'
	demo exit 3
	expect_status 3
}
