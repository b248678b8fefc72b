#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""An echo server that minds the address itself: what it got of IP_PKTINFO
or IPV6_PKTINFO goes back with the answer."""

import socket
import sys

IP_PKTINFO = 8

family = socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET
sock = socket.socket(family, socket.SOCK_DGRAM)
if family == socket.AF_INET6:
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
else:
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
sock.bind(("", 0))
print("port", sock.getsockname()[1], flush=True)
while True:
    data, control, flags, peer = sock.recvmsg(2048, 256)
    sock.sendmsg([data], control, 0, peer)
