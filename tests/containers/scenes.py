# SPDX-License-Identifier: MIT
"""Containers with networks of their own, and those of demo/containers."""

import os
import re
import socket
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial

import daemon
import engine
import lab
import probes
import rows

DEMO = os.path.join(lab.TOP, "demo", "containers")
CONTAINERFILE, COMPOSE, KUBERNETES = (os.path.join(DEMO, name) for name in (
    "Containerfile", "compose.yaml", "kubernetes.yaml"))
# As these files have them.
SHIPPED, PLAIN = "localhost/memcached-replyfrom:latest", "localhost/memcached:latest"
PORT, MEMCACHED_PORT, PUBLISHED = 12346, 11211, 12399
TRIES, AGAIN_SECONDS = 5, 0.4
RIGHT, WRONG = "right", "a wrong"


def podman(*words):
    return engine.run("podman", *words)


@contextmanager
def until_removed(*made):
    """What podman makes of these words, which end in its name: "network create a"."""
    name, kind = made[-1], made[0]
    podman(*made)
    try:
        yield name
    finally:
        podman(kind, "rm", "-f", "-t", "0", name)


@contextmanager
def container(name, image, *words, options=()):
    """Runs it in the background; answers its pid."""
    engine.run(*engine.podman_run(image, *words, options=[
        "-d", "--name", name, *options]))
    try:
        yield podman("inspect", "-f", "{{.State.Pid}}", name)
    finally:
        podman("rm", "-f", "-t", "0", name)


def network_of(pid):
    """In here, sockets are made in that process's network."""
    return lab.namespace(f"/proc/{pid}/ns/net")


def ask(network, probe, port, addresses):
    """{address: who answered}, asked from a network."""
    heard = {}
    for address in addresses:
        with network():
            client = socket.socket(lab.family(address), socket.SOCK_DGRAM)
        with client:
            client.settimeout(AGAIN_SECONDS)
            heard[address] = hear(client, probe, (address, port))
    return heard


def hear(client, probe, server):
    for _ in range(TRIES):
        query = probe.query()
        client.sendto(query, server)
        try:
            answer, peer = client.recvfrom(65535)
        except OSError:
            time.sleep(AGAIN_SECONDS / 4)
            continue
        if probe.read(query, answer) is not None:
            return peer[0]
    return "nobody"


def scene(bare, play, _ports, _log):
    """Plays it without and with the library; {who and whom: who answered} each."""
    lines, tally = [], Counter()
    for shimmed in False, True:
        heard = play(shimmed)
        wrong = [f"{what}: heard {source}" for what, source in heard.items()
                 if what.split()[-1] != source]
        for what, source in heard.items():
            rows.count(tally, shimmed, what.split()[-1] == source)
        if shimmed or bare == RIGHT:
            lines.append((not wrong, f"answers from the address asked "
                          f"{'with' if shimmed else 'without'} the library", wrong))
        else:
            lines.append((bool(wrong) and {*heard.values()} != {"nobody"},
                          "answers from a wrong address without the library",
                          [] if wrong else ["every answer was right"]))
    return lines, tally


@contextmanager
def networks(number):
    """Two, 10.NUMBER.1.0 and 10.NUMBER.2.0; their names."""
    names = f"front{number}", f"back{number}"
    with until_removed("network", "create", "--subnet", f"10.{number}.1.0/24", names[0]), \
            until_removed("network", "create", "--subnet", f"10.{number}.2.0/24", names[1]):
        yield names


def with_another(name):
    """A container's addresses, one in each network, and one more that it gets."""
    addresses = podman("inspect", "-f", "{{range .NetworkSettings.Networks}}"
                       "{{.IPAddress}} {{end}}", name).split()
    another = addresses[0].rpartition(".")[0] + ".99"
    inside = ("nsenter", "--net=/proc/" + podman("inspect", "-f", "{{.State.Pid}}", name)
              + "/ns/net", "ip")
    device = re.search(r"\d+: (\w+)", engine.run(
        *inside, "-o", "addr", "show", "to", addresses[0]))[1]
    engine.run(*inside, "addr", "add", another + "/24", "dev", device)
    return [*addresses, another]


