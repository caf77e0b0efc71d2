#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# linux.seccomp: what a filter does to the calls that a program makes. Notification is in
# seccomp-notify.bats, the filters themselves are in tests/unit/seccomp.c.

load helpers

# profile DEFAULT RULE...
profile() {
	local action=$1 IFS=,
	shift
	echo ".linux.seccomp = {\"defaultAction\": \"$action\", \"syscalls\": [$*]}"
}

rule() { # NAMES ACTION [MORE]
	echo "{\"names\": [\"${1// /\", \"}\"], \"action\": \"$2\"${3:+, $3}}"
}

# A profile that lets all pass but the one rule.
only() { # RULE...
	profile SCMP_ACT_ALLOW "$@"
}

@test "a call is refused with EPERM, or with errnoRet" {
	bundle "$(only "$(rule getppid SCMP_ACT_ERRNO)" "$(rule getuid SCMP_ACT_ERRNO '"errnoRet": 38')")"
	demo syscall getppid
	expect_line "errno: EPERM"
	demo syscall getuid
	expect_line "errno: ENOSYS"
	demo syscall getpid
	expect_line "return: 1"
}

@test "errnoRet 0 makes a call do nothing and succeed" {
	bundle "$(only "$(rule mkdirat SCMP_ACT_ERRNO '"errnoRet": 0')")"
	demo syscall mkdirat
	expect_line "return: 0"
}

@test "SCMP_ACT_KILL, KILL_THREAD and KILL_PROCESS end the program with SIGSYS" {
	local action
	for action in KILL KILL_THREAD KILL_PROCESS; do
		bundle_again "$(only "$(rule getppid SCMP_ACT_$action)")"
		demo syscall getppid
		expect_status $((128 + 31))
		expect_no_line "return:"
	done
}

@test "SCMP_ACT_TRAP sends SIGSYS" {
	bundle "$(only "$(rule getppid SCMP_ACT_TRAP)")"
	demo syscall getppid
	expect_status $((128 + 31))
}

@test "SCMP_ACT_LOG lets the call pass" {
	bundle "$(only "$(rule getppid SCMP_ACT_LOG)")"
	demo syscall getppid
	expect_line "return: 0"
}

@test "SCMP_ACT_TRACE without a tracer refuses the call with ENOSYS" {
	bundle "$(only "$(rule getppid SCMP_ACT_TRACE '"errnoRet": 7')")"
	demo syscall getppid
	expect_line "errno: ENOSYS"
}

@test "SCMP_ACT_ALLOW lets pass what the default refuses" {
	bundle "$(profile SCMP_ACT_LOG "$(rule getppid SCMP_ACT_ALLOW)" "$(rule getuid SCMP_ACT_ERRNO)")"
	demo syscall getppid
	expect_line "return: 0"
	demo syscall getuid
	expect_line "errno: EPERM"
}

