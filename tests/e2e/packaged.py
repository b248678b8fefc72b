# SPDX-License-Identifier: MIT
"""Runs a program of a Debian package beside a case, and reads what it writes."""

import os
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress

import lab
from tap import need

# Debian's programs, not what a developer has in front of them.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
MOST_CHARACTERS = 1000


@contextmanager
def running(run, package, *words, files=(), host=""):
    """Runs it in a directory of its own, which has these (name, text).

    In words and texts $dir is that directory.
    On another host, which the command `host` enters, it is without the shim.
    """
    path = need(words[0], package, PATH)
    environment = os.environ if host else run.environment()
    with tempfile.TemporaryDirectory(dir="/run") as directory:
        os.chmod(directory, 0o755)
        for name, text in files:
            with open(os.path.join(directory, name), "w",
                      encoding="utf-8") as file:
                file.write(text.replace("$dir", directory))
        command = [*host.split(), path, *(
            word.replace("$dir", directory) for word in words[1:])]
        with open(os.path.join(directory, "log"), "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL,
                env={**environment, "PATH": PATH, "HOME": directory},
                stdout=log, stderr=log, start_new_session=True)
        try:
            yield Daemon(process, directory)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Daemon:
    """One that runs, and what it has written."""

    def __init__(self, process, directory):
        self.process = process
        self.directory = directory

    def read(self, name="log"):
        try:
            with open(os.path.join(self.directory, name), encoding="utf-8",
                      errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_until(self, condition):
        """It has to be so in time; otherwise what it said is the failure."""
        held = False

        def is_over():
            nonlocal held
            ended = self.process.poll() is not None
            held = condition()
            return held or ended

        lab.eventually(is_over)
        if not held:
            raise RuntimeError(f"status {self.process.poll()}: "
                               f"{self.read()[-MOST_CHARACTERS:]}")

    def wait_bound(self, port, host=""):
        """Until some socket on that host has this UDP port."""
        self.wait_until(lambda: f":{port:04X} " in subprocess.check_output(
            f"{host} cat /proc/self/net/udp", shell=True, text=True))
