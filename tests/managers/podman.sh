#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# podman.sh -- the runtime beneath Podman, conmon and Buildah. Options: see common.bash.
set -u

needs() {
	need podman podman
	need conmon conmon
	need iptables iptables
	want buildah buildah
	want catatonit catatonit
}

# shellcheck source=tests/managers/common.bash
. "$(dirname "$0")/common.bash"

# --- set-up -----------------------------------------------------------------------------------

# shellcheck source=tests/managers/podman.bash
. "$here/podman.bash"
state_root=/run/$(basename "$runtime")

set_up() {
	make_rootfs "$work/rootfs"
	tar -C "$work/rootfs" -c . | podman import - img &&
		standing cc
} >"$work/set-up.log" 2>&1

# --- a container's life -----------------------------------------------------------------------

info() {
	says "$runtime" podman info --format '{{.Host.OCIRuntime.Path}}'
	run podman info --format '{{.Host.OCIRuntime.Version}}'
	[[ $output == *" version "* ]]
}
initialized() {
	podman create --network none --name ready img sh -c 'echo started; exit 3'
	podman init ready
	has ready .State.Status initialized
	run podman start -a ready
	expect started
	expect_status 3
	gone ready
}
processes() {
	standing fields -u bob
	run podman top fields pid user comm
	[[ $(xargs <<<"$output") == "PID USER COMMAND 1 bob sleep" ]]
	gone fields
}
timeout_option() {
	run once --timeout 1 img sleep 1000
	((status != 0))
}
healthcheck() {
	standing health --health-cmd 'test -e /tmp/well' || {
		gone health
		skip "podman wants a systemd timer for it"
	}
	run podman healthcheck run health
	expect_status 1
	podman exec health touch /tmp/well
	podman healthcheck run health
	gone health
	standing ill --health-cmd false --health-retries 1 --health-on-failure kill
	run podman healthcheck run ill
	expect_status 1
	await has ill .State.Status exited
	gone ill
}
log_passthrough() {
	says through once --log-driver passthrough img echo through
}
exec_not_found() {
	run podman exec cc nonsense
	expect_status 127
}
runtime_flags() { says ok podman --runtime-flag debug run --rm --network none img echo ok; }

# --- limits and rights ------------------------------------------------------------------------

cgroups_disabled() {
	says ok once --cgroups disabled img echo ok
	podman run -d --network none --cgroups disabled --name nocg img sleep 1000
	[[ $(cut -d: -f3 "/proc/$(podman inspect --format '{{.State.Pid}}' nocg)/cgroup") != *libpod-* ]]
	says ok podman exec nocg echo ok
	gone nocg
}
cgroups_no_conmon() { says ok once --cgroups no-conmon img echo ok; }

