# SPDX-License-Identifier: MIT
"""Runs one server, and ends it with everything that it started."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from string import Template

import lab
from processes import is_bound

HERE = os.path.dirname(os.path.abspath(__file__))
# Servers write here, told or not; it ends with the lab.
SCRATCH = "/run"
LIBRARY = os.environ.get("LIBREPLYFROM", os.path.join(
    lab.TOP, os.environ.get("B", "build"), "libreplyfrom.so"))
# Debian's programs, not what a developer has in front of them.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/games"
PR_SET_CHILD_SUBREAPER = 36
START_SECONDS = 60
# iperf3's UDP sockets come later.
TABLES = "udp", "udp6", "tcp", "tcp6"
# Of `first`: on a busy machine a compiler takes its time.
FIRST_SECONDS = 240


def elsewhere(words, directory, environment):
    """The command and environment that run this one; tests/containers has others."""
    del directory
    return words, environment


def enter():
    """Goes on inside the lab."""
    lab.enter()
    lab.run(f"mount -t tmpfs tmpfs {SCRATCH}")


def adopt_orphans():
    """Makes this process the parent of every daemon that its children leave."""
    lab.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid):
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            path = f"/proc/{pid}/task/{thread}/children"
            with open(path, encoding="ascii") as pids:
                found += map(int, pids.read().split())
    except OSError:
        pass  # it ended
    return found


def descendants():
    """Every process that this one started, or that those did."""
    found = children(os.getpid())
    for pid in found:  # which grows
        found += children(pid)
    return found


def end_all():
    """Ends all of them; whom they leave behind becomes our child."""
    try:
        while True:
            for pid in descendants():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.005)
    except ChildProcessError:
        pass  # none is left


def is_missing(program):
    """`program` is a name or, with a slash, a file."""
    if "/" in program:
        return not os.path.exists(program)
    return not shutil.which(program, path=PATH)


def carries_the_library(pid):
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            return os.path.basename(LIBRARY) in maps.read()
    except OSError:
        return False


class Place:
    """A directory for one run of a server, with its configuration."""

    def __init__(self, server, mode, port, log):
        self.log = log
        self.dir = tempfile.mkdtemp(dir=SCRATCH)
        # For those that give up root.
        os.chmod(self.dir, 0o755)
        self.words = {"port": port, "next": port + 1, "previous": port - 1, "mode": mode,
                      "host": "0.0.0.0" if mode == "4" else "::",
                      "literal": "0.0.0.0" if mode == "4" else "[::]",
                      "dir": self.dir, "lang": os.path.join(HERE, "lang")}
        self.words["how"] = self.fill(server.how.get(mode, ""))
        for name in server.conf.split():
            with open(os.path.join(HERE, "conf", name), encoding="utf-8") as template:
                text = self.fill(template.read())
            with open(os.path.join(self.dir, name), "w", encoding="utf-8") as file:
                file.write(text)

    def fill(self, text):
        return Template(text).substitute(self.words)

    def start(self, command, preload=None):
        environment = {name: value for name, value in os.environ.items()
                       if name.startswith("REPLYFROM_")}
        environment.update(PATH=PATH, HOME=self.dir, TMPDIR=self.dir, LANG="C.UTF-8")
        if preload:
            environment["LD_PRELOAD"] = preload
        words, environment = elsewhere(shlex.split(self.fill(command)), self.dir,
                                       environment)
        return subprocess.Popen(words, cwd=self.dir, env=environment,
                                stdin=subprocess.DEVNULL, stdout=self.log,
                                stderr=self.log, start_new_session=True)

    def wait_until_bound(self, process, port):
        """Answers why it will not be, if so."""
        # Those that go into the background leave with 0.
        if lab.eventually(lambda: is_bound(port, TABLES) or process.poll(), START_SECONDS):
            return f"it ended with status {process.returncode}" if process.returncode else ""
        return f"it has not bound port {port} after {START_SECONDS} s"


@contextmanager
def running(server, mode, port, log, preload=None):
    """Has the server run, and answers what is wrong with it, if anything.

    Afterwards nothing runs that this process started.
    """
    place = Place(server, mode, port, log)
    try:
        if server.first and place.start(server.first).wait(FIRST_SECONDS):
            yield f"{server.first}: failed"
            return
        if server.beside:
            place.wait_until_bound(place.start(server.beside), port + 1)
        problem = place.wait_until_bound(place.start(server.command, preload), port)
        if preload and not problem and not any(map(carries_the_library, descendants())):
            problem = f"{preload} is not loaded"
        yield problem
    finally:
        end_all()
        shutil.rmtree(place.dir, ignore_errors=True)
