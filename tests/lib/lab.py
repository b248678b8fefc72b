# SPDX-License-Identifier: MIT
"""The two hosts of demo/lab as a suite sees them: it runs on the server.

A link in a folder of suites makes `import lab` find this file, and then the other
modules beside it.
"""

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(TOP, "tests", "lib"))
from tap_writer import skip_all  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("B", "build"))
E2E = os.path.join(TOP, "tests", "e2e")
PROGRAMS = os.path.join(BUILD, "tests", "e2e")
LIBRARY = os.path.join(BUILD, "libreplyfrom.so")
COMMAND = os.path.join(BUILD, "replyfrom")
LAB = os.path.join(TOP, "demo", "lab")
NO_NAMESPACES = 77

# What is late by more, on a busy machine, will not come.
SECONDS = int(os.environ.get("LAB_SECONDS", "20"))

V4 = ["10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.3.2"]
V6 = ["fd01:2::2", "fd01:2::3", "fd01:3::2"]
LINK_LOCAL = "fe80::2"
CLIENT_V4, CLIENT_V6, CLIENT_LINK_LOCAL = "10.1.2.5", "fd01:2::5", "fe80::5"

libc = ctypes.CDLL(None, use_errno=True)


def enter():
    """Goes on inside the lab; ends the suite where there can be none."""
    if "LAB_CLIENT" in os.environ:
        await_addresses([*V6, LINK_LOCAL])
        await_addresses([CLIENT_V6, CLIENT_LINK_LOCAL], "$LAB_CLIENT ")
        return
    found = subprocess.run([LAB, "true"], stderr=subprocess.PIPE, text=True,
                           stdin=subprocess.DEVNULL, check=False)
    if found.returncode == NO_NAMESPACES:
        skip_all(found.stderr.strip())
    os.execv(LAB, [LAB, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def shimmed_environment(**more):
    """The environment of a server that runs under the shim.

    E2E_SHIMMED is added: with E2E_SHIMMED=REPLYFROM_DISABLE=1 the suites show
    that they can fail.
    """
    sabotage = os.environ.get("E2E_SHIMMED", "").split()
    return {**os.environ, "LD_PRELOAD": LIBRARY, **more,
            **dict(pair.split("=", 1) for pair in sabotage)}


def program(name):
    """A test program's path."""
    return os.path.join(PROGRAMS, name)


def read(*names):
    """A tracked file's text."""
    with open(os.path.join(TOP, *names), encoding="utf-8") as file:
        return file.read()


def variables():
    """What the command prints: [(name, default, what is accepted, effect)]."""
    said = subprocess.check_output(
        [COMMAND, "--help-variables"], text=True)
    found = []
    for entry in said.strip().split("\n\n"):
        head, accepted, effect = entry.split("\n", 2)
        found.append((*head.split("="), accepted.strip(),
                      " ".join(effect.split())))
    return found


def root_is_real():
    """Whether this may be other users: root, but not of a user namespace."""
    with open("/proc/self/uid_map", encoding="ascii") as users:
        _, outside, count = users.read().split()[:3]
    return os.getuid() == 0 and outside == "0" and count != "1"


def run(command):
    """A command of the shell on the server host; it has to succeed."""
    subprocess.run(command, shell=True, check=True, stdin=subprocess.DEVNULL)


def on_client(command):
    """The same on the client host."""
    run(f"$LAB_CLIENT {command}")


def unlimited_icmp():
    """The client host sends each ICMP error, not some in a second."""
    on_client("sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0")
    # Of the host as a whole, in older kernels, and then not to be changed.
    on_client("sysctl -eqw net.ipv4.icmp_msgs_per_sec=100000"
              " net.ipv4.icmp_msgs_burst=10000 2>/dev/null || :")


def client_host():
    """What is made inside, by this thread, is made on the client host."""
    return namespace(os.environ["LAB_CLIENT"].split("=", 1)[1])


@contextlib.contextmanager
def namespace(path):
    """The same for a network namespace."""
    with open("/proc/self/ns/net", "rb") as here, open(path, "rb") as there:
        if libc.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if libc.setns(here.fileno(), 0):
                os.abort()


def eventually(condition, seconds=SECONDS):
    """Waits until a condition holds, for seconds at most; whether it does."""
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return holds


def await_addresses(addresses, host=""):
    """The kernel makes new IPv6 addresses usable a moment later."""
    def are_there():
        table = subprocess.check_output(
            f"{host}ip -6 route show table local", shell=True, text=True)
        return all(f"local {address} " in table for address in addresses)
    eventually(are_there)


@contextlib.contextmanager
def temporary(do, undo, where=run):
    """The hosts with a change, which is taken back."""
    where(do)
    try:
        yield
    finally:
        where(undo)


@contextlib.contextmanager
def extra_address(address):
    """The server host with one address more."""
    device = f"{address}/{64 if ':' in address else 24} dev eth0"
    run(f"ip addr add {device} {'nodad' if ':' in address else ''}")
    try:
        if ":" in address:
            await_addresses([address])
        yield
    finally:
        run(f"ip addr del {device}")


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def endpoint(address, port):
    """For bind, sendto and connect; eth0 has the same index on both hosts."""
    if ":" not in address:
        return (address, port)
    scoped = address.startswith(("fe80:", "ff02:"))
    return (address, port, 0, socket.if_nametoindex("eth0") if scoped else 0)


class Client:
    """A UDP socket on the client host that sees who answers."""

    def __init__(self, address=CLIENT_V4, port=0, protocol=0):
        with client_host():
            self.sock = socket.socket(family(address), socket.SOCK_DGRAM, protocol)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self.sock.bind(endpoint(address, port))
        self.sock.settimeout(SECONDS)
        self.address = address
        self.port = self.sock.getsockname()[1]

    def close(self):
        self.sock.close()

    def ask(self, address, port, data="q"):
        """Sends a datagram to the server host."""
        self.sock.sendto(data.encode(), endpoint(address, port))

    def answer(self, seconds=SECONDS):
        """The next datagram: (address it came from, data); "" for none."""
        self.sock.settimeout(seconds)
        try:
            data, name = self.sock.recvfrom(65536)
        except TimeoutError:
            return "", ""
        return name[0].split("%")[0], data.decode()

    def source(self, seconds=SECONDS):
        """The address that the next datagram came from; "" for none."""
        return self.answer(seconds)[0]
