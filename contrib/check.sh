#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check.sh -- builds and tests everything, on a bare Debian 12 as root, from a clone.
#
# Installs what is missing, builds in every way we promise (gcc, clang, static glibc, sanitizers,
# no seccomp, from the archive of `make dist`) and runs every test there is. Works on a copy of the
# sources: the clone stays as it was. The last line is the verdict:
#
#     N passed, N failed, N skipped
#
# Each build or lint step counts one, and so does each single test of `make check`. The exit status
# is 1 when something failed. --keep leaves the copy and its logs. OCIRT_CHECK_VM=1 installs what the
# tests in virtual machines take, too; without it they are run where that is here. The same with
# OCIRT_CHECK_VALIDATION=1 and the validation programs of the OCI, which are built once, with go.
# OCIRT_CHECK_WEAKENED=1 leaves out one protection after the other, to see that a test misses it.
set -u

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
jobs=$(nproc)

# shellcheck source=contrib/packages.sh
. "$top/contrib/packages.sh"
packages=(
	"${build_packages[@]}"
	bats busybox-static codespell clang clang-format clang-tidy cppcheck debootstrap git iproute2 jq
	debhelper libclang-rt-14-dev procps python3 rpm shellcheck shfmt strace uidmap util-linux valgrind
)
# What a virtual machine takes: some 100 MB, and the machine is emulated where there is no KVM. What
# is not here already is left out unless it is asked for.
[[ -z ${OCIRT_CHECK_VM-} ]] ||
	packages+=(busybox-static dbus dbus-user-session kmod libpam-systemd qemu-system-common
		qemu-system-x86 systemd xz-utils zstd)
[[ -z ${OCIRT_CHECK_VALIDATION-} ]] ||
	packages+=(golang-go golang-github-opencontainers-runtime-tools-dev
		golang-github-google-uuid-dev)

# --- counting ---------------------------------------------------------------------------------

# Into a file, as steps run beside each other: "passed N", "failed N", "skipped N"; and to be said at
# the end, "failure TEXT" and "unsteady TEXT".
count() { # WHAT TEXT
	printf '%s %s\n' "$1" "$2" >>"$work/counts"
}

counted() { # WHAT: the sum
	awk -v what="$1" '$1 == what { n += $2 } END { print n + 0 }' "$work/counts"
}

pass() { # NAME
	count passed 1
	printf '%-8s%s (%ds)\n' ok "$1" $((SECONDS - since))
}

fail() { # NAME LOG
	count failed 1
	count failure "$1"
	printf '%-8s%s (%ds)\n' FAILED "$1" $((SECONDS - since))
	tail -n 120 "$2" | sed 's/^/    /'
}

skip() { # NAME REASON
	count skipped 1
	printf '%-8s%s: %s\n' skipped "$1" "$2"
}

