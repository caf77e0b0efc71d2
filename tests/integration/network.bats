#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154,SC2034 # variables of helpers.bash and of bats
#
# The four networks that engines know: none, the host's, another container's, and a bridge. ocirt makes
# the namespace; cables are laid by a hook, as an engine's is.
#
# The host of these tests is a network namespace of their own, so nothing of the real one changes.

load helpers
load life

prepare() {
	command -v ip nsenter unshare >/dev/null || skip "ip, nsenter or unshare is missing (Debian: apt install iproute2 util-linux)"
	unshare --net true 2>/dev/null || skip "no network namespaces"
	mkfifo "$dir/end"
	unshare --net cat "$dir/end" >/dev/null 3>&- &
	holder=$!
	exec 4<>"$dir/end" # cat(1) has it as well, and ends with us
	host=/proc/$holder/ns/net
	await has_own_network
}

has_own_network() {
	[[ $(readlink "$host") != "$(readlink /proc/self/ns/net)" ]]
}

clean_up() {
	[[ ! -e $root/$id-2 ]] || ocirt delete --force "$id-2"
	kill "${holder:-0}" 2>/dev/null || :
	exec 4>&-
}

# A command on the host of this test.
on_host() { # COMMAND...
	nsenter --net="$host" "$@"
}

# ocirt there.
host_ocirt() { # ARGUMENT...
	on_host "$OCIRT" --root "$root" "$@"
}

no_network_ns='.linux.namespaces |= map(select(.type != "network"))'

@test "none: there is lo and nothing else, and nobody is reached" {
	bundle "$(args ls /sys/class/net)"
	on_host ip link add other type veth peer name other2
	run host_ocirt run "$id" </dev/null
	expect_status 0
	[[ $output == lo ]]
	change "$(args ping 127.0.0.1)"
	change '.linux.sysctl["net.ipv4.ping_group_range"] = "0 0"'
	run host_ocirt run "$id" </dev/null
	expect_line "ping: ok"
	change "$(args ping 192.0.2.1)"
	run host_ocirt run "$id" </dev/null
	expect_line "ping: ENETUNREACH"
}

@test "host: the devices are the host's, and its settings are not to be changed" {
	bundle "$(args cat /proc/net/dev)" "$no_network_ns"
	on_host ip link add seen type veth peer name seen2
	run host_ocirt run "$id" </dev/null
	expect_status 0
	expect_line "seen:"
	change '.linux.sysctl["net.ipv4.ip_forward"] = "1"'
	run host_ocirt run "$id" </dev/null
	expect_status 1
	expect_line "linux.sysctl"
}

@test "container: the second joins the network of the first, and sees what that has" {
	local pid
	standing "$(args sleep)"
	pid=$(pid_of "$id")
	nsenter --net="/proc/$pid/ns/net" ip link add shared type veth peer name shared2
	bundle=$dir/second
	bundle "$(args cat /proc/net/dev)" \
		".linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$pid/ns/net\" else . end)"
	run ocirt run "$id-2" </dev/null
	expect_status 0
	expect_line "shared:"
	# From outside: one network with two containers in it.
	change "$(args sleep)"
	ocirt create "$id-2" </dev/null >"$dir/out" 2>&1
	[[ $(readlink "/proc/$(pid_of "$id-2")/ns/net") == "$(readlink "/proc/$pid/ns/net")" ]]
	ocirt delete --force "$id-2"
}

# What an engine's hook does: a cable from the bridge into the container that is being made.
bridge_hook() { # NUMBER
	sh_hook createRuntime "
		pid=\$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p')
		ip link add v$1 type veth peer name eth0 netns \$pid &&
		ip link set v$1 up master br0 &&
		nsenter --net=/proc/\$pid/ns/net ip addr add 10.11.12.$1/24 dev eth0 &&
		nsenter --net=/proc/\$pid/ns/net ip link set eth0 up"
}

@test "bridge: two containers reach each other and the host over cables that a hook lays" {
	on_host ip link add br0 type bridge 2>/dev/null || skip "this kernel has no bridges"
	on_host ip link set br0 up
	on_host ip addr add 10.11.12.254/24 dev br0
	on_host ip link set lo up
	local echoes='.linux.sysctl["net.ipv4.ping_group_range"] = "0 0"'
	bundle "$(args sleep)" "$echoes" "$(bridge_hook 1)"
	host_ocirt create "$id" </dev/null >"$dir/out" 2>&1
	host_ocirt start "$id"
	bundle=$dir/second
	bundle "$(args sleep)" "$echoes" "$(bridge_hook 2)"
	host_ocirt create "$id-2" </dev/null >"$dir/out" 2>&1
	host_ocirt start "$id-2"

	run host_ocirt exec "$id" /bin/demo ping 10.11.12.2
	expect_line "ping: ok"
	run host_ocirt exec "$id-2" /bin/demo ping 10.11.12.1
	expect_line "ping: ok"
	run host_ocirt exec "$id" /bin/demo ping 10.11.12.254
	expect_line "ping: ok"
	run host_ocirt exec "$id" /bin/demo ping 198.51.100.1
	expect_line "ping: ENETUNREACH"

	# An end of a cable is in one namespace only, and a cable goes with either.
	run on_host ip -brief link
	expect_line "v1@"
	expect_no_line eth0
	run host_ocirt exec "$id" /bin/demo ls /sys/class/net
	[[ $output == $'eth0\nlo' ]]
	host_ocirt delete --force "$id-2"
	await cable_is_gone v2
	run on_host ip -brief link
	expect_line "v1@"
}

cable_is_gone() { # NAME
	! on_host ip link show "$1" >/dev/null 2>&1
}
