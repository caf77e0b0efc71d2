#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# process: what the program is started with.

load helpers

# --- working directory, environment, program -------------------------------------------------

@test "the program starts in process.cwd, which is made when it is missing" {
	bundle '.process.cwd = "/tmp"'
	demo cwd
	expect_fact cwd /tmp
	change '.process.cwd = "/some/where" | .root.readonly = false'
	demo cwd
	expect_fact cwd /some/where
	[[ $(stat -c %a rootfs/some) == 755 ]]
}

@test "a working directory that is relative, a file, or out of reach is an error" {
	bundle '.process.cwd = "tmp"'
	demo cwd
	expect_status 1
	expect_line "process.cwd"
	change '.process.cwd = "/etc/passwd"'
	demo cwd
	expect_status 1
	expect_line "process.cwd: cannot enter '/etc/passwd'"
	expect_no_container "$id"
}

@test "a working directory that only the user may enter" {
	bundle '.process.cwd = "/home"' '.process.user = {"uid": 1000, "gid": 1000}' \
		'.process.capabilities = {}'
	mkdir -m 700 rootfs/home
	chown 1000:1000 rootfs/home
	demo cwd
	expect_fact cwd /home
}

@test "the environment is the one of the configuration, nothing of the caller's" {
	bundle '.process.env = ["PATH=/bin", "A=1", "EMPTY=", "A=2", "B=x=y z"]'
	LEAK=1 demo env
	expect_status 0
	[[ $(sort <<<"$output") == "$(printf '%s\n' A=2 'B=x=y z' EMPTY= HOME=/ PATH=/bin | sort)" ]] ||
		complain "another environment"
}

@test "HOME is the user's of the container's passwd, / for one who is not there" {
	bundle
	echo 'joe:x:1234:1234::/home/joe:/bin/sh' >>rootfs/etc/passwd
	change '.process.user.uid = 1234'
	demo env
	expect_line HOME=/home/joe
	change '.process.user.uid = 4321'
	demo env
	[[ $'\n'$output$'\n' == *$'\nHOME=/\n'* ]]
	change '.process.user.uid = 1234 | .process.env += ["HOME="]'
	demo env
	expect_line HOME=/home/joe
	change '.process.env += ["HOME=/mine"]'
	demo env
	expect_line HOME=/mine
}

@test "the program is looked for in PATH" {
	bundle '.process.args = ["demo", "exit", "5"]' '.process.env = ["PATH=/nowhere:/bin"]'
	run ocirt run "$id"
	expect_status 5
	change '.process.env = ["PATH=/nowhere"]'
	run ocirt run "$id"
	expect_status 1
	expect_line "process.args: executable file 'demo' not found in \$PATH"
	expect_no_container "$id"
}

@test "a program may be relative to the working directory" {
	bundle '.process.args = ["./demo", "exit", "6"]' '.process.cwd = "/bin"'
	run ocirt run "$id"
	expect_status 6
}

@test "a program that is missing, not executable, or a directory is an error at create" {
	bundle
	local program
	touch rootfs/bin/plain
	for program in /bin/missing /bin/plain /bin; do
		change ".process.args = [\"$program\"]"
		run ocirt create "$id"
		expect_status 1
		expect_line "process.args: exec '$program'"
		expect_no_container "$id"
	done
}

@test "arguments arrive as they are" {
	bundle
	demo args a '' 'b c' "\$x '\"" $'\t*'
	expect_fact argc 5
	expect_fact 'argv\[1\]' a
	expect_fact 'argv\[2\]' ''
	expect_fact 'argv\[3\]' 'b c'
	expect_fact 'argv\[4\]' "\$x '\""
	expect_fact 'argv\[5\]' $'\t*'
}

@test "/proc/self/exe is the program's, /proc/1/exe never the runtime's" {
	bundle
	demo readlink /proc/self/exe
	expect_line /bin/demo
	expect_no_line ocirt
	demo readlink /proc/1/exe
	expect_line /bin/demo
}

# --- user ------------------------------------------------------------------------------------

@test "user, group and additional groups" {
	bundle '.process.user = {"uid": 1000, "gid": 1001, "additionalGids": [5, 1002, 4294967294]}'
	demo ids
	local key
	for key in uid euid suid; do
		expect_fact $key 1000
	done
	for key in gid egid sgid; do
		expect_fact $key 1001
	done
	expect_fact groups "5 1002 4294967294"
}

@test "the caller's groups are not the program's" {
	bundle
	demo ids
	expect_line "groups:"
	[[ $(fact groups) == "" ]]
}

