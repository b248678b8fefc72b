# SPDX-License-Identifier: MIT
"""What the suites of a kernel's security modules share: a copy of the library, the
command and a server where they are confined, and what is expected of them."""

import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))

import lab  # noqa: E402

# On a file system where files have the labels that they are given.
PLACE = "/run/confined"
COMMAND, LIBRARY, ECHO = (os.path.join(PLACE, name) for name in
                          ("replyfrom", "libreplyfrom.so", "echo"))
TRIES = 5
UNIT = os.path.join(PLACE, "served.service")


def mount(kind, where):
    subprocess.run(["mount", "-t", kind, "none", where], check=True)


def set_up():
    os.mkdir(PLACE)
    mount("tmpfs", PLACE)
    for path, there in ((COMMAND, lab.BUILD), (LIBRARY, lab.BUILD),
                        (ECHO, lab.PROGRAMS)):
        shutil.copy(os.path.join(there, os.path.basename(path)), PLACE)
    with open(UNIT, "w", encoding="ascii") as file:
        file.write(f"[Service]\nExecStart={ECHO} plain 4\n")


def go(suite, prepare):
    """Runs a suite in the lab, after preparing the machine for it.

    lab.enter() would try first whether there can be a lab: seconds, here.
    """
    if "LAB_CLIENT" not in os.environ:
        prepare()
        os.execv(lab.LAB, [lab.LAB, os.path.abspath(sys.argv[0])])
    suite.main()


def serve(run, label):
    """A server that was started with the library in LD_PRELOAD, and is confined."""
    server = run.start(ECHO, "plain", "4", stderr=subprocess.DEVNULL,
                       env={**os.environ, "LD_PRELOAD": LIBRARY})
    with open(f"/proc/{server.pid}/attr/current", encoding="ascii") as file:
        run.expect(label, file.read().rstrip("\0\n"))
    return server


def expect_loaded(run, server, loaded):
    """Whether it has the library, and so answers right."""
    with open(f"/proc/{server.pid}/maps", encoding="ascii") as file:
        run.expect(loaded, LIBRARY in file.read(), "is loaded")
    client = run.client()
    client.ask("10.1.2.3", server.port)
    run.expect(loaded, client.source() == "10.1.2.3", "the reply's source is right")


def said_by(run, words):
    """Exit status, and lines.  On an emulated processor, which others use as well, two
    seconds may be too short to look at a process: it is looked at again then."""
    for _ in range(TRIES):
        code, out, err = run.outcome(COMMAND, *map(str, words), env=os.environ)
        if "does not answer" not in err + out:
            break
    return code, (out + err).splitlines()


def expect_said(run, status, pattern, *words):
    """That the command has this exit status, and one such line."""
    code, lines = said_by(run, words)
    run.expect((status, 1), (code, sum(bool(re.search(pattern, line))
                                       for line in lines)),
               f"{pattern} in {lines}")
