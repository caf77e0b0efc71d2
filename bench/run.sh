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

# --- what is measured ------------------------------------------------------------------------
# NAME, then how: a function and its arguments. In the commands, @ID@ is a running container's id and
# @N@ a new number for each run; the state root comes in front.

rows='
version       anything --version
state         standing default state @ID@
kill          standing default kill @ID@ CONT
list-1        alive 1 list
list-100      alive 100 list
list-1000     alive 1000 list
run-bare      once bare
run-default   once default
run-limits    once limits
run-seccomp   once seccomp
run-first     first seccomp
run-nocgroup  nocgroup default
life-bare     life bare
life-default  life default
life-limits   life limits
life-seccomp  life seccomp
exec-bare     standing bare exec @ID@ /bin/demo exit 0
exec-default  standing default exec @ID@ /bin/demo exit 0
exec-limits   standing limits exec @ID@ /bin/demo exit 0
exec-seccomp  standing seccomp exec @ID@ /bin/demo exit 0
parallel-1    parallel 1
parallel-4    parallel 4
parallel-16   parallel 16
mounts-30     mounts 30
mounts-1000   mounts 1000
alive-0       crowd 0
alive-1000    crowd 1000
'
all_rows=$(awk 'NF { print $1 }' <<<"$rows" | xargs)

usage() {
	cat <<END
usage: run.sh [OPTION]...

Compares ocirt with the crun and runc of PATH and with the bare system calls.

  --peer PATH   compare with this runtime, too; may be repeated
  --no-path     leave out those of PATH
  -n ROUNDS     how often each command runs (50)
  --only ROW    only this row, or those that match, as in 'list-*'; may be repeated
  --no-calls    do not count system calls, which takes strace
  --out DIR     leave results.tsv, results.md and results.svg there
  --help        this text

rows: $all_rows

environment: BUILD (the build directory, else the current one), OCIRT (the binary to look at)
END
}

complain() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 1
}

# --- options ---------------------------------------------------------------------------------

peers=() only=() rounds=50 path=1 out='' calls=(-c)
while (($#)); do
	case $1 in
	--peer | -n | --only | --out)
		(($# > 1)) || complain "$1 needs a value"
		;;&
	--peer) peers+=("$2") && shift ;;
	--no-path) path=0 ;;
	-n) rounds=$2 && shift ;;
	--only) only+=("$2") && shift ;;
	--no-calls) calls=() ;;
	--out) out=$2 && shift ;;
	--help | -h) usage && exit ;;
	*) usage >&2 && exit 64 ;;
	esac
	shift
done
if ((path)); then
	for name in crun runc; do
		found=$(type -P "$name") && peers+=("$found")
	done
fi
((EUID == 0)) || complain "needs root, as the other runtimes do for these bundles"
for program in "$ocirt" "$harness" "$floor" ${peers[@]+"${peers[@]}"}; do
	[[ -x $program ]] || complain "$program is not there; 'make bench' makes what belongs to ocirt"
done
command -v strace >/dev/null || calls=()

