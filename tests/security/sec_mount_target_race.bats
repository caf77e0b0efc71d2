#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2021-30465, CVE-2024-45310, CVE-2019-18837, LXC CVE-2015-1335: a directory of a shared volume on
# the way to a mount becomes a link, between two looks at it.

load sec

# /vol is shared with an attacker, who exchanges vol/a and the link vol/l when everything stands still.
shared_volume() { # LINK-TARGET FILTER...
	need_stopper
	attacked "${@:2}" ".mounts += [{destination: \"/vol\", source: \"$dir/vol\", options: [\"rbind\"]}]"
	change '.mounts += [range(3) | {destination: "/vol/a/m\(.)", type: "tmpfs", source: "tmpfs"}]'
	change ".mounts += [{destination: \"/vol/a/file\", source: \"$bundle/config.json\", options: [\"bind\"]},
		{destination: \"/vol/a/deep/er\", type: \"tmpfs\", source: \"tmpfs\"}]"
	change '.linux.maskedPaths += ["/vol/a/secret"] | .linux.readonlyPaths += ["/vol/a/deep"]'
	link=$1
}

renew() {
	rm -rf "$dir/vol"
	mkdir -p "$dir/vol/a"
	echo hidden >"$dir/vol/a/secret"
	ln -s "$link" "$dir/vol/l"
}

swap='cd ../vol && mv a .t && mv l a && mv .t l'

@test "a mount target that becomes a link to the host's directory" {
	shared_volume "$dir/host"
	sweep 8 "$swap"
}

@test "a mount target that becomes a relative link out of the root" {
	shared_volume ../../../../../../../../../../../../../../../.."$dir/host"
	sweep 8 "$swap"
}

@test "a mount target that becomes a link to /proc" {
	shared_volume /proc/self
	sweep 6 "$swap"
}

# Not at chosen moments but as fast as it goes: what the kernel does within one call, too.
@test "a mount target that is exchanged for a link all the time" {
	local n rounds=20
	[[ ${SECURITY_SWEEP-} != all ]] || rounds=500
	shared_volume "$dir/host"
	renew
	"$attacker_program" swap "$dir/vol/a" "$dir/vol/l" 3>&- &
	swapper=$!
	for ((n = 0; n < rounds; n++)); do
		run ocirt run "$id" </dev/null
		expect_safe
	done
}

clean_up() {
	[[ -z ${swapper-} ]] || kill "$swapper"
}

@test "mount targets that are links from the beginning stay inside" {
	local target
	attacked
	for target in "$host" ../../host /../../host; do
		rm -f rootfs/link
		ln -s "$target" rootfs/link
		change '.mounts = (.mounts | map(select(.destination | startswith("/link") | not))) +
			[{destination: "/link/dir/sub", type: "tmpfs", source: "tmpfs"},
			{destination: "/link", type: "tmpfs", source: "tmpfs"}]'
		run ocirt run "$id"
		expect_safe
	done
}
