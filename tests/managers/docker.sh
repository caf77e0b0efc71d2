#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# docker.sh -- the runtime beneath Docker: a daemon of its own with it as default runtime. Options:
# see common.bash.
set -u

needs() {
	need dockerd docker.io
	need docker docker.io
	need containerd containerd
	need iptables iptables
}

# shellcheck source=tests/managers/common.bash
. "$(dirname "$0")/common.bash"

# --- set-up -----------------------------------------------------------------------------------

export DOCKER_HOST=unix:///run/docker.sock DOCKER_CONFIG=$work/client
parent=/${work##*/}

dockerd_start() { # OPTION...
	dockerd --host "$DOCKER_HOST" --data-root "$work/docker" --exec-root /run/docker \
		--pidfile /run/docker.pid --config-file "$work/daemon.json" --add-runtime "tested=$runtime" \
		--default-runtime tested --cgroup-parent "$parent" --exec-opt native.cgroupdriver=cgroupfs \
		--log-level warn "$@" >>"$work/docker.log" 2>&1 &
	await docker version
}

dockerd_stop() {
	local pid
	pid=$(</run/docker.pid)
	kill "$pid"
	await eval "! kill -0 $pid"
}

docker() {
	timeout --kill-after=5 60 docker "$@"
}

once() { # OPTION... IMAGE ARGUMENT...
	docker run --rm --network none "$@"
}

standing() { # NAME OPTION...
	docker run -d --network none --name "$@" img sleep 1000
}

gone() { # NAME...
	docker rm -f "$@"
}

field() { # NAME FORMAT
	docker inspect --format "{{$2}}" "$1"
}

logs_are() { # NAME TEXT
	[[ $(docker logs "$1" 2>&1) == "$2" ]]
}

set_up() {
	echo '{}' >"$work/daemon.json"
	make_rootfs "$work/rootfs"
	dockerd_start || return
	tar -C "$work/rootfs" -c . | docker import --change 'CMD ["sh"]' - img && standing cc
}

# --- a container's life -----------------------------------------------------------------------

info() {
	says tested docker info --format '{{.DefaultRuntime}}'
	run docker info
	expect_not "runtime version: N/A"
}
prints() { says hello once img echo hello; }
both_outputs() {
	once img sh -c 'echo out; echo err >&2' >"$work/out" 2>"$work/err"
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
much_output() {
	once img head -c 3000000 /dev/zero >"$work/out"
	[[ $(stat -c %s "$work/out") == 3000000 ]]
}
terminal() {
	mentions "33 77" with_terminal docker run --rm --network none -it img sh -c "tty; $patient"
	expect /dev/pts/0
}
not_found() {
	run once img nonsense
	expect_status 127
	expect nonsense
	run once img /no/such/program
	expect_status 127
}
no_permission() {
	run once img /etc/passwd
	expect_status 126
	run once img /etc
	expect_status 126
}
runtime_error() {
	run once --sysctl net.nonsense=1 img true
	((status != 0))
	expect nonsense
}
detached() {
	docker run -d --network none --name detached img sh -c 'echo one; echo two >&2; sleep 1000'
	says running field detached .State.Status
	await eval '[[ $(docker logs detached 2>&1 | sort) == $'\''one\ntwo'\'' ]]'
	mentions "sleep 1000" docker top detached
	says tested field detached .HostConfig.Runtime
	gone detached
}
created_started() {
	docker create --network none --name cs img sh -c 'echo started; exit 3'
	says created field cs .State.Status
	run docker start -a cs
	expect started
	expect_status 3
	run docker start -a cs
	expect_status 3
	docker rm cs
}
stop_gently() {
	docker run -d --network none --name stop img sh -c \
		'trap "echo bye; exit 5" TERM; echo ready; while :; do usleep 20000; done'
	await logs_are stop ready
	docker stop -t 20 stop
	says $'ready\nbye' docker logs stop
	says 5 field stop .State.ExitCode
	docker rm stop
}
stop_forcefully() {
	standing stopf
	docker stop -t 0 stopf
	says 137 field stopf .State.ExitCode
	docker rm stopf
}
kill_signal() {
	docker run -d --network none --name kill img sh -c \
		'trap "echo usr1; exit 0" USR1; echo ready; while :; do usleep 20000; done'
	await logs_are kill ready
	docker kill -s USR1 kill
	says 0 docker wait kill
	says $'ready\nusr1' docker logs kill
	docker rm kill
}
kill_default() {
	standing killd
	docker kill killd
	says 137 docker wait killd
	docker rm killd
}
pause() {
	docker run -d --network none --name pause img sh -c 'while :; do echo; usleep 20000; done'
	docker pause pause
	says paused field pause .State.Status
	run docker exec pause true
	((status != 0))
	local lines
	lines=$(docker logs pause | wc -l)
	[[ $(docker logs pause | wc -l) == "$lines" ]]
	docker unpause pause
	says running field pause .State.Status
	await eval "(( \$(docker logs pause | wc -l) > $lines ))"
	gone pause
}
remove_paused() {
	standing rmpaused
	docker pause rmpaused
	gone rmpaused
}
restart() {
	docker run -d --network none --name restart img sh -c 'echo up; sleep 1000'
	await logs_are restart up
	docker restart -t 0 restart
	await logs_are restart $'up\nup'
	gone restart
}
restart_policy() {
	docker run -d --network none --name policy --restart on-failure:2 img sh -c 'echo up; exit 1'
	await logs_are policy $'up\nup\nup'
	await eval '[[ $(field policy .State.Status) == exited ]]'
	says 2 field policy .RestartCount
	gone policy
}
restart_always() {
	docker run -d --network none --name always --restart always img sh -c 'echo up; sleep 1000'
	await logs_are always up
	kill -KILL "$(field always .State.Pid)"
	await logs_are always $'up\nup'
	gone always
}
stats() {
	standing stats --memory 64m
	run docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' stats
	expect_status 0
	expect "64MiB"
	gone stats
}
update() {
	standing update --memory 64m --memory-swap 128m
	docker update --memory 96m --memory-swap 192m --cpus 0.3 --pids-limit 44 --cpu-shares 300 update
	says $((96 << 20)) docker exec update cat /sys/fs/cgroup/memory/memory.limit_in_bytes
	says 30000 docker exec update cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us
	says 44 docker exec update cat /sys/fs/cgroup/pids/pids.max
	says 300 docker exec update cat /sys/fs/cgroup/cpu/cpu.shares
	docker update --memory 48m --memory-swap 64m update
	says $((48 << 20)) docker exec update cat /sys/fs/cgroup/memory/memory.limit_in_bytes
	gone update
}
healthcheck() {
	docker run -d --network none --name health --health-cmd 'test -e /tmp/well' \
		--health-interval 100ms --health-retries 1 img sleep 1000
	await eval '[[ $(field health .State.Health.Status) == unhealthy ]]'
	docker exec health touch /tmp/well
	await eval '[[ $(field health .State.Health.Status) == healthy ]]'
	gone health
}
copy() {
	standing copy
	echo text >"$work/file"
	docker cp "$work/file" copy:/tmp/file
	says text docker exec copy cat /tmp/file
	docker exec copy sh -c 'echo back >/tmp/back'
	docker cp copy:/tmp/back "$work/back"
	[[ $(<"$work/back") == back ]]
	mentions "A /tmp/back" docker diff copy
	docker commit copy committed
	says back once committed cat /tmp/back
	gone copy
}
one_of_many() { says "$1" once img echo "$1"; }
many() { at_once 10 one_of_many; }
attach_later() {
	docker run -d -i --network none --name attach img sh -c 'read x; echo "got $x"'
	bash -c 'echo it | docker attach attach'
	await logs_are attach "got it"
	gone attach
}
limit_reached() {
	docker run -d --network none --name oom --memory 16m --memory-swap 16m img \
		sh -c 'head -c 100000000 /dev/zero | tail'
	says 137 docker wait oom
	gone oom
}
daemon_dies() {
	docker run -d --network none --name orphan --restart always img sh -c 'echo up; sleep 1000'
	await logs_are orphan up
	local pid
	pid=$(</run/docker.pid)
	kill -KILL "$pid"
	await eval "! kill -0 $pid"
	dockerd_start
	await logs_are orphan $'up\nup'
	gone orphan
	docker rm -f cc
	standing cc
}