chosen() { # NAME
	local pattern
	((${#only[@]})) || return 0
	for pattern in "${only[@]}"; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ $1 == $pattern ]] && return
	done
	return 1
}
for pattern in ${only[@]+"${only[@]}"}; do
	# shellcheck disable=SC2086 # words
	printf '%s\n' $all_rows | (
		# shellcheck disable=SC2053
		while read -r name; do [[ $name == $pattern ]] && exit; done
		exit 1
	) || complain "no row '$pattern': $all_rows"
done

# --- a host that crun takes ------------------------------------------------------------------
# On a hybrid host crun wants every controller in cgroup v1. Where v2 has one, the bench runs for all
# of them in a mount namespace without v2: there the host is one of v1.

unified=/sys/fs/cgroup/unified
if [[ "${peers[*]-}" == *crun* && -n $(cat $unified/cgroup.controllers 2>/dev/null) ]]; then
	again=()
	for peer in "${peers[@]}"; do again+=(--peer "$peer"); done
	for pattern in ${only[@]+"${only[@]}"}; do again+=(--only "$pattern"); done
	((${#calls[@]})) || again+=(--no-calls)
	[[ -z $out ]] || again+=(--out "$out")
	exec "$here/../tests/cgroup-layout" v1 "$0" --no-path -n "$rounds" "${again[@]}"
fi

# --- runtimes --------------------------------------------------------------------------------

# State belongs on a tmpfs, as /run is nearly everywhere.
base=/tmp
for directory in /run /dev/shm; do
	[[ $(stat -f -c %T $directory 2>/dev/null) == tmpfs ]] && base=$directory && break
done
work=$(mktemp -d $base/ocirt-bench-XXXXXX) || exit 1
[[ -n $out ]] || out=$work/out
mkdir -p "$out" && : >"$out/results.tsv" || exit 1
runtimes=("$ocirt") names=()

at() { # INDEX ARGUMENT... : the runtime with its own state directory
	local i=$1
	shift
	"${runtimes[i]}" --root "$work/state-$i" "$@"
}

# Standing containers are named bench-PID-INDEX-BUNDLE and bench-PID-INDEX-NUMBER.
alive=0 standing=()
start_one() { # INDEX BUNDLE ID
	# Its stdio is not ours: it would keep a pipe of our caller open.
	at "$1" run --detach --bundle "$work/$2-sleep" "$3" </dev/null >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		complain "${names[$1]} cannot start a container"
	}
}

start_standing() { # BUNDLE
	local i
	[[ " ${standing[*]-} " != *" $1 "* ]] || return 0
	standing+=("$1")
	for i in "${!runtimes[@]}"; do
		start_one "$i" "$1" "bench-$$-$i-$1"
	done
}

stop_standing() {
	local i bundle
	for bundle in ${standing[@]+"${standing[@]}"}; do
		for i in "${!runtimes[@]}"; do
			at "$i" delete --force "bench-$$-$i-$bundle" >/dev/null 2>&1
		done
	done
	standing=()
}

have_alive() { # COUNT, of each runtime
	local i
	while ((alive < $1)); do
		alive=$((alive + 1))
		for i in "${!runtimes[@]}"; do
			start_one "$i" bare "bench-$$-$i-$((alive - 1))"
		done
	done
	for (( ; alive > $1; alive--)); do
		for i in "${!runtimes[@]}"; do
			at "$i" delete --force "bench-$$-$i-$((alive - 1))" >/dev/null 2>&1
		done
	done
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
	stop_standing
	have_alive 0
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# --- bundles ---------------------------------------------------------------------------------
# Each is there twice: NAME ends at once, NAME-sleep when it is killed. Their ociVersion is one that
# older peers take, too.

# The profile that Podman gives its containers: the rules for those without further capabilities.
seccomp_profile() {
	local profile=/usr/share/containers/seccomp.json
	if [[ -r $profile ]] && command -v jq >/dev/null; then
		jq '{ defaultAction, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
			syscalls: [.syscalls[] |
				select(.includes.caps == null and ((.includes.arches // ["amd64"]) | index("amd64"))) |
				{ names, action, args: (.args // []) } +
				(if .errnoRet then { errnoRet } else {} end)] }' $profile
	else
		sed -e '/"flags"/d' "$here/../tests/unit/seccomp-profile.json" # old peers take none
	fi
}

# Puts what is on standard input behind the line "linux": { of the default bundle.
bundle_with() { # NAME
	mkdir "$work/$1"
	{
		sed -e '/"linux": {/q' "$work/default/config.json"
		cat
		sed -e '1,/"linux": {/d' "$work/default/config.json"
	} >"$work/$1/config.json"
}

make_bundles() {
	"$ocirt" spec --demo "$work/default" || exit 1
	local config=$work/default/config.json name
	sed -i -e 's/"ociVersion": "[^"]*"/"ociVersion": "1.0.2"/' \
		-e "s,\"path\": \"rootfs\",\"path\": \"$work/default/rootfs\"," \
		-e 's,"/bin/demo",&\, "exit"\, "0",' "$config"
	{ printf '"seccomp": ' && seccomp_profile && echo ,; } | bundle_with seccomp
	bundle_with limits </dev/null
	sed -i -e 's/"resources": {/&\n"memory": { "limit": 268435456 }, "pids": { "limit": 100 },\
"cpu": { "shares": 512, "quota": 50000, "period": 100000 },/' "$work/limits/config.json"
	mkdir "$work/bare"
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
	for name in bare default limits seccomp; do
		mkdir "$work/$name-sleep"
		sed -e 's/"exit", "0"/"sleep"/' "$work/$name/config.json" >"$work/$name-sleep/config.json"
	done
}

# --- measuring -------------------------------------------------------------------------------

line=() # of the harness: the commands
add() { # INDEX WORD... : a command of that runtime, in the words of the row
	local i=$1 word
	shift
	for word; do
		line+=("${word//@ID@/bench-$$-$i-$bundle}")
	done
}

add_all() { # WORD... : one command for every runtime
	local i
	for i in "${!runtimes[@]}"; do
		line+=(--as "${names[i]}" "${runtimes[i]}" --root "$work/state-$i")
		add "$i" "$@"
	done
}

# Where the default bundle has its cgroups, for the floor, which is told.
floor_cgroups() {
	local controllers mount
	if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
		echo "-2 /sys/fs/cgroup/floor-$$-@N@"
		return
	fi
	while IFS=: read -r _ controllers _; do
		if [[ -z $controllers ]]; then
			[[ ! -e $unified/cgroup.procs ]] || echo "-2 $unified/floor-$$-@N@"
		else
			mount=/sys/fs/cgroup/${controllers#name=}
			[[ ! -d $mount ]] || echo "-1 $mount/floor-$$-@N@"
		fi
	done </proc/self/cgroup
}

add_floor() { # ARGUMENT...
	line+=(--as "bare system calls" "$floor" "$@" "$work/default/rootfs" /bin/demo exit 0)
}

measure() { # TITLES [OPTION]... , of what is in `line`
	local titles=$1
	shift
	${around[@]+"${around[@]}"} "$harness" -n "$rounds" -t "$titles" -o "$out/results.tsv" \
		${calls[@]+"${calls[@]}"} "$@" "${line[@]}" || exit 1
	line=()
}
around=() bundle=default

# The kinds of rows; $row is the name.
anything() {
	local i
	for i in "${!runtimes[@]}"; do
		line+=(--as "${names[i]}" "${runtimes[i]}" "$@")
	done
	measure "$row"
}

standing() { # BUNDLE WORD...
	local bundle=$1
	shift
	have_alive 0
	start_standing "$bundle"
	add_all "$@"
	measure "$row"
}

alive() { # COUNT WORD...
	stop_standing
	have_alive "$1"
	shift
	add_all "$@"
	measure "$row"
}

run_default() { # the commands that are held against the floor
	add_all run --bundle "$work/default" "bench-$$-r@N@"
	# shellcheck disable=SC2046 # words
	add_floor $(floor_cgroups)
}

once() { # BUNDLE
	if [[ $1 == default ]]; then
		run_default
	else
		add_all run --bundle "$work/$1" "bench-$$-r@N@"
	fi
	measure "$row"
}

# Each time with a new state root: nothing that an earlier one left can be used.
first() { # BUNDLE
	local i
	for i in "${!runtimes[@]}"; do
		line+=(--as "${names[i]}" "${runtimes[i]}" --root "$work/first-$i/@N@"
			run --bundle "$work/$1" "bench-$$-f")
	done
	measure "$row"
}

nocgroup() { # BUNDLE
	local i
	for i in "${!runtimes[@]}"; do
		# runc has no such option.
		"${runtimes[i]}" --cgroup-manager disabled --version >/dev/null 2>&1 || continue
		line+=(--as "${names[i]}" "${runtimes[i]}" --root "$work/state-$i"
			--cgroup-manager disabled run --bundle "$work/$1" "bench-$$-r@N@")
	done
	add_floor
	measure "$row"
}

life() { # BUNDLE
	local i
	for i in "${!runtimes[@]}"; do
		line+=(--as "${names[i]}"
			"${runtimes[i]}" --root "$work/state-$i" create --bundle "$work/$1" "bench-$$-c@N@" --then
			"${runtimes[i]}" --root "$work/state-$i" start "bench-$$-c@N@" --ended
			"${runtimes[i]}" --root "$work/state-$i" delete "bench-$$-c@N@")
	done
	measure "create-$1,start-$1,delete-$1"
}

parallel() { # AT_ONCE
	local saved=("${calls[@]}")
	run_default
	calls=() # they do not depend on it
	rounds=$(((rounds + 9) / 10)) measure "$row" -w 1 -b 200 -p "$1"
	calls=(${saved[@]+"${saved[@]}"})
}

# In a mount namespace of its own, that many mounts more.
mounts() { # COUNT
	mkdir -p "$work/mounts"
	# shellcheck disable=SC2016 # for that shell
	around=(unshare --mount --propagation private bash -c '
		for ((i = 0; i < $1; i++)); do
			mkdir -p "$2/$i" && mount --bind "$2/$i" "$2/$i" || exit
		done
		shift 2
		"$@"' - "$1" "$work/mounts")
	run_default
	measure "$row"
	around=()
}

crowd() { # COUNT, alive meanwhile
	stop_standing
	have_alive "$1"
	run_default
	measure "$row"
}

# --- all of it -------------------------------------------------------------------------------

runtimes+=(${peers[@]+"${peers[@]}"})
for runtime in "${runtimes[@]}"; do
	# "crun version 1.8.1" -> "crun 1.8.1"
	read -r name _ version _ < <("$runtime" --version) || true
	names+=("${name:-?} ${version:-?}")
done
make_bundles
while read -r row how; do
	if [[ -z $row ]] || ! chosen "$row"; then continue; fi
	# shellcheck disable=SC2086 # a function and its arguments
	$how
done <<<"$rows"
"$here/table" "$out/results.tsv" >"$out/results.md" && "$here/picture" "$out/results.tsv" >"$out/results.svg"
[[ $out == "$work/out" ]] || echo "run.sh: $out has results.tsv, results.md and results.svg"
