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
	# The machine has AppArmor, and then Docker wants it.
	[[ -z $systemd ]] || need apparmor_parser apparmor
}

# shellcheck source=tests/managers/common.bash
. "$(dirname "$0")/common.bash"

# --- set-up -----------------------------------------------------------------------------------

# BuildKit would run its steps with a runc of the daemon's own choice.
export DOCKER_HOST=unix:///run/docker.sock DOCKER_CONFIG=$work/client DOCKER_BUILDKIT=0

# shellcheck source=tests/managers/engine.bash
. "$here/engine.bash"
engine=(docker) parent=/${work##*/} driver=cgroupfs unmasked=systempaths=unconfined init=docker-init
[[ -z $systemd ]] || parent=tests.slice driver=systemd

dockerd_start() { # OPTION...
	dockerd --host "$DOCKER_HOST" --data-root "$work/docker" --exec-root /run/docker \
		--pidfile /run/docker.pid --config-file "$work/daemon.json" --add-runtime "tested=$runtime" \
		--default-runtime tested --cgroup-parent "$parent" --exec-opt "native.cgroupdriver=$driver" \
		--log-level warn "$@" >>"$work/docker.log" 2>&1 &
	disown # bash need not tell of its end
	await docker version
}

dockerd_stop() { # [SIGNAL]
	local pid
	pid=$(</run/docker.pid)
	kill "${1--TERM}" "$pid"
	await eval "! kill -0 $pid"
}

docker() {
	engine "$@"
}

gone() { # OPTION... NAME...
	docker rm -f "$@"
}

set_up() {
	echo '{}' >"$work/daemon.json"
	make_rootfs "$work/rootfs"
	dockerd_start || return
	tar -C "$work/rootfs" -c . | docker import --change 'CMD ["sh"]' - img && standing cc
}

# --- what only a daemon has -------------------------------------------------------------------

info() {
	says tested docker info --format '{{.DefaultRuntime}}'
	run docker info
	expect_not "runtime version: N/A"
	has cc .HostConfig.Runtime tested
}
healthcheck() {
	standing health --health-cmd 'test -e /tmp/well' --health-interval 100ms --health-retries 1
	await has health .State.Health.Status unhealthy
	docker exec health touch /tmp/well
	await has health .State.Health.Status healthy
	gone health
}
update_more() {
	standing update
	docker update --cpus 0.3 --pids-limit 44 update
	updated cpu/cpu.cfs_quota_us 30000 cpu.max "30000 100000"
	updated pids/pids.max 44 pids.max 44
	gone update
}
out_of_memory() {
	background full --memory 16m --memory-swap 16m 'head -c 100000000 /dev/zero | tail'
	says 137 docker wait full
	has full .State.OOMKilled true
	gone full
}
daemon_dies() {
	background orphan --restart always 'echo up; sleep 1000'
	await logs_are orphan up
	background resting --restart unless-stopped 'echo up; sleep 1000'
	docker stop -t 0 resting
	dockerd_stop -KILL
	dockerd_start
	await logs_are orphan $'up\nup'
	has resting .State.Status exited
	gone orphan resting cc
	standing cc
}
live_restore() {
	dockerd_stop
	dockerd_start --live-restore
	standing lives
	local pid
	pid=$(field lives .State.Pid)
	dockerd_stop -KILL
	dockerd_start --live-restore
	has lives .State.Status running
	has lives .State.Pid "$pid"
	says ok docker exec lives echo ok
	gone lives
	dockerd_stop
	dockerd_start
	docker start cc
}
workdir() { says /new/place once -w /new/place img pwd; }
network_own() {
	docker network create own
	docker run -d --network own --name peer img sleep 1000
	mentions "1 packets received" docker run --rm --network own img ping -c 1 peer
	gone peer
	docker network rm own
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
	standing uns
	says 0 docker exec uns id -u
	gone uns
	dockerd_stop
	umount /etc/subuid /etc/subgid /etc/passwd /etc/group
	dockerd_start
	docker start cc
}

nothing_left() {
	local ids
	ids=$(docker ps -aq --no-trunc)
	[[ -z $ids ]] || docker rm -f $ids
	await eval '! pgrep -f "containerd-shim.*moby"'
	expect_empty /run/docker/runtime-tested/moby
	expect_empty /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby
	expect_no_cgroups -path "*$parent/*" -not -name deep -not -name er
	dockerd_stop
	expect_no_mounts
}

set_up >"$work/set-up.log" 2>&1 || {
	tail -n 30 "$work/set-up.log" "$work/docker.log" | sed 's/^/# /'
	echo "Bail out! docker cannot run anything here"
	exit 1
}

check fast "the daemon knows its runtime, and its version" info
check_life
check full "health checks" healthcheck
check full "out of memory is the reason given" out_of_memory
check full "update: CPUs and processes" update_more
check_exec
check_limits
check_rights
check_files
check full "a working directory that is not there" workdir
check_surroundings
check full "a network with names" network_own
check fast "build" build
check full "a daemon that was killed finds its containers" daemon_dies
check full "containers outlive a daemon that was killed" live_restore
check full "--userns-remap" user_remap

check fast "nothing is left" nothing_left
finish
