#!/bin/sh
# SPDX-License-Identifier: MIT
# In a root of Debian 12: apt's full-upgrade to Debian 13, from the mirror $1.
# It says the same, and leaves the same, with and without the library.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
apt() {
	apt-get -y -q -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confnew \
		-o Dpkg::Options::=--force-unsafe-io \
		-o Acquire::Check-Valid-Until=false "$@" </dev/null
}
rm -f /etc/apt/sources.list.d/*
echo "deb $1 trixie main" >/etc/apt/sources.list
apt update
apt full-upgrade
apt autoremove --purge
echo "audit: $(dpkg --audit)"
dpkg-query -W
cat /etc/debian_version
