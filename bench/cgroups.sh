#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# cgroups.sh -- what limits cost: a container with none and one with all that this machine has, and an
# update of one value beside `state`, which starts and reads the same and writes nothing.
#
# From the build directory, as root, after `make bench-programs`. On cgroup v2, where this host has v1:
#     tests/vm/run -- bash -c 'cd BUILD && .../bench/cgroups.sh'
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$PWD}
ocirt=${OCIRT:-$build/ocirt}
rounds=${1:-50}
. "$here/../tests/integration/cgroups.bash"

work=$(mktemp -d /tmp/ocirt-bench-XXXXXX)
at=("$ocirt" --root "$work/state")
clean_up() {
	[[ ! -e $work/state/cgroups-$$ ]] || "${at[@]}" delete --force "cgroups-$$"
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

bundle() { # NAME RESOURCES ARGUMENT...
	local name=$1 resources=$2
	shift 2
	"$ocirt" spec --demo "$work/$name"
	jq --argjson r "$resources" '.linux.resources = $r | .process.args = ["/bin/demo"] + $ARGS.positional' \
		"$work/$name/config.json" --args "$@" >"$work/config"
	mv "$work/config" "$work/$name/config.json"
}

calls() { # COMMAND...: how often it enters the kernel, all its processes together
	strace -f -qq -o "$work/calls" "$@" >/dev/null 2>&1 </dev/null
	grep -cE '^[0-9]+ +[a-z_0-9]+\(' "$work/calls"
}

bundle none '{}' exit 0
bundle all "$(all_resources)" exit 0
bundle sleep '{"pids": {"limit": 50}}' sleep
"${at[@]}" run -d -b "$work/sleep" "cgroups-$$" </dev/null >/dev/null 2>&1
none=("${at[@]}" run -b "$work/none" cgroups-none-$$)
all=("${at[@]}" run -b "$work/all" cgroups-all-$$)
state=("${at[@]}" state "cgroups-$$")
update=("${at[@]}" update --pids-limit 60 "cgroups-$$")

echo "all of them: $(all_resources)"
if command -v strace >/dev/null; then
	printf 'system calls: %s without, %s with all; state %s, update %s\n' "$(calls "${none[@]}")" \
		"$(calls "${all[@]}")" "$(calls "${state[@]}")" "$(calls "${update[@]}")"
fi
"$build/bench/harness" -n "$rounds" -t "run: create, start, delete" \
	--as "no resources" "${none[@]}" --as "all resources" "${all[@]}"
"$build/bench/harness" -n "$rounds" -t "one value" --as state "${state[@]}" --as update "${update[@]}"
