#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# memory.sh -- how little memory and how few processes a container needs to start.
#
# Needs root and a build directory with ocirt: from there, or with BUILD. Finds the smallest memory
# limit and the smallest pids limit at which so many of so many containers run a static program that
# ends at once, and what the kernel has charged to the cgroup of one that is running.
set -u -o pipefail

ocirt=${OCIRT:-${BUILD:-$PWD}/ocirt}

usage() {
	cat <<END
usage: memory.sh [OPTION]...

  --peer PATH   the same for this runtime; may be repeated
  -n TIMES      how many containers must start (100)
  --help        this text
END
}

complain() {
	printf 'memory.sh: %s\n' "$*" >&2
	exit 1
}

runtimes=("$ocirt") times=100
while (($#)); do
	case $1 in
	--peer | -n) (($# > 1)) || complain "$1 needs a value" ;;&
	--peer) runtimes+=("$2") && shift ;;
	-n) times=$2 && shift ;;
	--help | -h) usage && exit ;;
	*) usage >&2 && exit 64 ;;
	esac
	shift
done
((EUID == 0)) || complain "needs root"
[[ -x $ocirt ]] || complain "$ocirt is not there"

name=ocirt-memory-$$
if [[ -e /sys/fs/cgroup/memory ]]; then
	cgroup=/sys/fs/cgroup/memory/$name
	peak=$cgroup/memory.max_usage_in_bytes
else
	cgroup=/sys/fs/cgroup/$name
	peak=$cgroup/memory.peak # since Linux 5.19
fi

base=/tmp
[[ $(stat -f -c %T /dev/shm 2>/dev/null) == tmpfs ]] && base=/dev/shm
work=$(mktemp -d $base/ocirt-memory-XXXXXX) || exit 1
runtime=$ocirt

run() { # ARGUMENT...
	"$runtime" --root "$work/state" "$@" </dev/null >"$work/log" 2>&1
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
	run delete --force "$name"
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

bundle() { # PROGRAM'S ARGUMENT RESOURCES
	sed -e "s,\"/bin/demo\",&\\, $1," -e "s,\"resources\": {,\"cgroupsPath\": \"/$name\"\\, & $2," \
		"$work/demo/config.json" >"$work/bundle/config.json"
}

# The first of VALUES with which all of them start. RESOURCES has @ for the value.
smallest() { # RESOURCES VALUE...
	local resources=$1 value i
	shift
	for value; do
		bundle '"exit"\, "0"' "${resources//@/$value}"
		for ((i = 0; i < times; i++)); do
			run run --bundle "$work/bundle" "$name" && continue
			run delete --force "$name"
			continue 2
		done
		echo "$value"
		return
	done
	echo "none of $*"
}

kib() { # BYTES
	[[ $1 =~ ^[0-9]+$ ]] && echo "$(($1 / 1024)) KiB" || echo "$1"
}

# What the kernel counts, page by page, and on v1 its own memory, too.
in_use() {
	{
		cat "$cgroup/memory.stat"
		sed -e 's/^/kernel /' "$cgroup/memory.kmem.usage_in_bytes" 2>/dev/null
	} | awk '$1 ~ /^(anon|file|kernel|rss|cache)$/ { sum += $2 } END { print sum }'
}

# Of ten containers that have just been started, the largest: what is charged while the program waits,
# and the most that was. The kernel takes 64 pages at a time from a limit that has them, for each CPU:
# the latter is that much too high. Under a smaller limit it takes what it needs.
charged() {
	local i now=0 bytes used=0 most=0
	bundle '"sleep"' '"memory": { "limit": 1073741824 }\,'
	for ((i = 0; i < 10; i++)); do
		run run --detach --bundle "$work/bundle" "$name" || complain "$(<"$work/log")"
		now=$(in_use) bytes=$(cat "$peak" 2>/dev/null) || bytes=0
		((now <= used)) || used=$now
		((bytes <= most)) || most=$bytes
		run delete --force "$name"
	done
	echo "  charged when started    $(kib "$used")"
	((!most)) || echo "  charged at most         $(kib "$most"), in steps of 256 KiB"
}

"$ocirt" spec --demo "$work/demo" || exit 1
mkdir "$work/bundle"
sed -i -e 's/"ociVersion": "[^"]*"/"ociVersion": "1.0.2"/' \
	-e "s,\"path\": \"rootfs\",\"path\": \"$work/demo/rootfs\"," "$work/demo/config.json"

sizes=()
for ((i = 32; i <= 16384; i += i < 512 ? 32 : i / 4)); do
	sizes+=($((i * 1024)))
done
echo "$times of $times containers start, $(uname -r)"
for runtime in "${runtimes[@]}"; do
	echo
	"$runtime" --version | head -n 1
	echo "  with a memory limit of  $(kib "$(smallest '"memory": { "limit": @ }\,' "${sizes[@]}")")"
	echo "  with a pids limit of    $(smallest '"pids": { "limit": @ }\,' 1 2 3 4 6 8 12 16 24 32)"
	charged
done
