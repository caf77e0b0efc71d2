#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# Values of the right type that make no sense, alone or beside others: one error that begins with the
# JSON path, before anything is made. (Wrong types, numbers out of range and unknown words are made
# from the rows of libocispec, in tests/unit/badinput.c.)

load helpers
load life

# Create fails for each line of the table, FILTER => BEGINNING OF THE ERROR: in one line, without a
# state directory or anything in it, nor a hook that has run.
refuse_each() { # TABLE
	local line program='' said wrong=0 errors=()
	while IFS= read -r line; do
		[[ $line == *=\>* ]] || continue
		program+="${program:+, }(${line%=>*})"
		errors+=("${line##*=> }")
	done <<<"$1"
	bundle "$(sh_hook prestart "touch $dir/made")"
	jq -c "$program" config.json >"$dir/configs" # one in a line, all at once
	while IFS= read -r line <&3; do
		printf '%s\n' "$line" >config.json
		status=0
		ocirt create "$id" </dev/null >"$dir/said" 2>&1 3>&- || status=$?
		said=$(grep -v "^ocirt: hint: " "$dir/said" || :)
		if [[ $status != 1 || $said == *$'\n'* || $said != "ocirt: create $id: ${errors[0]}"* ]]; then
			echo "status $status instead of '${errors[0]}':" "$said"
			wrong=1
		fi
		if [[ -e $dir/made || -e $root ]]; then
			echo "something has been made before '${errors[0]}'"
			wrong=1
			ocirt delete --force "$id"
			rm -rf "$root" "$dir/made"
		fi
		errors=("${errors[@]:1}")
	done 3<"$dir/configs"
	((${#errors[@]} == 0)) || complain "not tried: ${errors[*]}"
	return $wrong
}

@test "values that are wrong in themselves" {
	refuse_each '
		.ociVersion = "1.3"                                => ociVersion: '"'1.3' is not a version"'
		.ociVersion = "2.0.0"                              => ociVersion: '"'2.0.0' is not supported"'
		.root.path = ""                                    => root.path: is empty
		.hostname = ("x" * 65)                             => hostname:
		.domainname = ("x" * 65)                           => domainname:
		.annotations = {"": "x"}                           => annotations:
		.process.cwd = ""                                  => process.cwd:
		.process.cwd = "tmp"                               => process.cwd:
		.process.args = []                                 => process.args:
		.process.args = [""]                               => process.args
		.process.env = ["A=1", "B"]                        => process.env[1]:
		.process.env = ["=x"]                              => process.env[0]:
		.process.user.uid = 4294967295                     => process.user.uid:
		.process.user.gid = 4294967295                     => process.user.gid:
		.process.user.additionalGids = [4294967295]        => process.user.additionalGids[0]:
		.process.user.umask = 512                          => process.user.umask:
		.process.rlimits = [{type: "NOFILE", soft: 1, hard: 1}] => process.rlimits[0].type:
		.process.rlimits = [{type: "RLIMIT_CORE", soft: 2, hard: 1}] => process.rlimits[0]
		.process.oomScoreAdj = 1001                        => process.oomScoreAdj:
		.process.oomScoreAdj = -1001                       => process.oomScoreAdj:
		.process.scheduler = {policy: "SCHED_OTHER", nice: 20} => process.scheduler.nice:
		.process.scheduler = {policy: "SCHED_FIFO", priority: 100} => process.scheduler.priority:
		.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8} => process.ioPriority.priority:
		.process.execCPUAffinity = {initial: "3-1"}        => process.execCPUAffinity.initial:
		.process.execCPUAffinity = {final: "x"}            => process.execCPUAffinity.final:
		.mounts[0].destination = ""                        => mounts[0].destination: is empty
		.mounts += [{destination: "/x", type: "tmpfs", options: ["=1"]}] => mounts[7].options[0]:
		.mounts += [{destination: "/x", type: "tmpfs", options: ["rsync"]}] => mounts[7].options[0]:
		.hooks.poststart = [{path: "relative"}]            => hooks.poststart[0].path:
		.hooks.poststop = [{path: ""}]                     => hooks.poststop[0].path:
		.hooks.startContainer = [{path: "/x", env: ["x"]}] => hooks.startContainer[0].env[0]:
	'
}

@test "values of linux that are wrong in themselves" {
	refuse_each '
		.linux.namespaces[0].path = "x"                    => linux.namespaces[0].path:
		.linux.namespaces += [{type: "net"}]               => linux.namespaces[5].type:
		.linux.namespaces += [.linux.namespaces[0]]        => linux.namespaces[5].type:
		.linux.devices = [{type: "x", path: "/x"}]         => linux.devices[0].type:
		.linux.devices = [{type: "c", path: "x", major: 1, minor: 3}] => linux.devices[0].path:
		.linux.devices = [{type: "c", path: "/x", major: 1}] => linux.devices[0].minor:
		.linux.devices = [{type: "c", path: "/x", major: 5000, minor: 1}] => linux.devices[0].major:
		.linux.devices = [{type: "c", path: "/x", major: 1, minor: 3, fileMode: 262144}] => linux.devices[0].fileMode:
		.linux.devices = [{type: "p", path: "/x", uid: 4294967295}] => linux.devices[0].uid:
		.linux.maskedPaths = ["proc"]                      => linux.maskedPaths[0]:
		.linux.readonlyPaths = ["/proc", "sys"]            => linux.readonlyPaths[1]:
		.linux.readonlyPaths = ["/"]                       => linux.readonlyPaths[0]:
		.linux.rootfsPropagation = "none"                  => linux.rootfsPropagation:
		.linux.personality = {domain: "LINUX64"}           => linux.personality.domain:
		.linux.personality = {flags: []}                   => linux.personality.domain:
		.linux.personality = {domain: "LINUX", flags: ["x"]} => linux.personality.flags[0]:
		.linux.memoryPolicy = {nodes: "0"}                 => linux.memoryPolicy.mode:
		.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0-"} => linux.memoryPolicy.nodes:
		.linux.cgroupsPath = "/../x"                       => linux.cgroupsPath:
		.linux.sysctl = {"net..x": "1"}                    => linux.sysctl:
		.linux.seccomp = {defaultAction: "x"}              => linux.seccomp.defaultAction:
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [], action: "SCMP_ACT_KILL"}]} => linux.seccomp.syscalls[0].names:
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 70000}]} => linux.seccomp.syscalls[0].errnoRet:
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_ERRNO", args: [{index: 6, value: 0, op: "SCMP_CMP_EQ"}]}]} => linux.seccomp.syscalls[0].args[0].index:
	'
}