# One step, one result; what it prints is shown only when it fails.
step() { # NAME COMMAND...
	local name=$1 log=$work/log/${1//[^A-Za-z0-9]/-}
	shift
	since=$SECONDS
	# Not `if (...)`: bash does not heed -e in a condition.
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	local status=$?
	if ((status == 0)); then
		pass "$name"
	else
		fail "$name" "$log"
	fi
	return "$status"
}

# Counts the results of a suite, and says what failed, by name, and what was skipped, by reason: one
# line each, so that they are seen even where somebody cuts what follows. `results` has one line for
# each test: PASS, FAIL or SKIP, its name, and for SKIP "# skip" with the reason.
suite() { # NAME STATUS-OF-ITS-COMMAND RESULTS
	local p f s
	p=$(grep -c '^PASS' "$3")
	f=$(grep -c '^FAIL' "$3")
	s=$(grep -c '^SKIP' "$3")
	# It must not look like success that nothing could be run.
	(($2 != 0 && f == 0)) && f=1
	count passed "$p"
	count failed "$f"
	count skipped "$s"
	printf '%-8s%s: %d passed, %d failed, %d skipped (%ds)\n' \
		"$( ((f)) && echo FAILED || echo ok)" "$1" "$p" "$f" "$s" $((SECONDS - since))
	sed -n 's/^FAIL/        failed:/p' "$3"
	sed -n 's/^SKIP.*# *skip */        /Ip' "$3" | sort | uniq -c |
		sed 's/^ *\([0-9]*\) */        \1 skipped: /'
	((f == 0)) && return
	while IFS= read -r line; do
		count failure "$1: $line"
	done < <(sed -n 's/^FAIL *//p' "$3")
	grep -q '^FAIL' "$3" || count failure "$1"
	(($2 == 124 || $2 == 137)) && echo "    not done after $limit s"
	return 1
}

# When it is but one or two tests that fail, their suite gets a second try: a test that then passes
# is not steady, which is a fault to mend as well, but not one of what it tests. It is named, and what it
# said comes at the end, so that it cannot be taken for what fails.
try_again() { # STATUS RESULTS LOG
	local first
	first=$(sed -n 's/^FAIL *//p' "$2")
	[[ $1 != 124 && $1 != 137 && $first ]] && (($(wc -l <<<"$first") <= 2)) || return
	while IFS= read -r line; do
		count unsteady "$line"
		printf '%-8s%s\n' again "$line"
	done <<<"$first"
	grep -vE '^ok ' "$3" | tail -n 100 | sed 's/^/    /' >>"$work/unsteady"
}

trs_results() { # DIRECTORY
	find "$1" -name '*.trs' -exec cat {} + |
		sed -nE 's/^:test-result: //; s/^(ERROR|XPASS)/FAIL/; s/^XFAIL/SKIP/; /^(PASS|FAIL|SKIP)/p'
}

# `make TARGET` in a build directory, one result per test it ran.
tests() { # NAME DIRECTORY TARGET
	local log=$work/log/${1//[^A-Za-z0-9]/-}
	since=$SECONDS
	find "$2/tests" \( -name '*.trs' -o -name '*.log' \) -delete
	timeout --kill-after=10 "$limit" make -C "$2" -j"$jobs" "$3" >"$log" 2>&1 </dev/null
	local status=$?
	trs_results "$2" >"$log.results"
	if try_again "$status" "$log.results" "$2/test-suite.log"; then
		# recheck takes what has failed of `make check`; the rest is short, and done as a whole.
		[[ $3 != check-@(core|integration|unit) ]] || set -- "$1" "$2" recheck
		timeout --kill-after=10 "$limit" make -C "$2" -j1 "$3" >>"$log" 2>&1 </dev/null
		status=$?
		trs_results "$2" >"$log.results"
	fi
	if ! suite "$1" "$status" "$log.results"; then
		grep -vE '^ok ' "$2/test-suite.log" | tail -n 400 | sed 's/^/    /'
		tail -n 60 "$log" | sed 's/^/    /'
	fi
}

# Tests with a tag, below a program that shows them another kind of machine: its status; the log and the
# results are left in LOG and LOG.results.
bats_elsewhere() { # LOG TAG PROGRAM... -- FILE...
	local log=$1 program=() status
	local bats=(bats --filter-tags "$2" --tap)
	shift 2
	while [[ $1 != -- ]]; do
		program+=("$1")
		shift
	done
	shift
	(
		cd "$work/src" || exit 1
		OCIRT=$work/default/ocirt "${program[@]}" "${bats[@]}" "${@/#/tests/integration/}"
	) >"$log" 2>&1 </dev/null
	status=$?
	sed -nE 's/^(ok .*# skip)/SKIP \1/; s/^ok /PASS /; s/^not ok /FAIL /; /^(PASS|FAIL|SKIP)/p' \
		"$log" >"$log.results"
	return "$status"
}

# One result per test.
tests_elsewhere() { # NAME TAG PROGRAM... -- FILE...
	local name=$1 log=$work/log/${1//[^A-Za-z0-9]/-} status more=
	shift
	since=$SECONDS
	bats_elsewhere "$log" "$@"
	status=$?
	if ((status == 77)); then
		[[ $2 != */vm/run ]] || more=" (OCIRT_CHECK_VM=1 installs it)"
		skip "$name" "$(sed -n 's/.*skipped: //p' "$log")$more"
		return
	fi
	if try_again "$status" "$log.results" "$log"; then
		bats_elsewhere "$log" "$@"
		status=$?
	fi
	suite "$name" "$status" "$log.results" ||
		grep -vE '^ok ' "$log" | tail -n 100 | sed 's/^/    /'
}

# --- lanes ------------------------------------------------------------------------------------
# What does not need each other runs beside each other: an emulated machine keeps one processor busy,
# and many tests only wait. A lane behind the first is shown when it has ended.

lanes=() # process groups

lane() { # FUNCTION
	set -m  # a process group of its own
	(
		set +m
		"$1"
		echo "lane $1 ended"
	) >"$work/$1" 2>&1 </dev/null &
	lanes+=("$!")
	set +m
}

lane_end() { # FUNCTION: of the first of them that has not been waited for
	wait "${lanes[0]}"
	lanes=("${lanes[@]:1}")
	sed '$ { /^lane .* ended$/ d }' "$work/$1"
	[[ $(tail -n 1 "$work/$1") == "lane $1 ended" ]] || fail "$1 was not done to its end" /dev/null
}

# --- steps ------------------------------------------------------------------------------------

# What git would commit, if it is a clone; else everything but what a build leaves.
copy_sources() {
	mkdir -p "$work/src"
	cd "$top"
	if git -c safe.directory="$top" rev-parse --git-dir >/dev/null 2>&1; then
		git -c safe.directory="$top" ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' path; do
				[[ ! -e $path && ! -L $path ]] || printf '%s\0' "$path"
			done >"$work/files"
		tar -c --null -T "$work/files" | tar -x -C "$work/src"
		git -c safe.directory="$top" describe --always --dirty --abbrev=12 >"$work/src/commit"
	else
		tar -c --exclude=./build\* --exclude='*.o' --exclude='*.a' . | tar -x -C "$work/src"
	fi
}

build() { # NAME CONFIGURE-ARGUMENT...
	local directory=$work/$1
	shift
	mkdir -p "$directory"
	cd "$directory"
	"$work/src/configure" --enable-werror "$@"
	make -j"$jobs"
}

# `make install` puts everything into place, and what it installs needs no library of the host.
install_it() {
	make -C "$work/default" install DESTDIR="$work/root"
	local ocirt=$work/root/usr/local/bin/ocirt
	"$ocirt" --version
	if readelf -l "$ocirt" | grep INTERP; then
		echo "ocirt is not static, though musl is there"
		return 1
	fi
}

debian_package() {
	DEB_BUILD_OPTIONS="nocheck parallel=$jobs" "$work/src/contrib/debian/build" "$work/deb"
	"$work/src/contrib/debian/check" "$work"/deb/ocirt_*.deb
}

rpm_package() {
	make -C "$work/default" dist
	"$work/src/contrib/rpm/check" "$work"/default/ocirt-*.tar.gz
}

distcheck() {
	NO_INTEGRATION=1 make -C "$work/default" -j"$jobs" distcheck
}

usage() {
	sed -n 's/^# \{0,1\}//; 4,16p' "$0"
}

clean_up() {
	local lane
	for lane in "${lanes[@]}"; do
		kill -- "-$lane" 2>/dev/null # timeout(1) has a group of its own:
		pkill -f "timeout .*$work/"
	done
	if [[ -n $keep ]]; then
		echo "kept: $work"
	else
		chmod -R u+w "$work" # distcheck makes its copy read-only
		rm -rf "$work"
	fi
}

keep=
case ${1-} in
'') ;;
--keep) keep=1 ;;
*)
	usage
	exit 1
	;;
