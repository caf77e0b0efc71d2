#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# demo.sh -- ocirt at work, from nothing: installs what the build needs, builds, runs a container,
# then walks through the life of a second one. Every command is shown before it is run. Needs root;
# leaves nothing behind. OCIRT=/path/to/ocirt takes that one instead of building.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/ocirt-demo.XXXXXX")
first=demo-$$-one
second=demo-$$-two

clean_up() {
	ocirt --root "$work/state" delete --force "$first" >/dev/null 2>&1 || :
	ocirt --root "$work/state" delete --force "$second" >/dev/null 2>&1 || :
	rm -rf "$work"
}
trap clean_up EXIT

# Shows a command as one would type it, then does it.
show() {
	printf '\n\033[1m# %s\033[0m\n' "$*"
	"$@"
}

quietly() { # TITLE COMMAND...
	printf '%s ...\n' "$1"
	"${@:2}" >"$work/log" 2>&1 || {
		tail -n 40 "$work/log" >&2
		return 1
	}
}

build() {
	# A source tree that was configured for itself refuses a second build beside it.
	mkdir "$work/source"
	tar -C "$top" -c --exclude=./.git --exclude=./build\* --exclude='*.o' --exclude='*.a' \
		--exclude=./config.status . | tar -x -C "$work/source"
	cd "$work/source"
	./autogen.sh
	mkdir "$work/build"
	cd "$work/build"
	"$work/source/configure"
	make -j"$(nproc)"
}

if [[ $(id -u) != 0 ]]; then
	echo "demo.sh: run it as root" >&2
	exit 1
fi
if [[ -n ${OCIRT-} ]]; then
	mkdir "$work/build"
	ln -s "$(realpath "$OCIRT")" "$work/build/ocirt"
else
	# shellcheck source=contrib/packages.sh
	. "$top/contrib/packages.sh"
	quietly "looking for what the build needs" install_packages "${build_packages[@]}"
	quietly "building ocirt" build
fi
PATH=$work/build:$PATH
cd "$work"

echo
echo "A bundle is a directory with a config.json and a root file system. This one holds one program."
show ocirt spec --demo hello
show find hello -type f
show ocirt --root "$work/state" run --bundle hello "$first"

echo
echo "The same step by step, with a program that waits for signals."
show cp -r hello waiting
show sed -i 's|"/bin/demo"|"/bin/demo", "signals"|' waiting/config.json
show ocirt --root "$work/state" create --bundle waiting --pid-file pid "$second"
show ocirt --root "$work/state" state "$second"
show ocirt --root "$work/state" start "$second"
show ocirt --root "$work/state" list
show ocirt --root "$work/state" exec "$second" /bin/demo ids
show ocirt --root "$work/state" kill "$second" TERM
show tail --pid="$(cat pid)" -f /dev/null
show ocirt --root "$work/state" delete "$second"
show ocirt --root "$work/state" list
