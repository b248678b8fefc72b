# SPDX-License-Identifier: MIT
"""Starts servers, talks to them, and ends them by their pid."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
from socket import AF_INET, SOCK_DGRAM

import lab


def _end(process, seconds=lab.SECONDS):
    """Waits for a process that has no more to do, and kills it otherwise."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(command, environment=None, **options):
    """A process that is asked to end when this is over, and killed if it does not:
    one that is killed does not say which of its lines were run."""
    with subprocess.Popen(command, env=environment,
                          **{"stdin": subprocess.DEVNULL, **options}) as process:
        try:
            yield process
        finally:
            process.terminate()
            _end(process, 2)


def is_bound(port, tables=("udp", "udp6")):
    """Whether some socket on this host has this port."""
    wanted = f":{port:04X}"
    for table in tables:
        with open(f"/proc/net/{table}", encoding="ascii") as sockets:
            if any(line.split()[1].endswith(wanted) for line in list(sockets)[1:]):
                return True
    return False


def free_port(kind=SOCK_DGRAM):
    """One that no socket of 0.0.0.0 has."""
    with socket.socket(AF_INET, kind) as free:
        free.bind(("", 0))
        return free.getsockname()[1]


class Server:
    """A process that listens on `port`."""

    def __init__(self, process, port):
        self.process = process
        self.pid = process.pid
        self.port = port

    def stop(self, number=signal.SIGTERM):
        """Ends it; answers (exit status, what it printed after its port)."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=lab.SECONDS)
        return self.process.returncode, said

    def close(self):
        """Does not wait for children, which may keep its output open."""
        self.process.kill()
        self.process.wait()
        for pipe in filter(None, (self.process.stdout, self.process.stderr)):
            pipe.close()


def start(command, environment, **options):
    """A server that prints "port N" when it is ready."""
    process = subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE,
        **{"stdin": subprocess.DEVNULL, **options})
    ready, _, _ = select.select([process.stdout], [], [], lab.SECONDS)
    words = process.stdout.readline().split() if ready else []
    if len(words) != 2 or words[0] != "port":
        process.kill()
        process.communicate()
        raise RuntimeError(f"{command[0]} said {words}, not its port")
    return Server(process, int(words[1]))


class Puppet:
    """Drives a puppet (puppet.c): each call is made by it, and answered."""

    def __init__(self, environment, launch=(), **options):
        commands, self._commands = os.pipe()
        self._replies, replies = os.pipe()
        program = lab.program("puppet")
        keep = (commands, replies, *options.pop("pass_fds", ()))
        self.process = subprocess.Popen(
            [*launch, program, str(commands), str(replies)], env=environment,
            pass_fds=keep, **{"stdin": subprocess.DEVNULL, **options})
        os.close(commands)
        os.close(replies)
        self._unread = b""

    def close(self):
        """It ends when there are no more commands."""
        if self.process.returncode is None:
            os.close(self._commands)
            os.close(self._replies)
            _end(self.process)

    def order(self, *words, **options):
        """Gives a command, and does not wait."""
        line = [str(w) for w in words]
        line += [f"{name}={value}" for name, value in options.items()]
        os.write(self._commands, " ".join(line).encode() + b"\n")

    def reply(self, seconds=lab.SECONDS):
        """What the last call gave, as a dictionary."""
        while b"\n" not in self._unread:
            if not select.select([self._replies], [], [], seconds)[0]:
                raise TimeoutError("the puppet does not answer")
            more = os.read(self._replies, 65536)
            if not more:
                raise RuntimeError("the puppet is gone")
            self._unread += more
        line, self._unread = self._unread.split(b"\n", 1)
        return json.loads(line)

    def do(self, *words, **options):
        """Makes a call; answers all there is to know of it."""
        self.order(*words, **options)
        return self.reply()

    def call(self, *words, **options):
        """Makes a call that has to succeed; answers its result."""
        got = self.do(*words, **options)
        if got["result"] < 0:
            raise RuntimeError(f"{words}: {got['errno']}")
        return got["result"]

    def socket(self, family=AF_INET, kind=SOCK_DGRAM, protocol=0):
        return self.call("socket", int(family), int(kind), protocol)

    def bind(self, fd, address="0.0.0.0", port=0):
        """Answers the port."""
        self.call("bind", fd, address, port)
        return self.call("port", fd)

    def serve(self, family=AF_INET, port=0):
        """A socket bound to the wildcard: (fd, port)."""
        fd = self.socket(family)
        wildcard = "0.0.0.0" if family == AF_INET else "::"
        return fd, self.bind(fd, wildcard, port)

    def set(self, fd, level, name, value):
        if isinstance(value, int):
            value = value.to_bytes(4, "little")
        return self.call("setsockopt", fd, level, name, value.hex())

    def take(self, fd, call="recvfrom", **options):
        """Receives one datagram; answers it as a dictionary."""
        got = self.do("receive", call, fd, **options)
        if got["result"] < 0:
            raise RuntimeError(f"{call}: {got['errno']}")
        return got["messages"][0]

    def answer(self, fd, call="sendto", **options):
        """Sends what was received last back; answers how many it sent."""
        return self.call("answer", call, fd, **options)

    def echo(self, fd, receive="recvfrom", send="sendto"):
        """Takes one datagram, and answers it."""
        got = self.take(fd, receive)
        self.answer(fd, send)
        return got
