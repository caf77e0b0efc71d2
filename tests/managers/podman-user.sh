#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# podman-user.sh -- the runtime beneath the Podman of an ordinary user, who has subordinate ids; with
# --systemd also cgroups, from a systemd of his own. Options: see common.bash.
set -u

needs() {
	need podman podman
	need conmon conmon
	need newuidmap uidmap
	need setpriv util-linux
	want slirp4netns slirp4netns
	want catatonit catatonit
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
	{ cat /etc/shadow && echo 'usual:*:20000::::::'; } >"$work/etc/shadow"
	echo usual:7000000:65536 | tee "$work/etc/subuid" >"$work/etc/subgid"
	for file in passwd shadow group subuid subgid; do
		[[ -e /etc/$file ]] || : >"/etc/$file"
		mount --bind "$work/etc/$file" "/etc/$file" || return
	done
	if [[ -n $systemd ]]; then
		systemctl start "user@$uid" || return
	else
		mkdir -p "/run/user/$uid"
		chown "$uid:$uid" "/run/user/$uid"
	fi
	mkdir -p "$work"/{run,storage,tmp,networks,volumes}
	chown "$uid:$uid" "$work"/{home,run,storage,tmp,networks,volumes}
	# For everybody, as on every host where slirp4netns is of use.
	[[ ! -e /dev/net/tun ]] || { mknod -m 666 /run/tun c 10 200 && mount --bind /run/tun /dev/net/tun; } || return
	mount --make-rshared / # as it is on every host with systemd
}

as_user=(setpriv --reuid "$uid" --regid "$uid" --init-groups --inh-caps=-all
	env USER=usual HOME="$work/home" TMPDIR="$work/home" XDG_RUNTIME_DIR="/run/user/$uid")
[[ -z $systemd ]] || as_user+=(DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus")
engine=("${as_user[@]}" podman) state_root=/run/user/$uid/$(basename "$runtime")

set_up() {
	make_user &&
		make_rootfs "$work/rootfs" &&
		tar -C "$work/rootfs" -c . | podman import - img &&
		standing cc
} >"$work/set-up.log" 2>&1

# --- what a container is ----------------------------------------------------------------------

ids() {
	run once img cat /proc/self/uid_map
	expect_status 0
	[[ $(xargs <<<"$output") == "0 $uid 1 1 7000000 65536" ]]
	says "1000 1000 2000" once -u bob img sh -c 'echo $(id -u) $(id -G)'
}
namespace_modes() {
	says "$uid" once --userns=keep-id img id -u
	says "1000 1000" once --userns=keep-id:uid=1000,gid=1000 img sh -c 'echo $(id -u) $(id -g)'
	local map
	map=$(once --userns=nomap img cat /proc/self/uid_map)
	[[ $(xargs <<<"$map") == "0 1 65536" ]]
	map=$(once --userns=auto:size=2000 img cat /proc/self/uid_map)
	[[ $map == *" 2000" ]]
	says "$(podman unshare readlink /proc/self/ns/user)" once --userns=host img readlink /proc/self/ns/user
	namespace_is "$(podman exec cc readlink /proc/self/ns/user)" user --network none --userns container:cc
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
state_directory() {
	[[ $(stat -c %a:%u "$state_root") == *700:$uid ]]
	[[ ! -e /run/$(basename "$runtime") ]]
}
scope() {
	standing scope --memory 64m
	local unit at
	unit=libpod-$(field scope .Id).scope
	at=/user.slice/user-$uid.slice/user@$uid.service/user.slice/$unit
	says "0::$at/container" cat "/proc/$(field scope .State.Pid)/cgroup"
	says MemoryMax=67108864 "${as_user[@]}" systemctl --user show --property=MemoryMax "$unit"
	podman update --memory 96m scope
	says MemoryMax=100663296 "${as_user[@]}" systemctl --user show --property=MemoryMax "$unit"
	podman stop -t 0 scope
	[[ ! -e /sys/fs/cgroup$at ]]
	gone scope
}
device_rules() { # of which there are none for an ordinary user
	says ok once --device /dev/null:/dev/mine:rw img sh -c 'echo x >/dev/mine; echo ok'
}
limits_are_none() {
	mentions ok once --memory 64m img echo ok
}
user_volumes() {
	mkdir -p "$work/home/v"
	echo words >"$work/home/v/file"
	chown -R "$uid:$uid" "$work/home/v"
	once -v "$work/home/v:/v" img touch /v/mine
	[[ $(stat -c %u "$work/home/v/mine") == "$uid" ]]
	says 1000 once -u bob -v "$work/home/v:/v:U" img stat -c %u /v
	[[ $(stat -c %u "$work/home/v") == 7000999 ]]
}
network() {
	[[ -n $(command -v slirp4netns) ]] || skip "slirp4netns is not installed"
	[[ -e /dev/net/tun ]] || skip "there is no /dev/net/tun"
	podman run -d --name web --network slirp4netns -p 127.0.0.1:8080:80 img sh -c "$page"
	await busybox wget -qO- http://127.0.0.1:8080/index.html
	says page busybox wget -qO- http://127.0.0.1:8080/index.html
	gone web
}
nothing_left_of_user() {
	nothing_left
	[[ -z $systemd ]] ||
		says '' "${as_user[@]}" systemctl --user list-units --all --plain --no-legend 'libpod-*' '*libpod_pod*'
	# The pause process of the user's Podman has the user namespace; it ends with its pid file.
	podman system migrate
}

set_up || {
	sed 's/^/# /' "$work/set-up.log"
	echo "Bail out! podman cannot run anything here as an ordinary user"
	exit 1
}

check_life
check_exec
check fast "the user's subordinate ids" ids
check full "--userns: keep-id, nomap, auto, host, container:" namespace_modes
check full "--uidmap" own_maps
check full "--group-add keep-groups" keep_groups
check fast "the state is the user's" state_directory
if [[ -n $systemd ]]; then
	check_limits
	check fast "a scope of the user's systemd" scope
else
	check full "limits, of which there can be none" limits_are_none
fi
check_rights
check_files
check full "volumes belong to the user" user_volumes
check full "pods" pod
check full "slirp4netns, with a published port" network
check full "build" build
check full "build with mounts" build_mounts
check fast "nothing is left" nothing_left_of_user
finish
