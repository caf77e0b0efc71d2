#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# podman-user.sh -- the runtime beneath the Podman of an ordinary user, who has subordinate ids but no
# cgroup of his own. Options: see common.bash.
set -u

needs() {
	need podman podman
	need conmon conmon
	need newuidmap uidmap
	need setpriv util-linux
	[[ -z $install ]] || {
		need slirp4netns slirp4netns
		need catatonit catatonit
	}
}

# shellcheck source=tests/managers/common.bash
. "$(dirname "$0")/common.bash"

# --- set-up -----------------------------------------------------------------------------------

uid=54321
reach "$runtime"
runtime=$reached

# shellcheck source=tests/managers/podman.bash
. "$here/podman.bash"

# Files of /etc with the user in them, for this script's mount namespace alone.
make_user() {
	local file
	mkdir -p "$work/etc" "$work/home"
	{ cat /etc/passwd && echo "usual:x:$uid:$uid::$work/home:/bin/sh"; } >"$work/etc/passwd"
	{ cat /etc/group && printf '%s\n' "usual:x:$uid:" "crew:x:54999:usual"; } >"$work/etc/group"
	echo usual:7000000:65536 | tee "$work/etc/subuid" >"$work/etc/subgid"
	for file in passwd group subuid subgid; do
		[[ -e /etc/$file ]] || : >"/etc/$file"
		mount --bind "$work/etc/$file" "/etc/$file" || return
	done
	mkdir -p "/run/user/$uid" "$work/run" "$work/storage" "$work/tmp" "$work/networks" "$work/volumes"
	chown "$uid:$uid" "/run/user/$uid" "$work"/{home,run,storage,tmp,networks,volumes}
	mount --make-rshared / # as it is on every host with systemd
}

as_user=(setpriv --reuid "$uid" --regid "$uid" --init-groups --inh-caps=-all
	env HOME="$work/home" TMPDIR="$work/home" XDG_RUNTIME_DIR="/run/user/$uid")

podman() {
	timeout --kill-after=5 60 "${as_user[@]}" podman "$@"
}

set_up() {
	make_user &&
		make_rootfs "$work/rootfs" &&
		tar -C "$work/rootfs" -c . | podman import - img &&
		standing c
} >"$work/set-up.log" 2>&1

# --- what a container is ----------------------------------------------------------------------

