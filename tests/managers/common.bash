# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# common.bash -- what the checks beneath real container managers share; to be sourced by them.
#
#     NAME.sh [--runtime PATH] [--systemd] [--fast] [--install] [--only PATTERN] [--keep]
#
# Puts the runtime PATH (default: $OCIRT) beneath one manager and prints TAP. --fast takes the checks
# without which nobody would try it, --only those whose name has a match of PATTERN (as of grep -E),
# --install gets missing Debian packages, and --keep leaves the directory of the run. $MANAGERS_OPTIONS
# come before them.
# --systemd does it in a virtual machine (tests/vm/run) with cgroup v2, where systemd makes cgroups.
#
# Everything happens in namespaces of the script's own: what managers leave behind as a habit
# (daemons, bridges, firewall rules, files below /run) ends with them, other users of the same
# managers are not disturbed, and two runs do not meet. Only cgroups are the host's.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$(basename "$0" .sh)
runtime=${OCIRT-} systemd='' fast='' install='' only='' keep=''

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

usage() {
	sed -n 's/^# \{0,1\}//; 4,12p' "$here/common.bash"
	exit 2
}

# shellcheck disable=SC2086 # words
set -- ${MANAGERS_OPTIONS-} "$@"
arguments=("$@")
while (($#)); do
	case $1 in
	--runtime | --only)
		(($# > 1)) || usage
		declare "${1#--}=$2"
		shift
		;;
	--runtime=*) runtime=${1#*=} ;;
	--systemd | --fast | --install | --keep) declare "${1#--}=1" ;;
	*) usage ;;
	esac
	shift
done

# A package's program and the package, for what cannot be done without.
need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null && return
	[[ -n $install ]] || skip_all "$1 is not installed (Debian: $2)"
	# shellcheck source=contrib/packages.sh
	. "$here/../../contrib/packages.sh"
	install_packages "$2" >&2 && command -v "$1" >/dev/null || skip_all "cannot install $2"
}

# What single checks are skipped without.
want() { # PROGRAM PACKAGE
	[[ -z $install ]] || need "$@"
}

[[ $(id -u) == 0 ]] || skip_all "needs root"
[[ -n $runtime ]] || skip_all "no runtime: give --runtime PATH"
runtime=$(command -v "$runtime") || skip_all "there is no such runtime"
runtime=$(realpath "$runtime")
need unshare util-linux
need jq jq
need busybox busybox-static
declare -F needs >/dev/null && needs

# --- a place of its own -----------------------------------------------------------------------

