# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# packages.sh -- what check.sh and demo.sh need from Debian; to be sourced.

# shellcheck disable=SC2034 # used where this is sourced
build_packages=(autoconf automake gcc libc6-dev libcap-dev libseccomp-dev libsystemd-dev libyajl-dev make
	musl-tools)

# Installs what is missing of them, if anything is.
install_packages() { # PACKAGE...
	local missing=() package
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			missing+=("$package")
	done
	((${#missing[@]})) || return 0
	if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
		echo "not installed, and only root can do it with apt-get: ${missing[*]}" >&2
		return 1
	fi
	echo "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -q update && apt-get -q -y --no-install-recommends install "${missing[@]}"
}
