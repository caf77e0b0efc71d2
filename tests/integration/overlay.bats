#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# Layers over the root: --overlay, --overlay-upper, --overlay-lower and their annotations. Mounts of type
# overlay are in mounts.bats.

load helpers
load life

prepare() {
	grep -qw overlay /proc/filesystems || modprobe -q overlay || skip "this kernel has no overlayfs"
	mkdir "$dir/kept" "$dir/low" "$dir/lower"
}

writable='.root.readonly = false'

# All files of the image with what is in them.
image() {
	find "$bundle/rootfs" -printf '%P %y %m %U %G %s %T@\n' | sort
}

# Run the demo program with these options: with OPTION... -- ARGUMENT...
with() {
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	change "$(args "$@")"
	run ocirt run "${options[@]}" "$id" </dev/null
}

@test "what is written to an overlay is seen inside and forgotten" {
	local before
	bundle "$writable"
	echo image >rootfs/etc/motd
	change "$(args sleep)"
	before=$(image)
	ocirt create --overlay "$id" </dev/null >"$dir/out" 2>&1
	ocirt exec "$id" /bin/demo write /etc/motd changed
	ocirt exec "$id" /bin/demo mkdir /directory
	run ocirt exec "$id" /bin/demo cat /etc/motd
	expect_line changed
	ocirt delete --force "$id"
	[[ $(image) == "$before" ]]
}

@test "the overlay is in no mount table of the host" {
	standing "$writable"
	ocirt delete --force "$id"
	local before
	before=$(sort /proc/self/mountinfo)
	ocirt create --overlay "$id" </dev/null >"$dir/out" 2>&1
	[[ $(sort /proc/self/mountinfo) == "$before" ]]
	run ocirt exec "$id" /bin/demo mounts /
	expect_line "type=overlay"
	# Of the tmpfs beneath it nothing is seen inside either.
	run ocirt exec "$id" /bin/demo mounts
	[[ $(grep -c '^/: ' <<<"$output") == 1 ]]
}

@test "an upper layer that is kept has what the next container finds" {
	bundle "$writable"
	with --overlay-upper "$dir/kept" -- write /made text
	expect_status 0
	[[ $(<"$dir/kept/upper/made") == text && ! -e $bundle/rootfs/made ]]
	with --overlay-upper "$dir/kept" -- cat /made
	expect_status 0
	expect_line text
	# It can be told from what the caller's directory is called, too.
	cd "$dir"
	run ocirt run --bundle "$bundle" --overlay-upper kept "$id" </dev/null
	expect_line text
}

@test "a file that is removed inside is there in the image and gone in the kept layer" {
	bundle "$writable"
	echo image >"$bundle/rootfs/etc/motd"
	with --overlay-upper "$dir/kept" -- rm /etc/motd
	expect_status 0
	[[ $(<"$bundle/rootfs/etc/motd") == image ]]
	[[ $(stat -c '%F %t:%T' "$dir/kept/upper/etc/motd") == "character special file 0:0" ]]
	with --overlay-upper "$dir/kept" -- cat /etc/motd
	expect_line ENOENT
}

@test "the uppermost of several lower layers has the file" {
	bundle "$writable"
	echo first >"$dir/low/file"
	echo second >"$dir/lower/file"
	echo only here >"$dir/lower/other"
	with --overlay-lower "$dir/low" --overlay-lower "$dir/lower" -- cat /file
	expect_line first
	with --overlay-lower "$dir/lower" --overlay-lower "$dir/low" -- cat /file
	expect_line second
	with --overlay-lower "$dir/low" --overlay-lower "$dir/lower" -- cat /other
	expect_line "only here"
	with --overlay-lower "$dir/low" -- write /bin/new x
	expect_status 0
	[[ -z $(find "$dir/low" -name new) ]]
}

@test "paths of layers may have any character" {
	local odd="$dir/lo:w,er\\ =\"x"
	mkdir "$odd"
	echo odd >"$odd/file"
	bundle "$writable"
	with --overlay-lower "$odd" --overlay-lower "$dir/low" -- cat /file
	expect_line odd
	mkdir "$dir/up:p,er"
	with --overlay-upper "$dir/up:p,er" -- write /x y
	expect_status 0
	[[ -e $dir/up:p,er/upper/x ]]
}

@test "forty layers are as good as two" {
	local i options=()
	for i in {1..40}; do
		mkdir "$dir/low/$i"
		echo "$i" >"$dir/low/$i/file$i"
		options+=(--overlay-lower "$dir/low/$i")
	done
	bundle "$writable"
	with "${options[@]}" -- cat /file40
	[[ $output != *"this kernel takes about 14 layers"* ]] || skip "$output"
	expect_line 40
}

@test "the annotations say the same, with paths below the bundle" {
	bundle "$writable" '.annotations = {"org.ocirt.overlay.upper": "changes", "org.ocirt.overlay.lower": "one:two"}' \
		"$(args write /made text)"
	mkdir changes one two
	echo one >one/file
	ocirt run "$id" </dev/null
	[[ $(<changes/upper/made) == text ]]
	change "$(args cat /file)"
	run ocirt run "$id" </dev/null
	expect_line one
}

@test "the options are annotations for state and for hooks" {
	bundle "$(args sleep)" "$(sh_hook createRuntime "cat >$dir/hook")"
	ocirt create --overlay-upper "$dir/kept" "$id" </dev/null >"$dir/out" 2>&1
	[[ $(ocirt state "$id" | jq -r '.annotations["org.ocirt.overlay.upper"]') == "$dir/kept" ]]
	[[ $(jq -r '.annotations["org.ocirt.overlay.upper"]' "$dir/hook") == "$dir/kept" ]]
}