@test "values of linux.resources that are wrong in themselves" {
	refuse_each '
		.linux.resources.devices = [{allow: true, type: "x"}] => linux.resources.devices[0]
		.linux.resources.devices = [{allow: true, access: "rx"}] => linux.resources.devices[0]
		.linux.resources.memory = {limit: -2}              => linux.resources.memory.limit:
		.linux.resources.memory = {swappiness: 101}        => linux.resources.memory.swappiness:
		.linux.resources.cpu = {period: 1}                 => linux.resources.cpu.period:
		.linux.resources.cpu = {quota: 1}                  => linux.resources.cpu.quota:
		.linux.resources.cpu = {idle: 2}                   => linux.resources.cpu.idle:
		.linux.resources.cpu = {cpus: "0-"}                => linux.resources.cpu.cpus:
		.linux.resources.cpu = {mems: "a"}                 => linux.resources.cpu.mems:
		.linux.resources.pids = {limit: -2}                => linux.resources.pids.limit:
		.linux.resources.blockIO = {weight: 9}             => linux.resources.blockIO.weight:
		.linux.resources.blockIO = {weightDevice: [{major: 8, minor: 0}]} => linux.resources.blockIO.weightDevice[0]:
		.linux.resources.blockIO = {throttleReadBpsDevice: [{major: 8, minor: 0}]} => linux.resources.blockIO.throttleReadBpsDevice[0]:
		.linux.resources.blockIO = {throttleReadBpsDevice: [{major: -1, minor: 0, rate: 1}]} => linux.resources.blockIO.throttleReadBpsDevice[0]:
		.linux.resources.hugepageLimits = [{pageSize: "2mb", limit: 1}] => linux.resources.hugepageLimits[0]:
		.linux.resources.rdma = {mlx: {}}                  => linux.resources.rdma.mlx:
		.linux.resources.unified = {"../x": "1"}           => linux.resources.unified
		.linux.resources.unified = {"cgroup.procs": "1"}   => linux.resources.unified
	'
}

