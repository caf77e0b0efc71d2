#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# GHSA-3q8j-pf29-vwv8: a masked or read-only path that is looked up twice is protected in one place
# and changed in another.

load sec

# vol/ro and vol/mask can be exchanged for links by whoever shares the volume.
shared_volume() { # LINK-TARGET
	need_stopper
	attacked ".mounts += [{destination: \"/vol\", source: \"$dir/vol\", options: [\"bind\"]}]" \
		'.linux.readonlyPaths += ["/vol/ro"] | .linux.maskedPaths += ["/vol/mask"]' "$(args mounts)"
	cat >"$dir/swap" <<-EOF
		cd "$dir/vol" && for i in ro mask; do mv \$i .t; mv \$i.link \$i; mv .t \$i.link; done
	EOF
	link=$1
}

renew_volume() {
	rm -rf "$dir/vol"
	mkdir -p "$dir/vol/ro" "$dir/vol/mask"
	ln -s "$link" "$dir/vol/ro.link"
	ln -s "$link" "$dir/vol/mask.link"
}

# Every mount below /vol is one of the two, and read-only; nothing else has become so.
expect_protected() {
	local line
	[[ $status -eq 0 ]] || {
		expect_refused
		return
	}
	expect_line "/proc: options=rw"
	expect_line "/dev: options=rw"
	while read -r line; do
		[[ $line =~ ^/vol/(ro|mask)(.link)?:\ options=ro ]] || complain "mounted: $line"
	done < <(grep '^/vol/' <<<"$output")
}

@test "read-only and masked paths that change at any moment" {
	local n target
	for target in / /dev "$dir/host"; do
		shared_volume "$target"
		renew_volume
		stopped -e open_tree,move_mount,mount_setattr,openat2 -- run "$id"
		expect_status 0
		for n in $(sample 5); do
			renew_volume
			stopped -e open_tree,move_mount,mount_setattr,openat2 -n "$n" -s "sh $dir/swap" -- run "$id"
			expect_protected
			expect_decoy
		done
		rm -rf "$bundle" "$host"
	done
}

@test "a read-only path is never seen without its protection" {
	local n
	need_stopper
	attacked '.linux.readonlyPaths = ["/kept"]' '.root.readonly = false'
	mkdir rootfs/kept
	stopped -e move_mount -v -- run "$id"
	expect_status 0
	# Whatever has been mounted on it, at any moment, is read-only.
	stopped -n all -s "grep -s ' /kept ' /proc/\$STOP_PID/mountinfo >>$dir/seen" -- run "$id"
	expect_status 0
	[[ -s $dir/seen ]]
	awk '$6 !~ /^ro/ { exit 1 }' "$dir/seen" || complain "$(<"$dir/seen")"
}
