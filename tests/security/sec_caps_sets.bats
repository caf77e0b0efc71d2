#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2016-8867, CVE-2022-29162, CVE-2022-27650, CVE-2025-27612: a set that has what it should not.

load sec

# The set as the demo prints it, in the order of their numbers.
expect_set() { # SET NAME...
	local names=${*:2}
	expect_fact "$1.names" "${names:-none}"
}

@test "the five sets are the configured ones, by user, no_new_privs, run and exec" {
	local uid nnp
	for uid in 0 1000; do
		for nnp in true false; do
			bundle "$(args caps)" ".process.user.uid = $uid | .process.noNewPrivileges = $nnp" \
				'.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
				permitted: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_KILL"],
				inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"]}'
			run ocirt run "$id"
			expect_status 0
			expect_set CapBnd CAP_CHOWN CAP_KILL CAP_NET_RAW
			expect_set CapInh CAP_CHOWN
			expect_set CapAmb CAP_CHOWN
			if ((uid)); then
				# execve leaves what is ambient (capabilities(7)).
				expect_set CapPrm CAP_CHOWN
				expect_set CapEff CAP_CHOWN
			fi
			rm -rf "$bundle"
		done
	done
}

@test "a user other than root has no capability that is not ambient" {
	bundle "$(args caps)" '.process.user.uid = 1000' \
		'.process.capabilities |= {bounding, permitted: .bounding, effective: .bounding}'
	run ocirt run "$id"
	expect_status 0
	expect_set CapInh
	expect_set CapPrm
	expect_set CapEff
	expect_set CapAmb
}

@test "without process.capabilities there are none, for root neither" {
	local set
	bundle "$(args caps)" 'del(.process.capabilities)'
	run ocirt run "$id"
	expect_status 0
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		expect_set $set
	done
}

@test "exec has the container's sets, and --cap makes nothing inheritable" {
	standing
	run ocirt exec "$id" /bin/demo caps
	expect_status 0
	expect_set CapInh
	expect_set CapEff CAP_KILL CAP_NET_BIND_SERVICE CAP_AUDIT_WRITE
	run ocirt exec --cap CAP_NET_RAW --user 1000 "$id" /bin/demo caps
	expect_status 0
	expect_set CapInh
	expect_set CapAmb
	expect_set CapEff
}

@test "file capabilities give nothing where nothing is inheritable" {
	local nnp
	command -v setcap >/dev/null || skip "setcap is missing (Debian: apt install libcap2-bin)"
	for nnp in true false; do
		bundle "$(args caps)" '.process.user.uid = 1000' ".process.noNewPrivileges = $nnp" \
			'.process.capabilities.bounding += ["CAP_NET_RAW"]'
		setcap cap_net_raw+ei rootfs/bin/demo || skip "no file capabilities on the file system of $dir"
		run ocirt run "$id"
		expect_status 0
		expect_set CapPrm
		expect_set CapEff
		rm -rf "$bundle"
	done
}

@test "what spec writes has no inheritable and no ambient set" {
	cd "$dir" && ocirt spec
	[[ $(jq -c '[.process.capabilities.inheritable, .process.capabilities.ambient | . // []]' config.json) == '[[],[]]' ]]
	[[ $(jq '.process.capabilities.bounding | index("CAP_SYS_ADMIN")' config.json) == null ]]
	[[ $(jq .process.noNewPrivileges config.json) == true ]]
}

@test "no set of a user namespace's root outlives the configuration" {
	standing '.linux.namespaces += [{type: "user"}]' \
		'.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]' \
		'.linux.gidMappings = .linux.uidMappings'
	expect_inventory "$(pid_of "$id")"
	ocirt exec --detach --pid-file "$dir/pid" "$id" /bin/demo sleep </dev/null >"$dir/out" 2>&1
	expect_inventory "$(<"$dir/pid")"
}