# The unit of a container, and what systemd and the kernel say of its limits.
unit() { # NAME
	echo "libpod-$(field "$1" .Id).scope"
}
unit_says() { # UNIT NAME=VALUE...
	local unit=$1 fact
	shift
	run systemctl show "${@/#/--property=}" "$unit"
	for fact; do
		grep -qxF "$fact" <<<"$output" || complain "not so: $fact"
	done
}
scope() {
	standing scope --memory 64m --cpus 0.5 --pids-limit 33
	local unit at
	unit=$(unit scope) at=/sys/fs/cgroup/machine.slice/$unit
	unit_says "$unit" ActiveState=active Delegate=yes MemoryMax=$((64 << 20)) TasksMax=33 CPUQuotaPerSecUSec=500ms
	says "0::/machine.slice/$unit/container" cat "/proc/$(field scope .State.Pid)/cgroup"
	says $'67108864\n33\n50000 100000' cat "$at/memory.max" "$at/pids.max" "$at/cpu.max"
	podman update --memory 96m --cpu-quota 30000 scope
	unit_says "$unit" MemoryMax=$((96 << 20)) TasksMax=33 CPUQuotaPerSecUSec=300ms
	systemctl daemon-reload
	says $'100663296\n33\n30000 100000' cat "$at/memory.max" "$at/pids.max" "$at/cpu.max"
	podman pause scope
	grep -qx "frozen 1" "$at/container/cgroup.events" "$at/cgroup.events"
	podman unpause scope
	podman stop -t 0 scope
	unit_says "$unit" LoadState=not-found
	[[ ! -e $at ]]
	podman start scope
	unit_says "$unit" MemoryMax=$((96 << 20)) || unit_says "$unit" MemoryMax=$((64 << 20))
	gone scope
}
pod_slice() {
	podman pod create --name sliced --network none --memory 128m
	podman run -d --pod sliced --name in-slice --memory 64m img sleep 1000
	local slice
	slice=machine-libpod_pod_$(podman pod inspect --format '{{.ID}}' sliced).slice
	says "0::/machine.slice/$slice/$(unit in-slice)/container" \
		cat "/proc/$(field in-slice .State.Pid)/cgroup"
	says $((128 << 20)) cat "/sys/fs/cgroup/machine.slice/$slice/memory.max"
	unit_says "$(unit in-slice)" "Slice=$slice" MemoryMax=$((64 << 20))
	podman pod rm -f -t 0 sliced
	[[ ! -e /sys/fs/cgroup/machine.slice/$slice ]]
}
# A root for the host's systemd, with its programs and no units but its own.
systemd_root() { # DIRECTORY
	local name
	[[ -x /lib/systemd/systemd ]] || skip "systemd is not installed"
	mkdir -p "$1"/{usr,proc,sys,dev,tmp,run,var,root} "$1/etc/systemd/system"
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$1/$name"
	done
}
systemd_ends() {
	local root=$work/short
	systemd_root "$root"
	printf '%s\n' '[Unit]' DefaultDependencies=no SuccessAction=exit SuccessActionExitStatus=7 '[Service]' \
		Type=oneshot "ExecStart=/bin/sh -c 'cat /proc/self/cgroup >/cgroup'" >"$root/etc/systemd/system/own.service"
	run once --systemd always -v /usr:/usr:ro --rootfs "$root" /lib/systemd/systemd --unit=own.service
	expect_status 7
	grep -q own.service "$root/cgroup"
}
systemd_inside() {
	local root=$work/with-systemd unit
	systemd_root "$root"
	cp -r "$work/rootfs/etc/." "$root/etc"
	printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\nWants=own.service\n' \
		>"$root/etc/systemd/system/default.target"
	printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nMemoryMax=32M\nExecStart=/bin/sh -c %s\nExecStop=/bin/sh -c %s\n' \
		'"echo up >/var/up"' '"echo down >/var/down"' >"$root/etc/systemd/system/own.service"
	podman run -d --name sd --network none --systemd always -v /usr:/usr:ro --rootfs "$root" /lib/systemd/systemd
	is_up() { [[ $(podman exec sd systemctl is-system-running) =~ ^(running|degraded)$ ]]; }
	await is_up || complain "$(podman logs sd)"
	says systemd podman exec sd cat /proc/1/comm
	says up cat "$root/var/up"
	says active podman exec sd systemctl is-active own.service
	unit=$(unit sd)
	test -d "/sys/fs/cgroup/machine.slice/$unit/container/init.scope"
	mentions sd podman stats --no-stream --format '{{.Name}}' sd
	podman pause sd
	podman unpause sd
	says active podman exec sd systemctl is-active own.service
	podman stop -t 60 sd
	says down cat "$root/var/down"
	[[ $(field sd .State.ExitCode) != 137 ]] || complain "it had to be killed"
	gone sd
}

