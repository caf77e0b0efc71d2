#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes ./configure from configure.ac and Makefile.am: needs autoconf and automake.
set -e
cd "$(dirname "$0")"

for tool in autoconf automake; do
	if ! command -v "$tool" >/dev/null; then
		echo "autogen.sh: $tool is missing (Debian: apt install $tool; Fedora: dnf install $tool)" >&2
		exit 1
	fi
done
autoreconf --install --warnings=all,no-portability
