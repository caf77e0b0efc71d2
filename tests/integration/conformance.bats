#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# Sentences of the specification that no other file is about. tests/conformance/requirements says of
# each sentence where it is shown.

load helpers
load life

clean_up() {
	[[ -z ${agent-} ]] || wait "$agent" || :
}

semver='^(0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[.](0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?$'

# --- versions -----------------------------------------------------------------------------------

@test "every version of the series 1 is accepted" {
	local version
	bundle
	for version in 1.0.0 1.0.2-dev 1.1.0+build.5 1.2.1-rc.1+x 1.3.0 1.99.0 \
		"$("$OCIRT" features | jq -r .ociVersionMin)" \
		"$("$OCIRT" features | jq -r .ociVersionMax)"; do
		change ".ociVersion = \"$version\""
		demo exit 7
		[[ $status == 7 ]] || complain "not accepted: $version"
	done
}

@test "what is no SemVer is no ociVersion" {
	local version
	bundle
	for version in '' 1 1.3 1.3.0.0 v1.3.0 01.3.0 1.03.0 1.3.0- 1.3.0-a..b 1.3.0+ '1.3.0 ' 1.x.0; do
		change ".ociVersion = \"$version\""
		expect_refused "ociVersion: "
	done
}

@test "the ociVersion of every state is that of the configuration or of the specification" {
	local kind filter='.ociVersion = "1.0.2-dev"'
	for kind in prestart createRuntime createContainer poststart poststop; do
		filter+=" | $(sh_hook "$kind" "jq -r .ociVersion >>$dir/versions")"
	done
	bundle "$(args sleep)" "$filter"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt state "$id" | jq -r .ociVersion >>"$dir/versions"
	ocirt start "$id"
	ocirt state "$id" | jq -r .ociVersion >>"$dir/versions"
	ocirt list --format json | jq -r '.[].ociVersion' >>"$dir/versions"
	ocirt kill "$id" KILL
	await has_status "$id" stopped
	ocirt state "$id" | jq -r .ociVersion >>"$dir/versions"
	ocirt delete "$id"

	with_agent '.ociVersion = "1.0.2-dev"'
	ocirt run "$id" >"$dir/out" 2>&1 || :
	wait "$agent"
	jq -r '.ociVersion, .state.ociVersion' "$dir/state.json" >>"$dir/versions"

	[[ $(wc -l <"$dir/versions") == 11 ]]
	run grep -vE "$semver" "$dir/versions"
	[[ -z $output ]]
	# One container has one version.
	[[ $(sort -u "$dir/versions" | wc -l) == 1 ]] || complain "$(<"$dir/versions")"
}

# --- JSON ---------------------------------------------------------------------------------------

@test "JSON that the specification forbids is refused" {
	bundle
	sed 's/"hostname"/"hostname": "one", "hostname"/' config.json >"$dir/new"
	cp "$dir/new" config.json
	expect_refused "hostname: given twice"

	jq -c '.annotations = {a: "b"}' "$dir/new" | sed 's/"a":"b"/"a":"b","a":"c"/' >config.json
	expect_refused "annotations.a: given twice"

	jq -c '.annotations = {a: "HERE"}' "$dir/new" | sed 's/HERE/\xff/' >config.json
	expect_refused "annotations.a: is not valid UTF-8"
}

@test "the order of names in an object does not matter" {
	bundle "$(args hostname)"
	jq 'def turn: if type == "object" then to_entries | reverse | map(.value |= turn) | from_entries
		elif type == "array" then map(turn) else . end; turn' config.json >"$dir/turned"
	[[ $(jq -c 'keys_unsorted[0]' "$dir/turned") != $(jq -c 'keys_unsorted[0]' config.json) ]]
	cp "$dir/turned" config.json
	run ocirt run "$id"
	expect_status 0
	expect_fact hostname ocirt
}

