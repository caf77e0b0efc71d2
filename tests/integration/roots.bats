#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Root file systems of people: a busybox one with its shell, and a whole Debian with a config.json
# as Podman writes it (tests/data/podman-config.json; "@...@" stands for what is the host's).

# What stands in single quotes is for the shell inside.
# shellcheck disable=SC2016

load helpers

# What is dear to make and good for many runs is kept outside of the tree.
cache=${XDG_CACHE_HOME:-/var/cache}/ocirt-tests
release=bookworm

# The words of a script, run by sh in the container.
script() { # TEXT
	jq -nr --arg text "$1" '".process.args = \(["/bin/sh", "-c", $text])"'
}

# --- busybox ---------------------------------------------------------------------------------

busybox_bundle() { # FILTER...
	local busybox name
	busybox=$(command -v busybox) || skip "no busybox: apt install busybox-static"
	run ldd "$busybox"
	((status != 0)) || skip "busybox is not static: apt install busybox-static"
	bundle "$@"
	cp "$busybox" rootfs/bin/busybox
	for name in sh cat echo id ls mkdir mount sleep true umount; do
		ln -s busybox "rootfs/bin/$name"
	done
}

@test "busybox: a shell and its pipes" {
	busybox_bundle "$(script 'echo "$((6 * 7)) $(id -u) $0"; ls / | cat; exit 4')"
	run ocirt run "$id"
	expect_status 4
	[[ ${lines[0]} == "42 0 /bin/sh" ]]
	[[ $output == *$'\nbin\ndev\netc\nproc\nsys\ntmp' ]]
}

@test "busybox: a script by its interpreter" {
	busybox_bundle '.process.args = ["/run-me", "now"]'
	printf '#!/bin/sh\necho "$0 $1"\n' >rootfs/run-me
	chmod 755 rootfs/run-me
	run ocirt run "$id"
	expect_status 0
	[[ $output == "/run-me now" ]]
}

@test "busybox: a script whose interpreter is missing says so" {
	busybox_bundle '.process.args = ["/run-me"]'
	printf '#!/bin/nothing\n' >rootfs/run-me
	chmod 755 rootfs/run-me
	run ocirt run "$id"
	expect_status 1
	expect_line "/run-me"
	expect_no_container "$id"
}

@test "busybox: children in the background are gone with the first process" {
	busybox_bundle "$(script 'sleep 1000 & sleep 1000 & echo started')"
	run ocirt run "$id"
	expect_status 0
	[[ $output == started ]]
}

@test "busybox: standard input is the caller's" {
	busybox_bundle "$(script 'cat; echo end')"
	run ocirt run "$id" <<<"from outside"
	[[ $output == $'from outside\nend' ]]
}

@test "busybox: exec beside the first process" {
	busybox_bundle "$(script 'sleep 1000')"
	ocirt create "$id" </dev/null >/dev/null 2>&1
	ocirt start "$id"
	run ocirt exec "$id" sh -c 'echo "$$"; exit 9'
	expect_status 9
	[[ $output -gt 1 ]]
}

@test "busybox: with rights to mount, mounts stay inside" {
	busybox_bundle '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])' \
		"$(script 'mount -t tmpfs none /tmp && echo >/tmp/file && ls /tmp')"
	run ocirt run "$id"
	[[ $output == file ]]
	[[ ! -e rootfs/tmp/file ]]
}

# --- Debian ----------------------------------------------------------------------------------

# A Debian root in $cache, made once. `lock` so that tests in parallel make one.
debian_root() {
	command -v debootstrap >/dev/null || skip "debootstrap is not installed"
	mkdir -p "$cache" 2>/dev/null || skip "cannot write to $cache"
	debian=$cache/$release
	local lock
	exec {lock}>"$cache/lock"
	flock "$lock"
	if [[ ! -e $debian/etc/debian_version ]]; then
		rm -rf --one-file-system "$debian.new"
		# What is no package of ours to mend is no failure of ours: no mirror, no network.
		timeout 300 debootstrap --variant=minbase "$release" "$debian.new" \
			>"$cache/log" 2>&1 3>&- {lock}>&- </dev/null || {
			exec {lock}>&-
			skip "debootstrap: $(tail -n1 "$cache/log")"
		}
		mv "$debian.new" "$debian"
	fi
	exec {lock}>&-
}

