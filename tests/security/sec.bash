# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# sec.bash -- what the tests of security share: a decoy that stands for the host, the stopper, and one
# look at everything that a container must not have.
#
#   $host   the decoy: what an attack would change or show. expect_decoy says whether it did.
#
# A sweep takes every stop with SECURITY_SWEEP=all; without it a sample, that begins elsewhere each day.

load ../integration/helpers

stopper_program=${STOPPER:-$(dirname "$OCIRT_DEMO")/tests/security/stopper}
attacker_program=$(dirname "$stopper_program")/attacker

# --- the decoy ----------------------------------------------------------------------------------

decoy() {
	local file
	host=$dir/host
	mkdir -p "$host"/{dev,proc/sys/kernel,etc}
	for file in dev/ptmx dev/console proc/sys/kernel/core_pattern proc/sysrq-trigger etc/passwd secret; do
		echo "decoy: $file" >"$host/$file"
	done
	decoy_before=$(decoy_sum)
}

decoy_sum() {
	find "$host" -printf '%P %y %m %U %G %s %l\n' | sort
	find "$host" -type f -exec sha256sum {} + | sort
}

expect_decoy() {
	local now
	now=$(decoy_sum)
	[[ $now == "$decoy_before" ]] ||
		complain "the decoy has changed: $(diff <(echo "$decoy_before") <(echo "$now"))"
}

# It was refused: the program did not run, nothing is left, the decoy is as before.
expect_refused() {
	[[ $status -ne 0 ]] || complain "it was not refused"
	[[ $status -lt 128 ]] || complain "it was killed"
	expect_no_line "the program ran"
	[[ ! -e $root/$id ]] || complain "the state directory is left" # of cgroups at the end of the test
	expect_decoy
}

# Either that, or all is well.
expect_safe() {
	[[ $status -eq 0 ]] || expect_refused
	expect_decoy
}

# The program of most of these tests: it ran if it says so.
ran=$(args cat /ran)

# A bundle, in it what says that the program ran, and the decoy.
attacked() { # FILTER...
	decoy
	bundle "$ran" "$@"
	echo "the program ran" >rootfs/ran
}

# --- the stopper --------------------------------------------------------------------------------

need_stopper() {
	[[ -x $stopper_program ]] || skip "$stopper_program is not there: make check builds it"
}

# Run the runtime under the stopper; the container's program, named demo, is let go.
stopped() { # STOPPER-OPTION... -- OCIRT-ARGUMENT...
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	run "$stopper_program" -l demo -o "$dir/report" "${options[@]}" -- "$OCIRT" --root "$root" "${@:2}" </dev/null
}

stops() {
	sed -n 's/^stops: //p' "$dir/report"
}

# The numbers of the stops that a sweep takes: COUNT of them, evenly, unless all are wanted.
sample() { # COUNT
	local all step
	all=$(stops)
	step=$((all / $1))
	[[ ${SECURITY_SWEEP-} != all && $step -gt 1 ]] || step=1
	seq $((1 + $(date +%j | sed 's/^0*//') % step)) "$step" "$all"
}

# --- images that lead elsewhere -----------------------------------------------------------------

# One for each kind of path that is gone in an image: what other tests attack one by one.
hostile_images=(proc sys dev target mask readonly console copy cwd plain)

hostile_image() { # KIND
	case $1 in
	proc | sys)
		attacked
		rm -rf "rootfs/$1"
		ln -s "$host/proc" "rootfs/$1"
		;;
	dev)
		attacked '.mounts |= map(select(.destination | startswith("/dev") | not))'
		rm -rf rootfs/dev
		ln -s ../../host/dev rootfs/dev
		;;
	target)
		attacked '.mounts += [{destination: "/link/new", type: "tmpfs", source: "tmpfs"}]'
		ln -s "$host" rootfs/link
		;;
	mask | readonly)
		attacked ".linux.${1/%mask/masked}Paths += [\"/link/secret\"]"
		ln -s "$host" rootfs/link
		;;
	console)
		attacked '.process.terminal = true'
		;;
	copy)
		attacked '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
		ln -s "$host" rootfs/data
		;;
	cwd)
		attacked '.process.cwd = "/link/new"'
		ln -s "$host" rootfs/link
		;;
	plain) attacked ;;
	esac
}