esac
# The result must not depend on who calls: no settings of the caller's build, one language.
unset CC CFLAGS CPPFLAGS LDFLAGS INIT_CC MAKEFLAGS OCIRT
export LC_ALL=C.UTF-8
# The official JSON schema, where somebody has put it beside the clone.
if [[ -z ${OCIRT_SCHEMA_DIR-} && -d $top/../shared/oci-schema ]]; then
	export OCIRT_SCHEMA_DIR=$top/../shared/oci-schema
fi
limit=2700 # seconds for one run of the tests

work=$(mktemp -d "${TMPDIR:-/tmp}/ocirt-check.XXXXXX") || exit 1
trap clean_up EXIT
chmod 755 "$work" # an ordinary user's tests, too, are in it
mkdir "$work/log"
: >"$work/counts"
: >"$work/unsteady"

on_other_builds() {
	if command -v dh >/dev/null; then
		step "Debian package" debian_package
	else
		skip "Debian package" "debhelper is not installed"
	fi
	if step "build: gcc, system's libc" build gcc CC=gcc; then
		tests "unit, plan and schema tests with glibc" "$work/gcc" check-unit
		tests "unit tests and plans in valgrind" "$work/gcc" check-valgrind
		for tool in gcc clang-tidy cppcheck; do
			step "analyze: $tool" env BUILD="$work/gcc" "$work/src/contrib/analyze" "$tool"
		done
	fi
	# One build for three promises: clang, the sanitizers, and ocirt-init with glibc where there is no
	# musl. -O1 is what the sanitizers want, and quick.
	if step "build: clang, sanitizers, static glibc" build clang CC=clang INIT_CC="clang -static" \
		CFLAGS="-g -O1" --enable-sanitizers; then
		step "unit tests with sanitizers" make -C "$work/clang" -j"$jobs" check-unit
		tests "containers with sanitizers, inside and outside" "$work/clang" check-core
	else
		skip "unit tests with sanitizers" "there is no build"
	fi
	step "build: gcc with the system libc, no seccomp" build no-seccomp CC=gcc CFLAGS=-O0 --disable-seccomp
}