# --- exec -------------------------------------------------------------------------------------

exec_basics() {
	says one docker exec cc echo one
	run docker exec cc sh -c 'exit 9'
	expect_status 9
	output=$(echo words | docker exec -i cc cat)
	[[ $output == words ]]
}
exec_options() {
	says $'1000:2000\n/home/bob\nB' docker exec -u bob:crew -w /home/bob -e A=B cc \
		sh -c 'echo $(id -u):$(id -g); pwd; echo $A'
	says "1000 2000" docker exec -u bob cc id -G
}
exec_terminal() { mentions "33 77" with_terminal docker exec -it cc sh -c "$patient"; }
exec_errors() {
	run docker exec cc nonsense
	((status == 126 || status == 127))
	expect nonsense
	run docker exec cc /etc/passwd
	expect_status 126
	run docker exec cc sh -c 'kill -9 $$'
	expect_status 137
	says ok docker exec cc echo ok
}
exec_detached() {
	docker exec -d cc sh -c 'echo there >/tmp/detached'
	await docker exec cc test -s /tmp/detached
}
exec_rights() {
	says 00000000a80425fb docker exec cc sed -n 's/CapEff:.//p' /proc/self/status
	run docker exec --privileged cc sed -n 's/CapEff:.//p' /proc/self/status
	expect_status 0
	expect_not 00000000a80425fb
	says 0000000000000000 docker exec -u bob cc sed -n 's/CapEff:.//p' /proc/self/status
}
one_exec() { says "$1" docker exec cc echo "$1"; }
exec_many() { at_once 10 one_exec; }