@test "unknown properties change nothing, at any place" {
	bundle "$(args exit 5)" '.process.capabilities.x = 1' '.linux.namespaces[0].x = {y: [null]}' \
		'.mounts[1].x = []' '.linux.resources.cpu = {x: true}' '.x = {x: {x: -1.5e3}}' \
		'.hooks = {x: [1]}' '.root.x = "y"'
	run ocirt run "$id"
	expect_status 5
}

@test "what is said for other platforms is ignored" {
	bundle "$(args exit 5)" '.windows = {layerFolders: 3}' '.solaris = {milestone: []}' \
		'.vm = {}' '.zos = {namespaces: 1}' '.freebsd = {jail: null}' \
		'.process.commandLine = "x"' '.process.user.username = "y"'
	run ocirt run "$id"
	expect_status 5
	expect_no_line warning
}

@test "annotations that nobody knows are no error, and their values may be empty" {
	standing '.annotations = {"org.opencontainers.image.unheard.of": "", "x": "", "a.b": "c"}'
	ocirt state "$id" |
		jq -e '.annotations == {"org.opencontainers.image.unheard.of": "", "x": "", "a.b": "c"}'
}

# --- process ------------------------------------------------------------------------------------

@test "consoleSize without a terminal is ignored" {
	bundle "$(args exit 5)" '.process.consoleSize = {height: 100000, width: 0}'
	run ocirt run "$id"
	expect_status 5
	change '.process.terminal = false'
	run ocirt run "$id"
	expect_status 5
}

@test "a capability that the caller does not have is a warning, and the program runs" {
	bundle "$(args caps)" '.process.capabilities |= map_values(["CAP_CHOWN", "CAP_SYS_TIME"])' \
		'.process.capabilities.ambient = []'
	run setpriv --bounding-set=-sys_time --inh-caps=-sys_time "$OCIRT" --root "$root" run "$id"
	expect_status 0
	[[ $(grep -c 'warning: .*CAP_SYS_TIME' <<<"$output") == 1 ]] || complain "not warned of, once"
	expect_fact CapBnd.names CAP_CHOWN
	expect_fact CapEff.names CAP_CHOWN
}

@test "create has applied everything but the program" {
	local pid
	bundle "$(args sleep)" '.linux.resources.pids.limit = 33' '.process.oomScoreAdj = 77' \
		'.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	pid=$(pid_of "$id")
	[[ $(readlink "/proc/$pid/ns/net") != "$(readlink /proc/self/ns/net)" ]]
	[[ $(nsenter -t "$pid" -u hostname) == ocirt ]]
	[[ $(nsenter -t "$pid" -n cat /proc/sys/net/ipv4/ip_forward) == 1 ]]
	grep -q ' /dev/shm ' "/proc/$pid/mountinfo"
	[[ $(readlink "/proc/$pid/exe") != */bin/demo ]]
	find /sys/fs/cgroup -path "*$id*/pids.max" -exec cat {} + | grep -qx 33
	ocirt start "$id"
	[[ $(<"/proc/$pid/oom_score_adj") == 77 && $(readlink "/proc/$pid/exe") == */bin/demo ]]
}

