#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# cri.sh -- the runtime beneath Kubernetes' Container Runtime Interface: pods and their containers, by
# the calls of the kubelet, in containerd's CRI plugin. Options: see common.bash.
set -u

needs() {
	need containerd containerd
	need ctr containerd
	[[ -z $install ]] || {
		need /usr/lib/cni/bridge containernetworking-plugins
		"$here/cri.py" --check 2>/dev/null || install_packages python3-grpcio python3-protobuf >&2
	}
	"$here/cri.py" --check 2>/dev/null ||
		skip_all "the client takes Debian's python3-grpcio and python3-protobuf"
	[[ -x /usr/lib/cni/bridge ]] || skip_all "the CNI plugins are not installed (Debian: containernetworking-plugins)"
}

# shellcheck source=tests/managers/common.bash
. "$(dirname "$0")/common.bash"
# shellcheck source=tests/managers/containerd.bash
. "$here/containerd.bash"

# --- set-up -----------------------------------------------------------------------------------

export CONTAINERD_NAMESPACE=k8s.io CRI_CACHE=$work/cri.pb

configure() {
	containerd_config snapshotter.v1.none
	cat >>"$work/config.toml" <<-EOF
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "docker.io/library/pause:latest"
		stream_server_port = "0"
		restrict_oom_score_adj = true # to what any host grants, as with limits in podman.sh
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "/usr/lib/cni"
		conf_dir = "$work/cni"
		[plugins."io.containerd.grpc.v1.cri".containerd]
		snapshotter = "$snapshotter"
		default_runtime_name = "tested"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.tested]
		runtime_type = "io.containerd.runc.v2"
		options = { BinaryName = "$runtime", SystemdCgroup = $([[ -n $systemd ]] && echo true || echo false) }
	EOF
}

cri() { # METHOD [JSON]
	timeout --kill-after=5 "$patience" "$here/cri.py" "$CONTAINERD_ADDRESS" "$@"
}

# A member of the answer to a call.
answer() { # FILTER METHOD [JSON]
	local filter=$1
	shift
	cri "$@" | jq -r "$filter"
}

# The configuration of a pod, changed by jq filters.
pod_config() { # NAME FILTER...
	local filter=. pod=$1
	shift
	while (($#)); do
		filter+=" | $1"
		shift
	done
	jq -nc --arg name "$pod" --arg parent "$parent" --arg logs "$work/logs/$pod" '{
		metadata: {name: $name, uid: $name, namespace: "tests", attempt: 0}, hostname: $name,
		log_directory: $logs, linux: {cgroup_parent: $parent,
			security_context: {namespace_options: {pid: "CONTAINER"}}}} | '"$filter"
}

# Runs a pod; its id is in $pod, its configuration in $config.
run_pod() { # NAME FILTER...
	config=$(pod_config "$@")
	pod=$(answer .pod_sandbox_id RunPodSandbox "{\"config\": $config}")
	[[ -n $pod ]]
}

remove_pod() {
	cri StopPodSandbox "{\"pod_sandbox_id\": \"$pod\"}"
	cri RemovePodSandbox "{\"pod_sandbox_id\": \"$pod\"}"
}

# Makes and starts a container in $pod: its id is in $container.
run_container() { # NAME FILTER COMMAND...
	create_container "$@"
	cri StartContainer "{\"container_id\": \"$container\"}"
}

create_container() { # NAME FILTER COMMAND...
	local name=$1 filter=$2 request
	shift 2
	request=$(jq -nc --arg pod "$pod" --arg name "$name" --argjson sandbox "$config" \
		'{pod_sandbox_id: $pod, sandbox_config: $sandbox, config: ({metadata: {name: $name},
			image: {image: "docker.io/library/img:latest"}, command: $ARGS.positional,
			log_path: ($name + ".log"),
			linux: {security_context: {namespace_options: {pid: "CONTAINER"}}}} | '"$filter"')}' --args -- "$@")
	container=$(answer .container_id CreateContainer "$request")
	[[ -n $container ]]
}

remove_container() {
	cri StopContainer "{\"container_id\": \"$container\"}"
	cri RemoveContainer "{\"container_id\": \"$container\"}"
}

# What a command in $container says: $output; its exit status: $status.
exec_sync() { # COMMAND...
	local reply
	reply=$(cri ExecSync "$(jq -nc --arg id "$container" --argjson timeout "$patience" \
		'{container_id: $id, cmd: $ARGS.positional, $timeout}' --args -- "$@")") ||
		return
	output=$(jq -r '.stdout // "" | @base64d' <<<"$reply")
	errors=$(jq -r '.stderr // "" | @base64d' <<<"$reply")
	status=$(jq -r '.exit_code // 0' <<<"$reply")
	printf '$ %s\n%s\n%s\n[%s]\n' "$*" "$output" "$errors" "$status"
}