# --- limits and rights ------------------------------------------------------------------------

cgroup_says() { # TEXT FILE OPTION...
	local text=$1 file=$2
	shift 2
	says "$text" once "$@" img cat "/sys/fs/cgroup/$file"
}
limit_memory() {
	cgroup_says $((64 << 20)) memory/memory.limit_in_bytes --memory 64m
	cgroup_says $((96 << 20)) memory/memory.memsw.limit_in_bytes --memory 64m --memory-swap 96m
	cgroup_says $((32 << 20)) memory/memory.soft_limit_in_bytes --memory 64m --memory-reservation 32m
	cgroup_says 30 memory/memory.swappiness --memory-swappiness 30
}
limit_cpus() {
	cgroup_says 50000 cpu/cpu.cfs_quota_us --cpus 0.5
	cgroup_says 512 cpu/cpu.shares --cpu-shares 512
	cgroup_says 0 cpuset/cpuset.cpus --cpuset-cpus 0
}
limit_pids() {
	cgroup_says 33 pids/pids.max --pids-limit 33
	cgroup_says max pids/pids.max --pids-limit -1
	cgroup_says max pids/pids.max --pids-limit 0
}
limit_ulimit() {
	says "100 200" once --ulimit nofile=100:200 img sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
	says 500 once --oom-score-adj 500 img cat /proc/self/oom_score_adj
}
device_rules() {
	says ok once --device /dev/null:/dev/mine:rw img sh -c 'echo x >/dev/mine; echo ok'
	run once --device-cgroup-rule 'c 10:* rwm' img sh -c 'mknod /tmp/d c 10 229 && echo made'
	expect made
	run once img sh -c 'mknod /tmp/d b 7 0 && cat /tmp/d'
	((status != 0))
}
cgroup_paths() {
	run once img cat /proc/self/cgroup
	expect ":memory:$parent/"
	mentions :memory:/ once --cgroupns private img grep memory /proc/self/cgroup
	expect_not "$parent"
	run once --cgroup-parent "$parent/deep/er" img cat /proc/self/cgroup
	expect ":memory:$parent/deep/er/"
}
capabilities() {
	says 00000000a80425fb once img sed -n 's/CapEff:.//p' /proc/self/status
	says 00000000a80435fb once --cap-add NET_ADMIN img sed -n 's/CapEff:.//p' /proc/self/status
	says 0000000000000000 once --cap-drop ALL img sed -n 's/CapEff:.//p' /proc/self/status
	says 0000000000000000 once -u bob img sed -n 's/CapEff:.//p' /proc/self/status
}
privileged() {
	says ok once --privileged img sh -c 'mount -t tmpfs x /tmp && test -e /dev/kmsg && echo ok'
}
no_new_privileges() {
	says 1 once --security-opt no-new-privileges img sed -n 's/NoNewPrivs:.//p' /proc/self/status
}
seccomp() {
	says 2 once img sed -n 's/Seccomp:.//p' /proc/self/status
	says 0 once --security-opt seccomp=unconfined img sed -n 's/Seccomp:.//p' /proc/self/status
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
	run once --security-opt systempaths=unconfined img sh -c 'wc -c </proc/keys'
	[[ $output != 0 ]]
}
users() {
	says "1000 1000 2000" once -u bob img sh -c 'echo $(id -u) $(id -G)'
	says "5 6 7" once -u 5:6 --group-add 7 img sh -c 'echo $(id -u) $(id -G)'
}