@test "each operator compares the argument" {
	# The third argument of keyctl(2) with an operation that does not exist is looked at by
	# nobody but the filter. The operation tells the lines of the table apart.
	local rules=() op value hit miss n=1000 table='
		SCMP_CMP_NE	5 6 5
		SCMP_CMP_LT	5 4 5
		SCMP_CMP_LE	5 5 6
		SCMP_CMP_EQ	5 5 6
		SCMP_CMP_GE	5 5 4
		SCMP_CMP_GT	5 6 5
		SCMP_CMP_EQ	4294967301 4294967301 5
		SCMP_CMP_GT	4294967296 4294967301 5'
	while read -r op value _; do
		[[ -n $op ]] || continue
		n=$((n + 1))
		rules+=("$(rule keyctl SCMP_ACT_ERRNO "\"errnoRet\": 40, \"args\": [
			{\"index\": 0, \"value\": $n, \"op\": \"SCMP_CMP_EQ\"},
			{\"index\": 2, \"value\": $value, \"op\": \"$op\"}]")")
	done <<<"$table"
	bundle "$(only "${rules[@]}")"
	n=1000
	while read -r op value hit miss; do
		[[ -n $op ]] || continue
		n=$((n + 1))
		demo syscall keyctl $n 0 "$hit"
		expect_line "errno: ELOOP"
		demo syscall keyctl $n 0 "$miss"
		expect_line "errno: ENOTSUP"
	done <<<"$table"
}

@test "SCMP_CMP_MASKED_EQ looks at some bits only" {
	bundle "$(only "$(rule keyctl SCMP_ACT_ERRNO '"errnoRet": 40, "args": [
		{"index": 2, "value": 255, "valueTwo": 16, "op": "SCMP_CMP_MASKED_EQ"}]')")"
	demo syscall keyctl 999 0 $((0x710))
	expect_line "errno: ELOOP"
	demo syscall keyctl 999 0 $((0x711))
	expect_line "errno: ENOTSUP"
}

@test "all conditions of a rule must hold, one of two rules" {
	bundle "$(only "$(rule keyctl SCMP_ACT_ERRNO '"errnoRet": 40, "args": [
			{"index": 1, "value": 1, "op": "SCMP_CMP_EQ"},
			{"index": 2, "value": 2, "op": "SCMP_CMP_EQ"}]')" \
		"$(rule keyctl SCMP_ACT_ERRNO '"errnoRet": 40, "args": [
			{"index": 1, "value": 7, "op": "SCMP_CMP_EQ"}]')")"
	demo syscall keyctl 999 1 2
	expect_line "errno: ELOOP"
	demo syscall keyctl 999 1 3
	expect_line "errno: ENOTSUP"
	demo syscall keyctl 999 7 3
	expect_line "errno: ELOOP"
}

@test "unknown names are left out" {
	bundle "$(only "$(rule 'no_such_call getppid' SCMP_ACT_ERRNO)")"
	demo syscall getppid
	expect_status 0
	expect_line "errno: EPERM"
}

@test "unknown names are an error for those who want it so" {
	bundle "$(only "$(rule 'getppid no_such_call' SCMP_ACT_ERRNO)")" \
		'.annotations = {"run.oci.seccomp_fail_unknown_syscall": "1"}'
	demo syscall getppid
	expect_status 1
	expect_line "linux.seccomp.syscalls[0].names[1]: unknown system call 'no_such_call'"
	expect_no_container "$id"
	change 'del(.linux.seccomp.syscalls[0].names[1])'
	demo syscall getppid
	expect_line "errno: EPERM"
	change '.annotations |= map_values("0") | .linux.seccomp.syscalls[0].names += ["no_such_call"]'
	demo syscall getppid
	expect_line "errno: EPERM"
}

@test "an unknown action, operator or architecture is an error that names it" {
	bundle "$(only "$(rule getppid SCMP_ACT_MAYBE)")"
	demo ids
	expect_status 1
	expect_line "SCMP_ACT_MAYBE"
	bundle_again "$(only "$(rule getppid SCMP_ACT_ERRNO '"args": [
		{"index": 0, "value": 1, "op": "SCMP_CMP_ISH"}]')")"
	demo ids
	expect_status 1
	expect_line "SCMP_CMP_ISH"
	bundle_again "$(only)" '.linux.seccomp.architectures = ["SCMP_ARCH_PDP11"]'
	demo ids
	expect_status 1
	expect_line "SCMP_ARCH_PDP11"
	bundle_again "$(only "$(rule getppid SCMP_ACT_NOTIFY)")"
	demo ids
	expect_status 1
	expect_line "linux.seccomp.listenerPath"
	expect_no_container "$id"
}

# What the demo program and the last steps of the start need.
needed='accept access arch_prctl brk capset clock_gettime close close_range dup dup2 execve execveat
	exit exit_group fchmod fcntl fstat futex getdents64 getpid getrandom gettid ioctl lseek mmap
	mprotect munmap newfstatat open openat poll ppoll prctl pread64 read readlink readv recvmsg
	rt_sigaction rt_sigprocmask rt_sigreturn seccomp sendmsg set_robust_list set_tid_address stat
	write writev'

@test "calls newer than the profile fail with ENOSYS, older ones as it says" {
	bundle "$(profile SCMP_ACT_ERRNO "$(rule "${needed//[[:space:]]/ }" SCMP_ACT_ALLOW)" |
		sed 's/, ""//g; s/\["", /[/')"
	demo syscall getppid
	expect_line "errno: EPERM"
	demo syscall 511999
	expect_line "errno: ENOSYS"
}

@test "with and without noNewPrivileges the filter is there" {
	local nnp
	bundle "$(only "$(rule getppid SCMP_ACT_ERRNO)")"
	for nnp in true false; do
		change ".process.noNewPrivileges = $nnp"
		demo syscall getppid
		expect_line "errno: EPERM"
		demo status Seccomp
		expect_fact Seccomp 2
	done
}

@test "a user without capabilities can be filtered" {
	local nnp
	bundle "$(only "$(rule getppid SCMP_ACT_ERRNO)")" '.process.user.uid = 1000' \
		'.process.capabilities = {}'
	for nnp in true false; do
		change ".process.noNewPrivileges = $nnp"
		demo syscall getppid
		expect_line "errno: EPERM"
	done
}

@test "without seccomp there is no filter" {
	bundle
	demo status Seccomp
	expect_fact Seccomp 0
}

@test "exec is filtered like the first process" {
	standing "$(only "$(rule getppid SCMP_ACT_ERRNO)")"
	run ocirt exec "$id" /bin/demo syscall getppid
	expect_line "errno: EPERM"
}

@test "a profile that forbids what the runtime uses does not make start hang" {
	local call
	for call in write sendmsg getcwd close read exit_group; do
		bundle_again "$(args sleep)" "$(only "$(rule $call SCMP_ACT_ERRNO)")"
		ocirt create "$id" </dev/null >/dev/null 2>&1
		run timeout 60 "$OCIRT" --root "$root" start "$id"
		expect_status 0
		ocirt delete --force "$id"
	done
}

@test "a profile that forbids execve makes start fail, and say so" {
	bundle "$(args sleep)" "$(only "$(rule 'execve execveat' SCMP_ACT_ERRNO)")"
	ocirt create "$id" </dev/null >/dev/null 2>&1
	run timeout 60 "$OCIRT" --root "$root" start "$id"
	expect_status 1
	expect_line "Operation not permitted"
}

@test "flags of the filter are passed on" {
	bundle "$(only "$(rule getppid SCMP_ACT_ERRNO)")" '.linux.seccomp.flags = [
		"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]'
	demo syscall getppid
	expect_line "errno: EPERM"
	change '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WHATEVER"]'
	demo ids
	expect_status 1
	expect_line "SECCOMP_FILTER_FLAG_WHATEVER"
}

@test "a filter for the 32-bit architectures as well" {
	[[ $(uname -m) == x86_64 ]] || skip "the architectures are those of x86_64"
	bundle "$(only "$(rule getppid SCMP_ACT_ERRNO)")" \
		'.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]'
	demo syscall getppid
	expect_line "errno: EPERM"
	demo syscall getpid
	expect_line "return: 1"
}

@test "defaultErrnoRet is the errno of the default" {
	bundle "$(profile SCMP_ACT_ERRNO "$(rule "${needed//[[:space:]]/ }" SCMP_ACT_ALLOW)" |
		sed 's/, ""//g; s/\["", /[/')" '.linux.seccomp.defaultErrnoRet = 40'
	demo syscall getppid
	expect_line "errno: ELOOP"
}

bundle_again() { # FILTER...
	rm -rf --one-file-system "$bundle"
	bundle "$@"
}
