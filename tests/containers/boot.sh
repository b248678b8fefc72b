#!/bin/sh
# SPDX-License-Identifier: MIT
# What a Debian system does when it boots and every day.  It says the same with and
# without the library in /etc/ld.so.preload.
set -u
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
release=6.1.0-1-none
mkdir -p /boot /lib/modules/$release
for name in order builtin builtin.modinfo; do
	: >/lib/modules/$release/modules.$name
done
echo CONFIG_RD_GZIP=y >/boot/config-$release
depmod $release && mkinitramfs -c gzip -o /tmp/image $release 2>&1
# It also has what ldd(1) lists: the library, which no program there loads, and what
# that needs, in which mkinitramfs sees threads.
lsinitramfs /tmp/image | grep -v -e libreplyfrom -e '^usr/local' \
	-e '/lib\(dl\|pthread\|gcc_s\)\.so' | sort
systemd-tmpfiles --create --prefix=/run 2>&1
systemd-sysusers --dry-run 2>&1 | head -n 5
systemctl --root=/ list-unit-files --no-pager 2>&1
systemd-analyze verify --man=no cron.service 2>&1
udevadm hwdb --test=usb:v1 2>&1
ldconfig -p | sed 1d | grep -vc libreplyfrom
sysctl -n kernel.ostype
fsck -N 2>&1
useradd -m someone 2>&1 && id someone
echo 'someone ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/someone
chmod 440 /etc/sudoers.d/someone
visudo -c 2>&1
su someone -c 'sudo -n id; crontab -l; echo "0 0 * * * true" | crontab -; crontab -l' 2>&1
ssh-keygen -q -t ed25519 -N '' -f /tmp/key && mkdir -p /run/sshd && sshd -t && echo sshd
sshd -T | sort | head -n 40
man -P cat ls 2>&1 | head -n 20
mandb -c -q 2>&1 | head -n 3
apropos passwd 2>&1 | sort
