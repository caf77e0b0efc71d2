#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2019-16884, -19921, CVE-2023-27561, -28642, CVE-2025-54867: an image whose /proc or /sys is
# something else redirects labels and sysctls, and what is masked is masked elsewhere.

load sec

# A bundle whose /proc or /sys is made by a command in the root file system.
image_with() { # COMMAND...
	attacked '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	rm -rf rootfs/proc rootfs/sys
	mkdir rootfs/x
	(cd rootfs && "$@")
	run ocirt run "$id"
}

@test "/proc and /sys that are links are refused: absolute, relative, inside, in a chain" {
	local what target
	for what in proc sys; do
		for target in "$dir/host/$what" ../../host/proc /x x ../../../../../..; do
			image_with ln -s "$target" $what
			expect_refused
			expect_line "symbolic link"
			[[ -z $(ls rootfs/x) ]]
			rm -rf "$bundle"
		done
	done
	image_with sh -c 'ln -s y proc; ln -s x y'
	expect_refused
}

# By somebody who shares the root file system. What was mounted already is at /link then.
renamed() { # NAME LINK-TARGET FILTER...
	need_stopper
	attacked '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .root.readonly = false' "${@:3}"
	name=$1 target=$2
	renew() {
		rm -rf "rootfs/$name" rootfs/link rootfs/.t
		mkdir -p "rootfs/$name" rootfs/x
		touch rootfs/x/version
		ln -s "$target" rootfs/link
	}
	sweep "$samples" "cd rootfs && mv $name .t && mv link $name && mv .t link"
	[[ -z $(find rootfs/x -type f -size +0) ]] || complain "written: $(find rootfs/x -type f)"
	rm -rf "$bundle" "$host"
}

@test "a /proc, /sys or /dev that becomes a link at any moment redirects nothing" {
	local name samples=4
	for name in proc sys dev; do
		renamed $name "$dir/host/$name" "$(args env)"
		renamed $name /x "$(args env)"
	done
}

@test "a /proc that is renamed at any moment is masked all the same" {
	local samples=12
	expect_safe() {
		expect_no_line "Linux version"
		expect_decoy
	}
	renamed proc /x "$(args cat /link/version)" '.linux.maskedPaths += ["/proc/version"]'
}

@test "/proc and /sys that are files or pipes are refused" {
	image_with touch proc
	expect_refused
	rm -rf "$bundle"
	image_with mkfifo sys
	expect_refused
}

@test "a volume on /proc or a part of it is refused, whatever it is" {
	local part whole='.mounts |= map(select(.destination | startswith("/proc/") | not) | select(.type != "bind"))'
	attacked '.mounts |= map(select(.destination != "/proc"))'
	change ".mounts += [{destination: \"/proc\", type: \"bind\", source: \"$host/proc\", options: [\"rbind\"]}]"
	run ocirt run "$id"
	expect_refused
	change '.mounts |= map(if .destination == "/proc" then .destination = "/proc/../proc/." else . end)'
	run ocirt run "$id"
	expect_refused
	for part in self self/attr 1 sys thread-self/attr/exec; do
		change "$whole | .mounts += [{destination: \"/proc/$part\", type: \"tmpfs\", source: \"tmpfs\"}]"
		run ocirt run "$id"
		expect_refused
	done
}

@test "a tmpfs on /proc gets nothing of what is written to procfs" {
	attacked '.linux.sysctl = {"net.ipv4.ip_forward": "1"}' '.process.oomScoreAdj = 500' \
		'(.mounts[] | select(.destination == "/proc")) |= {destination: "/proc", type: "tmpfs", source: "tmpfs"}' \
		"$(args ls /proc)"
	run ocirt run "$id"
	[[ $status -ne 0 ]] || [[ -z $output ]]
	expect_decoy
}