# --- files and namespaces ---------------------------------------------------------------------

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
	says text once --mount "type=bind,src=$work/v,dst=/v,readonly,bind-propagation=rprivate" img cat /v/file
	docker volume create vol
	says 1 once -v vol:/v img sh -c 'echo 1 >/v/n; cat /v/n'
	says 1 once -v vol:/v img cat /v/n
	docker volume rm vol
}
propagation() {
	mkdir -p "$work/p"
	mount -t tmpfs x "$work/p"
	mount --make-shared "$work/p"
	standing prop -v "$work/p:/p:rslave"
	mkdir "$work/p/late"
	mount -t tmpfs x "$work/p/late"
	touch "$work/p/late/file"
	says /p/late/file docker exec prop ls /p/late/file
	gone prop
	umount "$work/p/late" "$work/p"
}
tmpfs_options() {
	says "tmpfs 1700" once --tmpfs /t:size=1m,mode=1700 img sh -c 'echo $(stat -f -c %T /t) $(stat -c %a /t)'
	says 8192k once --shm-size 8m img sh -c 'sed -n "s/.* \/dev\/shm .*size=\([0-9]*k\).*/\1/p" /proc/mounts'
}
workdir() { says /new/place once -w /new/place img pwd; }
init_option() {
	mentions docker-init once --init img sh -c 'tr "\0" " " </proc/1/cmdline'
	run once --init img sh -c 'exit 4'
	expect_status 4
}
names() {
	says web once --hostname web img hostname
	says "$(hostname)" once --uts host img hostname
	says 7 once --sysctl net.ipv4.ip_default_ttl=7 img cat /proc/sys/net/ipv4/ip_default_ttl
}
of_the_host() {
	says "$(readlink /proc/self/ns/pid)" once --pid host img readlink /proc/self/ns/pid
	says "$(readlink /proc/self/ns/ipc)" once --ipc host img readlink /proc/self/ns/ipc
	says "$(readlink /proc/self/ns/net)" docker run --rm --network host img readlink /proc/self/ns/net
}
of_another() {
	says "$(docker exec cc readlink /proc/self/ns/pid)" once --pid container:cc img readlink /proc/self/ns/pid
	says "$(docker exec cc readlink /proc/self/ns/net)" docker run --rm --network container:cc img readlink /proc/self/ns/net
	standing ipcs --ipc shareable
	says "$(docker exec ipcs readlink /proc/self/ns/ipc)" once --ipc container:ipcs img readlink /proc/self/ns/ipc
	gone ipcs
}
network_bridge() {
	docker run -d --name web -p 127.0.0.1:8080:80 img sh -c 'echo page >/tmp/index.html; httpd -f -h /tmp -p 80'
	local address
	address=$(field web .NetworkSettings.IPAddress)
	await busybox wget -qO- "http://$address/index.html"
	says page busybox wget -qO- "http://$address/index.html"
	says page busybox wget -qO- "http://127.0.0.1:8080/index.html"
	gone web
}
network_own() {
	docker network create own
	docker run -d --network own --name peer img sleep 1000
	mentions "1 packets received" docker run --rm --network own img ping -c 1 peer
	gone peer
	docker network rm own
}
descriptors() { says "0 1 2 3" once img sh -c 'echo $(ls /proc/self/fd)'; }
environment() {
	run once -e A=B img env
	expect A=B
	expect_not NOTIFY
	expect_not DOCKER
}
user_remap() {
	cp /etc/subuid "$work/subuid"
	echo remapped:200000:65536 | tee -a "$work/subuid" >"$work/subgid"
	{ cat /etc/passwd && echo remapped:x:61234:61234::/:/bin/false; } >"$work/passwd"
	{ cat /etc/group && echo remapped:x:61234:; } >"$work/group"
	local file
	for file in subuid subgid passwd group; do
		mount --bind "$work/$file" "/etc/$file"
	done
	docker stop -t 0 cc
	dockerd_stop
	dockerd_start --userns-remap remapped
	tar -C "$work/rootfs" -c . | docker import - img
	run once img cat /proc/self/uid_map
	expect "0     200000      65536"
	says ok once img sh -c 'mkdir /x && chown bob /x && echo ok'
	says "0 1000" once -u bob img sh -c 'echo $(stat -c %u /etc) $(id -u)'
	docker run -d --network none --name uns img sleep 1000
	says 0 docker exec uns id -u
	gone uns
	dockerd_stop
	umount /etc/subuid /etc/subgid /etc/passwd /etc/group
	dockerd_start
	docker start cc
}

