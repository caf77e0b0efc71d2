#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run.sh -- what ocirt's commands cost, beside other runtimes and the bare system calls.
#
# Needs root, and a build directory with ocirt, bench/harness and bench/floor: `make bench`, or
# `make bench-programs` and then this from there. See README.
set -u -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$PWD}
ocirt=${OCIRT:-$build/ocirt}
harness=$build/bench/harness
floor=$build/bench/floor
all_parts=(version bare default seccomp exec state kill list)

usage() {
	cat <<END
usage: run.sh [OPTION]...

Compares ocirt with the crun and runc of PATH and with the bare system calls.

  --peer PATH   compare with this runtime, too; may be repeated
  --no-path     leave out those of PATH
  -n ROUNDS     how often each command runs (50)
  --only PART   only this part; may be repeated: ${all_parts[*]}
  --json FILE   append the results as lines of JSON
  --help        this text

environment: BUILD (the build directory, else the current one), OCIRT (the binary to look at)
END
}

complain() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 1
}

# --- options ---------------------------------------------------------------------------------

peers=() parts=() rounds=50 options=() path=1
while (($#)); do
	case $1 in
	--peer | -n | --only | --json)
		(($# > 1)) || complain "$1 needs a value"
		;;&
	--peer) peers+=("$2") && shift ;;
	--no-path) path=0 ;;
	-n) rounds=$2 && shift ;;
	--only) parts+=("$2") && shift ;;
	--json) options+=(-j "$2") && shift ;;
	--help | -h) usage && exit ;;
	*) usage >&2 && exit 64 ;;
	esac
	shift