# ocirt without these calls, as if the kernel had none, and as if somebody forbade them: no image is
# served in another way. (Without cgroups, for which some of them are needed first.)
without_calls() { # CALL,...
	local image error
	need_stopper
	for image in "${hostile_images[@]}"; do
		hostile_image "$image"
		for error in ENOSYS EPERM; do
			run "$stopper_program" -F $error -e "$1" -- "$OCIRT" --root "$root" \
				--cgroup-manager disabled run "$id" </dev/null
			[[ $status -ne 0 && $status -lt 128 && ! -e $root/$id ]] ||
				complain "$image without $1, $error"
			expect_no_line "the program ran"
			expect_line "ocirt: "
		done
		expect_decoy
		rm -rf "$bundle" "$host"
	done
}

# --- everything that a process of a container has -----------------------------------------------

hex_of_caps() { # NAME...
	local names=(CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
		NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
		SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
		AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
		PERFMON BPF CHECKPOINT_RESTORE)
	local wanted i mask=0
	for wanted; do
		for i in "${!names[@]}"; do
			[[ CAP_${names[i]} != "$wanted" ]] || ((mask |= 1 << i))
		done
	done
	printf '%016x' "$mask"
}

of_status() { # PID FIELD
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

expect_status_field() { # PID FIELD VALUE
	local value
	value=$(of_status "$1" "$2")
	[[ $value == "$3" ]] || complain "$2 is '$value' instead of '$3'"
}

# The five sets are those of config.json. What may be effective is what is permitted.
expect_caps() { # PID
	local set field list
	for set in inheritable:CapInh permitted:CapPrm effective:CapEff bounding:CapBnd ambient:CapAmb; do
		field=${set#*:}
		mapfile -t list < <(jq -r ".process.capabilities.${set%:*} // [] | .[]" "$bundle/config.json")
		expect_status_field "$1" "$field" "$(hex_of_caps "${list[@]}")"
	done
}

# 0, 1 and 2 and what is named, nothing else.
expect_fds() { # PID FD...
	local fds
	fds=$(cd "/proc/$1/fd" && printf '%s\n' * | sort -n | xargs)
	[[ $fds == "$(xargs <<<"0 1 2 ${*:2}")" ]] || complain "descriptors of $1: $(ls -l "/proc/$1/fd")"
}

# Mounts: those of config.json with all flags that it wants, what is masked or read-only, and cgroups.
expect_mounts() { # PID
	local point options wanted flag
	while read -r _ _ _ _ point options _; do
		wanted=$(jq -r --arg p "$point" '
			if $p == "/" then if .root.readonly then "ro" else "" end
			elif any(.linux.maskedPaths[]?; . == $p) then "ro nosuid noexec"
			elif any(.linux.readonlyPaths[]?; . == $p) then "ro"
			elif $p | startswith("/sys/fs/cgroup") then "ro nosuid nodev noexec"
			elif $p == "/dev/console" then ""
			else [.mounts[] | select(.destination == $p)] | last | if . then
				[.options[]? | select(. == ("ro", "nosuid", "nodev", "noexec"))] | join(" ")
			else "unexpected" end end' "$bundle/config.json")
		for flag in $wanted; do
			[[ ,$options, == *,$flag,* ]] || complain "mount on $point: $flag: $options"
		done
	done <"/proc/$1/mountinfo"
}

# One look at all of it, from outside, so that nothing in the container has to be believed.
expect_inventory() { # PID [FD...]
	local seccomp
	expect_fds "$@"
	expect_caps "$1"
	expect_mounts "$1"
	expect_status_field "$1" NoNewPrivs "$(jq 'if .process.noNewPrivileges then 1 else 0 end' "$bundle/config.json")"
	seccomp=$(jq 'if .linux.seccomp then 2 else 0 end' "$bundle/config.json")
	((seccomp == 0)) || expect_status_field "$1" Seccomp "$seccomp"
	[[ $(readlink "/proc/$1/cwd") == "$(jq -r .process.cwd "$bundle/config.json")" ]] ||
		complain "the working directory is $(readlink "/proc/$1/cwd")"
	[[ $(readlink "/proc/$1/exe") == /bin/demo ]] || complain "the program is $(readlink "/proc/$1/exe")"
	[[ $(stat -Lc %d:%i "/proc/$1/root") != "$(stat -Lc %d:%i /)" ]] || complain "the root is the host's"
}