# What a run that was broken off has left: all else ended with its namespaces.
clean_up() {
	local id names=(-name "${MANAGERS_INSIDE##*/}")
	[[ $name != podman ]] || names+=(-o -name libpod_parent)
	# unshare heeds nothing else, and takes its child along.
	kill -KILL "$inside" 2>/dev/null && wait "$inside" 2>/dev/null
	for id in "$MANAGERS_INSIDE"/storage/overlay-containers/*/; do
		names+=(-o -name "libpod-$(basename "$id")*")
	done
	# Deepest first; what is not empty is not ours to end.
	find /sys/fs/cgroup -ignore_readdir_race -type d \( "${names[@]}" \) \
		-exec find {} -depth -type d \; 2>/dev/null |
		while read -r id; do
			rmdir "$id" 2>/dev/null
		done
	if [[ -n $keep ]]; then
		echo "# kept: $MANAGERS_INSIDE"
	else
		rm -rf --one-file-system "$MANAGERS_INSIDE"
	fi
}

# The machine is thrown away as a whole. Its files are on a tmpfs, which has no extended attributes
# that overlays of ordinary users take; its disk gets some.
if [[ -n $systemd && -z ${MANAGERS_INSIDE-} ]]; then
	[[ -z $install ]] || {
		need qemu-system-x86_64 qemu-system-x86
		need dbus-daemon dbus-daemon
	}
	machine=("$here/../vm/run" --init systemd --timeout 14400)
	why=$("${machine[@]}" --prepare 2>&1) || skip_all "${why##*skipped: }"
	exec "${machine[@]}" -- env MANAGERS_OPTIONS= MANAGERS_INSIDE=/var/tmp/managers bash "$(realpath "$0")" "${arguments[@]}"
fi

if [[ -z ${MANAGERS_INSIDE-} ]]; then
	MANAGERS_INSIDE=$(mktemp -d "${TMPDIR:-/tmp}/ocirt-$name.XXXXXX") || exit 1
	chmod 711 "$MANAGERS_INSIDE" # roots of user namespaces are other users
	export MANAGERS_INSIDE
	env MANAGERS_OPTIONS= unshare --mount --net --ipc --pid --fork --kill-child --mount-proc \
		bash "$0" "${arguments[@]}" </dev/null &
	inside=$!
	trap clean_up EXIT
	trap 'exit 143' HUP INT TERM
	wait "$inside"
	exit
fi

v2=''
[[ $(stat -f -c %T /sys/fs/cgroup) != cgroup2fs ]] || v2=1
# What none of these commands needs so many seconds for; emulated machines are slow.
patience=60
[[ -z $systemd ]] || patience=300
work=$MANAGERS_INSIDE
[[ -z $systemd ]] || { mkdir "$work" && mkfs.ext4 -q /dev/vda && mount /dev/vda "$work" && chmod 711 "$work"; } || exit 1
cd "$work" || exit 1 # conmon leaves a file where it stands
export LC_ALL=C.UTF-8 HOME=$work TMPDIR=$work
unset XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME DBUS_SESSION_BUS_ADDRESS NOTIFY_SOCKET
[[ -n $systemd ]] || mount -t tmpfs -o mode=755 tmpfs /run || exit 1
ip link set lo up 2>/dev/null

# sysfs shows the network of whoever mounted it; managers look there for bridges. Some make plain
# directories for controllers that are not mounted, and then stumble over them: here they cannot.
own_sysfs() {
	local own=$work/cgroups point
	mkdir "$own"
	if [[ $(stat -f -c %T /sys/fs/cgroup) == tmpfs ]]; then
		mount -t tmpfs -o mode=755 tmpfs "$own"
		for point in /sys/fs/cgroup/*; do
			mountpoint -q "$point" || continue
			mkdir "$own/${point##*/}"
			mount --bind "$point" "$own/${point##*/}"
		done
		# A hierarchy that lives on without a mount confuses containerd.
		for point in $(sed -n 's/^[0-9]*:\([a-z_]*\):.*/\1/p' /proc/self/cgroup); do
			[[ -e $own/$point ]] ||
				{ mkdir "$own/$point" && mount -t cgroup -o "$point" cgroup "$own/$point"; }
		done
		mount -o remount,ro "$own"
	else
		mount --rbind /sys/fs/cgroup "$own"
	fi
	# Podman unmounts all that it finds in a list, and must not find what is hidden by another.
	umount --recursive --lazy /sys
	mount -t sysfs sysfs /sys
	mount --move "$own" /sys/fs/cgroup
}
[[ -n $systemd ]] || own_sysfs || exit 1

# A limit's file and what it says, by the kind of cgroups that are here: $file and $text.
limit() { # V1-FILE TEXT V2-FILE TEXT
	file=/sys/fs/cgroup/$1 text=$2
	# shellcheck disable=SC2034
	[[ -z $v2 ]] || file=/sys/fs/cgroup/$3 text=$4
}

# A root file system with what a shell needs: busybox, two users.
make_rootfs() { # DIRECTORY
	local applet
	mkdir -p "$1"/{bin,etc,proc,sys,dev,tmp,run,root,home/bob}
	cp "$(command -v busybox)" "$1/bin/busybox"
	for applet in $(busybox --list); do
		[[ -e $1/bin/$applet ]] || ln -s busybox "$1/bin/$applet"
	done
	chmod 1777 "$1/tmp"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh bob:x:1000:1000::/home/bob:/bin/sh >"$1/etc/passwd"
	printf '%s\n' root:x:0: bob:x:1000: crew:x:2000:bob >"$1/etc/group"
	chown 1000:1000 "$1/home/bob"
}

# Where an ordinary user finds this program: $reached, a copy when it is out of reach.
reach() { # PROGRAM
	reached=$1
	setpriv --reuid 54321 --regid 54321 --clear-groups test -x "$1" && return
	mkdir -p "$work/bin"
	reached=$work/bin/$(basename "$1")
	install -m 755 "$1" "$reached"
}

# --- checks -----------------------------------------------------------------------------------