# --- building ---------------------------------------------------------------------------------

build() {
	mkdir -p "$work/build"
	cat >"$work/build/Dockerfile" <<-EOF
		FROM img
		RUN echo built >/made && echo carol:x:7:7::/home:/bin/sh >>/etc/passwd
		USER carol
		RUN test "\$(id -un)" = carol
		WORKDIR /somewhere/else
		CMD cat /made
	EOF
	DOCKER_BUILDKIT=0 docker build --network none -t built "$work/build"
	says built once built
	says /somewhere/else once built pwd
	printf 'FROM img\nRUN exit 7\n' >"$work/build/Dockerfile"
	DOCKER_BUILDKIT=0 run docker build --network none "$work/build"
	((status != 0))
	expect 7
}

nothing_left() {
	local ids
	ids=$(docker ps -aq --no-trunc)
	[[ -z $ids ]] || docker rm -f $ids
	await eval '! pgrep -f "containerd-shim.*moby"'
	run ls -A /run/docker/runtime-tested/moby
	[[ $status != 0 || -z $output ]] || complain "state is left"
	run ls -A /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby
	[[ $status != 0 || -z $output ]] || complain "bundles are left"
	expect_no_cgroups -path "*$parent/*" -not -name deep -not -name er
	dockerd_stop
	run grep "$work" /proc/self/mountinfo
	expect_not merged
}

set_up >"$work/set-up.log" 2>&1 || {
	tail -n 30 "$work/set-up.log" "$work/docker.log" | sed 's/^/# /'
	echo "Bail out! docker cannot run anything here"
	exit 1
}

check fast "the daemon knows its version" info
check fast "the program's output is docker's" prints
check full "standard output and standard error stay apart" both_outputs
check fast "the program's exit status is docker's" exit_status
check fast "standard input reaches the program" standard_input
check full "three megabytes of output arrive" much_output
check fast "-it gives a terminal of the caller's size" terminal
check fast "a program that is not there is exit status 127" not_found
check fast "a file that is no program is exit status 126" no_permission
check full "a refused sysctl is named" runtime_error
check fast "a container runs in the background, with logs and top" detached
check full "create, start and start again" created_started
check fast "stop lets the program end" stop_gently
check full "stop kills when it must" stop_forcefully
check full "kill sends the signal" kill_signal
check full "kill without a signal kills" kill_default
check fast "pause stops everything, unpause continues" pause
check full "a paused container can be removed" remove_paused
check full "restart" restart
check full "the policy on-failure" restart_policy
check full "the policy always" restart_always
check fast "stats has the limit" stats
check fast "update changes limits" update
check full "health checks" healthcheck
check full "cp, diff and commit" copy
check full "ten at once" many
check full "attach later" attach_later
check full "the memory limit kills" limit_reached

check fast "exec: output, exit status, standard input" exec_basics
check full "exec: user, directory, environment" exec_options
check fast "exec: a terminal of the caller's size" exec_terminal
check fast "exec: exit status of failures and of signals" exec_errors
check full "exec: in the background" exec_detached
check full "exec: capabilities" exec_rights
check full "exec: ten at once" exec_many

check fast "limits of memory" limit_memory
check full "limits of CPUs" limit_cpus
check full "limits of processes" limit_pids
check full "--ulimit and --oom-score-adj" limit_ulimit
check full "--device and --device-cgroup-rule" device_rules
check full "--cgroup-parent and --cgroupns" cgroup_paths
check fast "--cap-add and --cap-drop" capabilities
check full "--privileged" privileged
check full "no-new-privileges" no_new_privileges
check fast "seccomp profiles" seccomp
check full "masked and read-only paths" masks
check full "--user and --group-add" users

check full "--read-only" read_only
check fast "volumes" volumes
check full "mounts that come later, through rslave" propagation
check full "--tmpfs and --shm-size" tmpfs_options
check full "a working directory that is not there" workdir
check full "--init" init_option
check full "--hostname, --uts and --sysctl" names
check full "namespaces of the host" of_the_host
check full "namespaces of another container" of_another
check fast "a bridge, with a published port" network_bridge
check full "a network with names" network_own
check fast "no descriptors but standard ones" descriptors
check full "nothing of the daemon in the environment" environment
check fast "build" build
check full "a daemon that was killed finds its containers" daemon_dies
check full "--userns-remap" user_remap

check fast "nothing is left" nothing_left
finish