prints() { says hello once img echo hello; }
ends() {
	run once img sh -c 'exit 42'
	expect_status 42
	run once img nonsense
	expect_status 127
	run once img /etc/passwd
	expect_status 126
}
standard_input() {
	output=$(head -c 300000 /dev/zero | once -i img wc -c)
	[[ $output == 300000 ]]
}
terminal() {
	mentions /dev/pts/0 with_terminal "${as_user[@]}" podman run --rm --network none -it img tty
}
ids() {
	run once img cat /proc/self/uid_map
	expect_status 0
	[[ $(xargs <<<"$output") == "0 $uid 1 1 7000000 65536" ]]
	says "1000 1000 2000" once -u bob img sh -c 'echo $(id -u) $(id -G)'
}
keep_id() {
	says "$uid" once --userns=keep-id img id -u
}
own_maps() {
	run once --uidmap 0:1:500 --gidmap 0:1:500 img cat /proc/self/uid_map
	expect_status 0
	[[ $(xargs <<<"$output") == "0 1 500" || $(xargs <<<"$output") == "0 7000000 500" ]]
}
keep_groups() {
	mkdir -m 770 "$work/crew"
	echo words >"$work/crew/file"
	chown -R root:54999 "$work/crew"
	run once -v "$work/crew:/crew" img cat /crew/file
	((status != 0))
	says words once --group-add keep-groups -v "$work/crew:/crew" img cat /crew/file
}
background() {
	podman run -d --network none --name bg img sh -c 'echo one; echo two >&2; sleep 1000'
	await eval '[[ $(podman logs bg 2>&1 | sort) == $'\''one\ntwo'\'' ]]'
	[[ $(state bg) == running ]]
	podman exec bg sh -c 'echo here >/tmp/file'
	says here podman exec bg cat /tmp/file
	says 1000 podman exec -u bob bg id -u
	mentions "sleep 1000" podman top bg
	podman stop -t 0 bg
	says 137 podman inspect --format '{{.State.ExitCode}}' bg
	podman start bg
	[[ $(state bg) == running ]]
	podman kill bg
	gone bg
}
exec_terminal() {
	mentions /dev/pts/ with_terminal "${as_user[@]}" podman exec -it c tty
}
exec_errors() {
	run podman exec c nonsense
	expect_status 127
	run podman exec c sh -c 'kill -9 $$'
	expect_status 137
}
state_directory() {
	[[ $(stat -c %a:%u "/run/user/$uid/$(basename "$runtime")") == *700:$uid ]]
	run ls -A "/run/$(basename "$runtime")"
	((status != 0))
}
limits_are_none() {
	run once --memory 64m img echo ok
	expect_status 0
	expect ok
}
rights() {
	says 00000000800405fb once img sed -n 's/CapEff:.//p' /proc/self/status ||
		[[ $output == 00000000a80425fb ]]
	says 0000000000000000 once --cap-drop ALL img sed -n 's/CapEff:.//p' /proc/self/status
	says 2 once img sed -n 's/Seccomp:.//p' /proc/self/status
	says ok once --privileged img sh -c 'mount -t tmpfs x /tmp && echo ok'
	run once --read-only img touch /x
	expect "Read-only file system"
}
volumes() {
	mkdir -p "$work/home/v"
	echo words >"$work/home/v/file"
	chown -R "$uid:$uid" "$work/home/v"
	says words once -v "$work/home/v:/v" img cat /v/file
	run once -v "$work/home/v:/v:ro" img touch /v/x
	expect "Read-only file system"
	once -v "$work/home/v:/v" img touch /v/mine
	[[ $(stat -c %u "$work/home/v/mine") == "$uid" ]]
	says 1000 once -u bob -v "$work/home/v:/v:U" img stat -c %u /v
	[[ $(stat -c %u "$work/home/v") == 7000999 ]]
	says 1 once -v vol:/v img sh -c 'echo 1 >/v/n; cat /v/n'
	podman volume rm vol
	says tmpfs once --tmpfs /t img stat -f -c %T /t
}
init_option() {
	[[ -n $(command -v catatonit) ]] || skip "catatonit is not installed"
	mentions podman-init once --init img sh -c 'tr "\\0" " " </proc/1/cmdline'
}
shared() {
	says "$(podman exec c readlink /proc/self/ns/net)" podman run --rm --network container:c img readlink /proc/self/ns/net
	says "$(podman exec c readlink /proc/self/ns/user)" podman run --rm --network container:c --userns container:c img readlink /proc/self/ns/user
}
pod() {
	podman pod create --name pod --network none
	podman run -d --pod pod --name p1 img sh -c 'echo one >/dev/shm/x; sleep 1000'
	await podman exec p1 test -s /dev/shm/x
	says one podman run --rm --pod pod img cat /dev/shm/x
	podman pod rm -f -t 0 pod
}
network() {
	[[ -n $(command -v slirp4netns) ]] || skip "slirp4netns is not installed"
	"${as_user[@]}" test -w /dev/net/tun || skip "/dev/net/tun is not for ordinary users here"
	podman run -d --name web --network slirp4netns -p 127.0.0.1:8080:80 img \
		sh -c 'echo page >/tmp/index.html; httpd -f -h /tmp -p 80'
	await busybox wget -qO- http://127.0.0.1:8080/index.html
	says page busybox wget -qO- http://127.0.0.1:8080/index.html
	gone web
}
build() {
	mkdir -p "$work/home/build"
	printf 'FROM localhost/img\nRUN echo built >/made && chown bob /made\nUSER bob\nCMD cat /made\n' \
		>"$work/home/build/Containerfile"
	podman build --network none -t built "$work/home/build"
	says built once built
	says 1000 once built stat -c %u /made
}
restart() {
	podman run -d --network none --name again --restart on-failure:2 img sh -c 'echo up; exit 1'
	await eval '[[ $(podman logs again | wc -l) == 3 ]]'
	gone again
}

nothing_left() {
	podman rm -f -t 0 -a
	podman pod rm -f -a
	run podman ps -aq
	[[ -z $output ]]
	await eval '! pgrep conmon'
	run ls -A "/run/user/$uid/$(basename "$runtime")"
	[[ $status != 0 || -z $output ]] || complain "state is left"
	# The pause process of the user's Podman has the user namespace; it ends with its pid file.
	podman system migrate
}

set_up || {
	sed 's/^/# /' "$work/set-up.log"
	echo "Bail out! podman cannot run anything here as an ordinary user"
	exit 1
}

check fast "the program's output is podman's" prints
check fast "exit statuses: of the program, 127, 126" ends
check full "standard input reaches the program" standard_input
check full "-it gives a terminal" terminal
check fast "the user's subordinate ids" ids
check full "--userns=keep-id" keep_id
check full "--uidmap" own_maps
check full "--group-add keep-groups" keep_groups
check fast "a container in the background" background
check full "exec: a terminal" exec_terminal
check full "exec: exit statuses" exec_errors
check fast "the state is the user's" state_directory
check full "limits, of which there can be none" limits_are_none
check full "capabilities, seccomp, --privileged, --read-only" rights
check full "volumes" volumes
check full "--init" init_option
check full "namespaces of another container" shared
check full "pods" pod
check full "slirp4netns, with a published port" network
check full "build" build
check full "the restart policy" restart
check fast "nothing is left" nothing_left
finish