# Podman's configuration for that root, writable by an overlay.
podman_bundle() { # FILTER...
	local filter=.
	mkdir -p "$bundle"/{rootfs,volume,shm,upper,work}
	touch "$bundle"/{hosts,hostname,.containerenv}
	echo podhost >"$bundle/hostname"
	echo outside >"$bundle/volume/file"
	while (($#)); do
		filter+=" | $1"
		shift
	done
	jq --arg bundle "$bundle" --arg id "$id" 'walk(if type == "string" then
		gsub("@BUNDLE@"; $bundle) | gsub("@ROOTFS@"; "rootfs") | gsub("@ID@"; $id) |
		sub("^/libpod_parent/"; "/" + $id + "-parent/") else . end) | '"$filter" \
		"$BATS_TEST_DIRNAME/../data/podman-config.json" >"$bundle/config.json"
	cd "$bundle" || return 1
	mount -t overlay -o "lowerdir=$debian,upperdir=$bundle/upper,workdir=$bundle/work" overlay \
		"$bundle/rootfs"
	mounts_before=$((mounts_before + 1))
}

clean_up() {
	ocirt delete --force "$id" 2>/dev/null || :
	if mountpoint -q "$bundle/rootfs"; then
		umount "$bundle/rootfs"
		mounts_before=$((mounts_before - 1))
	fi
}

@test "Debian: Podman's configuration runs" {
	debian_root
	podman_bundle "$(script '. /etc/os-release; echo "$VERSION_CODENAME"; id -u; pwd; echo "$GREETING"
		cat /data/file; hostname; cat /etc/hostname; cat /proc/sys/net/ipv4/ip_forward; echo x >/new')"
	run ocirt run "$id"
	expect_status 0
	[[ $output == "$release"$'\n0\n/tmp\nhello\noutside\npodhost\npodhost\n1' ]]
	[[ -e upper/new ]]
}

@test "Debian: Podman's seccomp profile and capabilities" {
	debian_root
	podman_bundle "$(script 'grep -E "^(Seccomp|CapEff|NoNewPrivs):" /proc/self/status
		unshare -m true; mount -t tmpfs none /mnt; chroot / true && echo chrooted
		: >/data/file')"
	run ocirt run "$id"
	expect_line $'Seccomp:\t2'
	expect_line $'NoNewPrivs:\t0'
	expect_line "chrooted"
	expect_line "unshare: unshare failed: Operation not permitted"
	expect_line "mount: /mnt: permission denied"
	expect_line "/data/file: Read-only file system"
}

@test "Debian: programs with threads, and a dynamic linker" {
	debian_root
	podman_bundle "$(script 'perl -e "print join(q(,), map { \$_ * 2 } 1..3)"; dpkg --version | head -n1
		seq 200000 | sort --parallel=2 -nr -S 2M | head -n1')"
	run ocirt run "$id"
	expect_status 0
	expect_line "2,4,6"
	expect_line "200000"
}

@test "Debian: a login as another user" {
	debian_root
	podman_bundle "$(script 'id')" '.process.user = {"uid": 33, "gid": 33, "additionalGids": [33, 4]}' \
		'.process.env |= map(select(startswith("HOME=") | not))'
	run ocirt run "$id"
	expect_line "uid=33(www-data) gid=33(www-data) groups=33(www-data),4(adm)"
	change "$(script 'echo $HOME')"
	run ocirt run "$id"
	[[ $output == /var/www ]]
}

@test "Debian: su and setuid programs work without noNewPrivileges" {
	debian_root
	podman_bundle "$(script 'su -s /bin/sh www-data -c "id -un"')"
	run ocirt run "$id"
	expect_status 0
	expect_line www-data
}

@test "Debian: exec in a standing container" {
	debian_root
	podman_bundle "$(script 'sleep 1000')"
	ocirt create "$id" </dev/null >/dev/null 2>&1
	ocirt start "$id"
	run ocirt exec --env MORE=1 --cwd /usr "$id" bash -c 'echo "$MORE $PWD $(whoami)"; apt-config dump >/dev/null'
	expect_status 0
	[[ $output == "1 /usr root" ]]
	ocirt kill "$id" KILL
}