def from_each(image, names, probe, port, addresses):
    """{"from NETWORK: ADDRESS": who answered}, asked by a client in each."""
    heard = {}
    for name in names:
        with container(f"client-{name}", image, "sleep", "100",
                       options=[f"--network={name}"]) as client:
            answers = ask(partial(network_of, client), probe, port, addresses)
        heard |= {f"from {name}: {asked}": source for asked, source in answers.items()}
    return heard


# Each play takes `shimmed` last; `options` are those of the server's container.

def two_networks(image, program, options, shimmed):
    """A second address on one of them."""
    with networks(81) as both, container(
            "server", image, program, str(PORT),
            options=[f"--network={','.join(both)}", *options(shimmed)]):
        return from_each(image, both, probes.echo, PORT, with_another("server"))


def published(image, program, options, shimmed):
    """A pod behind a published port, asked from another host."""
    with until_removed("network", "create", "published"), until_removed(
            "pod", "create", "--network=published", f"--infra-image={image}",
            "--infra-command=sleep 100", f"--publish={PUBLISHED}:{PORT}/udp", "pod"), \
            container("in-pod", image, program, str(PORT),
                      options=["--pod=pod", *options(shimmed)]):
        return ask(lab.client_host, probes.echo, PUBLISHED, lab.V4)


def changed(path, *changes):
    """A copy of a file with changes."""
    with open(path, encoding="ascii") as file:
        text = file.read()
    for before, after in changes:
        if before not in text:
            raise ValueError(f"{path} has no {before}")
        text = text.replace(before, after, 1)
    copy = os.path.join(daemon.SCRATCH, os.path.basename(path))
    with open(copy, "w", encoding="ascii") as file:
        file.write(text)
    return copy


def composed(image, shimmed):
    """demo/containers/compose.yaml: two networks."""
    path = COMPOSE if shimmed else changed(
        COMPOSE, ("    networks:", "    environment: {LD_PRELOAD: ''}\n    networks:"))
    command = "podman-compose", "-p", "composed", "-f", path
    try:
        engine.run(*command, "up", "-d")
        return from_each(image, ("composed_front", "composed_back"), probes.memcached,
                         MEMCACHED_PORT, with_another("composed_memcached_1"))
    finally:
        engine.run(*command, "down", "-t", "0")


def in_kubernetes(image, shimmed):
    """demo/containers/kubernetes.yaml, on two networks."""
    manifest = changed(
        KUBERNETES,
        # podman 4.3 starts init containers again and again otherwise.
        ("spec:\n", "spec:\n  restartPolicy: Never\n"),
        # Only root may write to its emptyDir.
        ("      command: [cp", "      securityContext: {runAsUser: 0}\n"
         "      command: [cp"),
        *[] if shimmed else [("/replyfrom/libreplyfrom.so\n", "''\n")])
    with networks(82) as both:
        try:
            podman("kube", "play", f"--network={','.join(both)}", manifest)
            return from_each(image, both, probes.memcached, MEMCACHED_PORT,
                             with_another("memcached-memcached"))
        finally:
            podman("pod", "stop", "-t", "0", "memcached")
            podman("pod", "rm", "-f", "memcached")


def build_demo(oldest, base):
    """Builds demo/containers/Containerfile; what went wrong, if anything."""
    try:
        podman("tag", base, PLAIN)
        podman("build", "-q", "--network=none", f"--build-arg=OLDEST={oldest}",
               f"--build-arg=BASE={base}", "-t", SHIPPED, "-f", CONTAINERFILE, lab.TOP)
    except RuntimeError as error:
        return str(error).splitlines()
    return []


def all_rows(image, libc, program, options):
    """`program` is an echo server in `image`, when run with options(shimmed)."""
    plays = {"two networks": (WRONG, two_networks, image, program, options),
             "published port of a pod": (RIGHT, published, image, program, options),
             "compose.yaml": (WRONG, composed, image),
             "kubernetes.yaml": (WRONG, in_kubernetes, image)}
    for name, (bare, play, *arguments) in plays.items():
        yield rows.Row(name, libc, {name: partial(
            scene, bare, partial(play, *arguments))})