in_machines() {
	local vm=(tests/vm/run --timeout "$limit")
	tests_elsewhere "cgroup v2" vm "${vm[@]}" -- cgroup.bats resources.bats update.bats
	tests_elsewhere "cgroup v2 with systemd" vm "${vm[@]}" --init systemd -- systemd.bats
	tests_elsewhere "cgroup v2 with systemd, an ordinary user" vm "${vm[@]}" --init systemd --user -- \
		rootless.bats systemd.bats
}

# As users get it: linked with musl where that is there.
as_it_is() {
	tests "unit, plan and schema tests" "$work/default" check-unit
	tests "integration and security tests" "$work/default" check-integration
	tests_elsewhere "cgroup v2 without its controllers" v2 tests/cgroup-layout v2 -- \
		cgroup.bats devices.bats lifecycle.bats
	if [[ -n ${OCIRT_CHECK_WEAKENED-} ]]; then
		step "security tests miss what is left out" make -C "$work/default" check-weakened
	else
		skip "security tests miss what is left out" "takes minutes (OCIRT_CHECK_WEAKENED=1 does it)"
	fi
	tests "container managers, if they are installed" "$work/default" check-managers-fast
	if [[ -n ${OCIRT_CHECK_VALIDATION-} ]] || "$work/src/tests/validation/run" --built; then
		tests "validation programs of the OCI" "$work/default" check-validation
	else
		skip "validation programs of the OCI" "not built yet (OCIRT_CHECK_VALIDATION=1 does it)"
	fi
	step "install" install_it
	step "demo.sh" env OCIRT="$work/root/usr/local/bin/ocirt" "$work/src/contrib/demo.sh"
	step "make distcheck" distcheck
	if command -v rpmbuild >/dev/null; then
		step "RPM package" rpm_package
	else
		skip "RPM package" "rpmbuild is not installed"
	fi
}

# In braces, so that bash has read all of it before the first step: somebody may edit this file, or
# check out another commit, while it runs.
{
	step "packages" install_packages "${packages[@]}"
	step "copy of the sources" copy_sources
	step "autogen.sh" "$work/src/autogen.sh"
	for check in format shellcheck shfmt codespell lists; do
		step "lint: $check" "$work/src/contrib/lint" "$check"
	done

	if step "build" build default; then
		lane in_machines
		lane on_other_builds
		as_it_is
		lane_end in_machines
	else
		for what in "unit, plan and schema tests" "integration and security tests" \
			"validation programs of the OCI" install demo.sh "make distcheck" "cgroup v2"; do
			skip "$what" "there is no build"
		done
		lane on_other_builds
	fi
	lane_end on_other_builds

	cat "$work/unsteady"
	sed -n 's/^unsteady/tried twice:/p; s/^failure/failed:/p' "$work/counts"
	echo "$(counted passed) passed, $(counted failed) failed, $(counted skipped) skipped"
	(($(counted failed) == 0))
	exit
}