number=0 failures=0

# A function as one check: it fails when one of its commands does, or says `skip REASON`.
# WHEN is fast, full, or systemd: only with it.
check() { # WHEN WORDS FUNCTION
	[[ $1 == fast || $1 == "${systemd:+systemd}" || ($1 == full && -z $fast) ]] || return 0
	[[ $2 =~ $only ]] || return 0
	number=$((number + 1))
	local since=$EPOCHREALTIME log=$work/check.log status took
	# Not `if (...)`: bash does not heed -e in a condition.
	(
		set -eE
		trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
		"$3"
	) >"$log" 2>&1 </dev/null
	status=$?
	took=$(((${EPOCHREALTIME/./} - ${since/./}) / 1000))
	if ((status == 0)); then
		echo "ok $number - $2 ($took ms)"
	elif ((status == 77)); then
		echo "ok $number - $2 # SKIP $(tail -n 1 "$log")"
	else
		echo "not ok $number - $2 ($took ms)"
		failures=$((failures + 1))
		sed 's/^/# /' "$log"
	fi
}

finish() {
	echo "1..$number"
	((failures == 0))
	exit
}

skip() { # REASON
	echo "$*"
	exit 77
}

# Runs a command and keeps what it says and how it ends in $output and $status.
run() { # COMMAND...
	status=0
	output=$("$@" 2>&1) || status=$?
	printf '$ %s\n%s\n[%s]\n' "$*" "$output" "$status"
}

expect_status() { # STATUS
	[[ $status == "$1" ]] || complain "exit status $status instead of $1"
}

# Ran well and said exactly this.
says() { # TEXT COMMAND...
	local text=$1
	shift
	run "$@"
	expect_status 0
	output=${output//$'\r'/}
	[[ $output == "$text" ]] || complain "instead of: $text"
}

# Ran well and said this among other things.
mentions() { # TEXT COMMAND...
	local text=$1
	shift
	run "$@"
	expect_status 0
	expect "$text"
}

expect() { # TEXT
	[[ $output == *"$1"* ]] || complain "not said: $1"
}

expect_not() { # TEXT
	[[ $output != *"$1"* ]] || complain "said: $1"
}

complain() { # TEXT...
	echo "$*"
	return 1
}

# Until a command succeeds; gives up after half of $patience, as machines are slow at times.
await() { # COMMAND...
	local deadline=$((SECONDS + patience / 2))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || complain "never came: $*" || return 1
		read -rt 0.05 <> <(:) || :
	done
}

# A function so many times at once, each with its number; all must succeed.
at_once() { # TIMES FUNCTION
	local i pids=()
	for ((i = 1; i <= $1; i++)); do
		"$2" "$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
}

# A command with a terminal of 33 rows and 77 columns, at which nobody types or hangs up.
with_terminal() { # COMMAND...
	[[ -p $work/silence ]] || mkfifo "$work/silence"
	timeout --kill-after=5 "$patience" script -qec "stty rows 33 cols 77; exec $(printf '%q ' "$@")" /dev/null <>"$work/silence"
}

# For a shell inside: the size of the terminal, which some managers set only after the start.
# shellcheck disable=SC2034
patient='until stty size 2>/dev/null | grep .; do usleep 10000; done'

# A directory of states in which nothing is, if it is there at all.
expect_empty() { # DIRECTORY
	output=$(ls -A "$1" 2>/dev/null) || :
	[[ -z $output ]] || complain "left in $1: $output"
}

# Mounts of containers below the directory of the run.
expect_no_mounts() {
	! grep -E "$work/.*(merged|rootfs)" /proc/self/mountinfo || complain "mounts are left"
}

# Or skip.
can_checkpoint() {
	"$runtime" checkpoint --help >/dev/null 2>&1 || skip "the runtime has no checkpoints"
	[[ -n $(command -v criu) ]] || skip "criu is not installed"
}

# Cgroups that are left on the host; those of others come and go while find looks.
expect_no_cgroups() { # FIND-EXPRESSION...
	output=$(find /sys/fs/cgroup -ignore_readdir_race -type d "$@" 2>/dev/null) || :
	[[ -z $output ]] || complain "cgroups are left: $output"
}

expect_no_cgroup() { # NAME
	expect_no_cgroups -name "*$1*"
}
