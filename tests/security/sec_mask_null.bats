#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2025-31133, CVE-2025-62161: what masks a file is the image's own /dev/null, which is something
# else.

load sec

bad_null() { # COMMAND...
	attacked '.mounts |= map(select(.destination | startswith("/dev") | not))' \
		'.linux.maskedPaths += ["/secret"]' "$(args cat /secret)"
	echo hidden >rootfs/secret
	rm -rf rootfs/dev
	mkdir rootfs/dev
	(cd rootfs/dev && "$@")
	run ocirt run "$id"
	expect_no_line hidden
	expect_decoy
	[[ $status -eq 0 && -z $output ]] || expect_refused
	rm -rf "$bundle"
}

@test "no kind of /dev/null in the image keeps a file from being masked" {
	bad_null ln -s /proc/sys/kernel/core_pattern null
	bad_null ln -s "$dir/host/secret" null
	bad_null ln -s /secret null
	bad_null touch null
	bad_null mkdir null
	bad_null mkfifo null
	bad_null mknod null c 1 5
	bad_null mknod null c 5 0
	bad_null mknod null b 1 3
	bad_null true
}

# ocirt where the host's /dev/null is another file.
with_host_null() { # FILE
	run unshare --mount --propagation private sh -c 'mount --bind "$1" /dev/null && shift && exec "$@"' sh \
		"$1" "$OCIRT" --root "$root" run "$id"
}

@test "a /dev/null of the host that is none is refused" {
	attacked '.linux.maskedPaths += ["/secret"]' "$(args cat /secret)"
	echo hidden >rootfs/secret
	with_host_null "$host/secret"
	expect_refused
	expect_line "/dev/null"
}

@test "a /dev/null that changes at any moment keeps no file from being masked" {
	local n
	need_stopper
	attacked '.mounts |= map(select(.destination | startswith("/dev") | not))' \
		".mounts += [{destination: \"/dev\", source: \"$dir/dev\", options: [\"bind\"]}]" \
		'.linux.maskedPaths += ["/secret"]' "$(args cat /secret)"
	echo hidden >rootfs/secret
	mkdir "$dir/dev"
	stopped -- run "$id"
	for n in $(sample 8); do
		rm -rf "${dir:?}/dev"
		mkdir "$dir/dev"
		stopped -n "$n" -s "rm -f $dir/dev/null; ln -s /proc/sys/kernel/core_pattern $dir/dev/null" -- run "$id"
		expect_no_line hidden
		[[ $status -eq 0 && -z $output ]] || expect_refused
	done
}

@test "the host's null device cannot be changed through what it masks" {
	local before
	attacked '.linux.maskedPaths += ["/secret"]' "$(args syscall chmod /secret 0640)"
	touch rootfs/secret
	# Another one in its place: what goes wrong here must not happen to everybody's.
	mknod -m 666 "$dir/null" c 1 3
	before=$(stat -c %a:%u:%g:%Y "$dir/null")
	with_host_null "$dir/null"
	[[ $(stat -c %a:%u:%g:%Y "$dir/null") == "$before" ]] || complain "the host's /dev/null was changed"
	expect_line EROFS
}

@test "what is masked can still be written to, for nothing" {
	attacked '.linux.maskedPaths += ["/secret"]' "$(args write /secret text)"
	touch rootfs/secret
	run ocirt run "$id"
	expect_status 0
	[[ ! -s rootfs/secret ]]
}
