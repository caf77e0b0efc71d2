#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# valgrind.sh -- unit tests and plans under valgrind, which sees reads of what was never written, as the
# sanitizers do not; `make check-valgrind`, in a build with the system's libc (configure CC=gcc).
#
# Only what needs no system calls of this decade: valgrind of Debian 12 does not know openat2(2) and
# others, so what makes processes and mounts would be tested for its answers to that.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
units=(caps cgroup compile_hooks mount_options names namespaces ocispec ocispec_arena ocispec_write options
	process sched)
command -v valgrind >/dev/null || {
	echo "1..0 # skipped: valgrind is not installed"
	exit 0
}
if ! ldd "$top_builddir/tests/plan/print" >/dev/null 2>&1; then
	echo "1..0 # skipped: a static program keeps its memory to itself (configure CC=gcc)"
	exit 0
fi

one() { # NAME PROGRAM ARGUMENT...
	local log
	log=$(valgrind -q --log-fd=3 --leak-check=full --errors-for-leak-kinds=definite "${@:2}" 3>&1 >/dev/null 2>&1 </dev/null |
		grep '^==')
	if [[ -z $log ]]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		printf '%s\n' "$log" | sed 's/^/# /'
	fi
}
export -f one

cd "$top_srcdir/tests/plan" || exit 1
{
	for unit in "${units[@]}"; do
		echo "unit/$unit $top_builddir/tests/unit/$unit"
	done
	# The first line of an expected result is the command that printed it.
	for file in *.expected; do
		sed -n "1s,^\\$ print,plan/${file%.expected} $top_builddir/tests/plan/print,p" "$file"
	done
} | xargs -P "$(nproc)" -I '{}' bash -c 'one {}' | awk '{ print } /^not ok/ { bad = 1 } /^(not )?ok/ { n++ }
	END { print "1.." n; exit bad }'
