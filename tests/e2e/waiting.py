#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Receives that wait, each by every call: what ends them, and what is left in
the queue then."""

import contextlib
import ctypes
import os
import signal
import socket
import struct
import time
from socket import AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_RCVTIMEO

from libc import Iovec, Mmsghdr, Msghdr, call

BYTES = 64
TIMEOUT_S = 0.2
TIMEOUT = struct.pack("ll", 0, int(TIMEOUT_S * 1e6))
# A signal comes before that.
LONG_TIMEOUT = struct.pack("ll", 60, 0)
MOST_TRIES = 60000
NO_TIMEOUT = struct.pack("ll", 0, 0)

data = ctypes.create_string_buffer(BYTES)
iov = Iovec(ctypes.addressof(data), BYTES)
message = Mmsghdr(Msghdr(iov=ctypes.addressof(iov), iovlen=1))
CALLS = {
    "recvfrom": (data, BYTES, 0, None, None),
    "recvmsg": (ctypes.byref(message), 0),
    "recvmmsg": (ctypes.byref(message), 1, 0, None),
    "recv": (data, BYTES, 0),
    "read": (data, BYTES),
    "readv": (ctypes.byref(iov), 1),
    "__recvfrom_chk": (data, BYTES, BYTES, 0, None, None),
    "__recv_chk": (data, BYTES, BYTES, 0),
    "__read_chk": (data, BYTES, BYTES),
}

server, client = (socket.socket(AF_INET, SOCK_DGRAM) for _ in range(2))
server.bind(("", 0))
NAME = ("127.0.0.1", server.getsockname()[1])


def receive(name):
    """What one call answers, and the data that it has written."""
    ctypes.memset(data, 0, BYTES)
    return *call(name, server.fileno(), *CALLS[name]), data.value


def await_waiting(pid):
    """Until that process sleeps in a system call."""
    for _ in range(MOST_TRIES):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            if file.read().rsplit(")", 1)[1].split()[0] == "S":
                return
        time.sleep(0.001)


@contextlib.contextmanager
def meanwhile(*steps):
    """A child takes a step each time that this process waits."""
    pid = os.fork()
    if not pid:
        for step in steps:
            await_waiting(os.getppid())
            step()
        os._exit(0)
    yield
    os.waitpid(pid, 0)


def interrupt():
    os.kill(os.getppid(), signal.SIGUSR1)


def ask():
    client.sendto(b"asked", NAME)


def one(name):
    """Each thing that may end the waiting."""
    signal.siginterrupt(signal.SIGUSR1, True)
    with meanwhile(interrupt):
        print(name, "interrupted", *receive(name))
    with meanwhile(ask):
        print(name, "asked", *receive(name))
    signal.siginterrupt(signal.SIGUSR1, False)
    with meanwhile(interrupt, interrupt, ask):
        print(name, "restarted", *receive(name))
    server.setsockopt(SOL_SOCKET, SO_RCVTIMEO, TIMEOUT)
    began = time.monotonic()
    print(name, "timed out", *receive(name),
          time.monotonic() - began >= TIMEOUT_S)
    # Restarted, it would wait for longer: signal(7).
    server.setsockopt(SOL_SOCKET, SO_RCVTIMEO, LONG_TIMEOUT)
    with meanwhile(interrupt):
        print(name, "not restarted", *receive(name))
    server.setsockopt(SOL_SOCKET, SO_RCVTIMEO, NO_TIMEOUT)
    os.set_blocking(server.fileno(), False)
    print(name, "would wait", *receive(name))
    ask()
    print(name, "need not wait", *receive(name))
    print(name, "nothing is left", *receive(name))
    os.set_blocking(server.fileno(), True)


signal.signal(signal.SIGUSR1, lambda *_: None)
for name in CALLS:
    one(name)
