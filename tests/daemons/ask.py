# SPDX-License-Identifier: MIT
"""Asks a server, and says where its answers came from."""

import selectors
import os
import shlex
import socket
import subprocess
import time
from contextlib import nullcontext
from string import Template

import daemon
import lab
import probes

AGAIN_SECONDS = 0.4  # until a question is repeated
SILENCE_SECONDS = 0.9  # that show that no answer is coming
AFTERWARDS_SECONDS = 0.08  # for what comes after the answer
CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
# Asked on the server itself.
LOOPBACK = "127.0.0.2"


def addresses(mode):
    """What a server bound like this can be asked at."""
    ipv4 = [*lab.V4, LOOPBACK] if mode in "4db" else []
    ipv6 = [*lab.V6, lab.LINK_LOCAL] if mode in "6db" else []
    return ipv4 + ipv6


def client_of(address):
    """The address that asks there."""
    if address == LOOPBACK:
        return "127.0.0.1"
    if address == lab.LINK_LOCAL:
        return lab.CLIENT_LINK_LOCAL
    return lab.CLIENT_V6 if ":" in address else lab.CLIENT_V4


def preferred(address):
    """The source that the routing table gives to an answer to who asks there."""
    with socket.socket(lab.family(address), socket.SOCK_DGRAM) as s:
        s.connect(lab.endpoint(client_of(address), 9))
        return s.getsockname()[0].split("%")[0]


def client_socket(address):
    """A socket, on the right host, that can ask this address."""
    with nullcontext() if address == LOOPBACK else lab.client_host():
        s = socket.socket(lab.family(address), socket.SOCK_DGRAM)
        s.bind(lab.endpoint(client_of(address), 0))
    s.setblocking(False)
    return s


class Conversation:
    """One client socket asks one address, and hears answers from anywhere."""

    def __init__(self, probe, address, port):
        self.probe = probe
        self.peer = lab.endpoint(address, port)
        self.socket = client_socket(address)
        self.queries = [probe.query() for _ in range(probe.turns)]
        self.meanings = []
        self.sources = set()

    def has_ended(self):
        return len(self.meanings) == len(self.queries)

    def say(self):
        try:
            self.socket.sendto(self.queries[len(self.meanings)], self.peer)
        except OSError:
            pass  # as good as lost: it is repeated

    def hear(self):
        answer, peer = self.socket.recvfrom(65535)
        source = peer[0].split("%")[0]
        if peer[1] != self.peer[1] and not self.probe.any_port:
            source += f" port {peer[1]}"
        self.sources.add(source)
        if self.has_ended():
            return
        meaning = self.probe.read(self.queries[len(self.meanings)], answer)
        if meaning is not None:
            self.meanings.append(meaning)
            if not self.has_ended():
                self.say()

    def outcome(self):
        """Where answers came from, and what they meant; None without any."""
        if not self.sources:
            return None
        sources = ", ".join(sorted(self.sources))
        if not self.has_ended():
            sources += f" ({len(self.meanings)} of {len(self.queries)} understood)"
        elif self.probe.numbered and self.meanings != sorted(set(self.meanings)):
            sources += " (in several sessions)"
        return sources, self.meanings


def converse(conversations, silent, seconds):
    """Holds them all at once, until all but the `silent` have ended."""
    began = last = time.monotonic()
    again = 0
    with selectors.DefaultSelector() as waiting:
        for conversation in conversations.values():
            waiting.register(conversation.socket, selectors.EVENT_READ, conversation)
        while (now := time.monotonic()) < began + seconds:
            unanswered = {address for address, conversation in conversations.items()
                          if not conversation.has_ended()}
            patience = SILENCE_SECONDS if unanswered else AFTERWARDS_SECONDS
            if unanswered <= set(silent) and now > last + patience:
                break
            if now >= again:
                for address in unanswered:
                    conversations[address].say()
                again = now + AGAIN_SECONDS
            for key, _ in waiting.select(0.02):
                key.data.hear()
                last = time.monotonic()


def fell_silent(outcome):
    """Whether answers are missing; an answer from elsewhere is one."""
    return outcome is None or outcome[0].endswith(" understood)")


def taken_together(first, again):
    """The outcome of two tries: the second one's, from wherever both were heard."""
    if first is None or again is None:
        return again or first
    heard = {source for outcome in (first, again)
             for source in outcome[0].partition(" (")[0].split(", ")}
    _, bracket, remark = again[0].partition(" (")
    return ", ".join(sorted(heard)) + bracket + remark, again[1]


def everywhere(server, places, silent):
    """Asks at each of {address: port}, at the same time; {address: outcome}.

    Those that are `silent` are not expected to end.
    """
    if isinstance(server.probe, probes.Client):
        return with_client(server, places, silent)
    conversations = {address: Conversation(server.probe, address, port)
                     for address, port in places.items()}
    try:
        converse(conversations, silent, server.seconds)
        return {address: conversation.outcome()
                for address, conversation in conversations.items()}
    finally:
        for conversation in conversations.values():
            conversation.socket.close()


def with_client(server, places, silent):
    """The same, with a program: it ends well if it heard the right answers."""
    ends = time.monotonic() + server.seconds
    asking = {}
    for address, port in places.items():
        host = f"{address}%eth0" if address == lab.LINK_LOCAL else address
        command = Template(server.probe.command).substitute(
            clients=CLIENTS, address=host, port=port,
            literal=f"[{host}]" if ":" in host else host)
        with nullcontext() if address == LOOPBACK else lab.client_host():
            asking[address] = subprocess.Popen(
                ["timeout", str(server.seconds), *shlex.split(command)],
                env=dict(os.environ, TMPDIR=daemon.SCRATCH),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
    # Those of whom an answer is expected first, and then the others a while.
    for address in sorted(asking, key=lambda address: address in silent):
        if address in silent:
            ends = min(ends, time.monotonic() + SILENCE_SECONDS)
        try:
            asking[address].wait(max(0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            asking[address].terminate()
    return {address: None if process.wait() else (address, [])
            for address, process in asking.items()}


def from_one_port(probe, port, addresses, queued, seconds=20):
    """Asks them and the first once more; [(address, source of its answer)].

    Each is asked when the one before has answered, or, `queued`, at once.
    """
    asked = [(address, probe.query()) for address in (*addresses, addresses[0])]
    sources = [None] * len(asked)
    deadline, again = time.monotonic() + seconds, 0
    with client_socket(addresses[0]) as client:
        client.setblocking(True)
        client.settimeout(0.05)
        while None in sources and time.monotonic() < deadline:
            if time.monotonic() >= again:
                unanswered = [query for query, source in zip(asked, sources)
                              if source is None]
                for address, query in unanswered if queued else unanswered[:1]:
                    client.sendto(query, (address, port))
                again = time.monotonic() + AGAIN_SECONDS
            try:
                answer, peer = client.recvfrom(65535)
            except TimeoutError:
                continue
            for i, (_, query) in enumerate(asked):
                if sources[i] is None and probe.read(query, answer) is not None:
                    sources[i] = peer[0]
                    again = 0 if not queued else again
    return [(address, source) for (address, _), source in zip(asked, sources)]
