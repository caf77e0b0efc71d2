#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# podman.sh -- the runtime beneath Podman, conmon and Buildah. Options: see common.bash.
set -u

needs() {
	need podman podman
	need conmon conmon
	need iptables iptables
	[[ -z $install ]] || {
		need buildah buildah
		need catatonit catatonit
	}
}

# shellcheck source=tests/managers/common.bash
. "$(dirname "$0")/common.bash"

# --- set-up -----------------------------------------------------------------------------------

# shellcheck source=tests/managers/podman.bash
. "$here/podman.bash"

# What none of these commands needs half a minute for.
podman() {
	timeout --kill-after=5 60 podman "$@"
}

set_up() {
	make_rootfs "$work/rootfs"
	tar -C "$work/rootfs" -c . | podman import - img &&
		standing c
} >"$work/set-up.log" 2>&1

# --- a container's life -----------------------------------------------------------------------

prints() { says hello once img echo hello; }
check_stderr() {
	podman run --rm --network none img sh -c 'echo out; echo err >&2' >"$work/out" 2>"$work/err"
	[[ $(<"$work/out") == out && $(<"$work/err") == err ]]
}
exit_status() {
	run once img sh -c 'exit 42'
	expect_status 42
}
standard_input() {
	output=$(head -c 300000 /dev/zero | once -i img wc -c)
	[[ $output == 300000 ]]
}
much_output() { says 3000000 bash -c "$(declare -f podman once); once img head -c 3000000 /dev/zero | wc -c"; }
terminal() {
	mentions /dev/pts/0 with_terminal podman run --rm --network none -it img tty
}
terminal_size() {
	mentions "33 77" with_terminal podman run --rm --network none -it img sh -c "$patient"
}
not_found() {
	run once img nonsense
	expect_status 127
	expect "nonsense"
}
not_found_path() {
	run once img /no/such/program
	expect_status 127
}
no_permission() {
	run once img /etc/passwd
	expect_status 126
}
directory_as_program() {
	run once img /etc
	expect_status 126
}
runtime_error() {
	run once --sysctl kernel.nonsense=1 img true
	expect_status 126 || expect_status 125 || expect_status 127
	expect nonsense
}
detached() {
	podman run -d --network none --name detached img sh -c 'echo one; echo two >&2; sleep 1000'
	[[ $(state detached) == running ]]
	await eval '[[ $(podman logs detached 2>&1 | sort) == $'\''one\ntwo'\'' ]]'
	mentions "sleep 1000" podman top detached
	says "$runtime" podman inspect --format '{{.OCIRuntime}}' detached || [[ $output == tested ]]
	gone detached
}
created_started() {
	podman create --network none --name cs img sh -c 'echo started; exit 3'
	[[ $(state cs) == created ]]
	podman init cs
	[[ $(state cs) == initialized ]]
	run podman start -a cs
	expect started
	expect_status 3
	[[ $(state cs) == exited ]]
	run podman start -a cs
	expect_status 3
	podman rm cs
}
stop_gently() {
	podman run -d --network none --name stop img sh -c \
		'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done'
	await eval '[[ $(podman logs stop) == *ready* ]]'
	podman stop -t 20 stop
	says $'ready\nbye' podman logs stop
	says 5 podman inspect --format '{{.State.ExitCode}}' stop
	podman rm stop
}
stop_forcefully() {
	standing stopf
	podman stop -t 0 stopf
	says 137 podman inspect --format '{{.State.ExitCode}}' stopf
	podman rm stopf
}
kill_signal() {
	podman run -d --network none --name kill img sh -c \
		'trap "echo usr1; exit 0" USR1; echo ready; while :; do sleep 0.1; done'
	await eval '[[ $(podman logs kill) == *ready* ]]'
	podman kill -s USR1 kill
	says 0 podman wait kill
	says $'ready\nusr1' podman logs kill
	podman rm kill
}
kill_default() {
	standing killd
	podman kill killd
	says 137 podman wait killd
	podman rm killd
}
pause() {
	podman run -d --network none --name pause img sh -c 'while :; do echo; usleep 20000; done'
	podman pause pause
	[[ $(state pause) == paused ]]
	run podman exec pause true
	((status != 0))
	local lines
	lines=$(podman logs pause | wc -l)
	[[ $(podman logs pause | wc -l) == "$lines" ]]
	podman unpause pause
	[[ $(state pause) == running ]]
	await eval "(( \$(podman logs pause | wc -l) > $lines ))"
	gone pause
}
remove_paused() {
	standing rmpaused
	podman pause rmpaused
	gone rmpaused
}
restart() {
	podman run -d --network none --name restart img sh -c 'echo up; sleep 1000'
	await eval '[[ $(podman logs restart) == up ]]'
	podman restart -t 0 restart
	await eval '[[ $(podman logs restart) == $'\''up\nup'\'' ]]'
	gone restart
}
restart_policy() {
	podman run -d --network none --name policy --restart on-failure:2 img sh -c 'echo up; exit 1'
	await eval '[[ $(podman logs policy | wc -l) == 3 ]]'
	gone policy
}
timeout_option() {
	run podman run --rm --network none --timeout 1 img sleep 1000
	((status != 0))
}
stats() {
	standing stats
	mentions stats podman stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' stats
	[[ $output =~ [0-9]k?B ]]
	gone stats
}
update() {
	standing update --memory 64m
	podman update --memory 96m --cpu-quota 30000 update
	says $((96 << 20)) podman exec update cat /sys/fs/cgroup/memory/memory.limit_in_bytes
	says 30000 podman exec update cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us
	gone update
}
healthcheck() {
	podman run -d --network none --name health --health-cmd 'test -e /tmp/well' img sleep 1000 || {
		gone health
		skip "podman wants a systemd timer for it"
	}
	run podman healthcheck run health
	expect_status 1
	podman exec health touch /tmp/well
	run podman healthcheck run health
	expect_status 0
	gone health
}
copy() {
	standing copy
	echo text >"$work/file"
	podman cp "$work/file" copy:/tmp/file
	says text podman exec copy cat /tmp/file
	podman exec copy sh -c 'echo back >/tmp/back'
	podman cp copy:/tmp/back "$work/back"
	[[ $(<"$work/back") == back ]]
	mentions "A /tmp/back" podman diff copy
	gone copy
}
one_of_many() { says "$1" once img echo "$1"; }
many() { at_once 10 one_of_many; }
log_passthrough() {
	says through once --log-driver passthrough img echo through
}
attach_later() {
	podman run -d -i --network none --name attach img sh -c 'read x; echo "got $x"'
	says "got it" bash -c 'echo it | podman attach attach'
	gone attach
}

