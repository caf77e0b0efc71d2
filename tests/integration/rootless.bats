#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Containers of an ordinary user. As root the tests make one, in files of /etc that only its processes
# see; as an ordinary user (tests/vm/run --user) they are that.

# shellcheck disable=SC2154
load helpers

prepare() {
	local above=$dir
	runtime=$dir/runtime root=$dir/runtime/ocirt
	mkdir -m 700 "$runtime"
	if [[ $(id -u) != 0 ]]; then
		uid=$(id -u) gid=$(id -g) first=$(sed -n "s/^$(id -un):\([0-9]*\):.*/\1/p" /etc/subuid)
		program=$OCIRT
		return
	fi
	uid=54321 gid=54321 first=7000000
	chown "$uid:$gid" "$runtime"
	while [[ $above == "${TMPDIR:-/tmp}"/* ]]; do # the way to it
		chmod o+x "$above"
		above=${above%/*}
	done
	program=$dir/ocirt
	install -m 755 "$OCIRT" "$program"
	mkdir "$dir/etc"
	{ cat /etc/passwd && echo "usual:x:$uid:$gid::/:/bin/sh"; } >"$dir/etc/passwd"
	{ cat /etc/group && echo "usual:x:$gid:" && echo "crew:x:54999:usual"; } >"$dir/etc/group"
	grants "usual:$first:65536"
}

# What /etc/subuid and /etc/subgid are to say.
grants() { # LINE...
	[[ $(id -u) == 0 ]] || skip "takes root, to have other subordinate ids"
	printf '%s\n' "$@" | tee "$dir/etc/subuid" >"$dir/etc/subgid"
}

as_user() { # COMMAND...
	if [[ $(id -u) != 0 ]]; then
		env XDG_RUNTIME_DIR="$runtime" "$@"
		return
	fi
	# shellcheck disable=SC2016
	unshare --mount --propagation private bash -c '
		for file in passwd group subuid subgid; do
			[[ -e /etc/$file ]] || : >"/etc/$file"
			mount --bind "$1/$file" "/etc/$file" || exit
		done
		shift
		exec setpriv --reuid "$1" --regid "$2" --init-groups --inh-caps=-all "${@:3}"' \
		bash "$dir/etc" "$uid" "$gid" env XDG_RUNTIME_DIR="$runtime" "$@"
}

ocirt() {
	as_user "$program" "$@"
}

need_newuidmap() {
	command -v newuidmap >/dev/null || skip "newuidmap is not installed (Debian: uidmap)"
}

user_bundle() { # FILTER...
	bundle "$@"
	[[ $(id -u) != 0 ]] || chown -R "$uid:$gid" "$bundle"
}

user_standing() { # FILTER...
	user_bundle "$(args sleep)" "$@"
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null || complain "$(<"$dir/out")"
	ocirt start "$id"
}

# A user namespace with these maps for users and groups: INSIDE OUTSIDE SIZE...
maps() {
	local list='' inside outside size
	while (($#)); do
		inside=$1 outside=$2 size=$3
		shift 3
		list+="{containerID: $inside, hostID: $outside, size: $size}, "
	done
	printf '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [%s] | .linux.gidMappings = .linux.uidMappings' "${list%, }"
}

# A hierarchy below which the user may make directories is there only where somebody has seen to it.
delegated() {
	local own
	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	[[ $(id -u) != 0 && -w /sys/fs/cgroup$own/cgroup.procs ]]
}

@test "an ordinary user's container gets a user namespace, with its subordinate ids" {
	need_newuidmap
	user_bundle
	demo cat /proc/self/uid_map
	expect_status 0
	[[ $(xargs <<<"$output") == "0 $uid 1 1 $first 65536" ]] || complain "other ids"
	demo cat /proc/self/gid_map
	[[ $(xargs <<<"$output") == "0 $gid 1 1 $first 65536" ]] || complain "other ids"
	demo ids
	expect_fact uid 0
	expect_fact gid 0
}

@test "all ranges of a user are used, by name and by number, and nobody else's" {
	need_newuidmap
	grants "other:1:9" "usual:7000000:10" "usually:1:9" "# usual:1:9" "54321:8000000:20" "usual:x:9" \
		"usual:9000000:0"
	user_bundle
	demo cat /proc/self/uid_map
	[[ $(xargs <<<"$output") == "0 54321 1 1 7000000 10 11 8000000 20" ]] || complain "other ids"
}

@test "every command knows that the namespace is there" {
	user_standing
	run ocirt exec "$id" /bin/demo namespaces
	expect_fact namespace.user "$(as_user readlink "/proc/$(pid_of "$id")/ns/user")"
	run ocirt exec "$id" /bin/demo ids
	expect_fact uid 0
	run ocirt ps --format json "$id"
	if delegated; then
		[[ $output == *$(pid_of "$id")* ]]
	else
		expect_status 1
		expect_line "its first process is $(pid_of "$id")"
	fi
	run ocirt list
	expect_line running
	ocirt kill "$id" KILL
	await eval '[[ $(status_of "$id") == stopped ]]'
	ocirt delete "$id"
}

@test "root's exec is in the user's namespace, too" {
	[[ $(id -u) == 0 ]] || skip "takes root"
	user_standing
	run "$OCIRT" --root "$root" exec "$id" /bin/demo cat /proc/self/uid_map
	expect_status 0
	expect_line "54321"
}

@test "the state is below XDG_RUNTIME_DIR, with the sticky bit, and nobody else's" {
	user_standing
	[[ $(stat -c %a:%u "$root") == "1700:$uid" ]]
	[[ -d $root/$id ]]
	[[ $(id -u) == 0 ]] || return 0
	run setpriv --reuid $((uid + 1)) --clear-groups "$program" --root "$root" list
	expect_status 1
	expect_line "cannot open the state directory '$root': Permission denied"
}

@test "files belong to the user when root inside makes them, else to a subordinate id" {
	need_newuidmap
	user_bundle '.root.readonly = false' '.process.capabilities |= map_values(. + ["CAP_CHOWN"])'
	demo write /tmp/file text
	expect_status 0
	[[ $(stat -c %u:%g rootfs/tmp/file) == "$uid:$gid" ]]
	change '.process.user = {uid: 7, gid: 8}'
	chmod 777 rootfs/tmp
	demo write /tmp/other text
	expect_status 0
	[[ $(stat -c %u:%g rootfs/tmp/other) == "$((first + 6)):$((first + 7))" ]]
	as_user unshare --user --map-auto --map-root-user rm rootfs/tmp/other || rm rootfs/tmp/other
}

@test "without subordinate ids only the user itself is mapped, and setgroups is denied" {
	grants "other:7000000:65536"
	user_bundle
	demo cat /proc/self/uid_map
	expect_status 0
	[[ $(xargs <<<"$output") == "0 54321 1" ]] || complain "other ids"
	demo cat /proc/self/setgroups
	[[ $output == deny ]]
	change '.process.user = {uid: 5, gid: 5}'
	demo ids
	expect_status 1
	expect_line "process.user.uid: 5 is not mapped in linux.uidMappings"
}

@test "ranges that are not granted: newuidmap's own words, and one id instead" {
	need_newuidmap
	user_bundle "$(maps 0 "$uid" 1 1 100 50)"
	demo cat /proc/self/uid_map
	expect_status 0
	expect_line "warning: linux.uidMappings: "
	expect_line "newuidmap: "
	expect_line "only container id 0 is mapped, to $uid"
	[[ $(tail -n 1 <<<"$output" | xargs) == "0 $uid 1" ]]
}

@test "ranges without the user itself that are not granted are an error" {
	need_newuidmap
	user_bundle "$(maps 0 100 50)"
	demo ids
	expect_status 1
	expect_line "linux.uidMappings: "
	expect_line "newuidmap: "
	expect_line "hint: the uids that a user may map are in /etc/subuid"
	expect_no_container "$id"
}

@test "without newuidmap one id is mapped, and the package is named" {
	user_bundle "$(maps 0 "$uid" 1 1 "$first" 50)" "$(args cat /proc/self/uid_map)"
	run as_user env PATH=/nowhere "$program" run "$id"
	expect_status 0
	expect_line "linux.uidMappings: newuidmap is not in PATH; only container id 0 is mapped"
	change "$(maps 0 "$first" 50) | .linux.namespaces |= unique"
	run as_user env PATH=/nowhere "$program" run "$id"
	expect_status 1
	expect_line "package 'uidmap'"
}

@test "a second container joins the user namespace of the first" {
	user_standing
	local pid
	pid=$(pid_of "$id")
	jq "$(args namespaces) | .linux.namespaces += [{type: \"user\", path: \"/proc/$pid/ns/user\"}]
		| .linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$pid/ns/net\" else . end)" \
		config.json >second.json
	run ocirt run --config second.json "$id-2"
	expect_status 0
	expect_fact namespace.user "$(as_user readlink "/proc/$pid/ns/user")"
	expect_fact namespace.net "$(as_user readlink "/proc/$pid/ns/net")"
}

@test "the user's groups go, unless the annotation keeps them" {
	[[ $(id -u) == 0 ]] || skip "takes root, to be in a group"
	need_newuidmap
	mkdir -m 770 "$dir/crew"
	echo words >"$dir/crew/file"
	chown -R root:54999 "$dir/crew"
	user_bundle ".mounts += [{destination: \"/crew\", source: \"$dir/crew\", options: [\"bind\"]}]"
	mkdir rootfs/crew
	demo cat /crew/file
	expect_status 1
	change '.annotations = {"run.oci.keep_original_groups": "1"}'
	demo cat /crew/file
	expect_status 0
	[[ $output == words ]]
	# A second program, too.
	change "$(args sleep)"
	ocirt create "$id" >/dev/null 2>&1 </dev/null
	ocirt start "$id"
	run ocirt exec "$id" /bin/demo cat /crew/file
	[[ $output == words ]]
}

@test "the source of a bind that only the user may enter, for another user inside" {
	need_newuidmap
	mkdir -p "$dir/closed/data"
	echo words >"$dir/closed/data/file"
	[[ $(id -u) != 0 ]] || chown -R "$uid:$gid" "$dir/closed"
	chmod 700 "$dir/closed"
	user_bundle ".mounts += [{destination: \"/data\", source: \"$dir/closed/data\", options: [\"rbind\", \"ro\"]}]" \
		'.process.user = {uid: 7, gid: 8}'
	mkdir rootfs/data
	demo cat /data/file
	expect_status 0
	[[ $output == words ]]
}

@test "an idmapped mount of the host's files is refused, with the reason" {
	mkdir "$dir/data"
	user_bundle ".mounts += [{destination: \"/data\", source: \"$dir/data\", options: [\"bind\", \"idmap\"]}]"
	mkdir rootfs/data
	demo ids
	expect_status 1
	expect_line "mounts[7].source: "
	expect_line "hint: to map the ids of its files takes CAP_SYS_ADMIN on the host"
	expect_no_container "$id"
}

@test "cgroups: a limit that cannot be set is an error that says how it could be" {
	! delegated || skip "cgroups are delegated here"
	user_bundle '.linux.resources = {pids: {limit: 20}}'
	demo ids
	expect_status 1
	expect_line "pids"
	expect_line "hint: "
	expect_line "delegate"
	expect_no_container "$id"
	run as_user "$program" --rootless=false run "$id"
	expect_status 1
}

@test "cgroups: without limits none is needed, and pause says what it lacks" {
	! delegated || skip "cgroups are delegated here"
	user_standing
	run ocirt pause "$id"
	expect_status 1
	expect_line "the user that made the container may not make cgroups"
}

# bats test_tags=vm
@test "cgroups: where they are delegated, limits hold, without systemd" {
	delegated || skip "no cgroup is delegated to the user here: tests/vm/run --user"
	user_standing '.linux.resources = {pids: {limit: 20}}' '.linux.cgroupsPath = null | del(.linux.cgroupsPath)'
	local at
	at=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of "$id")/cgroup")
	[[ $(<"$at/pids.max") == 20 ]]
	ocirt pause "$id"
	[[ $(status_of "$id") == paused ]]
	ocirt resume "$id"
}

@test "what spec --rootless writes runs as it is" {
	user_bundle
	rm config.json
	ocirt spec --rootless
	change '.process.terminal = false' "$(args ids)"
	change "$(args ids) | .process.terminal = false"
	run ocirt run "$id"
	expect_status 0
	expect_fact uid 0
}

# Root of a user namespace that somebody else has made, as inside of another container; there is no
# second one.
nested() { # COMMAND...
	as_user unshare --user --map-root-user --mount "$@"
}

@test "nested: root of a user namespace with one id, where setgroups is denied" {
	user_bundle
	run nested "$program" --root "$root" run "$id"
	expect_status 0
	expect_line "uid: 0"
	change "$(args namespaces)"
	run nested "$program" --root "$root" run "$id"
	[[ $(fact namespace.user) != "$(readlink /proc/self/ns/user)" ]]
}

@test "nested: a user namespace to join that is the present one" {
	user_bundle "$(args ids)" '.linux.namespaces += [{type: "user", path: "/proc/self/ns/user"}]'
	run nested "$program" --root "$root" run "$id"
	expect_status 0
	expect_fact uid 0
}

@test "nested: where parts of /proc are hidden, it is said what to do" {
	user_bundle "$(args mounts /proc)"
	# The kernel counts what is hidden once it cannot be undone: one user namespace further in.
	# shellcheck disable=SC2016
	local hide='mount --bind /dev/null /proc/uptime && exec unshare --user --map-root-user --mount "$@"'
	run nested sh -c "$hide" sh "$program" --root "$root" run "$id"
	expect_status 1
	expect_line "mounts[0]: cannot mount a proc: "
	expect_line "unmask=ALL"
	# With the pid namespace of the outer one there is nothing new to show.
	change '.linux.namespaces |= map(select(.type != "pid"))'
	run nested sh -c "$hide" sh "$program" --root "$root" run "$id"
	expect_status 0
	expect_line "type=proc"
	expect_line "options=ro"
}

@test "layers over the root, forgotten and kept, are the user's" {
	grep -qw overlay /proc/filesystems || skip "this kernel has no overlayfs"
	user_bundle "$(args write /made text)" '.root.readonly = false'
	as_user mkdir "$runtime/kept"
	run ocirt run --overlay --bundle "$bundle" "$id" </dev/null
	expect_status 0
	run ocirt run --overlay-upper "$runtime/kept" --bundle "$bundle" "$id" </dev/null
	expect_status 0
	[[ $(stat -c %u "$runtime/kept/upper/made") == "$uid" && ! -e $bundle/rootfs/made ]]
}

@test "an init that stays can be told apart, entered and ended" {
	user_bundle "$(args sleep)"
	ocirt create --init --bundle "$bundle" "$id" >"$dir/out" 2>&1 </dev/null
	[[ $(status_of "$id") == created ]]
	ocirt start "$id"
	[[ $(status_of "$id") == running ]]
	run ocirt exec "$id" /bin/demo cat /proc/1/cmdline
	expect_line ocirt-init
	ocirt kill "$id" TERM
	await has_status "$id" stopped
}

has_status() { # ID STATUS
	[[ $(status_of "$1") == "$2" ]]
}
