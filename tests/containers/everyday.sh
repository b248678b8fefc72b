#!/bin/sh
# SPDX-License-Identifier: MIT
# What goes on in a container: a shell's work, a compiler's, apt's and dpkg's.
# It says the same with and without the library.
set -eu
mkdir /tmp/everyday
cd /tmp/everyday

for word in c a b; do echo $word; done | sort | tr abc xyz
(exit 3) || echo "status $?"
trap 'echo caught' USR1
kill -USR1 $$
timeout 5 sh -c 'exec true' && env -i /bin/echo nothing set
perl -e 'print join(",", map { $_ * 2 } 1 .. 3), "\n"'

cat >answer.c <<'C'
#include <stdio.h>
int main(void) { return puts("compiled") < 0; }
C
gcc -Wall -O2 -o answer answer.c
./answer

mkdir -p package/DEBIAN
cat >package/DEBIAN/control <<'C'
Package: everyday
Version: 1
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: nothing
C
printf '#!/bin/sh\necho configured\n' >package/DEBIAN/postinst
chmod 755 package/DEBIAN/postinst
dpkg-deb -b package everyday.deb
apt-get -qq -o Dpkg::Use-Pty=0 install ./everyday.deb </dev/null
dpkg-query -W everyday
apt-get -qq -o Dpkg::Use-Pty=0 remove everyday </dev/null