exec_says() { # TEXT COMMAND...
	local text=$1
	shift
	exec_sync "$@"
	[[ $output == "$text" && $status == 0 ]] || complain "instead of: $text"
}

container_status() { # FILTER
	answer "$1" ContainerStatus "{\"container_id\": \"$container\"}"
}

has_state() { # STATE
	[[ $(container_status .status.state) == "CONTAINER_$1" ]]
}

logged() { # NAME TEXT: as a line of standard output
	grep -q " stdout F $2\$" "$work/logs/$(jq -r .metadata.name <<<"$config")/$1.log"
}

set_up() {
	mkdir -p "$work/cni" "$work/logs"
	cat >"$work/cni/net.conflist" <<-EOF
		{"cniVersion": "0.4.0", "name": "tests", "plugins": [
		  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false,
		   "ipam": {"type": "host-local", "dataDir": "$work/ipam",
		            "ranges": [[{"subnet": "10.88.7.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		  {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}]}
	EOF
	make_rootfs "$work/rootfs" &&
		make_image "$work/rootfs" "$work/img.tar" img:latest sh &&
		make_image "$work/rootfs" "$work/pause.tar" pause:latest sleep 100000 &&
		try_snapshotters set_up_with
}
set_up_with() {
	configure && containerd_start &&
		ctr image import --snapshotter "$snapshotter" "$work/img.tar" &&
		ctr image import --snapshotter "$snapshotter" "$work/pause.tar" || return
	await eval '[[ $(answer "[.status.conditions[] | select(.status) | .type] | length" Status) == 2 ]]'
	run_pod p && run_container c . sleep 1000
}

# --- pods and containers ----------------------------------------------------------------------

# Each check has the pod p with the container c, and may make others.

pod_state() {
	[[ $(answer .status.state PodSandboxStatus "{\"pod_sandbox_id\": \"$pod\"}") == null ]] # 0, ready
	[[ $(answer '.items | length' ListPodSandbox '{"filter": {"state": {"state": "SANDBOX_READY"}}}') -ge 1 ]]
}
output_and_status() {
	run_container out . sh -c 'echo words; echo wrong >&2; exit 42'
	await has_state EXITED
	[[ $(container_status .status.exit_code) == 42 ]]
	logged out words
	grep -q " stderr F wrong" "$work/logs/p/out.log"
	remove_container
}
not_there() {
	create_container nowhere . nonsense
	run cri StartContainer "{\"container_id\": \"$container\"}"
	((status != 0))
	expect nonsense
	expect "not found"
	cri RemoveContainer "{\"container_id\": \"$container\"}"
}
exec_basics() {
	exec_says one echo one
	exec_sync sh -c 'echo out; echo err >&2; exit 9'
	[[ $output == out && $errors == err && $status == 9 ]]
}
exec_not_there() {
	run exec_sync nonsense
	((status != 0))
	expect "not found"
	exec_says ok echo ok
}
exec_timeout() {
	run cri ExecSync "{\"container_id\": \"$container\", \"cmd\": [\"sleep\", \"777\"], \"timeout\": 1}"
	((status != 0))
	await eval '! pgrep -f "^sleep 777"'
}
one_exec() { exec_says "$1" echo "$1"; }
exec_many() { at_once 8 one_exec; }
stop_gently() {
	run_container gentle . sh -c 'trap "echo bye; exit 5" TERM; touch /tmp/ready; while :; do usleep 20000; done'
	await exec_says '' test -e /tmp/ready
	cri StopContainer "{\"container_id\": \"$container\", \"timeout\": 20}"
	[[ $(container_status .status.exit_code) == 5 ]]
	logged gentle bye
	remove_container
}
stop_forcefully() {
	run_container hard . sleep 1000
	cri StopContainer "{\"container_id\": \"$container\"}"
	[[ $(container_status .status.exit_code) == 137 ]]
	remove_container
}
stats() {
	run_container stats '.linux.resources = {memory_limit_in_bytes: 67108864}' sleep 1000
	run answer '.stats | .memory.working_set_bytes.value, .cpu.usage_core_nano_seconds.value' \
		ContainerStats "{\"container_id\": \"$container\"}"
	expect_status 0
	[[ $(grep -cE '^[0-9]+$' <<<"$output") == 2 ]]
	remove_container
}
limit_says() { # V1-FILE TEXT V2-FILE TEXT
	limit "$@"
	exec_says "$text" cat "$file"
}
resources() {
	run_container limits '.linux.resources = {memory_limit_in_bytes: 67108864, cpu_quota: 50000,
		cpu_period: 100000, cpu_shares: 512, cpuset_cpus: "0"}' sleep 1000
	limit_says memory/memory.limit_in_bytes 67108864 memory.max 67108864
	limit_says cpu/cpu.cfs_quota_us 50000 cpu.max "50000 100000"
	limit_says cpuset/cpuset.cpus 0 cpuset.cpus 0
	cri UpdateContainerResources "{\"container_id\": \"$container\",
		\"linux\": {\"memory_limit_in_bytes\": 50331648, \"cpu_quota\": 30000, \"cpu_period\": 100000}}"
	limit_says memory/memory.limit_in_bytes 50331648 memory.max 50331648
	limit_says cpu/cpu.cfs_quota_us 30000 cpu.max "30000 100000"
	remove_container
}
scope() {
	run_container scope '.linux.resources = {memory_limit_in_bytes: 67108864}' sleep 1000
	local unit=cri-containerd-$container.scope
	says "Slice=$parent"$'\n'"MemoryMax=67108864" systemctl show --property=Slice,MemoryMax "$unit"
	cri UpdateContainerResources "{\"container_id\": \"$container\", \"linux\": {\"memory_limit_in_bytes\": 50331648}}"
	says MemoryMax=50331648 systemctl show --property=MemoryMax "$unit"
	exec_says 0::/ cat /proc/self/cgroup
	remove_container
	says LoadState=not-found systemctl show --property=LoadState "$unit"
}
out_of_memory() {
	run_container oom '.linux.resources = {memory_limit_in_bytes: 16777216, memory_swap_limit_in_bytes: 16777216}' \
		sh -c 'head -c 200000000 /dev/zero | tail'
	await has_state EXITED
	[[ $(container_status .status.exit_code) == 137 ]]
	await eval '[[ $(container_status .status.reason) == OOMKilled ]]'
	remove_container
}
shared() {
	local first=$container
	run_container second . sleep 1000
	local a b
	exec_sync sh -c 'readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts; hostname'
	b=$output
	container=$first
	exec_sync sh -c 'readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts; hostname'
	a=$output
	[[ $a == "$b" && $a == *p ]]
	container=$(answer '.containers[] | select(.metadata.name == "second") | .id' ListContainers)
	remove_container
}
process_namespace() {
	run_pod shared '.linux.security_context.namespace_options = {pid: "POD"}'
	run_container s '.linux.security_context.namespace_options = {pid: "POD"}' sleep 1000
	exec_sync ps
	expect "sleep 100000"
	remove_pod
}
of_the_node() {
	run_pod node 'del(.hostname) | .linux.security_context.namespace_options = {network: "NODE", pid: "NODE", ipc: "NODE"}'
	run_container n '.linux.security_context.namespace_options = {network: "NODE", pid: "NODE", ipc: "NODE"}' sleep 1000
	exec_says "$(readlink /proc/self/ns/net) $(readlink /proc/self/ns/pid) $(readlink /proc/self/ns/ipc)" \
		sh -c 'echo $(readlink /proc/self/ns/net) $(readlink /proc/self/ns/pid) $(readlink /proc/self/ns/ipc)'
	remove_pod
}
network() {
	run_pod web '.port_mappings = [{container_port: 80, host_port: 8080, host_ip: "127.0.0.1"}]'
	run_container w . sh -c 'echo page >/tmp/index.html; httpd -f -h /tmp -p 80'
	local address
	address=$(answer .status.network.ip PodSandboxStatus "{\"pod_sandbox_id\": \"$pod\"}")
	await busybox wget -qO- "http://$address/index.html"
	says page busybox wget -qO- "http://$address/index.html"
	remove_pod
}
context() {
	run_container user '.linux.security_context += {run_as_user: {value: 1000}, run_as_group: {value: 1000},
		supplemental_groups: [2000], no_new_privs: true, readonly_rootfs: true,
		capabilities: {drop_capabilities: ["ALL"]}}' sleep 1000
	exec_says "1000 1000 2000" sh -c 'echo $(id -u) $(id -G)'
	exec_says "1 0000000000000000" sh -c 'echo $(sed -n "s/NoNewPrivs:.//p; s/CapBnd:.//p" /proc/self/status | sort)' ||
		[[ $output == "0000000000000000 1" ]]
	exec_sync touch /tmp/x
	[[ $errors == *"Read-only file system"* ]]
	remove_container
	run_container more '.linux.security_context += {capabilities: {add_capabilities: ["SYS_TIME"]}}' sleep 1000
	exec_sync sed -n 's/CapEff:.//p' /proc/self/status
	((16#$output & 1 << 25))
	remove_container
}
seccomp() {
	run_container filtered '.linux.security_context += {seccomp: {profile_type: "RuntimeDefault"}}' sleep 1000
	exec_says 2 sed -n 's/Seccomp:.//p' /proc/self/status
	remove_container
}
privileged() {
	run_pod root '.linux.security_context.privileged = true'
	run_container r '.linux.security_context.privileged = true' sleep 1000
	exec_says ok sh -c 'mount -t tmpfs x /tmp && echo ok'
	remove_pod
}
mounts() {
	mkdir -p "$work/v"
	echo words >"$work/v/file"
	run_container vol '.mounts = [{host_path: "'"$work"'/v", container_path: "/v"},
		{host_path: "'"$work"'/v", container_path: "/r", readonly: true}]' sleep 1000
	exec_says words cat /v/file
	exec_sync touch /r/x
	[[ $errors == *"Read-only file system"* ]]
	exec_says ok sh -c 'touch /v/x && echo ok'
	remove_container
}
sysctls() {
	run_pod tuned '.linux.sysctls = {"net.ipv4.ip_default_ttl": "7"}'
	run_container t . sleep 1000
	exec_says 7 cat /proc/sys/net/ipv4/ip_default_ttl
	remove_pod
}
terminal() {
	run_container tty '.tty = true' sh -c 'tty; sleep 1000'
	await logged tty $'/dev/pts/0\r*'
	exec_says /dev/pts/0 readlink /proc/1/fd/0
	remove_container
}
environment() {
	run_container env '.envs = [{key: "A", value: "B"}]' sh -c 'echo $A; env'
	await has_state EXITED
	logged env B
	! grep -E 'NOTIFY|TTRPC|SHIM' "$work/logs/p/env.log"
	remove_container
}
handler() {
	# What a RuntimeClass names.
	run cri RunPodSandbox "{\"config\": $(pod_config class), \"runtime_handler\": \"nonsense\"}"
	((status != 0))
	expect nonsense
	pod=$(answer .pod_sandbox_id RunPodSandbox "{\"config\": $(pod_config class), \"runtime_handler\": \"tested\"}")
	[[ $(answer .status.runtime_handler PodSandboxStatus "{\"pod_sandbox_id\": \"$pod\"}") == tested ]]
	remove_pod
}
one_of_many() {
	run_pod "many-$1"
	run_container m . sleep 1000
	exec_says "many-$1" hostname
	remove_pod
}
many() { at_once 6 one_of_many; }
daemon_restarts() {
	containerd_stop
	containerd_start
	await has_state RUNNING
	exec_says ok echo ok
}
daemon_dies() {
	kill -KILL "$(<"$work/daemon")"
	await eval '! kill -0 $(<"$work/daemon")'
	containerd_start
	await has_state RUNNING
	exec_says ok echo ok
}

nothing_left() {
	remove_pod
	[[ $(answer '.items // [] | length' ListPodSandbox) == 0 ]]
	[[ $(answer '.containers // [] | length' ListContainers) == 0 ]]
	expect_nothing_left
	[[ -z $systemd ]] || says '' systemctl list-units --all --plain --no-legend 'cri-containerd-*'
}

set_up >"$work/set-up.log" 2>&1 || {
	sed 's/^/# /' "$work/set-up.log" "$work/containerd.log"
	echo "Bail out! the CRI cannot run anything here"
	exit 1
}

check fast "a pod is ready" pod_state
check fast "a container's output and exit status" output_and_status
check full "a program that is not there" not_there
check fast "exec: output and exit status" exec_basics
check full "exec: a program that is not there" exec_not_there
check full "exec: a timeout kills" exec_timeout
check full "exec: eight at once" exec_many
check fast "stop lets the program end" stop_gently
check full "stop kills when it must" stop_forcefully
check full "stats" stats
check fast "resources, and their update" resources
check systemd "resources are those of a scope in the slice of the pod" scope
check full "the memory limit kills, and that is the reason given" out_of_memory
check full "containers of a pod share its network, IPC and name" shared
check full "containers of a pod that share processes" process_namespace
check full "namespaces of the node" of_the_node
check full "a bridge" network
check full "users, capabilities, a read-only root" context
check full "seccomp" seccomp
check full "privileged" privileged
check full "mounts" mounts
check full "sysctls" sysctls
check full "a terminal" terminal
check full "the environment" environment
check fast "a handler by its name, as a RuntimeClass asks for it" handler
check full "six pods at once" many
check full "containers outlive containerd" daemon_restarts
check full "and a containerd that was killed" daemon_dies
check fast "nothing is left" nothing_left
finish