# --- exec -------------------------------------------------------------------------------------

exec_basics() {
	says one podman exec c echo one
	run podman exec c sh -c 'exit 9'
	expect_status 9
}
exec_options() {
	says $'1000:2000\n/home/bob\nB' podman exec -u bob:crew -w /home/bob -e A=B c \
		sh -c 'echo $(id -u):$(id -g); pwd; echo $A'
	says "1000 2000" podman exec -u bob c id -G
}
exec_input() {
	output=$(echo words | podman exec -i c cat)
	[[ $output == words ]]
}
exec_terminal() {
	mentions "33 77" with_terminal podman exec -it c sh -c "tty; $patient"
	expect /dev/pts/
}
exec_errors() {
	run podman exec c nonsense
	expect_status 127
	run podman exec c /etc/passwd
	expect_status 126
	run podman exec -w /no/such/place c true
	((status == 126 || status == 127))
	run podman exec c sh -c 'kill -9 $$'
	expect_status 137
}
exec_detached() {
	podman exec -d c sh -c 'echo there >/tmp/detached'
	await podman exec c test -s /tmp/detached
}
exec_rights() {
	says "00000000a80425fb" podman exec c sh -c 'sed -n "s/CapEff:.//p" /proc/self/status'
	run podman exec --privileged c sh -c 'sed -n "s/CapEff:.//p" /proc/self/status'
	expect_status 0
	[[ $output != 00000000a80425fb ]]
	says 0000000000000000 podman exec -u bob c sh -c 'sed -n "s/CapEff:.//p" /proc/self/status'
}
exec_cgroup() {
	local inside
	inside=$(podman exec c cat /proc/self/cgroup)
	[[ $inside == "$(podman exec c cat /proc/1/cgroup)" ]]
}
one_exec() { says "$1" podman exec c echo "$1"; }
exec_many() { at_once 10 one_exec; }