@test "the umask is the configured one, 022 when there is none, never the caller's" {
	bundle
	umask 077
	demo umask
	expect_fact umask 0022
	change '.process.user.umask = 7'
	demo umask
	expect_fact umask 0007
	change '.process.user.umask = 0'
	demo umask
	expect_fact umask 0000
}

# --- limits and scheduling -------------------------------------------------------------------

@test "rlimits are those of the list, the others the caller's" {
	bundle '.process.rlimits = [
		{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
		{"type": "RLIMIT_CORE", "soft": 0, "hard": 77},
		{"type": "RLIMIT_AS", "soft": 1099511627776, "hard": 1099511627777},
		{"type": "RLIMIT_STACK", "soft": 4194304, "hard": 8388608}]'
	change "$(args limits)"
	sed -i 's/"hard": 77$/"hard": 18446744073709551615/' config.json # jq would round it
	run ocirt run "$id"
	expect_fact RLIMIT_NOFILE "100 200"
	expect_fact RLIMIT_CORE "0 unlimited"
	expect_fact RLIMIT_AS "1099511627776 1099511627777"
	expect_fact RLIMIT_STACK "4194304 8388608"
	expect_fact RLIMIT_FSIZE "$(ulimit -Sf) $(ulimit -Hf)"
}

@test "a limit that is given twice, unknown, or upside down is an error" {
	bundle '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2},
		{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}]'
	demo limits
	expect_status 1
	expect_line "process.rlimits[1]"
	change '.process.rlimits = [{"type": "RLIMIT_NOFILES", "soft": 1, "hard": 2}]'
	demo limits
	expect_status 1
	expect_line "RLIMIT_NOFILES"
	change '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 3, "hard": 2}]'
	demo limits
	expect_status 1
	expect_line "process.rlimits[0]"
}

@test "a limit beyond fs.nr_open is an error that says so" {
	bundle '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 4294967296}]'
	demo limits
	expect_status 1
	expect_line "process.rlimits[0]"
	expect_line "fs/nr_open"
	expect_no_container "$id"
}

@test "oomScoreAdj is set, 0 is a value, without it the caller's stays" {
	bundle '.process.oomScoreAdj = 321'
	demo cat /proc/self/oom_score_adj
	[[ $output == 321 ]]
	change 'del(.process.oomScoreAdj)'
	demo cat /proc/self/oom_score_adj
	[[ $output == "$(</proc/self/oom_score_adj)" ]]
	change '.process.oomScoreAdj = 1001'
	demo ids
	expect_status 1
	expect_line "process.oomScoreAdj"
}

@test "oomScoreAdj below the caller's" {
	((0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) >> 24 & 1)) ||
		skip "takes CAP_SYS_RESOURCE"
	bundle '.process.oomScoreAdj = -7'
	demo cat /proc/self/oom_score_adj
	[[ $output == -7 ]]
}

@test "scheduler: policy, nice and priority" {
	bundle '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 7}'
	demo sched
	expect_fact policy SCHED_BATCH
	expect_fact nice 7
	change '.process.scheduler = {"policy": "SCHED_IDLE"}'
	demo sched
	expect_fact policy SCHED_IDLE
	change '.process.scheduler = {"policy": "SCHED_OTHER", "nice": -3}'
	demo sched
	expect_fact policy SCHED_OTHER
	expect_fact nice -3
	change '.process.scheduler = {"policy": "SCHED_SOMETHING"}'
	demo sched
	expect_status 1
	expect_line "process.scheduler.policy"
}

@test "scheduler: a real-time policy" {
	chrt -f 10 true 2>/dev/null || skip "no real-time policy in this cgroup"
	bundle '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 12}' \
		'.linux.resources.cpu = {"realtimePeriod": 1000000, "realtimeRuntime": 10000}'
	[[ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ]] || change 'del(.linux.resources.cpu)'
	demo sched
	expect_status 0
	expect_fact policy SCHED_FIFO
	expect_fact priority 12
}

@test "ioPriority: class and priority" {
	bundle '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 6}'
	demo ioprio
	expect_fact class best-effort
	expect_fact priority 6
	change '.process.ioPriority = {"class": "IOPRIO_CLASS_IDLE"}'
	demo ioprio
	expect_fact class idle
}

@test "personality LINUX32" {
	bundle '.linux.personality = {"domain": "LINUX32"}'
	demo personality
	expect_fact personality 0x8
	change '.linux.personality = {"domain": "LINUX"}'
	demo personality
	expect_fact personality 0x0
}

@test "the personality is that of what enters, too" {
	standing '.linux.personality = {"domain": "LINUX32"}'
	run ocirt exec "$id" /bin/demo personality
	expect_fact personality 0x8
}

