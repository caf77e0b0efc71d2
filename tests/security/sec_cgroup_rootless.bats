#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2023-25809: in a user namespace without a cgroup namespace, or with the host's /sys bound, the
# cgroups of the host's user are writable inside.

load sec

userns='.linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
	| .linux.gidMappings = .linux.uidMappings'
all_caps='.process.capabilities |= with_entries(.value = ["CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN"])'

# No mount at or below /sys/fs/cgroup is writable, and the files say so.
expect_closed() {
	local point
	expect_status 0
	[[ -z $(grep -E '^/sys.*options=rw' <<<"$output") ]] || complain "there is a writable mount"
	point=$(sed -n 's/^\(\/sys\/fs\/cgroup\/[^:]*\): .*/\1/p' <<<"$output" | head -n 1)
	change "$(args mkdir "${point:-/sys/fs/cgroup}/escape-$id")"
	run ocirt run "$id"
	[[ $status -ne 0 ]]
	expect_line EROFS
}

@test "cgroups are read-only with a user namespace, with and without a cgroup namespace" {
	bundle "$userns" "$all_caps" "$(args mounts)"
	run ocirt run "$id"
	expect_closed
	change '.linux.namespaces += [{type: "cgroup"}]'
	change "$(args mounts)"
	run ocirt run "$id"
	expect_closed
}

@test "the host's /sys, bound recursively and read-only, has no writable cgroup" {
	bundle "$userns" "$all_caps" "$(args mounts)" '.mounts |= map(select(.destination | startswith("/sys") | not))
		| .mounts += [{destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rro"]}]'
	run ocirt run "$id"
	expect_closed
}

@test "a sysfs that the kernel refuses shows no writable cgroup either" {
	# Without a network namespace of its own.
	bundle "$userns" "$all_caps" "$(args mounts)" '.linux.namespaces |= map(select(.type != "network"))
		| .mounts |= map(select(.destination != "/sys/fs/cgroup"))'
	run ocirt run "$id"
	expect_closed
}

# Somebody who is not root at all, and whose user namespace has no id but that one.
as_user() { # USER COMMAND...
	local above=$dir
	while [[ $above == "${TMPDIR:-/tmp}"/* ]]; do # the way to it
		chmod o+x "$above"
		above=${above%/*}
	done
	setpriv --reuid "$1" --regid "$1" --clear-groups --inh-caps=-all "${@:2}"
}

@test "an ordinary user's container has no writable cgroup, with the host's /sys, neither" {
	local sys own=54321
	for sys in . '.mounts |= map(select(.destination | startswith("/sys") | not))
		| .mounts += [{destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rro"]}]'; do
		bundle ".linux.namespaces += [{type: \"user\"}] |
			.linux.uidMappings = [{containerID: 0, hostID: $own, size: 1}] |
			.linux.gidMappings = .linux.uidMappings" "$(args mounts)" \
			'.linux.namespaces |= map(select(.type != "network"))' "$sys"
		chown -R $own:$own "$bundle"
		install -m 755 "$OCIRT" "$dir/ocirt"
		mkdir -p "$dir/user" && chown $own:$own "$dir/user"
		run as_user $own "$dir/ocirt" --root "$dir/user/state" run "$id"
		expect_status 0
		[[ $(grep -c '^/sys' <<<"$output") -gt 0 ]]
		[[ -z $(grep -E '^/sys.*options=rw' <<<"$output") ]] || complain "there is a writable mount"
		rm -rf "$bundle"
	done
}