# --- limits -----------------------------------------------------------------------------------

cgroup_says() { # TEXT FILE OPTION...
	local text=$1 file=$2
	shift 2
	says "$text" once "$@" img cat "/sys/fs/cgroup/$file"
}
limit_memory() { cgroup_says $((64 << 20)) memory/memory.limit_in_bytes --memory 64m; }
limit_swap() { cgroup_says $((96 << 20)) memory/memory.memsw.limit_in_bytes --memory 64m --memory-swap 96m; }
limit_reservation() {
	cgroup_says $((32 << 20)) memory/memory.soft_limit_in_bytes --memory 64m --memory-reservation 32m
}
limit_cpus() { cgroup_says 50000 cpu/cpu.cfs_quota_us --cpus 0.5; }
limit_shares() { cgroup_says 512 cpu/cpu.shares --cpu-shares 512; }
limit_cpuset() { cgroup_says 0 cpuset/cpuset.cpus --cpuset-cpus 0; }
limit_pids() {
	cgroup_says 33 pids/pids.max --pids-limit 33
	cgroup_says max pids/pids.max --pids-limit -1
}
limit_blkio() {
	[[ -e /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device ]] || skip "this kernel has no throttling"
	local disk
	disk=$(lsblk -dnpo NAME 2>/dev/null | head -n 1)
	[[ -n $disk ]] || skip "there is no disk"
	run once --device-read-bps "$disk:1mb" img cat /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device
	expect_status 0
	expect 1048576
}
limit_reached() {
	run podman run --network none --name oom --memory 16m --memory-swap 16m img \
		sh -c 'head -c 100000000 /dev/zero | tail'
	says 137 podman inspect --format '{{.State.ExitCode}}' oom
	gone oom
}
limit_ulimit() { says "100 200" once --ulimit nofile=100:200 --ulimit nproc=1024:1024 img sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'; }
limit_oom_score() { says 500 once --oom-score-adj 500 img cat /proc/self/oom_score_adj; }
limit_reached_pids() {
	run once --pids-limit 5 img sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
	expect "can't fork"
}
device_rules() {
	says ok once --device /dev/null:/dev/mine:rw img sh -c 'echo x >/dev/mine; echo ok'
	run once --device-cgroup-rule 'c 10:* rwm' --cap-add MKNOD img sh -c 'mknod /tmp/d c 10 229 && echo made'
	expect made
	run once img sh -c 'mknod /tmp/d b 7 0 && cat /tmp/d'
	((status != 0))
}
cgroup_parent() {
	run once --cgroup-parent "/${work##*/}" img cat /proc/self/cgroup
	expect_status 0
	expect "memory:/${work##*/}/libpod-"
}
cgroups_disabled() {
	says ok once --cgroups disabled img echo ok
	podman run -d --network none --cgroups disabled --name nocg img sleep 1000
	[[ $(cut -d: -f3 "/proc/$(podman inspect --format '{{.State.Pid}}' nocg)/cgroup") != *libpod-* ]]
	says ok podman exec nocg echo ok
	gone nocg
}
cgroups_no_conmon() { says ok once --cgroups no-conmon img echo ok; }
cgroup_namespace() {
	says 0::/ once --cgroupns private img grep ^0:: /proc/self/cgroup
}

# --- rights -----------------------------------------------------------------------------------

caps() { # OPTION... : the effective ones
	once "$@" img sh -c 'sed -n "s/CapEff:.//p" /proc/self/status'
}
caps_default() { says 00000000a80425fb caps --cap-add all --cap-drop all --cap-add default || says 00000000a80425fb caps; }
caps_add() { says 00000000a80435fb caps --cap-add NET_ADMIN; }
caps_drop() { says 0000000000000000 caps --cap-drop ALL; }
caps_user() {
	says 0000000000000000 caps -u bob
	says 0000000000001000 caps -u bob --cap-add NET_ADMIN
}
privileged() {
	says ok once --privileged img sh -c 'mount -t tmpfs x /tmp && test -e /dev/mem -o -e /dev/kmsg && echo ok'
}
no_new_privileges() {
	says 1 once --security-opt no-new-privileges img sh -c 'sed -n "s/NoNewPrivs:.//p" /proc/self/status'
}
seccomp_default() {
	says 2 once img sh -c 'sed -n "s/Seccomp:.//p" /proc/self/status'
	run once img unshare -n true
	((status != 0))
}
seccomp_unconfined() {
	says 0 once --security-opt seccomp=unconfined img sh -c 'sed -n "s/Seccomp:.//p" /proc/self/status'
}
seccomp_profile() {
	cat >"$work/seccomp.json" <<-EOF
		{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		  {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
	EOF
	run once --security-opt "seccomp=$work/seccomp.json" img mkdir /tmp/x
	expect "Operation not supported"
}
masks() {
	says 0 once img sh -c 'wc -c </proc/keys'
	run once --security-opt unmask=ALL img sh -c 'wc -c </proc/keys'
	[[ $output != 0 ]]
	says 0 once --security-opt mask=/etc/passwd img sh -c 'wc -c </etc/passwd'
}
proc_options() {
	run once --security-opt proc-opts=hidepid=2 img grep ' /proc proc ' /proc/mounts
	expect_status 0
	expect hidepid=
}
users() {
	says "1000 1000 2000" once -u bob img sh -c 'echo $(id -u) $(id -G)'
	says "5 6 7" once -u 5:6 --group-add 7 img sh -c 'echo $(id -u) $(id -G)'
}
user_maps() {
	mentions "0     100000       1000" once --uidmap 0:100000:1000 --gidmap 0:100000:1000 img \
		cat /proc/self/uid_map
	run once --uidmap 0:100000:1000 -u bob img id -u
}
user_auto() {
	grep -q ^containers: /etc/subuid || {
		cp /etc/subuid "$work/subuid"
		cp /etc/subgid "$work/subgid"
		echo containers:1000000:200000 >>"$work/subuid"
		echo containers:1000000:200000 >>"$work/subgid"
		mount --bind "$work/subuid" /etc/subuid
		mount --bind "$work/subgid" /etc/subgid
	}
	says "0 65534" once --userns=auto -v /proc/version:/v:ro img sh -c 'echo $(id -u) $(stat -c %u /v)'
	says ok once --userns=auto:size=2000 img sh -c 'mkdir /tmp/x && chown bob /tmp/x && echo ok'
	podman run -d --name uns --userns=auto --network none img sleep 1000
	says 0 podman exec uns id -u
	gone uns
}

# --- files ------------------------------------------------------------------------------------

read_only() {
	run once --read-only img touch /x
	expect "Read-only file system"
	says ok once --read-only img sh -c 'touch /tmp/x /dev/shm/x && echo ok'
	run once --read-only --read-only-tmpfs=false img touch /tmp/x
	expect "Read-only file system"
}
volumes() {
	mkdir -p "$work/v/deep"
	echo text >"$work/v/file"
	says text once -v "$work/v:/v" img cat /v/file
	run once -v "$work/v:/v:ro" img touch /v/x
	expect "Read-only file system"
	says rw once -v "$work/v:/v:rw,nosuid,nodev,noexec" img sh -c \
		'grep " /v " /proc/mounts | grep -q "nosuid,nodev,noexec" && touch /v/x && echo rw'
	says text once -v "$work/v/file:/etc/motd:ro,z" img cat /etc/motd
	says text once --mount "type=bind,src=$work/v,dst=/v,ro=true,bind-propagation=rslave" img cat /v/file
	says ok once -v "$work/v:/v:O" img sh -c 'echo changed >/v/file; echo ok'
	[[ $(<"$work/v/file") == text ]]
}
volume_named() {
	podman volume create vol
	says 1 once -v vol:/v img sh -c 'echo 1 >/v/n; cat /v/n'
	says 1 once -v vol:/v img cat /v/n
	podman volume rm vol
}
volume_owner() {
	mkdir -p "$work/u"
	says 1000 once -u bob -v "$work/u:/u:U" img stat -c %u /u
}
propagation() {
	mkdir -p "$work/p"
	mount -t tmpfs x "$work/p"
	mount --make-shared "$work/p"
	podman run -d --network none --name prop -v "$work/p:/p:rslave" img sleep 1000
	mkdir "$work/p/late"
	mount -t tmpfs x "$work/p/late"
	touch "$work/p/late/file"
	says /p/late/file podman exec prop ls /p/late/file
	gone prop
	umount "$work/p/late" "$work/p"
}
tmpfs_options() {
	says "tmpfs 1700" once --tmpfs /t:size=1m,mode=1700 img sh -c \
		'echo $(stat -f -c %T /t) $(stat -c %a /t)'
	says 64000k once --shm-size 64000k img sh -c 'sed -n "s/.* \/dev\/shm .*size=\([0-9]*k\).*/\1/p" /proc/mounts'
	mentions bin once --tmpfs /home img ls /
}
rootfs_option() {
	says hello podman run --rm --network none --rootfs "$work/rootfs" echo hello
	says hello podman run --rm --network none --rootfs "$work/rootfs:O" echo hello
}
init_option() {
	[[ -n $(command -v catatonit) ]] || skip "catatonit is not installed"
	mentions podman-init once --init img sh -c 'tr "\\0" " " </proc/1/cmdline'
	run once --init img sh -c 'exit 4'
	expect_status 4
}
systemd_mode() {
	says "tmpfs tmpfs" once --systemd always img sh -c 'echo $(stat -f -c %T /run /tmp)'
}

# --- namespaces and the network ---------------------------------------------------------------

names() {
	says web once --hostname web img hostname
	says "$(hostname)" once --uts host img hostname
}
sysctls() { says 7 once --sysctl net.ipv4.ip_default_ttl=7 img cat /proc/sys/net/ipv4/ip_default_ttl; }
sysctls_ipc() { says 70000 once --sysctl kernel.msgmax=70000 img cat /proc/sys/kernel/msgmax; }
pid_host() {
	run once --pid host img sh -c 'readlink /proc/self/ns/pid'
	[[ $output == "$(readlink /proc/self/ns/pid)" ]]
}
ipc_host() { says "$(readlink /proc/self/ns/ipc)" once --ipc host img readlink /proc/self/ns/ipc; }
join_container() {
	says "$(podman exec c readlink /proc/self/ns/pid)" once --pid container:c img readlink /proc/self/ns/pid
	says "$(podman exec c readlink /proc/self/ns/net)" podman run --rm --network container:c img readlink /proc/self/ns/net
	podman run -d --network none --name ipcs --ipc shareable img sleep 1000
	says "$(podman exec ipcs readlink /proc/self/ns/ipc)" once --ipc container:ipcs img readlink /proc/self/ns/ipc
	gone ipcs
}
network_host() {
	says "$(readlink /proc/self/ns/net)" podman run --rm --network host img readlink /proc/self/ns/net
}
network_none() {
	says 1 once img sh -c 'ls /sys/class/net | wc -l'
	says ok once img sh -c 'ping -c 1 127.0.0.1 >/dev/null && echo ok'
}
network_bridge() {
	podman run -d --name web -p 127.0.0.1:8080:80 img sh -c 'echo page >/tmp/index.html; httpd -f -h /tmp -p 80' ||
		skip "netavark cannot make a bridge here"
	local address
	address=$(podman inspect --format '{{.NetworkSettings.IPAddress}}' web)
	await busybox wget -qO- "http://$address/index.html"
	says page busybox wget -qO- "http://$address/index.html"
	says page busybox wget -qO- "http://127.0.0.1:8080/index.html"
	gone web
}
pod() {
	podman pod create --name pod --network none || {
		podman pod rm -f pod
		skip "no infra container can be made"
	}
	podman run -d --pod pod --name p1 img sh -c 'echo one >/dev/shm/x; sleep 1000'
	await podman exec p1 test -s /dev/shm/x
	says one podman run --rm --pod pod img cat /dev/shm/x
	says "$(podman exec p1 readlink /proc/self/ns/net)" podman run --rm --pod pod img readlink /proc/self/ns/net
	says "$(podman exec p1 hostname)" podman run --rm --pod pod img hostname
	podman pod stop -t 0 pod
	podman pod start pod
	podman pod pause pod
	podman pod unpause pod
	podman pod rm -f -t 0 pod
}
pod_pid() {
	podman pod create --name pidpod --share pid,ipc,uts
	mentions catatonit podman run --rm --network none --pod pidpod img sh -c 'tr "\\0" " " </proc/1/cmdline'
	podman pod rm -f -t 0 pidpod
}
kube() {
	cat >"$work/pod.yaml" <<-EOF
		apiVersion: v1
		kind: Pod
		metadata: {name: kpod}
		spec:
		  hostNetwork: true
		  restartPolicy: Never
		  containers:
		  - {name: a, image: localhost/img, command: [sleep, "1000"], resources: {limits: {memory: 64Mi}}}
	EOF
	podman play kube "$work/pod.yaml"
	says $((64 << 20)) podman exec kpod-a cat /sys/fs/cgroup/memory/memory.limit_in_bytes
	podman play kube --down "$work/pod.yaml"
}

# --- what programs are handed -----------------------------------------------------------------

preserve_fds() {
	says passed podman run --rm --network none --preserve-fds 1 img sh -c 'cat <&3' 3<<<passed
}
no_descriptors() {
	says "0 1 2 3" once img sh -c 'echo $(ls /proc/self/fd)'
}
environment() {
	run once -e A=B img env
	expect A=B
	expect container=podman
	expect_not _OCI_
	expect_not CONTAINERS_CONF
}
sdnotify() {
	[[ -n $(command -v socat) ]] || skip "socat is not installed"
	timeout 20 socat -u "UNIX-RECV:$work/notify" "OPEN:$work/notified,creat" &
	local socat=$!
	await test -S "$work/notify"
	cp "$(command -v socat)" "$work/socat"
	NOTIFY_SOCKET=$work/notify podman run -d --network none --name notify --sdnotify conmon img sleep 1000
	await grep -q READY=1 "$work/notified"
	kill "$socat"
	gone notify
}
hooks() {
	mkdir -p "$work/hooks"
	printf '#!/bin/sh\n{ echo "$1"; cat; echo; } >>%s/hooked\n' "$work" >"$work/hook"
	chmod +x "$work/hook"
	for stage in prestart createRuntime poststart poststop; do
		jq -n --arg path "$work/hook" --arg stage "$stage" '{version: "1.0.0", when: {always: true},
			hook: {path: $path, args: ["hook", $stage]}, stages: [$stage]}' >"$work/hooks/$stage.json"
	done
	says ok podman --hooks-dir "$work/hooks" run --rm --network none img echo ok
	run grep -xE '[a-zA-Z]+' "$work/hooked"
	[[ $(sort <<<"$output" | tr '\n' ' ') == "createRuntime poststart poststop prestart " ]]
}
personality_option() {
	mentions i686 once --personality LINUX32 img uname -m
}
checkpoint() {
	[[ -n $(command -v criu) ]] || skip "criu is not installed"
	standing cp
	podman container checkpoint cp
	podman container restore cp
	[[ $(state cp) == running ]]
	gone cp
}

# --- building ---------------------------------------------------------------------------------

build() {
	mkdir -p "$work/build"
	cat >"$work/build/Containerfile" <<-EOF
		FROM localhost/img
		RUN echo built >/made && echo carol:x:7:7::/home:/bin/sh >>/etc/passwd && mkdir -m 777 /home/carol
		USER carol
		RUN test "\$(id -un)" = carol && mkdir -p /home/carol/x
		WORKDIR /home/carol/x
		CMD cat /made
	EOF
	podman build --network none -t built "$work/build"
	says built once built
	says carol once built id -un
	printf 'FROM localhost/img\nRUN exit 7\n' >"$work/build/Containerfile"
	run podman build --network none "$work/build"
	((status != 0))
	expect 7
}
build_mounts() {
	printf 'FROM localhost/img\nRUN --mount=type=tmpfs,target=/t --mount=type=cache,target=/c touch /t/x /c/x\n' \
		>"$work/build/Containerfile"
	podman build --network none "$work/build"
	printf 'FROM localhost/img\nRUN nonsense\n' >"$work/build/Containerfile"
	run podman build --network none "$work/build"
	expect_status 127
}
buildah_run() {
	[[ -n $(command -v buildah) ]] || skip "buildah is not installed"
	local bud="timeout 60 buildah --root $work/storage --runroot $work/run" c
	c=$($bud from localhost/img)
	says hello $bud run --runtime "$runtime" --network none "$c" echo hello
	run $bud run --runtime "$runtime" --network none "$c" sh -c 'exit 6'
	expect_status 6
	output=$(echo words | $bud run --runtime "$runtime" --network none "$c" cat)
	[[ $output == words ]]
	mentions /dev/pts/0 with_terminal $bud run --runtime "$runtime" --network none -t "$c" tty
	run $bud run --runtime "$runtime" --network none "$c" nonsense
	((status != 0))
	says 00000000a80435fb $bud run --runtime "$runtime" --network none --cap-add CAP_NET_ADMIN "$c" \
		sh -c 'sed -n "s/CapEff:.//p" /proc/self/status'
	$bud commit "$c" frombuildah
	$bud rm "$c"
}

nothing_left() {
	podman rm -f -t 0 -a
	podman pod rm -f -a
	run podman ps -aq
	[[ -z $output ]]
	run pgrep -a conmon
	await eval '! pgrep conmon'
	run ls -A "/run/$(basename "$runtime")"
	[[ $status != 0 || -z $output ]] || complain "state is left"
	local id
	for id in $(podman events --stream=false --filter event=create --format '{{.ID}}'); do
		expect_no_cgroups -name "libpod-*$id*"
	done
	run grep "$work" /proc/self/mountinfo
	expect_not merged
}

set_up || {
	sed 's/^/# /' "$work/set-up.log"
	echo "Bail out! podman cannot run anything here"
	exit 1
}

check fast "the program's output is podman's" prints
check full "standard output and standard error stay apart" check_stderr
check fast "the program's exit status is podman's" exit_status
check fast "standard input reaches the program" standard_input
check full "three megabytes of output arrive" much_output
check fast "-it gives a terminal" terminal
check full "the terminal has the caller's size" terminal_size
check fast "a program that is not there is exit status 127" not_found
check full "a path that is not there is exit status 127" not_found_path
check fast "a file that is no program is exit status 126" no_permission
check full "a directory as program is exit status 126" directory_as_program
check full "a refused sysctl is named" runtime_error
check fast "a container runs in the background, with logs and top" detached
check full "create, init, start and start again" created_started
check fast "stop lets the program end" stop_gently
check full "stop kills when it must" stop_forcefully
check full "kill sends the signal" kill_signal
check full "kill without a signal kills" kill_default
check fast "pause stops everything, unpause continues" pause
check full "a paused container can be removed" remove_paused
check full "restart" restart
check full "the restart policy" restart_policy
check full "--timeout ends it" timeout_option
check fast "stats has numbers" stats
check fast "update changes limits" update
check full "health checks" healthcheck
check full "cp and diff" copy
check full "ten at once" many
check full "the log driver passthrough" log_passthrough
check full "attach later" attach_later

check fast "exec: output and exit status" exec_basics
check full "exec: user, directory, environment" exec_options
check fast "exec: standard input" exec_input
check fast "exec: a terminal of the caller's size" exec_terminal
check fast "exec: exit status 126, 127, and of signals" exec_errors
check full "exec: in the background" exec_detached
check full "exec: capabilities" exec_rights
check full "exec: in the container's cgroup" exec_cgroup
check full "exec: ten at once" exec_many

check fast "--memory" limit_memory
check full "--memory-swap" limit_swap
check full "--memory-reservation" limit_reservation
check fast "--cpus" limit_cpus
check full "--cpu-shares" limit_shares
check full "--cpuset-cpus" limit_cpuset
check fast "--pids-limit" limit_pids
check full "--device-read-bps" limit_blkio
check full "the memory limit kills" limit_reached
check full "the process limit holds" limit_reached_pids
check full "--ulimit" limit_ulimit
check full "--oom-score-adj" limit_oom_score
check full "--device and --device-cgroup-rule" device_rules
check full "--cgroup-parent" cgroup_parent
check fast "--cgroups=disabled" cgroups_disabled
check full "--cgroups=no-conmon" cgroups_no_conmon
check full "--cgroupns=private" cgroup_namespace

check fast "the default capabilities" caps_default
check fast "--cap-add" caps_add
check full "--cap-drop" caps_drop
check full "capabilities of another user" caps_user
check full "--privileged" privileged
check full "no-new-privileges" no_new_privileges
check fast "the default seccomp profile" seccomp_default
check full "seccomp=unconfined" seccomp_unconfined
check fast "a seccomp profile of one's own" seccomp_profile
check full "mask and unmask" masks
check full "proc-opts" proc_options
check full "--user and --group-add" users
check fast "--uidmap" user_maps
check full "--userns=auto" user_auto

check fast "--read-only" read_only
check fast "volumes" volumes
check full "named volumes" volume_named
check full "volumes with the container's owner" volume_owner
check full "mounts that come later, through rslave" propagation
check full "--tmpfs and --shm-size" tmpfs_options
check full "--rootfs" rootfs_option
check full "--init" init_option
check full "--systemd=always" systemd_mode

check full "--hostname and --uts=host" names
check full "--sysctl net" sysctls
check full "--sysctl kernel" sysctls_ipc
check full "--pid=host" pid_host
check full "--ipc=host" ipc_host
check full "namespaces of another container" join_container
check full "--network=host" network_host
check fast "--network=none" network_none
check full "a bridge, with a published port" network_bridge
check fast "pods" pod
check full "pods that share processes" pod_pid
check full "play kube" kube

check full "--preserve-fds" preserve_fds
check fast "no descriptors but standard ones" no_descriptors
check full "nothing of conmon in the environment" environment
check full "sdnotify" sdnotify
check full "hooks" hooks
check full "--personality" personality_option
check full "checkpoint and restore" checkpoint

check fast "build" build
check full "build with mounts, and its failures" build_mounts
check full "buildah run" buildah_run

check fast "nothing is left" nothing_left
finish
