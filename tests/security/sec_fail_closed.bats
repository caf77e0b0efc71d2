#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# crun issue 2262: a call that protects fails, nobody notices, and the program runs. Here each of them
# fails, one at a time: the program must not run, or it must run just as protected.

load sec

# What the program says of its protection, without what differs from run to run.
protection() {
	sed -n -e '/^\[status\]/,/^\[/{/^\(Cap\|NoNewPrivs\|Seccomp\|Uid\|Gid\|Groups\|Umask\)/p}' \
		-e '/^\[mounts\]/,/^\[limits\]/{s/source=.*//;p}' -e '/^\[fds\]/,/^\[args\]/p' -e '/^cwd:/p' \
		-e '/^hostname:/p' -e '/^sid:/p' <<<"$output" | sed 's/: \/.*\(stdout\|stderr\|bats\).*//; /pipe:/d'
}

profile='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
	syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'

fail_each() { # CALLS SAMPLES FILTER...
	local n error usual
	need_stopper
	bundle "$(args all)" "$profile" "${@:3}"
	stopped -e "$1" -- run "$id"
	expect_status 0
	usual=$(protection)
	[[ $(wc -l <<<"$usual") -gt 20 ]]
	for n in $(sample "$2"); do
		for error in EPERM ENOMEM; do
			stopped -e "$1" -n "$n" -f $error -v -- run "$id"
			expect_no_container "$id"
			[[ $output != *"[caps]"* || $(protection) == "$usual" ]] || complain "less protected when call $n fails with $error:
				$(sed -n "${n}p" "$dir/report") $(diff <(echo "$usual") <(protection))"
		done
	done
}

@test "privileges: capset, prctl, seccomp, setgroups, setresuid, setresgid" {
	fail_each capset,prctl,seccomp,setgroups,setresuid,setresgid 30
}

@test "the same for a user other than root, without no_new_privs" {
	fail_each capset,prctl,seccomp,setgroups,setresuid,setresgid 10 \
		'.process.user = {uid: 1000, gid: 1000} | .process.noNewPrivileges = false'
}

@test "mounts: mount_setattr, move_mount, open_tree" {
	fail_each mount_setattr,move_mount,open_tree 12
}

@test "file systems: fsopen, fsconfig, fsmount, pivot_root, umount2" {
	fail_each fsopen,fsmount,pivot_root,umount2,mount 8
}

@test "lookups in the root: openat2" {
	fail_each openat2 10
}

@test "descriptors, session, names, directory: close_range, setsid, sethostname, chdir, fchdir, unshare" {
	fail_each close_range,setsid,sethostname,chdir,fchdir,unshare,prlimit64,getcwd,proc-write 10 \
		'.process.oomScoreAdj = 100'
}

# bats test_tags=ocirt
@test "what decides about a protection and cannot be seen: fstatfs, of layers over the root, too" {
	local n
	need_stopper
	attacked
	stopped -e fstatfs -- --cgroup-manager disabled run --overlay "$id"
	expect_status 0
	[[ $(stops) -gt 1 ]]
	for n in $(seq "$(stops)"); do
		stopped -e fstatfs -n "$n" -f EPERM -- --cgroup-manager disabled run --overlay "$id"
		expect_refused
	done
}