@test "a read-only root with an overlay takes mount points and nothing else" {
	bundle '.root.readonly = true' \
		'.mounts += [{"destination": "/not/there", "type": "tmpfs", "source": "tmpfs"}]'
	with --overlay -- write /file x
	expect_status 1
	expect_line EROFS
	with --overlay -- write /not/there/file x
	expect_status 0
	[[ ! -e rootfs/not ]]
}

@test "the root directory has the mode and owner of the image's" {
	bundle "$writable"
	chmod 2751 rootfs
	chown 7:9 rootfs
	for option in --overlay "--overlay-upper=$dir/kept"; do
		with "$option" -- stat /
		expect_fact mode 2751
		expect_fact uid 7
		expect_fact gid 9
	done
}

@test "what the mount of the image forbids, the overlay forbids, too" {
	bundle "$writable"
	mkdir "$dir/restricted"
	mount --bind rootfs "$dir/restricted"
	mount -o remount,bind,nosuid,nodev "$dir/restricted"
	change ".root.path = \"$dir/restricted\""
	with --overlay -- mounts /
	umount "$dir/restricted"
	expect_line "nosuid,nodev"
}

@test "exec sees the overlay" {
	bundle "$writable" "$(args sleep)"
	ocirt create --overlay "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	ocirt exec "$id" /bin/demo write /made text
	run ocirt exec "$id" /bin/demo cat /made
	expect_line text
	[[ ! -e rootfs/made ]]
}

@test "layers as an engine has them: image, what differs per container, what is written" {
	local name
	bundle '.root.readonly = false'
	mkdir -p "$dir/init/etc"
	for name in hosts hostname resolv.conf; do
		: >"$dir/init/etc/$name" # the engine's layer: what is bound needs a place
		echo "$name of this container" >"$dir/$name"
		change ".mounts += [{\"destination\": \"/etc/$name\", \"source\": \"$dir/$name\", \"options\": [\"bind\"]}]"
	done
	with --overlay-lower "$dir/init" --overlay-upper "$dir/kept" -- cat /etc/resolv.conf
	expect_line "resolv.conf of this container"
	with --overlay-lower "$dir/init" --overlay-upper "$dir/kept" -- write /etc/hosts changed
	expect_status 0
	# It went through the bind; neither the image nor a layer has anything of it.
	[[ $(<"$dir/hosts") == changed && ! -s $dir/init/etc/hosts ]]
	[[ ! -e rootfs/etc/hosts && ! -e $dir/kept/upper/etc/hosts ]]
}

# --- user namespaces ------------------------------------------------------------------------------

mapped='.linux.namespaces += [{"type": "user"}] |
	.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
	.linux.gidMappings = .linux.uidMappings'

@test "with a user namespace root inside writes to it, though the image is another's" {
	bundle "$writable" "$mapped"
	chmod 755 "$dir" "${BATS_TEST_TMPDIR:-$dir}"
	with --overlay -- write /made text
	expect_status 0
	with --overlay-upper "$dir/kept" -- write /made text
	expect_status 0
	[[ $(stat -c '%u %g' "$dir/kept/upper/made") == "100000 100000" ]]
	with --overlay-upper "$dir/kept" -- cat /made
	expect_line text
}

@test "a directory can be removed and made again in a user namespace" {
	bundle "$writable" "$mapped"
	chmod 755 "$dir" "${BATS_TEST_TMPDIR:-$dir}"
	mkdir rootfs/empty
	with --overlay-upper "$dir/kept" -- rm /empty
	expect_status 0
	with --overlay-upper "$dir/kept" -- mkdir /empty
	expect_status 0
	[[ -z $(getfattr -d -m trusted.overlay "$dir/kept/upper/empty" 2>/dev/null) ]]
}

# --- what is wrong --------------------------------------------------------------------------------

@test "a layer that is not there, or no directory, is named" {
	bundle "$writable"
	run ocirt run --overlay-lower "$dir/missing" "$id"
	expect_line "--overlay-lower: '$dir/missing': No such file or directory"
	run ocirt run --overlay-upper "$dir/missing" "$id"
	expect_line "--overlay-upper: '$dir/missing': No such file or directory"
	change '.annotations = {"org.ocirt.overlay.lower": "missing"}'
	expect_refused "annotations[\"org.ocirt.overlay.lower\"]: cannot open '$bundle/missing': No such file or directory"
	change '.annotations = {"org.ocirt.overlay.lower": "config.json"}'
	expect_refused "annotations[\"org.ocirt.overlay.lower\"]: cannot open '$bundle/config.json': Not a directory"
	change '.annotations = {"org.ocirt.overlay.upper": "missing"}'
	expect_refused "annotations[\"org.ocirt.overlay.upper\"]: cannot make '$bundle/missing/upper'"
}

@test "a lower layer inside of the upper one is refused, with the reason" {
	bundle "$writable"
	mkdir -p "$dir/kept/upper/inside"
	run ocirt run --overlay-upper "$dir/kept" --overlay-lower "$dir/kept/upper/inside" "$id" </dev/null
	expect_status 1
	expect_line "cannot put an overlay over the root"
	expect_line "one of the layers is inside of another"
	expect_no_container "$id"
}

@test "without a mount namespace there are no layers" {
	bundle '.linux.namespaces |= map(select(.type != "mount"))' 'del(.mounts, .linux.maskedPaths, .linux.readonlyPaths)' \
		'.root = {"path": "/"}' '.annotations = {"org.ocirt.overlay.upper": "tmpfs"}'
	expect_refused 'annotations["org.ocirt.overlay.upper"]: is given, but there is no mount namespace'
}