masking() { says 0 once --security-opt mask=/etc/passwd img sh -c 'wc -c </etc/passwd'; }
proc_options() {
	run once --security-opt proc-opts=hidepid=2 img grep ' /proc proc ' /proc/mounts
	expect_status 0
	expect hidepid=
}
umask_option() { says 0077 once --umask 077 img sh -c umask; }
user_maps() {
	mentions "0     100000       1000" once --uidmap 0:100000:1000 --gidmap 0:100000:1000 img \
		cat /proc/self/uid_map
	says 1000 once --uidmap 0:100000:2001 -u bob img id -u
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
}
user_shared() {
	standing uns --uidmap 0:100000:1000 --gidmap 0:100000:1000
	says 0 podman exec uns id -u
	local link
	link=$(podman exec uns readlink /proc/self/ns/user)
	[[ $link != "$(readlink /proc/self/ns/user)" ]]
	namespace_is "$link" user --network none --userns container:uns
	gone uns
	namespace_is "$(readlink /proc/self/ns/user)" user --network none --userns host
	# One in which root is the host's: Podman does not make the image's files others' for it.
	unshare --user sleep 1000 &
	local holder=$!
	await eval '[[ $(readlink /proc/$holder/ns/user) != "$(readlink /proc/self/ns/user)" ]]'
	echo 0 0 65536 | tee "/proc/$holder/uid_map" >"/proc/$holder/gid_map"
	link=$(readlink "/proc/$holder/ns/user")
	namespace_is "$link" user --network none --userns "ns:/proc/$holder/ns/user"
	kill "$holder"
}

# --- files ------------------------------------------------------------------------------------

read_only_tmpfs() {
	says ok once --read-only img sh -c 'touch /tmp/x /dev/shm/x && echo ok'
	run once --read-only --read-only-tmpfs=false img touch /tmp/x
	expect "Read-only file system"
}
# What the kernel says of a volume: its options.
volume_options() { # WORD OPTION...
	local word=$1
	shift
	says "$word" once -v "$*" img sh -c \
		'for o in $(sed -n "s/.* \/v \(r[ow],[^ ]*\) .*/\1/p" /proc/self/mountinfo | tr , " "); do
			case $o in relatime | noatime) ;; *) echo $o ;; esac
		done | xargs'
}
volume_words() {
	mkdir -p "$work/v"
	echo text >"$work/v/file"
	volume_options "rw" "$work/v:/v:rw,suid,dev,exec,rbind,z"
	volume_options "rw nosuid nodev noexec" "$work/v:/v:nosuid,nodev,noexec,bind,Z"
	volume_options "ro nosuid nodev" "$work/v:/v:ro,nosuid,nodev,runbindable"
	volume_options "rw noexec" "$work/v:/v:noexec,unbindable"
	says '' once -v uncopied:/home:nocopy img ls /home
	says bob once -v copied:/home:copy img ls /home
	podman volume rm uncopied copied
	says text once --mount "type=bind,src=$work/v,dst=/v,ro=true,bind-propagation=rslave" img cat /v/file
	says text once --mount "type=bind,src=$work/v,dst=/v,bind-nonrecursive,relabel=shared" img cat /v/file
	says bob once --mount type=image,src=localhost/img,dst=/v img ls /v/home
	says 620 once --mount type=devpts,dst=/v,mode=620,max=7 img sh -c 'stat -c %a /v/ptmx; true' ||
		[[ $output == 0 ]]
	says bob once --mount type=tmpfs,dst=/home,tmpcopyup img ls /home
	says '' once --mount type=tmpfs,dst=/home,notmpcopyup img ls /home
}
volume_layers() {
	mkdir -p "$work/v" "$work/upper" "$work/layer"
	echo text >"$work/v/file"
	says ok once -v "$work/v:/v:O" img sh -c 'echo changed >/v/file; echo ok'
	[[ $(<"$work/v/file") == text ]]
	says ok once -v "$work/v:/v:O,upperdir=$work/upper,workdir=$work/layer" img \
		sh -c 'echo changed >/v/file; echo ok'
	[[ $(<"$work/v/file") == text && $(<"$work/upper/file") == changed ]]
}
volume_owner() {
	mkdir -p "$work/u"
	says 1000 once -u bob -v "$work/u:/u:U" img stat -c %u /u
	[[ $(stat -c %u "$work/u") == 1000 ]]
}
# Files of the host's root are those of the container's root, though that is another user.
volume_idmap() {
	mkdir -p "$work/i"
	touch "$work/i/file"
	says "0 65534" once --uidmap 0:100000:1000 -v /proc/version:/p -v "$work/i:/i:idmap" img \
		sh -c 'touch /i/mine; echo $(stat -c %u /i/file /p)'
	[[ $(stat -c %u "$work/i/mine") == 0 ]]
}
rootfs_option() {
	says hello podman run --rm --network none --rootfs "$work/rootfs" echo hello
	says hello podman run --rm --network none --rootfs "$work/rootfs:O" echo hello
}
systemd_mode() {
	says "tmpfs tmpfs" once --systemd always img sh -c 'echo $(stat -f -c %T /run /tmp)'
}

