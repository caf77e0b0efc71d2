#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# linux.netDevices: network devices of the host that become the container's. The "host" is a network
# namespace of each test's own, with the two ends of a veth pair, a and b.

load helpers

prepare() {
	if ! command -v ip >/dev/null || ! command -v nsenter >/dev/null; then
		skip "no nsenter, or no ip: apt install iproute2"
	fi
	touch "$dir/net"
	unshare --net="$dir/net" true
	host ip link add dev a type veth peer name b 2>/dev/null || skip "this kernel has no veth"
	host ip link set dev b up
	host ip link set dev a address 02:00:00:00:00:0a up
}

clean_up() {
	[[ ! -e $dir/net ]] || umount "$dir/net"
	rm -f "$dir/net"
}

# On that host; and ocirt there, while there is one.
host() {
	nsenter --net="$dir/net" "$@"
}

ocirt() {
	[[ -e $dir/net ]] || set -- env "$@"
	if [[ $1 == env ]]; then
		"$OCIRT" --root "$root" "${@:2}"
	else
		host "$OCIRT" --root "$root" "$@"
	fi
}

# The devices there, sorted, without the loopback; of the container, by its ip.
devices() { # COMMAND...
	"$@" ip -j link | jq -r '[.[].ifname | select(. != "lo")] | sort | join(" ")'
}

no_devices() {
	[[ $(devices host) == "" ]]
}

inside() {
	nsenter --net="/proc/$(pid_of "$id")/ns/net" "$@"
}

# The addresses of a device, each with the words that ip has for it.
addresses() { # DEVICE COMMAND...
	"${@:2}" ip -j addr show dev "$1" | jq -r '[.[].addr_info[] | select(.scope == "global")
		| "\(.local)/\(.prefixlen)" + if .label then " " + .label else "" end
		  + if .deprecated then " deprecated" else "" end] | join(", ")'
}

@test "a device moves into the container, up and with its name" {
	bundle '.linux.netDevices = {a: {}}'
	demo cat /proc/net/dev
	expect_status 0
	expect_line " a:"
	expect_no_line " b:"

	# It goes with the container, as config-linux.md wants it, and its peer with it: when the kernel
	# comes to it, which is after the last process has ended.
	await no_devices
}

@test "a device that was down is up inside" {
	host ip link set dev b down
	standing '.linux.netDevices = {b: {}}'
	[[ $(devices inside) == b ]]
	[[ $(devices host) == a ]]
	inside ip -j link show dev b | jq -e '.[0].flags | index("UP")'
}

@test "a device gets another name inside, and keeps its hardware address and MTU" {
	host ip link set dev a mtu 1400
	standing '.linux.netDevices = {a: {name: "eth0"}}'
	[[ $(devices inside) == eth0 ]]
	[[ $(inside ip -j link show dev eth0 | jq -r '.[0] | "\(.address) \(.mtu)"') == "02:00:00:00:00:0a 1400" ]]
}

@test "permanent addresses of global scope stay, of both families" {
	host ip addr add 192.0.2.7/24 broadcast 192.0.2.255 dev a
	host ip addr add 192.0.2.8/24 dev a label a:web
	host ip addr add 198.51.100.1 peer 198.51.100.2/32 dev a
	host ip addr add 2001:db8::7/64 dev a nodad
	host ip addr add 2001:db8::8/64 dev a nodad preferred_lft 0
	standing '.linux.netDevices = {a: {name: "eth0"}}'
	[[ $(addresses eth0 inside) == "192.0.2.7/24 eth0, 198.51.100.1/32 eth0, 192.0.2.8/24 eth0:web, 2001:db8::8/64 deprecated, 2001:db8::7/64" ||
	$(addresses eth0 inside) == "192.0.2.7/24 eth0, 198.51.100.1/32 eth0, 192.0.2.8/24 eth0:web, 2001:db8::7/64, 2001:db8::8/64 deprecated" ]]
	inside ip -j addr show dev eth0 | jq -e '.[0].addr_info
		| any(.broadcast == "192.0.2.255") and any(.address == "198.51.100.2")'
}

