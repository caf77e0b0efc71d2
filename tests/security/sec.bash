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

# Either that, or all is well: the program has what it should have, if it says what it has.
expect_safe() {
	[[ $status -eq 0 ]] || expect_refused
	expect_decoy
	[[ $status -ne 0 || $output != *"[caps]"* ]] || judge "$output"
}

# A bundle and the decoy. Its program says that it ran, and all that it has.
attacked() { # FILTER...
	decoy
	bundle '.process.args = ["/bin/demo", "all"] | .process.env += ["SAYS=the program ran"]' "$@"
	echo "the program ran" >rootfs/ran
}

# --- the stopper --------------------------------------------------------------------------------

within=()

need_stopper() {
	[[ -x $stopper_program ]] || skip "$stopper_program is not there: make check builds it"
}

# Run the runtime under the stopper; the container's program, named demo, is let go. ${within[@]} is a
# command that runs both of them.
stopped() { # STOPPER-OPTION... -- OCIRT-ARGUMENT...
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	run "${within[@]}" "$stopper_program" -l demo -o "$dir/report" "${options[@]}" -- "$OCIRT" --root "$root" "${@:2}" </dev/null
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

# At each stop of a sample the command is run while everything stands still. Before each round renew(),
# of the test, puts things as they were. It ends as it should, or is refused.
sweep() { # SAMPLES COMMAND [STOPPER-OPTION...]
	local n
	renew
	stopped "${@:3}" -- run "$id"
	expect_status 0
	for n in $(sample "$1"); do
		renew
		stopped "${@:3}" -n "$n" -s "$2" -- run "$id"
		echo "at stop $n:"
		expect_safe # without ||, behind which only its last line would count
		expect_no_container "$id"
	done
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
	local image error without_cgroups=()
	need_stopper
	! "$OCIRT" --version | grep -q ^ocirt || without_cgroups=(--cgroup-manager disabled)
	for image in "${hostile_images[@]}"; do
		hostile_image "$image"
		for error in ENOSYS EPERM; do
			run "$stopper_program" -F $error -e "$1" -- "$OCIRT" --root "$root" \
				"${without_cgroups[@]}" run "$id" </dev/null
			[[ $status -ne 0 && $status -lt 128 && ! -e $root/$id ]] ||
				complain "$image without $1, $error"
			expect_no_line "the program ran"
			[[ -n $output ]]
		done
		expect_decoy
		rm -rf "$bundle" "$host"
	done
}

# --- everything that a process of a container has -----------------------------------------------

of_status() { # PID FIELD
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# What differs from config.json in an inventory, which is what `demo all` prints.
judge() { # INVENTORY [FD...]
	local wrong
	wrong=$(jq -Rrs --slurpfile config "$bundle/config.json" --arg fds "${*:2}" \
		-f "$BATS_TEST_DIRNAME/inventory.jq" <<<"$1") || complain "this is no inventory"
	[[ -z $wrong ]] || output='' complain "$wrong"
}

# The same from outside, so that nothing in the container has to be believed.
inventory_of() { # PID
	echo "[status]"
	cat "/proc/$1/status"
	echo "[mounts]"
	awk '{ print $5 ": options=" $6 }' "/proc/$1/mountinfo"
	echo "[fds]"
	find "/proc/$1/fd" -type l -printf '%f: %l\n'
	echo "[cwd]"
	echo "cwd: $(readlink "/proc/$1/cwd")"
}

expect_inventory() { # PID [FD...]
	judge "$(inventory_of "$1")" "${@:2}"
	[[ $(readlink "/proc/$1/exe") == /bin/demo ]] || complain "the program is $(readlink "/proc/$1/exe")"
	[[ $(stat -Lc %d:%i "/proc/$1/root") != "$(stat -Lc %d:%i /)" ]] || complain "the root is the host's"
}
