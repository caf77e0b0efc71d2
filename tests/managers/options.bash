# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# options.bash -- checks of the options of `run` that Podman and Docker share, and of `build`; a part of
# engine.bash.

# shellcheck disable=SC2154 # of common.bash and the script

# --- limits and rights ------------------------------------------------------------------------

limit_memory() {
	cgroup_says memory/memory.limit_in_bytes 67108864 memory.max 67108864 --memory 64m
	cgroup_says memory/memory.memsw.limit_in_bytes 100663296 memory.swap.max 33554432 \
		--memory 64m --memory-swap 96m
	cgroup_says memory/memory.soft_limit_in_bytes 33554432 memory.low 33554432 \
		--memory 64m --memory-reservation 32m
	[[ -n $v2 ]] || says 30 once --memory-swappiness 30 img cat /sys/fs/cgroup/memory/memory.swappiness
}
limit_cpus() {
	cgroup_says cpu/cpu.cfs_quota_us 50000 cpu.max "50000 100000" --cpus 0.5
	cgroup_says cpu/cpu.cfs_period_us 20000 cpu.max "10000 20000" --cpu-period 20000 --cpu-quota 10000
	# There are two formulas for the weight; the second is that of older runtimes.
	cgroup_says cpu/cpu.shares 512 cpu.weight 59 --cpu-shares 512 || [[ $output == 20 ]]
	cgroup_says cpuset/cpuset.cpus 0 cpuset.cpus 0 --cpuset-cpus 0
	cgroup_says cpuset/cpuset.mems 0 cpuset.mems 0 --cpuset-mems 0
}
limit_pids() {
	cgroup_says pids/pids.max 33 pids.max 33 --pids-limit 33
	cgroup_says pids/pids.max max pids.max max --pids-limit -1
	cgroup_says pids/pids.max max pids.max max --pids-limit 0
	run once --pids-limit 5 img sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
	expect "can't fork"
}
limit_blkio() {
	local disk files=blkio/blkio.throttle.read_bps_device,blkio/blkio.throttle.write_iops_device
	if [[ -n $v2 ]]; then
		files=io.max
	else
		[[ -e /sys/fs/cgroup/${files%,*} ]] || skip "this kernel has no throttling"
	fi
	disk=$(lsblk -dnpo NAME 2>/dev/null | head -n 1)
	[[ -n $disk ]] || skip "there is no disk"
	run once --device-read-bps "$disk:1mb" --device-write-iops "$disk:77" img \
		sh -c "cd /sys/fs/cgroup; cat ${files/,/ }"
	expect_status 0
	expect 1048576
	expect 77
}
limit_ulimit() {
	# Podman asks for all processes that there can be, unless it is told how many.
	says "100 200" once --ulimit nofile=100:200 --ulimit nproc=1024:1024 img sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
	says 500 once --oom-score-adj 500 img cat /proc/self/oom_score_adj
}
device_rules() {
	says ok once --device /dev/null:/dev/mine:rw img sh -c 'echo x >/dev/mine; echo ok'
	run once --device-cgroup-rule 'c 10:* rwm' --cap-add MKNOD img \
		sh -c 'mknod /tmp/d c 10 229 && echo made'
	expect made
	run once img sh -c 'mknod /tmp/d b 7 0 && cat /tmp/d'
	((status != 0))
}
cgroup_paths() {
	local hierarchy=:memory:
	[[ -z $v2 ]] || hierarchy=^0::
	local deep=$parent/deep/er
	[[ -z $systemd ]] || deep=$parent # which is a unit, not a path
	mentions "/${deep#/}/" once --cgroupns host --cgroup-parent "$deep" img grep "$hierarchy" /proc/self/cgroup
	run once --cgroupns private img grep "$hierarchy" /proc/self/cgroup
	[[ $output == *:/ ]]
}
capability_options() {
	status_says "$capabilities" CapEff
	status_says "$net_admin" CapEff --cap-add NET_ADMIN
	status_says 0000000000000000 CapEff --cap-drop ALL
	status_says 0000000000001000 CapEff --cap-drop ALL --cap-add NET_ADMIN
	status_says 0000000000000000 CapEff -u bob
}
privileged() {
	says ok once --privileged img \
		sh -c 'mount -t tmpfs x /tmp && test -e /dev/mem -o -e /dev/kmsg && echo ok'
}
no_new_privileges() { status_says 1 NoNewPrivs --security-opt no-new-privileges; }
seccomp() {
	status_says 2 Seccomp
	run once img unshare -n true
	((status != 0))
	status_says 0 Seccomp --security-opt seccomp=unconfined
	cat >"$work/seccomp.json" <<-EOF
		{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		  {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
	EOF
	run once --security-opt "seccomp=$work/seccomp.json" img mkdir /tmp/x
	expect "Operation not supported"
}
masks() {
	says 0 once img sh -c 'wc -c </proc/keys'
	run once img sh -c 'echo x >/proc/sys/kernel/core_pattern'
	expect "Read-only file system"
	run once --security-opt "$unmasked" img sh -c 'wc -c </proc/keys'
	[[ $output != 0 ]]
}
users() {
	says "1000 1000 2000" once -u bob img sh -c 'echo $(id -u) $(id -G)'
	says "5 6 7" once -u 5:6 --group-add 7 img sh -c 'echo $(id -u) $(id -G)'
}

check_limits() { # what takes a cgroup
	check fast "pause stops everything, unpause continues, rm removes what is paused" pause
	check fast "stats has numbers" stats
	check fast "update changes limits" update
	check fast "limits of memory" limit_memory
	check full "the memory limit kills" limit_reached
	check full "limits of CPUs" limit_cpus
	check fast "limits of processes" limit_pids
	check full "limits of disks" limit_blkio
	check full "--ulimit and --oom-score-adj" limit_ulimit
	check full "--cgroup-parent and --cgroupns" cgroup_paths
	check full "--device and --device-cgroup-rule" device_rules
}

check_rights() {
	check fast "--cap-add and --cap-drop" capability_options
	check full "--privileged" privileged
	check full "no-new-privileges" no_new_privileges
	check fast "seccomp profiles" seccomp
	check full "masked and read-only paths" masks
	check full "--user and --group-add" users
}

# --- files ------------------------------------------------------------------------------------

read_only() {
	run once --read-only img touch /x
	expect "Read-only file system"
	says ok once --read-only --tmpfs /tmp img sh -c 'touch /tmp/x && echo ok'
}
volumes() {
	mkdir -p "$work/v"
	echo text >"$work/v/file"
	says text once -v "$work/v:/v" img cat /v/file
	run once -v "$work/v:/v:ro" img touch /v/x
	expect "Read-only file system"
	says text once -v "$work/v/file:/etc/motd:ro" img cat /etc/motd
	engine volume create vol
	says 1 once -v vol:/v img sh -c 'echo 1 >/v/n; cat /v/n'
	says 1 once --mount type=volume,src=vol,dst=/v img cat /v/n
	# What the image has there is copied into a new one.
	says bob once -v new:/home img ls /home
	engine volume rm vol new
	standing owner -v "$work/v:/v" -v /anonymous
	says text once --volumes-from owner img cat /v/file
	gone -v owner
}
propagation() {
	local how
	mkdir -p "$work/p"
	mount -t tmpfs x "$work/p"
	mount --make-shared "$work/p"
	for how in private shared slave rprivate rshared rslave; do
		mkdir "$work/p/$how"
		standing "$how" -v "$work/p:/p:$how"
		mount -t tmpfs x "$work/p/$how"
		touch "$work/p/$how/file"
		if [[ $how == *private ]]; then
			says '' engine exec "$how" ls "/p/$how"
		else
			says file engine exec "$how" ls "/p/$how"
		fi
		umount "$work/p/$how"
		gone "$how"
	done
	umount "$work/p"
}
tmpfs_options() {
	says "tmpfs 1700" once --tmpfs /t:size=1m,mode=1700 img \
		sh -c 'echo $(stat -f -c %T /t) $(stat -c %a /t)'
	says tmpfs once --mount type=tmpfs,dst=/t,tmpfs-size=1000000,tmpfs-mode=700 img stat -f -c %T /t
	says 8192 once --shm-size 8m img sh -c "df -k /dev/shm | awk 'END { print \$2 }'"
}
init_option() {
	[[ -n $init ]] || skip "no program for --init is installed"
	mentions "-init -- sh" once --init img sh -c 'tr "\0" " " </proc/1/cmdline'
	run once --init img sh -c 'exit 4'
	expect_status 4
}

check_files() {
	check fast "--read-only" read_only
	check fast "volumes" volumes
	check full "mounts that come later, by propagation" propagation
	check full "--tmpfs and --shm-size" tmpfs_options
	check full "--init" init_option
}

# --- namespaces, and what programs are handed -------------------------------------------------

names() {
	says web once --hostname web img hostname
	says "$(hostname)" once --uts host img hostname
	says 7 once --sysctl net.ipv4.ip_default_ttl=7 img cat /proc/sys/net/ipv4/ip_default_ttl
	says 70000 once --sysctl kernel.msgmax=70000 img cat /proc/sys/kernel/msgmax
}
of_the_host() {
	namespace_is "$(readlink /proc/self/ns/pid)" pid --network none --pid host
	namespace_is "$(readlink /proc/self/ns/ipc)" ipc --network none --ipc host
	namespace_is "$(readlink /proc/self/ns/net)" net --network host
}
of_another() {
	standing other --ipc shareable
	local name
	for name in pid ipc; do
		namespace_is "$(engine exec other readlink "/proc/self/ns/$name")" "$name" --network none \
			"--$name" container:other
	done
	namespace_is "$(engine exec other readlink /proc/self/ns/net)" net --network container:other
	gone other
}
network_none() {
	says lo once img ls /sys/class/net
	says ok once img sh -c 'ping -c 1 127.0.0.1 >/dev/null && echo ok'
}
# Serves a page at the container's port 80.
page='echo page >/tmp/index.html; httpd -f -h /tmp -p 80'
network_bridge() {
	{ busybox ip link add probe type bridge && busybox ip link del probe; } ||
		skip "this kernel has no bridges"
	engine run -d --name web -p 127.0.0.1:8080:80 -p 80 img sh -c "$page"
	local address at
	address=$(field web .NetworkSettings.IPAddress)
	await busybox wget -qO- "http://$address/index.html"
	for at in "$address" 127.0.0.1:8080 "127.0.0.1:$(engine port web | sed -n 's/.*0\.0\.0\.0://p')"; do
		says page busybox wget -qO- "http://$at/index.html"
	done
	gone web
}
descriptors() { says "0 1 2 3" once img sh -c 'echo $(ls /proc/self/fd)'; }
environment() {
	run once -e A=B img env
	expect A=B
	local word
	for word in NOTIFY _OCI_ CONTAINERS_CONF DOCKER; do
		expect_not "$word"
	done
}
large() {
	seq -f 'VARIABLE%.0f=x' 10000 >"$work/variables"
	says 10000 once --env-file "$work/variables" img sh -c 'env | grep -c VARIABLE'
	says 100000 once img sh -c 'echo ${#1}' sh "$(printf '%0100000d' 0)"
}

check_surroundings() {
	check full "--hostname, --uts and --sysctl" names
	check full "namespaces of the host" of_the_host
	check full "namespaces of another container" of_another
	check fast "--network none" network_none
	check fast "a bridge, with published ports" network_bridge
	check fast "no descriptors but standard ones" descriptors
	check full "nothing of the manager in the environment" environment
	check full "ten thousand variables, and a large argument" large
}

# --- building ---------------------------------------------------------------------------------

# Builds what standard input says.
build_from() { # OPTION...
	mkdir -p "$work/build"
	cat >"$work/build/Dockerfile"
	engine build --network none "$@" "$work/build"
}
build() {
	build_from -t built <<-EOF
		FROM img
		RUN echo built >/made && echo carol:x:7:7::/home:/bin/sh >>/etc/passwd && chown bob /made
		USER carol
		RUN test "\$(id -un)" = carol
		WORKDIR /somewhere/else
		CMD cat /made
	EOF
	says built once built
	says "carol 1000" once built sh -c 'echo $(id -un) $(stat -c %u /made)'
	says /somewhere/else once built pwd
	run build_from <<<$'FROM img\nRUN exit 7'
	((status != 0))
	expect 7
	run build_from <<<$'FROM img\nRUN nonsense'
	expect_status 127
}