@test "memory policies and their flags reach the program, and what enters" {
	[[ -e /proc/self/numa_maps ]] || skip "this kernel has no NUMA"
	local policy mode flags
	bundle
	while read -r policy mode flags; do
		change ".linux.memoryPolicy = $policy"
		demo mempolicy
		# Newer modes than the kernel has.
		[[ $status == 0 || $policy != *@(WEIGHTED|MANY)* ]] || continue
		expect_status 0
		expect_fact mode "$mode"
		expect_fact flags "$flags"
	done <<-'END'
		{"mode":"MPOL_PREFERRED_MANY","nodes":"0"} preferred-many 0x0
		{"mode":"MPOL_WEIGHTED_INTERLEAVE","nodes":"0"} weighted-interleave 0x0
		{"mode":"MPOL_INTERLEAVE","nodes":"0","flags":["MPOL_F_RELATIVE_NODES"]} interleave 0x4000
		{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES"]} bind 0x8000
		{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_NUMA_BALANCING"]} bind 0x2000
		{"mode":"MPOL_PREFERRED","nodes":""} local 0x0
	END
	change '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0"} | .process.args = ["/bin/demo", "sleep"]'
	ocirt run --detach "$id" </dev/null >"$dir/out" 2>&1
	run ocirt exec "$id" /bin/demo mempolicy
	expect_fact mode bind
	expect_fact nodes 0
}

@test "the program may run on every processor, wherever the caller was pinned" {
	(($(nproc) > 1)) || skip "there is only one processor"
	bundle
	demo sched
	local all
	all=$(fact cpus)
	change "$(args sched)"
	run taskset -c "${all%% *}" "$OCIRT" --root "$root" run "$id"
	expect_fact cpus "$all"
}

@test "execCPUAffinity is for exec" {
	(($(nproc) > 1)) || skip "there is only one processor"
	standing '.process.execCPUAffinity = {"initial": "0", "final": "1"}'
	run ocirt exec "$id" /bin/demo sched
	expect_fact cpus 1
}

@test "execCPUAffinity.initial is for ocirt alone, and the program may run everywhere again" {
	(($(nproc) > 1)) || skip "there is only one processor"
	standing '.process.execCPUAffinity = {"initial": "0"}'
	run ocirt exec "$id" /bin/demo sched
	expect_status 0
	[[ $(fact cpus) != 0 ]]
}

# --- capabilities ----------------------------------------------------------------------------

sets() { # INH PRM EFF BND AMB
	local name
	for name in Inh Prm Eff Bnd Amb; do
		expect_fact "Cap$name.names" "$1"
		shift
	done
}

@test "root has exactly the sets of the configuration" {
	bundle '.process.capabilities = {
		"bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_MKNOD"],
		"permitted": ["CAP_KILL", "CAP_CHOWN"],
		"effective": ["CAP_KILL"],
		"inheritable": ["CAP_CHOWN"],
		"ambient": []}'
	demo caps
	expect_status 0
	# execve would make root's effective set all of it; what is permitted cannot grow, with
	# noNewPrivileges.
	expect_fact CapBnd.names "CAP_CHOWN CAP_KILL CAP_MKNOD"
	expect_fact CapInh.names CAP_CHOWN
	expect_fact CapAmb.names none
	expect_fact CapPrm.names "CAP_CHOWN CAP_KILL"
}

@test "without capabilities root has none" {
	bundle 'del(.process.capabilities)'
	demo caps
	sets none none none none none
	change '.process.capabilities = {}'
	demo caps
	sets none none none none none
}

@test "a user without ambient capabilities has none but in the bounding set" {
	bundle '.process.user.uid = 1000' '.process.capabilities = {
		"bounding": ["CAP_KILL", "CAP_CHOWN"],
		"permitted": ["CAP_KILL"],
		"effective": ["CAP_KILL"],
		"inheritable": ["CAP_KILL"]}'
	demo caps
	sets CAP_KILL none none "CAP_CHOWN CAP_KILL" none
}

@test "a user keeps ambient capabilities" {
	local nnp
	bundle '.process.user.uid = 1000' '.process.capabilities = {
		"bounding": ["CAP_KILL", "CAP_CHOWN"],
		"permitted": ["CAP_KILL", "CAP_CHOWN"],
		"effective": ["CAP_KILL", "CAP_CHOWN"],
		"inheritable": ["CAP_KILL", "CAP_CHOWN"],
		"ambient": ["CAP_CHOWN"]}'
	for nnp in true false; do
		change ".process.noNewPrivileges = $nnp"
		demo caps
		sets "CAP_CHOWN CAP_KILL" CAP_CHOWN CAP_CHOWN "CAP_CHOWN CAP_KILL" CAP_CHOWN
	done
}