@test "values that exclude each other" {
	refuse_each '
		del(.linux.namespaces[] | select(.type == "uts"))  => hostname:
		del(.hostname, (.linux.namespaces[] | select(.type == "uts"))) | .domainname = "x" => domainname:
		del(.linux.namespaces[] | select(.type == "network")) | .linux.sysctl = {"net.ipv4.ip_forward": "1"} => linux.sysctl:
		del(.linux.namespaces[] | select(.type == "ipc")) | .linux.sysctl = {"kernel.shmmax": "1"} => linux.sysctl:
		.linux.sysctl = {"vm.swappiness": "1"}             => linux.sysctl:
		.linux.sysctl = {"kernel.hostname": "x"}           => linux.sysctl:
		del(.mounts, .linux.maskedPaths, .linux.readonlyPaths, (.linux.namespaces[] | select(.type == "mount"))) => root
		del(.linux.namespaces[] | select(.type == "mount")) | .root.path = "/" | .root.readonly = false => mounts:
		del(.mounts, (.linux.namespaces[] | select(.type == "mount"))) | .root = {path: "/"} | .linux.maskedPaths = ["/x"] => linux.maskedPaths:
		del(.mounts, .linux.maskedPaths, (.linux.namespaces[] | select(.type == "mount"))) | .root = {path: "/"} | .linux.readonlyPaths = ["/x"] => linux.readonlyPaths:
		del(.mounts, .linux.maskedPaths, .linux.readonlyPaths, (.linux.namespaces[] | select(.type == "mount"))) | .root = {path: "/"} | .linux.rootfsPropagation = "slave" => linux.rootfsPropagation:
		del(.mounts, .linux.maskedPaths, .linux.readonlyPaths, (.linux.namespaces[] | select(.type == "mount"))) | .root = {path: "/", readonly: true} => root
		.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] => linux.uidMappings:
		.linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}] => linux.gidMappings:
		.linux.namespaces += [{type: "user"}]              => linux.uidMappings:
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] => linux.gidMappings:
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 0}] | .linux.gidMappings = .linux.uidMappings => linux.uidMappings[0].size:
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 4294967290, size: 10}] | .linux.gidMappings = .linux.uidMappings => linux.uidMappings[0]:
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1, size: 2}, {containerID: 1, hostID: 9, size: 1}] | .linux.gidMappings = .linux.uidMappings => linux.uidMappings:
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 9, size: 5}] | .linux.gidMappings = .linux.uidMappings | .process.user.uid = 5 => process.user.uid:
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 9, size: 5}] | .linux.gidMappings = .linux.uidMappings | .process.user.gid = 5 => process.user.gid:
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 9, size: 5}] | .linux.gidMappings = .linux.uidMappings | .process.user.additionalGids = [1, 7] => process.user.additionalGids[1]:
		.linux.timeOffsets = {boottime: {secs: 1}}         => linux.timeOffsets.boottime:
		.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {nanosecs: 1000000000}} => linux.timeOffsets.monotonic.nanosecs:
		.linux.namespaces += [{type: "time", path: "/proc/self/ns/time"}] | .linux.timeOffsets = {monotonic: {secs: 1}} => linux.timeOffsets.monotonic:
		.process.terminal = true                           => process.terminal: cannot allocate tty if it is detached
		.process.rlimits += [.process.rlimits[0]]          => process.rlimits[1]
		.process.scheduler = {policy: "SCHED_OTHER", runtime: 5} => process.scheduler.runtime:
		.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 5000, deadline: 2000, period: 9000} => process.scheduler
		.mounts += [{destination: "/x", options: ["bind"]}] => mounts[7].source:
		.mounts += [{destination: "/x", source: "x"}]      => mounts[7].type:
		.mounts += [{destination: "/x", type: "proc", options: ["tmpcopyup"]}] => mounts[7].options:
		.mounts += [{destination: "/x", source: "/", options: ["bind", "idmap"]}] => mounts[7].options:
		.mounts += [{destination: "/x", source: "/", options: ["bind"], uidMappings: [{containerID: 0, hostID: 1, size: 1}]}] => mounts[7].gidMappings:
		.mounts += [{destination: "/proc/sys", source: "/", options: ["bind"]}] => mounts[7].destination:
		.mounts += [{destination: "/", type: "tmpfs"}]     => mounts[7].destination:
		.linux.memoryPolicy = {mode: "MPOL_BIND"}          => linux.memoryPolicy
		.linux.memoryPolicy = {mode: "MPOL_LOCAL", nodes: "0"} => linux.memoryPolicy
		.linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_NUMA_BALANCING"]} => linux.memoryPolicy
		.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]} => linux.memoryPolicy
		.linux.resources.cpu = {quota: 1000, burst: 2000}  => linux.resources.cpu.burst:
		.linux.resources.memory = {limit: 8000000, swap: 4000000} => linux.resources.memory.swap:
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x"} => linux.seccomp.listenerMetadata:
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1} => linux.seccomp.defaultErrnoRet:
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_KILL", errnoRet: 1}]} => linux.seccomp.syscalls[0].errnoRet:
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]} => linux.seccomp.listenerPath:
	'
}

@test "the configuration of a second process" {
	bundle "$(args sleep)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	local filter error line original
	original=$(jq '.process | .args = ["/bin/demo", "ids"]' config.json)
	while read -r line; do
		[[ $line == *=\>* ]] || continue
		filter=${line%%=>*} error=${line##*=> }
		jq "$filter" <<<"$original" >process.json
		run ocirt exec --process process.json "$id"
		expect_status 255
		expect_error exec "$error"
	done <<-'END'
		del(.cwd)                                    => cwd: required, but missing
		.cwd = "x"                                   => process.cwd:
		.cwd = 1                                     => cwd: expected string, found number
		.args = []                                   => process.args:
		.args = [1]                                  => args[0]: expected string, found number
		.env = ["x"]                                 => process.env[0]:
		.user.uid = -1                               => user.uid: -1 is out of range
		.rlimits = [{type: "x", soft: 1, hard: 1}]   => process.rlimits[0].type:
		.scheduler = {policy: "x"}                   => process.scheduler.policy:
		.execCPUAffinity = {final: "x"}              => process.execCPUAffinity.final:
	END
}
