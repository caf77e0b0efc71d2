#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2016-9962, bubblewrap CVE-2016-8659: a process that enters a container is seen by those inside
# before it has let go of the host. Not dumpable, it shows them nothing, unless they have CAP_SYS_PTRACE
# and no user namespace around them: then it must have nothing to show, no right that is not theirs, no
# descriptor, no memory of the runtime. So this looks, at every stop, at what anybody in the same pid
# namespace could reach.

load sec

every_call=setns,prctl,capset,execve,execveat,getcwd,setresuid,setsid,close_range

# What each process of the container's pid namespace has at this moment, other than the first one.
look_inside() { # PID
	cat >"$dir/look" <<-EOF
		first=$1
		root=\$(stat -Lc %d:%i /proc/\$first/root)
		bad() {
			echo "\$STOP_CALL \$*" >>"$dir/wrong"
		}
		for p in \$(pgrep --ns \$first --nslist pid); do
			[ \$p != \$first ] || continue
			p=/proc/\$p
			echo "\$STOP_CALL \$p" >>"$dir/seen"
			[ "\$(stat -Lc %d:%i \$p/root)" = "\$root" ] || bad root
			[ "\$(readlink \$p/ns/mnt)" = "\$(readlink /proc/\$first/ns/mnt)" ] || bad mount namespace
			[ "\$(grep ^Cap \$p/status)" = "\$(grep ^Cap /proc/\$first/status)" ] ||
				bad capabilities: \$(grep ^Cap \$p/status)
			[ "\$(grep ^Seccomp: \$p/status)" = "\$(grep ^Seccomp: /proc/\$first/status)" ] ||
				bad no filter
			[ "\$(stat -Lc %d:%i \$p/exe)" != "\$(stat -Lc %d:%i "$OCIRT")" ] || bad memory of the runtime
			for fd in \$p/fd/*; do
				case \$(readlink \$fd) in
				socket:* | pipe:* | /dev/null | $dir/* | /tmp/bats-run*) ;;
				*) [ "\$(stat -Lc %d:%i \$fd)" = "\$root" ] || bad descriptor: \$(readlink \$fd) ;;
				esac
			done
		done
	EOF
}

expect_nothing_to_take() { # FILTER...
	standing "$@"
	look_inside "$(pid_of "$id")"
	stopped -n all -s "sh $dir/look" -e "$every_call" -- exec "$id" /bin/demo exit 0
	expect_status 0
	[[ $(wc -l <"$dir/seen") -ge 2 ]]
	[[ ! -e $dir/wrong ]] || complain "$(<"$dir/wrong")"
	ocirt delete --force "$id"
	rm -rf "$bundle"
}

filter='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'

@test "a process that enters has nothing of the host as soon as it can be seen inside" {
	need_stopper
	expect_nothing_to_take
}

@test "the same without no_new_privs, with a filter, and with CAP_SYS_PTRACE" {
	need_stopper
	expect_nothing_to_take "$filter"
	expect_nothing_to_take "$filter" '.process.noNewPrivileges = false' \
		'.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
}

@test "the same with a user namespace" {
	need_stopper
	expect_nothing_to_take '.linux.namespaces += [{type: "user"}]' \
		'.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]' \
		'.linux.gidMappings = .linux.uidMappings'
}

# The same by somebody inside, with luck, as often as luck needs.
@test "whoever loops inside over all processes gets nothing of those that enter" {
	local n rounds=40
	[[ ${SECURITY_SWEEP-} != all ]] || rounds=500
	[[ -x $attacker_program ]] || skip "$attacker_program is not there: make check builds it"
	bundle '.process.args = ["/bin/attacker"]' '.process.noNewPrivileges = false' "$filter"
	cp "$attacker_program" rootfs/bin/attacker
	ocirt create "$id" >"$dir/taken" 2>&1 </dev/null
	ocirt start "$id"
	await grep -q waiting "$dir/taken"
	for ((n = 0; n < rounds; n++)); do
		run ocirt exec "$id" /bin/demo exit 0
		expect_status 0
	done
	ocirt kill "$id" TERM
	await grep -q '^seen' "$dir/taken"
	[[ $(sed -n 's/^seen //p' "$dir/taken") -gt 0 ]]
	run ! grep '^took' "$dir/taken"
}

@test "who has every capability but CAP_SYS_PTRACE may not even look at who enters" {
	need_stopper
	command -v setpriv >/dev/null || skip "setpriv is missing (Debian: apt install util-linux)"
	standing
	cat >"$dir/look" <<-EOF
		for p in \$(pgrep --ns $(pid_of "$id") --nslist pid); do
			[ \$p != $(pid_of "$id") ] || continue
			: >>"$dir/seen"
			! setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace readlink /proc/\$p/cwd || : >>"$dir/wrong"
		done
	EOF
	stopped -n all -s "sh $dir/look" -e setsid,execve -- exec "$id" /bin/demo exit 0
	expect_status 0
	[[ -e $dir/seen && ! -e $dir/wrong ]]
}

@test "who enters, and who waits for its start, is not dumpable" {
	need_stopper
	standing '.process.user = {uid: 1000, gid: 1000}'
	# Only root's then, although it is a process of uid 1000.
	cat >"$dir/look" <<-EOF
		[ "\$(readlink /proc/\$STOP_PID/ns/pid)" = "\$(readlink /proc/$(pid_of "$id")/ns/pid)" ] || exit 0
		grep -q '^Uid:.1000' /proc/\$STOP_PID/status || exit 0
		stat -c %u /proc/\$STOP_PID/environ >>"$dir/owner"
	EOF
	stopped -n all -s "sh $dir/look" -e capset,prctl,execve,close_range -- exec "$id" /bin/demo exit 0
	expect_status 0
	[[ $(sort -u "$dir/owner") == 0 ]] || complain "$(<"$dir/owner")"
	ocirt delete --force "$id"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	[[ $(of_status "$(pid_of "$id")" Uid) == 1000* ]]
	[[ $(stat -c %u "/proc/$(pid_of "$id")/environ") == 0 ]]
}