done
((${#parts[@]})) || parts=("${all_parts[@]}")
if ((path)); then
	for name in crun runc; do
		found=$(type -P "$name") && peers+=("$found")
	done
fi
((EUID == 0)) || complain "needs root, as the other runtimes do for these bundles"
for program in "$ocirt" "$harness" "$floor" ${peers[@]+"${peers[@]}"}; do
	[[ -x $program ]] || complain "$program is not there; 'make bench' makes what belongs to ocirt"
done

# --- a host that crun takes ------------------------------------------------------------------
# On a hybrid host crun expects every controller in a v1 hierarchy. Where hugetlb is in v2 it gets a
# v1 mount for the time being.

unified=/sys/fs/cgroup/unified
hugetlb=/sys/fs/cgroup/hugetlb
lent=0 was_enabled=0

has_word() { grep -qw -- "$1" "$2" 2>/dev/null; } # WORD FILE

lend_hugetlb() {
	has_word hugetlb $unified/cgroup.controllers && [[ ! -e $hugetlb ]] || return 0
	has_word hugetlb $unified/cgroup.subtree_control && was_enabled=1
	# A controller moves only while no group but the root has it.
	((was_enabled)) && echo -hugetlb >$unified/cgroup.subtree_control
	mkdir $hugetlb && mount -t cgroup -o hugetlb cgroup $hugetlb && lent=1 && return
	rmdir $hugetlb 2>/dev/null
	((was_enabled)) && echo +hugetlb >$unified/cgroup.subtree_control
	echo "run.sh: cannot mount the hugetlb hierarchy of cgroup v1, crun will refuse this host" >&2
}

take_hugetlb_back() {
	((lent)) || return 0
	local try
	for ((try = 0; try < 5; try++)); do
		# Containers of others may have gone into it meanwhile. Unmounted under them it would stay
		# in the kernel, with groups that nobody can remove.
		within_2s no_groups_in_hugetlb || continue
		umount $hugetlb && rmdir $hugetlb || return
		within_2s has_word hugetlb $unified/cgroup.controllers && break
		# A group that is removed but not quite gone kept it alive; the next unmount ends it.
		mkdir $hugetlb && mount -t cgroup -o hugetlb cgroup $hugetlb || return
	done
	if [[ -e $hugetlb ]]; then
		echo "run.sh: $hugetlb is used by others and stays mounted" >&2
	elif ((was_enabled)); then
		echo +hugetlb >$unified/cgroup.subtree_control
	fi
}

no_groups_in_hugetlb() { [[ -z $(find $hugetlb -mindepth 1 -type d -print -quit) ]]; }

within_2s() { # CONDITION...
	local i
	for ((i = 0; i < 20; i++)); do
		"$@" && return
		sleep 0.1
	done
	return 1
}

# --- runtimes --------------------------------------------------------------------------------

work=$(mktemp -d /tmp/ocirt-bench-XXXXXX) || exit 1
runtimes=("$ocirt") names=()

at() { # INDEX ARGUMENT... : the runtime with its own state directory
	local i=$1
	shift
	"${runtimes[i]}" --root "$work/state-$i" "$@"
}

running=()
stop_all() {
	local i
	for i in ${running[@]+"${running[@]}"}; do
		at "$i" delete --force "bench-$$-$i"
	done
	running=()
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
	stop_all
	take_hugetlb_back
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# --- bundles ---------------------------------------------------------------------------------
# Their ociVersion is one that older peers take, too.

make_bundles() {
	"$ocirt" spec --demo "$work/default" || exit 1
	local config=$work/default/config.json
	mkdir "$work/bare" "$work/seccomp" "$work/sleep"
	sed -i -e 's/"ociVersion": "[^"]*"/"ociVersion": "1.0.2"/' \
		-e "s,\"path\": \"rootfs\",\"path\": \"$work/default/rootfs\"," \
		-e 's,"/bin/demo",&\, "exit"\, "0",' "$config"
	sed -e 's/"exit", "0"/"sleep"/' "$config" >"$work/sleep/config.json"
	{
		sed -e '/"linux": {/q' "$config"
		printf '"seccomp": '
		sed -e '/"flags"/d' "$here/../tests/unit/seccomp-profile.json" # old peers take none
		printf ',\n'
		sed -e '1,/"linux": {/d' "$config"
	} >"$work/seccomp/config.json"
	cat >"$work/bare/config.json" <<-END
		{
			"ociVersion": "1.0.2",
			"process": {
				"user": { "uid": 0, "gid": 0 },
				"args": [ "/bin/demo", "exit", "0" ],
				"env": [ "PATH=/bin" ],
				"cwd": "/"
			},
			"root": { "path": "$work/default/rootfs", "readonly": true },
			"mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" } ],
			"linux": { "namespaces": [ { "type": "mount" }, { "type": "pid" } ] }
		}
	END
}

# --- measuring -------------------------------------------------------------------------------

# COMMAND is an array of words, in which @ID@ is replaced; appends to `line`.
line=()
add_all() { # WORD... : the same for every runtime
	local i word
	for i in "${!runtimes[@]}"; do
		line+=(--as "${names[i]}" "${runtimes[i]}" --root "$work/state-$i")
		for word; do
			line+=("${word//@ID@/bench-$$-$i}")
		done
	done
}

measure() { # TITLE, of what is in `line`
	"$harness" -n "$rounds" -t "$1" ${options[@]+"${options[@]}"} "${line[@]}" || exit 1
	line=()
}

start_all() {
	local i
	((${#running[@]})) && return
	for i in "${!runtimes[@]}"; do
		# Its stdio is not ours: it would keep a pipe of our caller open.
		at "$i" run --detach --bundle "$work/sleep" "bench-$$-$i" \
			</dev/null >"$work/log" 2>&1 || {
			cat "$work/log" >&2
			complain "${names[i]} cannot start a container"
		}
		running+=("$i")
	done
}

part() { # NAME
	local i
	case $1 in
	version)
		for i in "${!runtimes[@]}"; do
			line+=(--as "${names[i]}" "${runtimes[i]}" --version)
		done
		measure "--version"
		;;
	bare | default | seccomp)
		add_all run --bundle "$work/$1" @ID@
		[[ $1 == default ]] && line+=(--as "bare system calls" "$floor"
			"$work/default/rootfs" /bin/demo exit 0)
		measure "run, bundle '$1'"
		;;
	exec)
		start_all
		add_all exec @ID@ /bin/demo exit 0
		measure "exec"
		;;
	state)
		start_all
		add_all state @ID@
		measure "state"
		;;
	kill)
		start_all
		add_all kill @ID@ CONT
		measure "kill (of a signal that changes nothing)"
		;;
	list)
		start_all
		add_all list
		measure "list, one container"
		;;
	*) complain "no part '$1': it is one of ${all_parts[*]}" ;;
	esac
}

for peer in ${peers[@]+"${peers[@]}"}; do
	runtimes+=("$peer")
	[[ $peer == *crun* ]] && lend_hugetlb
done
for runtime in "${runtimes[@]}"; do
	# "crun version 1.8.1" -> "crun 1.8.1"
	read -r name _ version _ < <("$runtime" --version) || true
	names+=("${name:-?} ${version:-?}")
done
make_bundles
for one in "${parts[@]}"; do
	part "$one"
	[[ $one == @(exec|state|kill|list) ]] || stop_all
done
