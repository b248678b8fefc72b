# SPDX-License-Identifier: MIT
"""What a user could choose, and what it does right."""

import contextlib
import os
import signal
import sys
import time

import field
import lab

PRIMARY, SECONDARY = field.ASKED[:2]
FOREVER = 10**15
# While a flood is going on, so many requests are asked in between: by the last
# the table is full.
IN_BETWEEN, SECONDS_BETWEEN = 200, 0.01
FLOOD_PER_SECOND = 50000
# What a server sees: the address that was asked, and the client's port.
PROBE = """
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 8, 1)
s.bind(("", 0))
print("port", s.getsockname()[1], flush=True)
while True:
    data, (control, *_), _, peer = s.recvmsg(64, 64)
    asked = socket.inet_ntoa(control[2][8:12])
    s.sendto(f"{asked} {peer[1]}".encode(), peer)
"""


def _right(good):
    return "right" if good else "wrong"


@contextlib.contextmanager
def _served(variant, command):
    """A server in the way of this variant, and a client."""
    with variant.setting() as enter, \
            contextlib.closing(variant.start(
                command, enter, field.cpus()[0])) as server, \
            contextlib.closing(lab.Client()) as client:
        yield server, client


def _echo(variant):
    layout = "each" if variant.each else "single"
    return [os.path.join(field.PROGRAMS, "server"), variant.way, layout,
            "0", str(FOREVER), *(field.ASKED if variant.each else [])]


def _in_turn(server, client, addresses):
    """Whether each answer comes from where it was asked, one after another."""
    for address in addresses:
        client.ask(address, server.port, address)
        if client.answer(1) != (address, address):
            return False
    return True


def _queued(server, client, addresses):
    """The same, when all are asked before the first is answered."""
    os.kill(server.pid, signal.SIGSTOP)
    for address in addresses:
        client.ask(address, server.port, address)
    os.kill(server.pid, signal.SIGCONT)
    got = {client.answer(1) for _ in addresses}
    return got == {(address, address) for address in addresses}


def _static(variant):
    """Whether a static program is helped."""
    if variant.way != "naive" or variant.each:
        return "right"  # what is in the program itself
    program = lab.program("echo_static")
    if not os.path.exists(program):
        return "not tried"
    with _served(variant, [program, "plain", "4"]) as (server, client):
        return _right(_in_turn(server, client, [SECONDARY]))


def judge(variant):
    """{column: what this choice does}."""
    both = [SECONDARY, PRIMARY]
    with _served(variant, _echo(variant)) as (server, client):
        found = {"secondary address": _right(
                     _in_turn(server, client, [SECONDARY])),
                 "one port asks two": _right(_in_turn(server, client, both)),
                 "the same, queued": _right(_queued(server, client, both))}
    with _served(variant, [sys.executable, "-c", PROBE]) as (server, client):
        asked, ports = [], set()
        for address in both:
            client.ask(address, server.port)
            saw = client.answer(1)[1].split() or ["nothing", "0"]
            asked.append(saw[0])
            ports.add(int(saw[1]))
    found["server sees as asked"] = "the address asked" if asked == both \
        else "the primary"
    found["client's port kept"] = "yes" if ports == {client.port} else "no"
    found["static programs"] = _static(variant)
    found["needs root"] = "yes" if variant.needs_root else "no"
    return found


def flood(variant):
    """Under a flood: (answered, right, of so many asked)."""
    answered = right = 0
    with _served(variant, _echo(variant)) as (server, client):
        load = field.Load(server.port, 1000000, 1, per_second=FLOOD_PER_SECOND)
        try:
            for i in range(IN_BETWEEN):
                address = field.ASKED[i % len(field.ASKED)]
                client.ask(address, server.port, str(i))
                source, data = client.answer(1)
                while data and data != str(i):
                    source, data = client.answer(1)
                answered += bool(data)
                right += source == address
                time.sleep(SECONDS_BETWEEN)
        finally:
            load.close()
        return answered, right, IN_BETWEEN
