#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Calls with null and bad pointers, each in a process of its own: what they
answer, and what they leave in the queue.

    pointers.py null|bad|ours     ours: to what the shim reads or writes itself
"""

import ctypes
import os
import resource
import socket
import sys
from socket import AF_INET, MSG_DONTWAIT, SOCK_DGRAM

from libc import Iovec, Mmsghdr, Msghdr, call

BAD = 8
IP_PKTINFO = 8

# A server that has received one datagram of three, and its client.
server, client = (socket.socket(AF_INET, SOCK_DGRAM) for _ in range(2))
server.bind(("", 0))
server.setblocking(False)
for word in (b"first", b"second", b"third"):
    client.sendto(word, ("127.0.0.1", server.getsockname()[1]))
server.recvfrom(100)

data = ctypes.create_string_buffer(b"data", 64)
iov = Iovec(ctypes.addressof(data), 4)
name = ctypes.create_string_buffer(
    AF_INET.to_bytes(2, sys.byteorder) +
    client.getsockname()[1].to_bytes(2, "big") + bytes([127, 0, 0, 1]), 128)
length = ctypes.c_uint(16)
at_data, at_name, at_length = map(ctypes.addressof, (data, name, length))


def message(**fields):
    """A message that is right but for these fields."""
    made = Mmsghdr(Msghdr(iov=ctypes.addressof(iov), iovlen=1))
    for field, value in fields.items():
        setattr(made.msg, field, value)
    return ctypes.addressof(made), made


def attempt(function, *arguments):
    """In a child: the server and the queue are the next one's as well."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        if status:
            print(function, "ended by", os.WTERMSIG(status))
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(function, *call(function, server.fileno(), *(
        ctypes.c_void_p(word) if isinstance(word, int) else word
        for word in arguments)), flush=True)
    os._exit(0)


def passed_through(bad):
    attempt("recvfrom", bad, 10, MSG_DONTWAIT, None, None)
    attempt("recvfrom", bad, 10, MSG_DONTWAIT, at_name, at_length)
    attempt("recvfrom", at_data, 10, MSG_DONTWAIT, bad, at_length)
    attempt("recv", bad, 10, MSG_DONTWAIT)
    attempt("read", bad, 10)
    attempt("write", bad, 4)
    attempt("send", bad, 4, MSG_DONTWAIT)
    attempt("sendto", bad, 4, MSG_DONTWAIT, at_name, 16)
    attempt("sendto", at_data, 4, MSG_DONTWAIT, bad, 0)
    attempt("sendto", at_data, 4, MSG_DONTWAIT, bad, 4)
    attempt("getsockopt", 0, IP_PKTINFO, bad, at_length)
    attempt("getsockopt", 0, IP_PKTINFO, at_data, bad)
    attempt("setsockopt", 0, IP_PKTINFO, bad, 4)
    attempt("setsockopt", socket.SOL_SOCKET, socket.SO_RCVLOWAT, bad, 4)
    attempt("accept", bad, bad)
    attempt("accept4", bad, bad, 0)
    attempt("recvmmsg", bad, 0, MSG_DONTWAIT, None)
    attempt("sendmmsg", bad, 0, MSG_DONTWAIT)
    attempt("readv", bad, 0)
    attempt("writev", bad, 0)
    attempt("writev", bad, 1)
    to = {"name": at_name, "namelen": 16}
    for fields in ({"iov": bad}, {"iov": bad, "iovlen": 0},
                   {"control": bad, "controllen": 64},
                   {"control": bad, "controllen": 2000}):
        at, _kept = message(**fields)
        attempt("recvmsg", at, MSG_DONTWAIT)
        attempt("recvmmsg", at, 1, MSG_DONTWAIT, None)
        if not bad or "iov" in fields:
            at, _kept = message(**fields, **to)
            attempt("sendmsg", at, MSG_DONTWAIT)
            attempt("sendmmsg", at, 1, MSG_DONTWAIT)
    at, _kept = message(name=bad, namelen=16)
    attempt("recvmsg", at, MSG_DONTWAIT)
    at, _kept = message()
    attempt("recvmmsg", at, 1, MSG_DONTWAIT, bad)


def null():
    passed_through(None)
    ours(None)
    attempt("recvmsg", None, MSG_DONTWAIT)
    attempt("sendmsg", None, MSG_DONTWAIT)
    attempt("recvfrom", at_data, 10, MSG_DONTWAIT, at_name, None)
    attempt("bind", None, 16)


def ours(bad):
    attempt("sendto", at_data, 4, MSG_DONTWAIT, bad, 16)
    attempt("connect", bad, 16)
    attempt("readv", bad, 1)
    attempt("recvmmsg", bad, 1, MSG_DONTWAIT, None)
    attempt("sendmmsg", bad, 1, MSG_DONTWAIT)
    at, _kept = message(name=bad, namelen=16)
    attempt("sendmsg", at, MSG_DONTWAIT)
    at, _kept = message(name=at_name, namelen=16, control=bad, controllen=64)
    attempt("sendmsg", at, MSG_DONTWAIT)


if sys.argv[1] == "null":
    null()
elif sys.argv[1] == "bad":
    passed_through(BAD)
else:
    ours(BAD)
# What is left of what was sent.
for sock in server, client:
    sock.setblocking(False)
    try:
        while True:
            print(sock.recvfrom(100)[0])
    except BlockingIOError:
        print("no more")
