#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2016-9962, bubblewrap CVE-2016-8659: a process that enters a container is seen by those inside
# before it has let go of the host. Not dumpable, it shows them nothing, unless they have
# CAP_SYS_PTRACE: then it must have nothing to show. So this looks, at every stop, at what anybody in
# the same pid namespace could reach.

load sec

every_call=setns,prctl,capset,execve,execveat,getcwd,setresuid

# What each process of the container's pid namespace has at this moment. A process that shares the
# memory of the runtime, until its execveat, has its descriptors, too.
look_inside() { # PID
	cat >"$dir/look" <<-EOF
		first=$1
		root=\$(stat -Lc %d:%i /proc/\$first/root)
		for p in \$(pgrep --ns \$first --nslist pid); do
			[ \$p != \$first ] || continue
			p=/proc/\$p
			echo "\$STOP_CALL \$p" >>"$dir/seen"
			[ "\$(stat -Lc %d:%i \$p/root)" = "\$root" ] || echo "\$STOP_CALL \$p/root" >>"$dir/wrong"
			[ "\$(readlink \$p/ns/mnt)" = "\$(readlink /proc/\$first/ns/mnt)" ] ||
				echo "\$STOP_CALL \$p/ns/mnt" >>"$dir/wrong"
			case \$STOP_CALL in execveat | prctl) continue ;; esac
			# The host's procfs is masked by nothing.
			for fd in \$p/fd/*; do
				[ ! -e \$fd/sysrq-trigger ] && [ ! -e \$fd/sys/kernel/core_pattern ] && [ ! -e \$fd/etc/shadow ] ||
					echo "\$STOP_CALL \$(readlink \$fd)" >>"$dir/wrong"
			done
		done
	EOF
}

@test "a process that enters has nothing of the host as soon as it can be seen inside" {
	need_stopper
	standing
	look_inside "$(pid_of "$id")"
	stopped -n all -s "sh $dir/look" -e "$every_call" -- exec "$id" /bin/demo exit 0
	expect_status 0
	[[ $(wc -l <"$dir/seen") -gt 5 ]]
	[[ ! -e $dir/wrong ]] || complain "$(<"$dir/wrong")"
}

@test "the same with a user namespace" {
	need_stopper
	standing '.linux.namespaces += [{type: "user"}]' \
		'.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]' \
		'.linux.gidMappings = .linux.uidMappings'
	look_inside "$(pid_of "$id")"
	stopped -n all -s "sh $dir/look" -e "$every_call" -- exec "$id" /bin/demo exit 0
	expect_status 0
	[[ ! -e $dir/wrong ]] || complain "$(<"$dir/wrong")"
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
	# At the first one, prctl(PR_SET_DUMPABLE), the change of ids has just been.
	[[ $(tail -n +2 "$dir/owner" | sort -u) == 0 ]] || complain "$(<"$dir/owner")"
	ocirt delete --force "$id"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	[[ $(of_status "$(pid_of "$id")" Uid) == 1000* ]]
	[[ $(stat -c %u "/proc/$(pid_of "$id")/environ") == 0 ]]
}
