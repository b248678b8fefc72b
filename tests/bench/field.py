# SPDX-License-Identifier: MIT
"""Where it is measured: the two hosts of demo/lab, the server on one CPU, or on
several, and the load on another; and what a user could choose instead of us."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Callable

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import lab  # pylint: disable=wrong-import-position
from processes import start  # pylint: disable=wrong-import-position

PROGRAMS = os.path.join(lab.BUILD, "tests", "bench")
# The primary first; all on one interface.
ASKED = lab.V4[:3]
PEERS = "100.64.0.0/10"
# A server or a load that takes longer is stuck.
SECONDS = 30


class Impossible(Exception):
    """It cannot be measured here, for this reason."""


def tool(*command, **options):
    """What a command says; Impossible where it fails or is missing."""
    if not shutil.which(command[0]):
        raise Impossible(f"no {command[0]}")
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          **options)
    if done.returncode:
        said = (done.stderr or done.stdout).strip(" .\n").splitlines()
        raise Impossible(f"{command[0]}: {said[0] if said else 'failed'}")
    return done.stdout


def cpus():
    """Which CPUs one server thread, several, and the load run on."""
    found = sorted(os.sched_getaffinity(0))
    # With two, the load takes turns with several threads.
    return found[:1], found[:-1] if len(found) > 2 else found, found[-1:]


def prepare():
    """Has the server host send to the forged peers by the client host."""
    lab.run(f"ip neigh replace {lab.CLIENT_V4} lladdr {_mac('$LAB_CLIENT ')} "
            "dev eth0 nud permanent")
    lab.run(f"ip route replace {PEERS} via {lab.CLIENT_V4}")


def _mac(host=""):
    links = subprocess.check_output(f"{host}ip -j link show dev eth0",
                                    shell=True, text=True)
    return json.loads(links)[0]["address"]


# What a user could choose.  Each is a context: within it a server that was
# started by calling what it yields first answers in its way.

@contextlib.contextmanager
def as_it_is():
    yield lambda: None


@contextlib.contextmanager
def nft():
    """Destination NAT to the primary address."""
    rule = (f"ip daddr {{ {', '.join(ASKED[1:])} }} meta l4proto udp dnat to "
            f"{ASKED[0]}")
    tool("nft", "-f", "-", input="table ip bench { chain in { type nat hook "
         f"prerouting priority dstnat\n{rule}\n}}\n}}\n")
    try:
        yield lambda: None
    finally:
        tool("nft", "delete", "table", "ip", "bench")
        # Or the next one finds the table of connections full.
        subprocess.run(["conntrack", "-F"], check=False, capture_output=True)


def _cgroup_tree():
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            if line.split()[2] == "cgroup2":
                return line.split()[1]
    raise Impossible("no cgroup v2")


@contextlib.contextmanager
def ebpf():
    """A recorder of what comes in, and a rewriter of what goes out."""
    here = os.path.join(lab.BUILD, "tests", "bench")
    machine = os.uname().machine
    program = os.path.join(here, "recorder.bpf.o")
    group = os.path.join(_cgroup_tree(), f"replyfrom-bench-{os.getpid()}")
    pins = os.path.join(here, "bpf")
    tool("clang", "-O2", "-g", "-target", "bpf",
         f"-I/usr/include/{machine}-linux-gnu", "-c", "-o", program,
         os.path.join(HERE, "recorder.bpf.c"))
    os.makedirs(pins, exist_ok=True)
    tool("mount", "-t", "bpf", "bpf", pins)
    try:
        os.mkdir(group)
        tool("bpftool", "prog", "loadall", program, pins + "/programs")
        for kind, name in [("cgroup_inet_ingress", "record"),
                           ("cgroup_udp4_sendmsg", "point_back")]:
            tool("bpftool", "cgroup", "attach", group, kind, "pinned",
                 f"{pins}/programs/{name}")
        yield lambda: _write(group + "/cgroup.procs", "0")
    except OSError as error:
        raise Impossible(f"cgroup: {error.strerror}") from error
    finally:
        # The programs go with them.
        subprocess.run(["umount", pins], check=False)
        _remove(group)


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _remove(group):
    """A cgroup is busy until those in it were reaped."""
    def is_gone():
        with contextlib.suppress(OSError):
            os.rmdir(group)
        return not os.path.exists(group)
    lab.eventually(is_gone)


@dataclass(frozen=True)
class Variant:
    """A server, and what helps it: perhaps a library."""
    name: str
    way: str = "naive"
    library: str = ""
    setting: Callable = as_it_is
    needs_root: bool = False
    each: bool = False

    def environment(self):
        if self.library == lab.LIBRARY:
            return lab.shimmed_environment()
        plain = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
        return {**plain, "LD_PRELOAD": self.library} if self.library else plain

    def start(self, command, enter, where):
        """A server on these CPUs, in the way of this variant."""
        def begin():
            os.sched_setaffinity(0, where)
            enter()
        try:
            return start(command, self.environment(), preexec_fn=begin)
        except (RuntimeError, subprocess.SubprocessError) as error:
            raise Impossible(str(error)) from error


NAIVE = Variant("naive")
NAIVE_AGAIN = Variant("naive, again")
BY_HAND = Variant("pktinfo by hand", "pktinfo")
AGAIN = Variant("pktinfo by hand, again", "pktinfo")
SHIM = Variant("replyfrom", library=lab.LIBRARY)
# See floor.c.
FLOOR = Variant("the least an interposer can do",
                library=os.path.join(PROGRAMS, "floor.so"))
NFT = Variant("nft DNAT", setting=nft, needs_root=True)
EBPF = Variant("eBPF pair", setting=ebpf, needs_root=True)
EACH = Variant("a socket per address", each=True)
CHOICES = [NAIVE, BY_HAND, SHIM, NFT, EBPF, EACH]


@dataclass(frozen=True)
class Scene:
    """A load, and the servers that get it."""
    name: str
    title: str
    layout: str
    variants: tuple
    peers: int = 1000  # 0: each request is from a new one
    ports: int = 50000  # of them have one address
    idle: int = 0  # other peers, heard before
    warm_up: int = 5000
    several: bool = False  # threads, and CPUs
    every: int = 1  # in which of the rounds


THREE = (BY_HAND, AGAIN, SHIM)
# More than the table holds.
FULL = 70000
SCENES = [
    Scene("fixed", "1,000 client ports", "single",
          (NAIVE, *THREE, FLOOR, NFT, EBPF, EACH)),
    Scene("new", "a new client port for each request", "single",
          (NAIVE, *THREE, FLOOR, NFT, EBPF), peers=0, warm_up=FULL),
    Scene("flood", "1,000,000 forged sources", "single", (NAIVE, *THREE, FLOOR),
          peers=1000000, ports=1, warm_up=FULL),
    Scene("batch", "recvmmsg and sendmmsg, 32 at a time", "batch",
          (NAIVE, *THREE)),
    Scene("sharers", "two threads, a SO_REUSEPORT socket each", "sharers:2",
          (NAIVE, *THREE, FLOOR), several=True),
    Scene("pool", "eight threads on one socket", "pool", (NAIVE, *THREE),
          several=True),
]
# What a request costs beside little and beside much that has nothing to do with it.
BESIDE = [
    (Scene("idle few", "100 client ports, 1,000 idle peers", "single", THREE,
           peers=100, idle=1000, warm_up=6000, every=3),
     Scene("idle many", "100 client ports, 50,000 idle peers", "single", THREE,
           peers=100, idle=50000, warm_up=55000, every=3)),
    (Scene("sockets few", "beside 10 sockets", "single:10", THREE, every=3),
     Scene("sockets many", "beside 10,000 sockets", "single:10000", THREE, every=3)),
    (Scene("threads few", "one thread", "sharers:1", THREE, several=True, every=3),
     Scene("threads many", "64 threads, a SO_REUSEPORT socket each", "sharers:64",
           THREE, several=True, every=3)),
]


class Load:
    """Requests on their way to a server, until it is closed."""

    def __init__(self, port, peers, ports, idle=0, per_second=0):
        command = [*os.environ["LAB_CLIENT"].split(),
                   os.path.join(PROGRAMS, "load"), "eth0", _mac(), str(port),
                   str(peers), str(idle), str(ports), str(per_second), *ASKED]
        self._process = subprocess.Popen(  # closed by close()
            command, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus()[2]))

    def close(self):
        """Answers how many nanoseconds of CPU a request took."""
        self._process.send_signal(signal.SIGTERM)
        said = numbers(self._process.communicate(timeout=SECONDS)[0])
        return said["cpu_ns"] / max(said["sent"], 1) if said else 0


def numbers(text):
    """{"a": 1.0} of "a 1"."""
    words = text.split()
    return {k: float(v) for k, v in zip(words[::2], words[1::2])}


def _line(stream):
    """The next line; "" when it does not come."""
    return stream.readline() if select.select([stream], [], [], SECONDS)[0] \
        else ""


def private_kib(pid):
    """What a process has written to."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file
                   if line.startswith("Private_Dirty"))


def measure(scene, variant, requests):
    """One run of a server under load: {metric: value}."""
    one, several, _ = cpus()
    layout = "each" if variant.each else scene.layout
    command = [os.path.join(PROGRAMS, "server"), variant.way, layout,
               str(scene.warm_up), str(requests),
               *(ASKED if variant.each else [])]
    with variant.setting() as enter, contextlib.closing(variant.start(
            command, enter, several if scene.several else one)) as server:
        load = Load(server.port, scene.peers, scene.ports, scene.idle)
        try:
            said = numbers(_line(server.process.stdout))
            memory = private_kib(server.pid)
        finally:
            arrival_ns = load.close()
    if not said:
        raise Impossible("the server ended")
    served = said["requests"]
    return {"cpu_ns": said["cpu_ns"] / served,
            "per_second": served / said["wall_ns"] * 1e9,
            "arrival_ns": arrival_ns,
            "sleeps": said["sleeps"] / served,
            "private_kib": memory}
