# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# helpers.bash -- what every integration test needs: a bundle, a container's name, and the certainty
# that nothing is left on the host.
#
#   $OCIRT    the runtime. Another one may be put through the tests; then $OCIRT_DEMO is an ocirt, which
#             makes the bundles: tests/run --runtime /usr/sbin/runc FILE
#   $OCI_VERSION  the version of configurations for a runtime that knows none of ocirt's
#   $dir      a directory of this test's own
#   $id       a name that no other test has
#   $bundle   the bundle made by bundle()
#
# A test calls bundle() with a jq filter for config.json, runs `ocirt ...` in it, and looks at
# what it printed. Every test ends in a look at the host: no state, cgroup, mount or process of
# its containers.

bats_require_minimum_version 1.5.0

: "${OCIRT:?must be the path of the runtime}"
OCIRT=$(realpath "$OCIRT") OCIRT_DEMO=$(realpath "${OCIRT_DEMO:-$OCIRT}")

setup() {
	dir=$(mktemp -d "${BATS_TEST_TMPDIR:-/tmp}/t.XXXXXX")
	id=t$BASHPID-$BATS_TEST_NUMBER
	bundle=$dir/bundle
	root=$dir/state
	mounts_before=$(count_mounts)
	type -t prepare >/dev/null && prepare
	return 0
}

teardown() {
	local left
	type -t clean_up >/dev/null && clean_up
	for left in "$root"/*; do
		[[ ! -e $left ]] || ocirt delete --force "${left##*/}"
	done
	expect_clean_host
	rm -rf --one-file-system "$dir"
}

# The runtime under test, with a state root of this test's own.
ocirt() {
	"$OCIRT" --root "$root" "$@"
}

# A complete bundle: the demo root file system, and the demo's config.json changed by jq filters.
bundle() { # FILTER...
	local filter=.
	[[ -z ${OCI_VERSION-} ]] || filter=".ociVersion = \"$OCI_VERSION\""
	"$OCIRT_DEMO" spec --demo "$bundle"
	while (($#)); do
		filter+=" | $1"
		shift
	done
	change "$filter"
	cd "$bundle" || return 1
}

# Change the present bundle's config.json by a jq filter.
change() { # FILTER
	jq "$1" "$bundle/config.json" >"$bundle/config.new" && mv "$bundle/config.new" "$bundle/config.json"
}

# The usual filters. args A B C: the demo program with these arguments.
args() {
	local list
	list=$(printf '%s\n' "$@" | jq -R . | jq -sc .)
	printf '.process.args = ["/bin/demo"] + %s' "$list"
}

# Run the demo program in a fresh container: demo ARGUMENT... (after bundle).
demo() {
	change "$(args "$@")"
	run ocirt run "$id"
}

# A container in the background that stands still, started.
standing() { # FILTER...
	bundle "$(args sleep)" "$@"
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
}

pid_of() { # ID
	ocirt state "$1" | jq .pid
}

status_of() { # ID
	ocirt state "$1" | jq -r .status
}

# --- what is expected ---------------------------------------------------------------------------

complain() { # TEXT...
	printf '%s\n' "$*" "status: ${status-}" "output:" "${output-}"
	return 1
}

# The text stands in a line of $output.
expect_line() { # TEXT
	[[ ${output-} == *"$1"* ]] || complain "not there: $1"
}

expect_no_line() { # TEXT
	[[ ${output-} != *"$1"* ]] || complain "is there: $1"
}

expect_status() { # STATUS
	[[ ${status-} == "$1" ]] || complain "exit status is not $1"
}

# The value of `key: value` in $output.
fact() { # KEY
	sed -n "s/^$1: //p" <<<"${output-}"
}

expect_fact() { # KEY VALUE
	local value
	value=$(fact "$1")
	[[ $value == "$2" ]] || complain "$1 is '$value' instead of '$2'"
}

# find(1) in all cgroups. Those of others come and go meanwhile, which is no failure.
find_cgroups() { # TEST...
	find /sys/fs/cgroup -ignore_readdir_race "$@" 2>/dev/null || :
}

# Nothing of the container is left: state, cgroup.
expect_no_container() { # ID
	[[ ! -e $root/$1 ]] || complain "the state directory of $1 is left: $(ls -la "$root/$1")"
	local cgroups
	cgroups=$(find_cgroups -name "*$1*")
	[[ -z $cgroups ]] || complain "cgroups are left: $cgroups"
}

# Mounts of the host, but for those that tests make for themselves.
count_mounts() {
	grep -vc /bats-run- /proc/self/mountinfo
}

# No state, cgroup, mount or process of this test.
expect_clean_host() {
	local left
	for left in "$root"/*; do
		[[ ! -e $left ]] || complain "state is left: $left"
	done
	expect_no_container "$id"
	left=$(grep -F "$dir" /proc/self/mountinfo) && complain "mounts are left: $left"
	[[ $(count_mounts) -le $mounts_before ]] ||
		complain "the host has more mounts than before"
	return 0
}

# Wait for a condition that something else brings about; looks again when the file changes hands,
# and gives up after a minute: a machine may be busy.
await() { # COMMAND...
	local deadline=$((SECONDS + 60))
	until "$@"; do
		((SECONDS < deadline)) || complain "never came: $*" || return 1
		read -rt 0.02 <> <(:) || :
	done
}