@test "addresses that are not meant to last, or not of global scope, do not move" {
	host ip addr add 192.0.2.7/24 dev a valid_lft 1000 preferred_lft 1000
	host ip addr add 169.254.1.1/16 dev a scope link
	host ip addr add 2001:db8::7/64 dev a nodad valid_lft 1000 preferred_lft 1000
	host ip addr add 192.0.2.9/24 dev a
	standing '.linux.netDevices = {a: {}}'
	[[ $(addresses a inside) == "192.0.2.9/24 a" ]]
	[[ $(inside ip addr show dev a) != *169.254* ]]
}

@test "an address of IPv6 can be used at once" {
	host ip addr add 2001:db8::7/64 dev a nodad
	bundle '.linux.netDevices = {a: {}}'
	demo cat /proc/net/if_inet6
	expect_status 0
	# The flags: permanent 80, nodad 02, and not tentative 40.
	[[ $output =~ 20010db8000000000000000000000007\ [0-9a-f]+\ 40\ 00\ 82\ +a ]] || complain
}

@test "two containers with the ends of a pair reach each other" {
	local other=$id-b
	host ip addr add 192.0.2.1/24 dev a
	host ip addr add 192.0.2.2/24 dev b
	standing '.linux.netDevices = {a: {name: "eth0"}}'
	change '.linux.netDevices = {b: {name: "eth0"}}'
	ocirt run --detach "$other" >"$dir/out" 2>&1 </dev/null
	[[ $(devices host) == "" ]]
	# Nobody listens, which only the other one's kernel can say.
	run inside bash -c '</dev/tcp/192.0.2.2/9'
	expect_line "Connection refused"
	ocirt delete --force "$other"
}

@test "a template of a name takes the first number that is free" {
	host ip link add dev c type veth peer name d
	standing '.linux.netDevices = {a: {name: "net%d"}, c: {name: "net%d"}, d: {name: "net1x"}}'
	[[ $(devices inside) == "net0 net1 net1x" ]]
}

