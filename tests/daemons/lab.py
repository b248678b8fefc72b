# SPDX-License-Identifier: MIT
"""The two hosts of demo/lab as a test sees them: addresses, and sockets on either."""

import ctypes
import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager, nullcontext

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(TOP, "tests", "lib"))
from tap_writer import skip_all  # noqa: E402

LAB = os.path.join(TOP, "demo", "lab")

IPV4 = ("10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.3.2")
IPV6 = ("fd01:2::2", "fd01:2::3", "fd01:3::2")
LINK_LOCAL = "fe80::2"
# Asked on the server itself.
LOOPBACK = "127.0.0.2"
# Servers write here, told or not; it ends with the lab.
SCRATCH = "/run"

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def enter():
    """Goes on inside the lab; ends the program when there can be none."""
    if "LAB_CLIENT" not in os.environ:
        tried = subprocess.run([LAB, "true"], stderr=subprocess.PIPE, text=True,
                               check=False)
        if tried.returncode == 77:
            skip_all(tried.stderr.strip())
        sys.stderr.write(tried.stderr)
        os.execv(LAB, [LAB, *sys.argv])
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", SCRATCH], check=True)


def root_is_real():
    """False in a user namespace, where uid 0 is the only user there is."""
    with open("/proc/self/uid_map", encoding="ascii") as users:
        return users.read().split() == ["0", "0", "4294967295"]


def addresses(mode):
    """What a server bound like this can be asked at."""
    ipv4 = [*IPV4, LOOPBACK] if mode in "4db" else []
    ipv6 = [*IPV6, LINK_LOCAL] if mode in "6db" else []
    return ipv4 + ipv6


def client_of(address):
    """The address that asks there."""
    if address == LOOPBACK:
        return "127.0.0.1"
    if address == LINK_LOCAL:
        return "fe80::5"
    return "fd01:2::5" if ":" in address else "10.1.2.5"


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def endpoint(address, port):
    """For sendto and connect, on either host."""
    if address.startswith("fe80"):
        return (address, port, 0, socket.if_nametoindex("eth0"))
    return (address, port)


def preferred(address):
    """The source that the routing table gives to an answer to who asks there."""
    with socket.socket(family(address), socket.SOCK_DGRAM) as s:
        s.connect(endpoint(client_of(address), 9))
        return s.getsockname()[0].split("%")[0]


def go_to(network):
    if libc.setns(network.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def on_client():
    """In here, sockets and processes are made on the client."""
    client = re.search(r"--net=(\S+)", os.environ["LAB_CLIENT"])[1]
    with open("/proc/self/ns/net", "rb") as here, open(client, "rb") as there:
        go_to(there)
        try:
            yield
        finally:
            go_to(here)


def client_socket(address):
    """A socket, on the right host, that can ask this address."""
    with nullcontext() if address == LOOPBACK else on_client():
        s = socket.socket(family(address), socket.SOCK_DGRAM)
        s.bind(endpoint(client_of(address), 0))
    s.setblocking(False)
    return s
