# SPDX-License-Identifier: MIT
"""A suite of cases, each run without the shim and with it, reported as TAP.

A case is a function of a Run.  It says with run.expect what has to hold under
the shim.  The bare run checks the case itself: there it must not hold
(WRONG, the default), or has to hold as well (RIGHT); None: there is none.

    tests/e2e/SUITE [WORDS]      only cases whose sentence has these words
    TEST_QUICK=1 tests/e2e/SUITE      only the first case
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import traceback
from socket import AF_INET

import lab
from processes import Puppet, start
from tap_writer import TapWriter

WRONG, RIGHT = "wrong", "right"
CASE_SECONDS = 180
# What is said of one failure, at most.
MOST_LINES = 12


class Skip(Exception):
    """A case cannot be tried here."""


def need(program, package="", path=None):
    """Where it is; where it is not installed, the case is skipped."""
    if found := shutil.which(program, path=path):
        return found
    raise Skip(f"package {package or program} is not installed")


class Enough(Exception):
    """The first thing that did not hold says all."""


class Run:
    """One run of a case: what it started, and what did not hold."""

    def __init__(self, shimmed, all_failures=True):
        self.shimmed = shimmed
        self.failures = []
        self.notes = []
        self._all_failures = all_failures
        self._started = contextlib.ExitStack()

    def close(self):
        self._started.close()

    def keep(self, thing):
        """Closes it when the run is over."""
        self._started.callback(thing.close)
        return thing

    def enter(self, context):
        """Leaves this context when the run is over."""
        return self._started.enter_context(context)

    def directory(self):
        """One that is removed when the run is over."""
        return self.enter(tempfile.TemporaryDirectory())

    def environment(self, **more):
        """That of a server in this run."""
        if self.shimmed:
            return lab.shimmed_environment(**more)
        return {**os.environ, **more}

    def client(self, *words, **options):
        return self.keep(lab.Client(*words, **options))

    def puppet(self, preload="", launch=(), env=None, **options):
        """A server that does as it is told; see puppet.c."""
        environment = self.environment(**(env or {}))
        if preload:
            behind = environment.get("LD_PRELOAD", "")
            environment["LD_PRELOAD"] = f"{behind} {preload}".strip()
        return self.keep(Puppet(environment, launch, **options))

    def start(self, *command, env=None, **options):
        """A server that says its port; see processes.start."""
        return self.keep(start(command, env or self.environment(), **options))

    def outcome(self, *command, env=None, seconds=lab.SECONDS, **options):
        """Exit status and output of a command, which ends by itself."""
        done = subprocess.run(command, env=env or self.environment(),
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=seconds, check=False,
                              **options)
        return done.returncode, done.stdout, done.stderr

    def python(self, code, *words, family=AF_INET, **options):
        """A server in this language, with a wildcard socket `s`.

        It is what stdin is, if any, or bound to port 0; it says the port.
        """
        return self.start(sys.executable, "-B", "-c", "\n".join([
            "import ctypes, os, select, socket, subprocess, sys, time",
            "s = socket.socket(fileno=0)" if "stdin" in options else
            f"s = socket.socket({int(family)}, socket.SOCK_DGRAM)",
            "" if "stdin" in options else "s.bind(('', 0))",
            "print('port', s.getsockname()[1], flush=True)",
            textwrap.dedent(code)]), *words, **options)

    def note(self, text):
        """Says something that is neither right nor wrong."""
        self.notes.append(text)

    def expect(self, expected, actual, what=""):
        if expected != actual:
            self.failures.append(f"{what}: " * bool(what) +
                                 f"{actual!r}, not {expected!r}")
            if not self._all_failures:
                raise Enough


def _differences(bare, shimmed, where="transcript"):
    """Where two transcripts differ, and how."""
    if isinstance(bare, dict) and isinstance(shimmed, dict):
        keys = [*bare, *(key for key in shimmed if key not in bare)]
        pairs = [(f"{where}.{key}", bare.get(key), shimmed.get(key))
                 for key in keys]
    elif isinstance(bare, (list, tuple)) and len(bare) == len(shimmed):
        pairs = [(f"{where}[{i}]", *pair)
                 for i, pair in enumerate(zip(bare, shimmed))]
    else:
        return [] if bare == shimmed else \
            [f"{where}: bare {bare!r}, shimmed {shimmed!r}"]
    return [line for name, a, b in pairs for line in _differences(a, b, name)]


class Suite:
    """Collects cases, and runs them; each may take so many seconds."""

    def __init__(self, seconds=CASE_SECONDS):
        self._tests = []
        self._seconds = seconds

    def case(self, sentence, *words, bare=WRONG):
        """Decorator: function(run, *words) is a case."""
        def add(function):
            if bare:
                prefix = "bare, not so: " if bare == WRONG else "bare as well: "
                self._tests.append((prefix + sentence, lambda: self._bare(
                    function, words, bare)))
            self._tests.append((sentence,
                                lambda: self._shimmed(function, words)))
            return function
        return add

    def same(self, sentence, *words):
        """Decorator: what function(run, *words) answers is the same in both.

        What it expects has to hold under the shim.
        """
        def add(function):
            self._tests.append((sentence,
                                lambda: self._compare(function, words)))
            return function
        return add

    @staticmethod
    def _bare(function, words, expected):
        with contextlib.closing(Run(False, expected == RIGHT)) as run:
            try:
                function(run, *words)
            except Enough:
                return []
        return ["it is right without the shim"] if expected == WRONG \
            else run.failures

    @staticmethod
    def _shimmed(function, words):
        with contextlib.closing(Run(True)) as run:
            function(run, *words)
        for note in run.notes:
            print(f"# {note}")
        return run.failures

    @staticmethod
    def _compare(function, words):
        with contextlib.closing(Run(False)) as run:
            bare = function(run, *words)
        with contextlib.closing(Run(True)) as run:
            shimmed = function(run, *words)
        return run.failures + _differences(bare, shimmed)

    def _report(self, tap, sentence, test):
        skipped, failures = "", []
        signal.alarm(self._seconds)
        try:
            failures = test()
        except Skip as reason:
            skipped = f" # SKIP {reason}"
        except Exception:  # whatever it is, the other cases go on
            failures = traceback.format_exc().splitlines()[-MOST_LINES:]
        finally:
            signal.alarm(0)
        tap.test(not failures, sentence + skipped, failures, MOST_LINES)

    def main(self):
        """Runs what the command line names; ends the program."""
        lab.enter()
        signal.signal(signal.SIGALRM, self._too_long)
        words = " ".join(sys.argv[1:])
        tests = [test for test in self._tests if words in test[0]]
        if not tests:
            sys.exit(f"{sys.argv[0]}: no case has the words: {words}")
        if os.environ.get("TEST_QUICK") and not words:
            tests = tests[:2]  # without the shim, and with it
        tap = TapWriter(len(tests))
        for test in tests:
            self._report(tap, *test)
        sys.exit(tap.end())

    def _too_long(self, _number, _frame):
        raise TimeoutError(f"the case takes more than {self._seconds} s")