@test "hooks find the devices where they will be" {
	bundle '.linux.netDevices = {a: {name: "eth0"}}' \
		".hooks.createRuntime = [{path: \"/bin/sh\", args: [\"sh\", \"-c\",
			\"pid=\$(jq .pid) && nsenter --net=/proc/\$pid/ns/net ip link show dev eth0 >$dir/seen\"],
			env: [\"PATH=$PATH\"]}]"
	demo ids
	expect_status 0
	grep -q eth0 "$dir/seen"
}

@test "a device moves into a network namespace that is joined" {
	touch "$dir/joined"
	unshare --net="$dir/joined" true
	standing '.linux.netDevices = {a: {name: "eth0"}}' \
		".linux.namespaces |= map(if .type == \"network\" then .path = \"$dir/joined\" else . end)"
	[[ $(devices nsenter --net="$dir/joined") == eth0 ]]
	ocirt delete --force "$id"
	# It is the namespace's now: only what ends with the container is undone.
	[[ $(devices nsenter --net="$dir/joined") == eth0 ]]
	umount "$dir/joined"
}

@test "a container with a user namespace has its devices, too" {
	standing '.linux.netDevices = {a: {name: "eth0"}}' \
		'.linux.namespaces += [{type: "user"}]' \
		'.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]' \
		'.linux.gidMappings = .linux.uidMappings'
	[[ $(devices inside) == eth0 ]]
}

@test "what is not a device, or twice, is found before anything is made" {
	refused() { # DEVICES MESSAGE
		change ".linux.netDevices = $1"
		run ocirt create "$id"
		expect_status 1
		expect_line "$2"
		expect_no_container "$id"
		[[ $(devices host) == "a b" ]]
	}
	bundle
	refused '{a: {}, nothing0: {}}' "linux.netDevices.nothing0: cannot find it on the host: No such device"
	refused '{a: {name: "x"}, b: {name: "x"}}' "would both be 'x' in the container"
	refused '{a: {name: "b"}, b: {}}' "would both be 'b' in the container"
	refused '{a: {name: "sixteen_letters_"}}' "linux.netDevices.a.name: 'sixteen_letters_' is no device name"
	refused '{a: {name: "x%d%d"}}' "linux.netDevices.a.name: 'x%d%d' is no device name"
	refused '{a: {name: "x%s"}}' "linux.netDevices.a.name: 'x%s' is no device name"
	refused '{"a%d": {}}' "linux.netDevices.a%d: 'a%d' is no device name"
	refused '{a: {name: ""}}' "linux.netDevices.a.name: '' is no device name"
	refused '{a: {name: "lo"}}' "'lo' is the loopback device"
}

@test "without a network namespace of its own a container gets no devices" {
	bundle '.linux.netDevices = {a: {}}' '.linux.namespaces |= map(select(.type != "network"))'
	run ocirt create "$id"
	expect_status 1
	expect_line "linux.netDevices.a: there is no network namespace to move it to"

	change ".linux.namespaces += [{type: \"network\", path: \"$dir/net\"}]"
	run ocirt create "$id"
	expect_status 1
	expect_line "linux.netDevices.a: is in the container's network namespace already"
	expect_no_container "$id"
}

@test "a device that the kernel does not let go is refused, and all stay" {
	host ip link add dev bridge0 type bridge 2>/dev/null || skip "this kernel has no bridges"
	bundle '.linux.netDevices = {a: {}, bridge0: {}}'
	run ocirt create "$id"
	((status != 0)) || skip "this kernel moves bridges"
	expect_line "linux.netDevices.bridge0: cannot move it: Invalid argument"
	expect_line "hint: "
	expect_no_container "$id"
	[[ $(devices host) == "a b bridge0" ]]
}

@test "a name that is taken in a joined namespace is refused, and all go back" {
	touch "$dir/joined"
	unshare --net="$dir/joined" true
	nsenter --net="$dir/joined" ip link add dev eth1 type veth peer name eth2
	bundle '.linux.netDevices = {a: {name: "eth0"}, b: {name: "eth1"}}' \
		".linux.namespaces |= map(if .type == \"network\" then .path = \"$dir/joined\" else . end)"
	run ocirt create "$id"
	expect_status 1
	expect_line "linux.netDevices.b: cannot be 'eth1' in the container: File exists"
	[[ $(devices host) == "a b" ]]
	[[ $(devices nsenter --net="$dir/joined") == "eth1 eth2" ]]
	umount "$dir/joined"
}

@test "a create that fails gives the devices back as they were" {
	host ip addr add 192.0.2.7/24 dev a
	host ip addr add 192.0.2.8/24 dev a label a:web
	host ip addr add 2001:db8::7/64 dev a nodad
	host ip link set dev b down
	bundle '.linux.netDevices = {a: {name: "eth0"}, b: {name: "net%d"}}' \
		'.hooks.createRuntime = [{path: "/bin/false"}]'
	run ocirt create "$id"
	expect_status 1
	expect_line "createRuntime hook #0"
	expect_no_container "$id"
	[[ $(devices host) == "a b" ]]
	[[ $(addresses a host) == "192.0.2.7/24 a, 192.0.2.8/24 a:web, 2001:db8::7/64" ]]
	host ip -j link show dev a | jq -e '.[0].flags | index("UP")'
	host ip -j link show dev b | jq -e '.[0].flags | index("UP") == null'
}

@test "a port of a bridge is one again when the create fails" {
	host ip link add dev bridge0 type bridge 2>/dev/null || skip "this kernel has no bridges"
	host ip link set dev a master bridge0
	bundle '.linux.netDevices = {a: {}}' '.mounts += [{destination: "/x", type: "none", source: "/no/such", options: ["bind"]}]'
	run ocirt create "$id"
	expect_status 1
	[[ $(host ip -j link show dev a | jq -r '.[0].master') == bridge0 ]]
}

@test "a program that cannot be run gives the devices back" {
	bundle '.linux.netDevices = {a: {}}' '.process.args = ["/no/such/program"]'
	run ocirt run "$id"
	expect_status 1
	expect_line "exec '/no/such/program'"
	[[ $(devices host) == "a b" ]]
}
