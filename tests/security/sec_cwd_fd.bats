#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2024-21626: a working directory, or a program, that is reached through a descriptor of the runtime.

load sec

# It did not start, or where it is, is inside: then / has the mark of the image.
expect_inside() {
	[[ $status -ne 0 ]] || expect_line "the program ran"
	expect_no_line decoy
}

@test "no descriptor of the runtime is a working directory" {
	local n by
	attacked "$(args cat ran)"
	ln -s /proc/self/fd rootfs/link
	for n in {3..12}; do
		for by in "/proc/self/fd/$n" "/proc/1/fd/$n" "/proc/thread-self/fd/$n" "/link/$n"; do
			change ".process.cwd = \"$by\""
			run ocirt run "$id"
			expect_inside
		done
	done
}

@test "nor of one that enters by exec" {
	local n
	decoy
	standing
	ln -s /proc/self/fd rootfs/link 2>/dev/null || :
	for n in {3..12}; do
		run ocirt exec --cwd "/proc/self/fd/$n" "$id" /bin/demo cwd 3<&-
		[[ $status -ne 0 ]] || expect_fact cwd /
		run ocirt exec --cwd "/link/$n/" "$id" /bin/demo cwd 3<&-
		[[ $status -ne 0 ]] || expect_fact cwd /
	done
}

@test "a directory that is preserved is no working directory" {
	attacked '.process.cwd = "/proc/self/fd/3"'
	run ocirt run --preserve-fds 1 "$id" 3<"$host"
	expect_refused
	rm -rf "$bundle"
	standing
	run ocirt exec --preserve-fds 1 --cwd /proc/self/fd/3 "$id" /bin/demo ls . 3<"$host"
	[[ $status -ne 0 ]]
	# Who enters the directory is in no pid namespace of this procfs yet: it has no "self" for it.
	expect_line "process.cwd: cannot enter '/proc/self/fd/3'"
	run ocirt exec --preserve-fds 1 --cwd /proc/self/fd/3/proc "$id" /bin/demo ls . 3<"$host"
	[[ $status -ne 0 ]]
}

@test "a program or a missing working directory is not made or found through a descriptor" {
	attacked '.process.cwd = "/proc/self/fd/3/new"'
	run ocirt run --preserve-fds 1 "$id" 3<"$host"
	expect_refused
}

# /bin/evil leads to a program outside by the N-th descriptor: as a link, and as an interpreter.
evil() { # N HOW
	local out=/proc/self/fd/$1/../..$host/demo
	rm -f rootfs/bin/evil
	case $2 in
	link) ln -s "$out" rootfs/bin/evil ;;
	interpreter) printf '#!%s\n' "$out" >rootfs/bin/evil && chmod +x rootfs/bin/evil ;;
	esac
}

@test "no program or hook is found through a descriptor of the runtime" {
	local n how
	attacked
	cp rootfs/bin/demo "$host/demo"
	decoy_before=$(decoy_sum)
	for how in link interpreter; do
		for n in {3..12}; do
			evil "$n" $how
			change '.process.args = ["/bin/evil", "all"] | del(.hooks, .annotations)'
			run ocirt run "$id"
			expect_refused
			change '.annotations = {"org.ocirt.init": "true"}'
			run ocirt run "$id"
			expect_refused
			change "$(args exit 0)"' | .hooks.startContainer = [{path: "/bin/evil", args: ["evil", "exit", "0"]}]'
			run ocirt run "$id"
			expect_refused
		done
	done
}

@test "nor of one that enters by exec, with and without a pid namespace" {
	local n how namespaces
	for namespaces in . '.linux.namespaces |= map(select(.type != "pid"))'; do
		attacked "$(args sleep)" "$namespaces" '.root.readonly = false'
		cp rootfs/bin/demo "$host/demo"
		decoy_before=$(decoy_sum)
		ocirt create "$id" </dev/null >"$dir/out" 2>&1
		ocirt start "$id"
		for how in link interpreter; do
			for n in {3..12}; do
				evil "$n" $how
				run ocirt exec "$id" /bin/evil env
				[[ $status -ne 0 ]] || complain "by descriptor $n, $how"
				expect_no_line "SAYS="
			done
		done
		ocirt delete --force "$id"
		rm -rf "$bundle" "$host"
	done
}

# bats test_tags=ocirt
@test "when paths of the image are followed, no directory is open but its root" {
	local init
	need_stopper
	for init in true false; do
		attacked ".annotations = {\"org.ocirt.init\": \"$init\"} | .linux.namespaces += [{type: \"user\"}]" \
			'.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings' \
			'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "exit", "0"]}]' \
			'.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]' \
			'.process.cwd = "/data" | .root.readonly = false'
		cat >"$dir/look" <<-EOF
			[ "\$STOP_CALL \$STOP_PATH" != "chdir /" ] || exit 0
			[ "\$(readlink /proc/\$STOP_PID/ns/pid)" != "\$(readlink /proc/\$\$/ns/pid)" ] || exit 0
			root=\$(stat -Lc %d:%i /proc/\$STOP_PID/root)
			echo "\$STOP_CALL" >>"$dir/seen"
			for fd in /proc/\$STOP_PID/fd/*; do
				[ ! -d \$fd ] || [ "\$(stat -Lc %d:%i \$fd)" = "\$root" ] ||
					echo "\$STOP_CALL \$STOP_PATH: \$(ls -l \$fd)" >>"$dir/wrong"
			done
		EOF
		stopped -n all -s "sh $dir/look" -e chdir,execve -- run --overlay "$id"
		expect_status 0
		rm -rf "$bundle" "$host"
	done
	grep -q execve "$dir/seen" && grep -q chdir "$dir/seen"
	[[ ! -e $dir/wrong ]] || complain "$(<"$dir/wrong")"
}