@test "the memory policy is the program's" {
	[[ -e /proc/self/numa_maps ]] || skip "this kernel has no NUMA"
	local mode
	bundle
	while read -r mode said; do
		change ".linux.memoryPolicy = $mode"
		demo cat /proc/self/numa_maps
		expect_status 0
		[[ $output == *" $said "* ]] || complain "not $said"
	done <<-'END'
		{"mode":"MPOL_DEFAULT"} default
		{"mode":"MPOL_LOCAL"} local
		{"mode":"MPOL_BIND","nodes":"0"} bind:0
		{"mode":"MPOL_INTERLEAVE","nodes":"0"} interleave:0
		{"mode":"MPOL_PREFERRED","nodes":"0"} prefer:0
		{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES"]} bind=static:0
	END
}

# --- ids ----------------------------------------------------------------------------------------

@test "mapping ids changes the owner of no file" {
	local before
	bundle "$(args exit 5)" '.linux.namespaces += [{type: "user"}]' \
		'.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]' \
		'.linux.gidMappings = .linux.uidMappings' \
		'.mounts += [{destination: "/tmp", source: "data", options: ["bind", "idmap"]}]'
	mkdir data rootfs/tmp -p
	touch data/file
	chown 7:8 data/file
	chown -R 100000:100000 rootfs
	chmod 755 "$dir" "${BATS_TEST_TMPDIR:-$dir}"
	before=$(find . -printf '%p %U %G %m\n' | sort)
	run ocirt run "$id"
	expect_status 5
	[[ $(find . -printf '%p %U %G %m\n' | sort) == "$before" ]]
}

# --- hooks --------------------------------------------------------------------------------------

# A hook is a script that is there on the host and not in the container, or the reverse.
@test "each kind of hook is looked up and run where it should be" {
	local kind filter=.
	cat >"$dir/hook" <<-END
		#!/bin/bash
		echo "\$1 \$(readlink /proc/self/ns/mnt) \$(readlink /proc/self/ns/uts)" >>$dir/where
	END
	chmod +x "$dir/hook"
	for kind in prestart createRuntime createContainer poststart poststop; do
		filter+=" | .hooks.$kind = [{path: \"$dir/hook\", args: [\"hook\", \"$kind\"]}]"
	done
	bundle "$(args sleep)" "$filter" \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "namespaces"]}]'
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	local pid mnt uts
	pid=$(pid_of "$id")
	mnt=$(readlink "/proc/$pid/ns/mnt") uts=$(readlink "/proc/$pid/ns/uts")
	grep -qF "${mnt//[!0-9]/}" "$dir/out"
	grep -qF "${uts//[!0-9]/}" "$dir/out"
	ocirt delete --force "$id"
	[[ $(wc -l <"$dir/where") == 5 ]]
	for kind in prestart createRuntime poststart poststop; do
		grep -qxF "$kind $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/uts)" "$dir/where" ||
			complain "$kind ran elsewhere: $(<"$dir/where")"
	done
	grep -qxF "createContainer $mnt $uts" "$dir/where" || complain "$(<"$dir/where")"
}

# --- resources ----------------------------------------------------------------------------------

@test "a burst beyond the quota is an error" {
	bundle '.linux.resources.cpu = {quota: 20000, period: 100000, burst: 20001}'
	expect_refused "linux.resources.cpu.burst: 20001 is larger than linux.resources.cpu.quota"
}

# --- seccomp ------------------------------------------------------------------------------------

with_agent() { # FILTER...
	rm -rf --one-file-system "$bundle" "$dir/agent"
	bundle "$(args mkdir /tmp/x)" ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\",
		listenerPath: \"$dir/agent\", syscalls: [{names: [\"mkdir\", \"mkdirat\"],
		action: \"SCMP_ACT_NOTIFY\"}]}" "$@"
	"$BATS_TEST_DIRNAME/seccomp-agent" "$dir/agent" "$dir/state.json" 3>&- &
	agent=$!
	await test -S "$dir/agent"
}

@test "an agent gets one state on a connection, which is closed" {
	with_agent
	run ocirt run "$id"
	wait "$agent"
	# The agent goes on reading until the end; one document, and nothing after it.
	[[ $(jq -s length "$dir/state.json") == 1 ]]
	[[ $(<"$dir/state.json.end") == closed ]]
}

@test "without SCMP_ACT_NOTIFY listenerPath is ignored" {
	bundle "$(args exit 5)" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		listenerPath: "/nowhere", listenerMetadata: "x"}'
	run ocirt run "$id"
	expect_status 5
}

# --- features -----------------------------------------------------------------------------------

@test "features has what the specification has, and no more" {
	"$OCIRT" features >"$dir/features"
	jq -e '(keys_unsorted - ["ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux",
			"annotations", "potentiallyUnsafeConfigAnnotations"]) == [] and
		(.linux | keys_unsorted - ["namespaces", "capabilities", "cgroup", "seccomp", "apparmor",
			"selinux", "intelRdt", "memoryPolicy", "mountExtensions", "netDevices"]) == [] and
		(.annotations | to_entries | all((.key | length > 0) and (.value | type == "string")))' \
		"$dir/features"
	# The reader of the specification's rows takes it without a word.
	[[ $(jq -r '[.. | nulls] | length' "$dir/features") == 0 ]]
}