# --- pods -------------------------------------------------------------------------------------

pod_paused() {
	podman pod create --name still --network none
	podman run -d --pod still --name s1 img sleep 1000
	podman pod pause still
	has s1 .State.Status paused
	podman pod unpause still
	has s1 .State.Status running
	podman pod rm -f -t 0 still
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
	limit memory/memory.limit_in_bytes $((64 << 20)) memory.max $((64 << 20))
	says "$text" podman exec kpod-a cat "$file"
	podman play kube --down "$work/pod.yaml"
}

# --- what programs are handed -----------------------------------------------------------------

preserve_fds() {
	says passed podman run --rm --network none --preserve-fds 1 img sh -c 'cat <&3' 3<<<passed
}
sdnotify() {
	command -v python3 >/dev/null || skip "python3 is not installed"
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)' "$work/notify" >"$work/notified" &
	local listener=$!
	await test -S "$work/notify"
	NOTIFY_SOCKET=$work/notify podman run -d --network none --name notify --sdnotify conmon img sleep 1000
	await grep -q READY=1 "$work/notified"
	kill "$listener"
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
	can_checkpoint
	standing cp
	podman container checkpoint cp
	podman container restore cp
	has cp .State.Status running
	gone cp
}

buildah_run() {
	[[ -n $(command -v buildah) ]] || skip "buildah is not installed"
	local bud="timeout $patience buildah --root $work/storage --runroot $work/run" c
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

nothing_left_at_all() {
	nothing_left
	local id
	for id in $(podman events --stream=false --filter event=create --format '{{.ID}}'); do
		expect_no_cgroups -name "libpod-*$id*"
	done
	expect_no_mounts
	[[ -z $systemd ]] || says '' systemctl list-units --all --plain --no-legend 'libpod-*' '*libpod_pod*'
}

set_up || {
	sed 's/^/# /' "$work/set-up.log"
	echo "Bail out! podman cannot run anything here"
	exit 1
}

check fast "podman knows the runtime" info
check_life
check full "init, and start later" initialized
check full "top with fields" processes
check full "--timeout ends it" timeout_option
check full "health checks" healthcheck
check full "the log driver passthrough" log_passthrough
check_exec
check full "exec: a program that is not there is exit status 127" exec_not_found
check full "--runtime-flag" runtime_flags

check_limits
check_rights
check fast "--cgroups=disabled" cgroups_disabled
check full "--cgroups=no-conmon" cgroups_no_conmon
check systemd "a scope of systemd's has the limits" scope
check systemd "a pod is a slice of systemd's" pod_slice
check systemd "systemd in the container, with cgroups of its own" systemd_inside
check full "mask" masking
check full "proc-opts" proc_options
check full "--umask" umask_option
check fast "--uidmap" user_maps
check full "--userns=auto" user_auto
check full "--userns=host, container: and ns:" user_shared

check_files
check full "--read-only-tmpfs" read_only_tmpfs
check full "volumes: every option, and other mounts" volume_words
check full "volumes: layers" volume_layers
check full "volumes: the container's owner" volume_owner
check full "volumes: idmap" volume_idmap
check full "--rootfs" rootfs_option
check full "--systemd=always" systemd_mode
check full "systemd in the container, with one unit" systemd_ends

check_surroundings
check fast "pods" pod
check full "a pod that is paused" pod_paused
check full "pods that share processes" pod_pid
check full "play kube" kube

check full "--preserve-fds" preserve_fds
check full "sdnotify" sdnotify
check full "hooks" hooks
check full "--personality" personality_option
check full "checkpoint and restore" checkpoint

check fast "build" build
check full "build with mounts" build_mounts
check full "buildah run" buildah_run

check fast "nothing is left" nothing_left_at_all
finish
