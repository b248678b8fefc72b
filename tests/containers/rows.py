# SPDX-License-Identifier: MIT
"""Rows of a table: places where servers run.  Tried, told as TAP, and added up."""

import os
import re
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Callable

import daemon
import engine
import lab
import probes
import servers
import side_by_side
import suite
from tap_writer import TapWriter

LOGS = os.path.join(lab.TOP, "build", "test", "containers")


@dataclass(frozen=True)
class Row:
    """One place.  Each test answers its TAP lines and what it counted."""

    name: str
    libc: Callable[[], str]
    tests: dict  # {name: function of a list of ports and a log}
    skip: str = ""


class Counted(suite.Trial):
    """A trial that counts answers: tally["bare", "right"] and so on."""

    def __init__(self, server, ports, log):
        super().__init__(server, ports, log)
        self.tally = Counter()

    def ask_everywhere(self, mode, preload=None):
        outcomes, remarks = super().ask_everywhere(mode, preload)
        for address, outcome in outcomes.items():
            if address not in self.server.silent:
                count(self.tally, bool(preload), outcome and outcome[0] == address)
        return outcomes, remarks


def count(tally, shimmed, right):
    tally["shimmed" if shimmed else "bare", "right" if right else "wrong"] += 1


def try_server(server, wrap, library, ports, log):
    """Wrong without the library, right with it, however `wrap` runs it."""
    daemon.elsewhere, daemon.LIBRARY = wrap, library
    daemon.adopt_orphans()
    trial = Counted(server, ports, log)
    for mode in server.modes.split():
        trial.attempt(trial.broken, mode)
    return trial.lines, trial.tally


def row_of_servers(name, libc, tested, wrap, library, skip=""):
    return Row(name, libc, {server.name: partial(try_server, server, wrap, library)
                            for server in tested}, skip)


def named(*names):
    """Servers of tests/daemons."""
    table = {server.name: server for server in servers.BROKEN + servers.UNLISTED}
    return [table[name] for name in names]


DEEP = "echo server loaded with RTLD_DEEPBIND"


def echo_servers(programs):
    """Of demo/, one with recvmsg and sendmsg, and a plugin; built in `programs`."""
    return [
        servers.Server("echo server", "", "4 d", probes.echo,
                       f"{programs}/demo/echo_server $how $port",
                       how={"4": "", "d": "-6"}),
        servers.Server("echo server with messages", "", "4 d", probes.echo,
                       f"{programs}/tests/containers/message_echo $mode $port"),
        servers.Server(DEEP, "", "4 d", probes.echo,
                       f"{programs}/tests/e2e/binder deep "
                       f"{programs}/tests/e2e/libplugin.so $mode $port")]


def timed(row, name, test, ports, log):
    """One test: its row's name, its lines, its counts and its seconds."""
    began = time.monotonic()
    try:
        lines, tally = test(ports, log)
    except Exception:  # the other rows are there to be tried
        lines, tally = [(False, name, traceback.format_exc().splitlines())], Counter()
    return row.name, lines, tally, time.monotonic() - began


def pair(tally, kind):
    right, wrong = tally[kind, "right"], tally[kind, "wrong"]
    return f"{right} / {wrong}" if right + wrong else "-"


def print_table(rows, tallies, seconds):
    table = [("where", "libc", "kernel", "tests", "bare: right / wrong",
              "shimmed: right / wrong", "seconds")]
    kernel = os.uname().release
    for row in rows:
        if row.skip:
            table.append((row.name, f"SKIP: {row.skip}", *[""] * 5))
            continue
        tally = tallies[row.name]
        table.append((row.name, row.libc(), kernel, str(len(row.tests)),
                      pair(tally, "bare"), pair(tally, "shimmed"),
                      f"{seconds[row.name]:.0f}"))
    table.insert(1, ["-" * len(head) for head in table[0]])
    widths = [max(len(line[i]) for line in table if len(line[1]) < 40 or i != 1)
              for i in range(len(table[0]))]
    for line in table:
        print("# | " + " | ".join(cell.ljust(width)
                                  for cell, width in zip(line, widths)) + " |")


def main(rows):
    """Tries all, and ends the program.  Arguments: words of rows' names."""
    wanted = sys.argv[1:]
    rows = [row for row in rows
            if not wanted or any(word in row.name for word in wanted)]
    os.makedirs(LOGS, exist_ok=True)
    trials = [(f"{row.name} {name}", partial(timed, row, name, test))
              for row in rows if not row.skip for name, test in row.tests.items()]
    sys.stdout.flush()
    tap = TapWriter()
    tallies, seconds = {row.name: Counter() for row in rows}, Counter()
    for name, lines, tally, taken in side_by_side.run(trials, LOGS):
        tallies[name] += tally
        seconds[name] += taken
        for ok, sentence, remarks in lines:
            tap.test(ok, f"{name}: {sentence}", remarks)
    for row in rows:
        if row.skip:
            tap.test(True, f"{row.name} # SKIP {row.skip}")
    status = tap.end()
    print_table(rows, tallies, seconds)
    sys.exit(status)


def libc_of(words):
    """What a libc says of itself, cut to its name and number."""
    try:
        said = engine.run(*words)
    except RuntimeError as error:
        said = str(error)
    number = re.search(r"(?:GLIBC|GNU libc|stable release version|Version) ?"
                       r"[^\d\n]*(\d+\.\d+(?:\.\d+)?)", said)
    return ("musl " if "musl" in said else "glibc ") + (number[1] if number else "?")