@test "all capabilities of the caller can be given" {
	bundle '.process.capabilities |= map_values([])'
	local all
	all=$("$OCIRT" features | jq -c .linux.capabilities)
	change ".process.capabilities = {bounding: $all, permitted: $all, effective: $all}"
	demo caps
	expect_fact CapEff "$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)"
}

@test "a capability that nobody knows is warned of and left out" {
	bundle '.process.capabilities |= map_values(. + ["CAP_FLY"])'
	demo caps
	expect_status 0
	expect_line "CAP_FLY"
	expect_fact CapEff.names "CAP_KILL CAP_NET_BIND_SERVICE CAP_AUDIT_WRITE"
}

@test "noNewPrivileges is set when asked for" {
	bundle
	demo status NoNewPrivs
	expect_fact NoNewPrivs 1
	change '.process.noNewPrivileges = false'
	demo status NoNewPrivs
	expect_fact NoNewPrivs 0
}

# --- what must not leak ----------------------------------------------------------------------

@test "only descriptors 0, 1 and 2 are open, whatever the caller left open" {
	bundle "$(args fds)"
	exec 17<"$dir" 42<>"$dir/leak" 250</
	run ocirt run "$id" </dev/null
	exec 17<&- 42<&- 250<&-
	expect_status 0
	[[ $(cut -d: -f1 <<<"$output") == $'0\n1\n2' ]] || complain "other descriptors"
}

@test "a created container holds no descriptor of the caller's" {
	bundle "$(args sleep)"
	exec 17<"$dir"
	ocirt create "$id" </dev/null >/dev/null 2>&1
	exec 17<&-
	local fd
	for fd in /proc/"$(pid_of "$id")"/fd/*; do
		[[ $(readlink "$fd") != "$dir" ]] || complain "$fd is $dir"
	done
}

@test "with --preserve-fds the first descriptors stay" {
	bundle "$(args fds)"
	run ocirt run --preserve-fds 2 "$id" </dev/null 3<config.json 4</ 5<"$dir"
	[[ $(cut -d: -f1 <<<"$output") == $'0\n1\n2\n3\n4' ]] || complain "other descriptors"
}

@test "closed standard descriptors become /dev/null" {
	bundle "$(args write /tmp/x text)" '.root.readonly = false'
	ocirt run "$id" <&- >&- 2>&-
	[[ $(<rootfs/tmp/x) == text ]]
}

@test "a file of the caller that is only read keeps its owner" {
	echo secret >"$dir/in"
	bundle '.process.user = {uid: 1000, gid: 1000}' "$(args exit 0)"
	run ocirt run "$id" <"$dir/in"
	expect_status 0
	[[ $(stat -c %u "$dir/in") == 0 ]]
	rm -rf "$bundle"
	standing
	run ocirt exec --user 1000 "$id" /bin/demo exit 0 <"$dir/in"
	expect_status 0
	[[ $(stat -c %u "$dir/in") == 0 ]]
}

@test "a user can open /dev/stdout again, and the host's /dev/null keeps its owner" {
	local owner
	owner=$(stat -c %u:%g:%a /dev/null)
	bundle '.process.user = {"uid": 1000, "gid": 1000}' '.process.capabilities = {}' \
		"$(args write /dev/stdout written)"
	run ocirt run "$id" </dev/null 2>/dev/null
	expect_line written
	ocirt run "$id" </dev/null >/dev/null 2>&1
	[[ $(stat -c %u:%g:%a /dev/null) == "$owner" ]]
}

@test "no signal is blocked or ignored" {
	bundle "$(args status)"
	run env --ignore-signal=INT,QUIT,TERM,PIPE --block-signal=USR1,CHLD \
		"$OCIRT" --root "$root" run "$id"
	expect_fact SigBlk 0000000000000000
	expect_fact SigIgn 0000000000000000
}

@test "the session keyring is not the caller's" {
	bundle
	demo syscall keyctl
	expect_line "errno: none"
	local own first
	own=$("$bundle/rootfs/bin/demo" syscall keyctl)
	first=$(fact return)
	[[ $own != *"return: $first"* ]]
	change "$(args syscall keyctl)"
	run ocirt run --no-new-keyring "$id"
	[[ $own == *"return: $(fact return)"* ]]
}

@test "the parent-death signal and the dumpable flag of the set-up are not the program's" {
	bundle '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	demo syscall 157 3 0 0 0 0 # prctl(PR_GET_DUMPABLE)
	[[ $(uname -m) == x86_64 ]] || skip "the number of prctl is that of x86_64"
	expect_fact return 1
}
