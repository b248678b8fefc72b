# SPDX-License-Identifier: MIT
"""Servers in containers in which something was installed, asked from the client."""

from collections import Counter
from contextlib import contextmanager
from functools import partial

import engine
import lab
import probes
import rows
import scenes
from processes import is_bound

# With what the suites use; one image for all of them.
CLEAN = {"Debian 12": engine.Image("bookworm", "libbpf1 memcached nsd openbsd-inetd "
                                   "rpm systemd systemd-sysv"),
         "Debian 13": engine.Image("trixie", "libbpf1 memcached")}
START_SECONDS = 20


@contextmanager
def clean(name, image, mounts, *options, words=("sleep", "600")):
    """A container with {directory: where it has that}, on a network that options
    name; answers a function that runs a shell's command in it."""
    with scenes.container(name, image.name, *words, options=[
            *(f"-v{here}:{there}:ro" for here, there in mounts.items()), *options]):
        yield partial(in_container, name)


def in_container(name, command, *options):
    return scenes.podman("exec", *options, name, "sh", "-c", command)


def attempt(shell, command):
    """Whether a command succeeds, and what it says."""
    try:
        return True, shell(command)
    except RuntimeError as error:
        return False, str(error)


def install(shell, packages):
    return shell(f"apt-get -qq -o Dpkg::Use-Pty=0 install {' '.join(packages)} </dev/null")


@contextmanager
def served(shell, command, port):
    """A server in the container, which is ended by its pid."""
    shell(f"{command} & echo $! >/server.pid", "-d")
    await_port(port)
    try:
        yield
    finally:
        shell("kill $(cat /server.pid)")
        await_port(port, taken=False)


def await_port(port, taken=True):
    """Until a server has it, or none; START_SECONDS at most."""
    lab.eventually(lambda: is_bound(port) == taken, START_SECONDS)


def who(shell, command, port, probe=probes.memcached):
    """{address: who answered}, of a server that runs so on a port."""
    with served(shell, command, port):
        return scenes.ask(lab.client_host, probe, port, lab.V4)


def line(right, sentence, remarks):
    """As TAP has it; remarks are for what is not right."""
    return right, sentence, [] if right else [str(remark) for remark in remarks]


def helps(shell, before, server, port, *probe):
    """Lines and counts: wrong without `before`, right with it."""
    lines, tally = [], Counter()
    for shimmed in False, True:
        command = (f"{before} {server}" if shimmed else server).format(port)
        heard = who(shell, command, port, *probe)
        for address, source in heard.items():
            rows.count(tally, shimmed, address == source)
        right = all(address == source for address, source in heard.items())
        lines.append(line(right == shimmed and "nobody" not in heard.values(),
                          f"{'right' if shimmed else 'wrong'} with {command}", [heard]))
    return lines, tally


def libc(image):
    return partial(rows.libc_of, engine.podman_run(image.name, "ldd", "--version"))


def removal_is_safe(shell, library, named, remove, upgrade):
    """Lines: while the host preloads the library, which it names so, one line says
    why it is not removed."""
    drop_in = "/etc/systemd/system/memcached.service.d/replyfrom.conf"
    shell(f"mkdir -p {drop_in.rpartition('/')[0]}")
    for path, text in ("/etc/ld.so.preload", named), (
            drop_in, f"[Service]\nEnvironment=LD_PRELOAD={named}"):
        shell(f"printf '{text}\\n' >{path}")
        done, said = attempt(shell, remove)
        reasons = [each for each in said.splitlines()
                   if each.startswith("libreplyfrom: not removed")]
        there = shell(f"[ ! -e {library} ] || echo there")
        yield line(not done and len(reasons) == 1 and path in reasons[0] and there,
                   f"is not removed while {path} names it, and says why", [said])
        done, said = attempt(shell, upgrade)
        yield line(done, f"is upgraded while {path} names it", [said])
        shell(f"rm {path}")


def engine_package(shell, remove):
    """Lines: the engine's program is found, says in one line that this kernel has no
    BTF, and stays as long as a unit attaches it."""
    said = shell("replyfrom attach --help")
    yield line("replyfrom attach UNIT | CGROUP | PID" in said, "attach has its help", [said])
    for word, status, expected in (
            ("attach memcached", 1, "replyfrom: the kernel was built without BTF "
             "(CONFIG_DEBUG_INFO_BTF); check: ls /sys/kernel/btf/vmlinux"),
            ("detach", 1, "replyfrom: the engine is not attached; check: ls "
             "/sys/fs/bpf/replyfrom")):
        said = shell(f"replyfrom {word} 2>&1; echo $?").splitlines()
        yield line(said == [expected, str(status)], f"{word} says what is missing", said)
    drop_in = "/etc/systemd/system/memcached.service.d/replyfrom.conf"
    shell(f"replyfrom systemd --kernel memcached >{drop_in}")
    done, said = attempt(shell, remove)
    reasons = [each for each in said.splitlines()
               if each.startswith("replyfrom-kernel: not removed")]
    yield line(not done and len(reasons) == 1 and drop_in in reasons[0],
               f"the engine is not removed while {drop_in} attaches it, and says why",
               [said])
    shell(f"rm {drop_in}")
    done, said = attempt(shell, remove)
    yield line(done, "and then is removed", [said])
    said = shell("replyfrom attach memcached 2>&1; echo $?").splitlines()
    yield line(len(said) == 2 and said[1] == "1" and "replyfrom-kernel" in said[0],
               "attach names the package without it", said)