@test "features does not depend on the host" {
	local here
	here=$("$OCIRT" features)
	# Another root, no /proc, /sys or /dev, no rights and no environment.
	mkdir "$dir/empty"
	cp "$OCIRT" "$dir/empty/ocirt"
	mkdir -p "$dir/empty"/{lib,lib64,usr}
	run unshare --mount bash -c '
		for d in lib lib64 usr; do [[ ! -e /$d ]] || mount --rbind "/$d" "$1/$d"; done
		exec env -i "$2" --userspec=12345:12345 "$1" /ocirt features' - "$dir/empty" "$(command -v chroot)"
	expect_status 0
	[[ $output == "$here" ]] || complain "$(diff <(echo "$here") <(echo "$output"))"
}

@test "every mount option that features lists is accepted" {
	local filters=() word n=0
	mkdir "$dir/source"
	while read -r word; do
		n=$((n + 1))
		case $word in
		bind | rbind | remount | idmap | ridmap | tmpcopyup | copy-symlink | *-nofollow) continue ;;
		acl | noacl) continue ;; # not every file system has these
		r[a-z]*) ;;
		*)
			filters+=(".mounts += [{destination: \"/m/t$n\", type: \"tmpfs\", options: [\"$word\"]}]")
			;;
		esac
		filters+=(".mounts += [{destination: \"/m/b$n\", source: \"$dir/source\", options: [\"rbind\", \"$word\"]}]")
	done < <("$OCIRT" features | jq -r '.mountOptions[]')
	((n > 60))
	bundle "$(args mounts)" "${filters[@]}" '.mounts += [
		{destination: "/m/i", source: "'"$dir/source"'", options: ["bind", "idmap=uids=0-1-10;gids=0-1-10"]},
		{destination: "/m/r", source: "'"$dir/source"'", options: ["rbind", "ridmap=uids=0-1-10;gids=0-1-10"]},
		{destination: "/m/i", options: ["remount", "bind", "ro"]},
		{destination: "/m/c", type: "tmpfs", options: ["tmpcopyup"]},
		{destination: "/m/n", source: "'"$dir/source"'", options: ["bind", "src-nofollow", "dest-nofollow"]},
		{destination: "/m/s", source: "'"$dir/source"'", options: ["bind", "copy-symlink"]}]'
	mkdir rootfs/m
	run ocirt run "$id"
	expect_status 0
	[[ $(grep -c '^/m/' <<<"$output") -ge $n ]]
}

@test "every capability that features lists is known" {
	bundle "$(args exit 5)"
	change ".process.capabilities.bounding = $("$OCIRT" features | jq -c .linux.capabilities)"
	run ocirt run "$id"
	expect_status 5
	expect_no_line unknown
}

@test "every name that features lists for seccomp is accepted" {
	local seccomp
	seccomp=$("$OCIRT" features | jq -c .linux.seccomp)
	bundle "$(args exit 5)"
	[[ $(jq '.operators | length' <<<"$seccomp") == 7 ]]
	[[ $(jq '.actions | length' <<<"$seccomp") == 9 ]]
	# The system call is one that nobody makes.
	change ".linux.seccomp = ($seccomp | {defaultAction: \"SCMP_ACT_ALLOW\", flags: .knownFlags,
		architectures: .archs, listenerPath: \"$dir/agent\", syscalls:
			([.actions[] | select(. != \"SCMP_ACT_NOTIFY\" and . != \"SCMP_ACT_ALLOW\") |
				{names: [\"kexec_load\"], action: ., args: [{index: 0, value: 1, op: \"SCMP_CMP_EQ\"}]}] +
			[.operators[] | {names: [\"swapoff\"], action: \"SCMP_ACT_ERRNO\",
				args: [{index: 5, value: 1, valueTwo: 1, op: .}]}])})"
	run ocirt run "$id"
	expect_status 5
}
