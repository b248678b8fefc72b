# SPDX-License-Identifier: MIT
"""Tests the servers of a table, and prints TAP."""

import os
import sys
import tempfile
import traceback
from collections import deque
from contextlib import ExitStack
from functools import partial

import ask
import daemon
import lab
import probes
import side_by_side
from tap_writer import TapWriter

# With TEST_QUICK=1 in the environment.
QUICK_SERVERS = ("memcached", "unbound", "dnsmasq")
# How many servers that stall are replaced, for each way of being bound.
FRESH_SERVERS = 4
# The routing table prefers neither.
TWO = ("10.1.2.3", "10.1.2.4")

ON = {"4": "on 0.0.0.0", "6": "on ::", "d": "on dual-stack ::",
      "b": "on 0.0.0.0 and ::"}


class Trial:
    """Tries one server; `lines` are [(ok, sentence, remarks)]."""

    def __init__(self, server, ports, log):
        self.server = server
        self.ports = iter(ports)
        self.log = log
        self.lines = []

    def say(self, sentence, remarks, todo=""):
        """The sentence is true unless there are remarks."""
        sentence = f"{self.server.name} {sentence}" + (f" # TODO {todo}" if todo else "")
        if remarks and not todo:
            remarks = [*remarks, f"{self.log.name} ends:", *self.last_logged()]
        self.lines.append((not remarks, sentence, remarks))

    def last_logged(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as log:
            return ["    " + line.rstrip() for line in deque(log, 4)]

    def note(self, what):
        print(f"== {what}", file=self.log, flush=True)

    def start(self, stack, mode, preload):
        """Answers its port, and what is wrong with it."""
        port = self.server.port or next(self.ports)
        return port, stack.enter_context(daemon.running(
            self.server, mode, port, self.log, preload))

    def ask_everywhere(self, mode, preload=None):
        """{address: outcome} of each address it can be asked at, and remarks."""
        addresses = ask.addresses(mode)
        self.note(f"{ON[mode]}, {'with' if preload else 'without'} the shim")
        with ExitStack() as stack:
            if self.server.fresh:
                started = [self.start(stack, mode, preload) for _ in addresses]
            else:
                started = [self.start(stack, mode, preload)] * len(addresses)
            problems = {problem for _, problem in started if problem}
            if problems:
                return {}, sorted(problems)
            places = {address: port for address, (port, _) in zip(addresses, started)}
            silent = {address for address in addresses if address in self.server.silent
                      or not preload and self.is_lost(address)}
            if not self.server.slow:
                return ask.everywhere(self.server, places, silent), []
            fresh = partial(self.start, stack, mode, preload)
            return self.ask_in_turn(places, silent, fresh)

    def ask_in_turn(self, places, silent, fresh):
        """The same, one after the other; a server that stalls is replaced."""
        outcomes, replaced = {}, None
        left = FRESH_SERVERS if self.server.stalls else 0
        for address, port in places.items():
            def ask_at(port, address=address):
                return ask.everywhere(self.server, {address: port}, silent)[address]
            outcome = ask_at(replaced or port)
            while ask.fell_silent(outcome) and left and address not in silent:
                left -= 1
                self.note(f"{address}: it stalled; a fresh one is asked")
                replaced, problem = fresh()
                if problem:
                    return {}, [problem]
                outcome = ask.taken_together(outcome, ask_at(replaced))
            outcomes[address] = outcome
        return outcomes, []

    def compare(self, outcomes, expected):
        """A remark for each answer that came from elsewhere."""
        remarks = []
        for address, outcome in outcomes.items():
            heard = outcome[0] if outcome else "nothing"
            wanted = "nothing" if address in self.server.silent else expected(address)
            if heard != wanted:
                remarks.append(f"{address}: heard {heard}, expected {wanted}")
        return remarks

    def is_lost(self, address):
        """Whether who asks there has no conversation without the shim."""
        return ((self.server.connects or isinstance(self.server.probe, probes.Client))
                and ask.preferred(address) != address)

    def expected_bare(self, address):
        source, probe = ask.preferred(address), self.server.probe
        if source == address:
            return source
        if isinstance(probe, probes.Client):
            return "nothing"
        if self.server.connects:
            return f"{source} (1 of {probe.turns} understood)"
        return source + (" (in several sessions)" if probe.numbered else "")

    def broken(self, mode):
        """Wrong without the shim, right with it."""
        outcomes, remarks = self.ask_everywhere(mode)
        self.say(f"{ON[mode]} answers from a wrong address without the shim",
                 remarks or self.compare(outcomes, self.expected_bare))
        outcomes, remarks = self.ask_everywhere(mode, daemon.LIBRARY)
        self.say(f"{ON[mode]} answers from every address asked",
                 remarks or self.compare(outcomes, str), self.server.todo)

    def no_harm(self, mode):
        """Right without the shim, and the same with it."""
        before, remarks = self.ask_everywhere(mode)
        self.say(f"{ON[mode]} is right without the shim",
                 remarks or self.compare(before, str))
        after, remarks = self.ask_everywhere(mode, daemon.LIBRARY)
        self.say(f"{ON[mode]} answers as without the shim", remarks or [
            f"{address}: {outcome}, was {before.get(address)}"
            for address, outcome in after.items() if outcome != before.get(address)])

    def two_addresses(self, queued):
        how = "both queued" if queued else "in turn"
        sentence = f"answers one client port from the two addresses it asked, {how}"
        self.note(sentence)
        with ExitStack() as stack:
            port, problem = self.start(stack, "4", daemon.LIBRARY)
            remarks = [problem] if problem else [
                f"{address}: heard {source or 'nothing'}" for address, source
                in ask.from_one_port(self.server.probe, port, TWO, queued)
                if source != address]
        self.say(sentence, remarks)

    def attempt(self, test, *arguments):
        try:
            test(*arguments)
        except Exception:  # whatever it was, the next one may be fine
            self.say(f"could not be tried: {test.__name__} {arguments}",
                     traceback.format_exc().splitlines())


def why_not(server):
    """Why this server cannot be tried here, if so."""
    for package, program in server.packages().items():
        if daemon.is_missing(program):
            return f"package {package} is not installed"
    if server.needs_root and not lab.root_is_real():
        return f"it needs root: {server.needs_root}"
    if server.needs_device and not os.path.exists(server.needs_device):
        return f"there is no {server.needs_device}"
    return ""


def test(kind, server, ports, log):
    """All tests of one server; there is one process for this at a time."""
    if why := why_not(server):
        return [(True, f"{server.name} # SKIP {why}", [])]
    daemon.adopt_orphans()
    trial = Trial(server, ports, log)
    for mode in server.modes.split():
        trial.attempt(getattr(trial, kind), mode)
    for how in server.two.split():
        trial.attempt(trial.two_addresses, how == "queue")
    return trial.lines


def choose_logs():
    """Where servers' output goes."""
    logs = os.path.join(lab.TOP, "build", "test", "daemons")
    try:
        os.makedirs(logs, exist_ok=True)
        tempfile.TemporaryFile(dir=logs).close()
    except OSError:
        logs = tempfile.mkdtemp(prefix="replyfrom-daemons-")
        print(f"# logs are in {logs}")
    return logs


def main(kind, servers):
    """Answers the exit status.  Arguments: --packages, or names of servers."""
    wanted = sys.argv[1:]
    if wanted == ["--packages"]:
        print(*sorted({package for server in servers for package in server.packages()}))
        return 0
    if os.environ.get("TEST_QUICK") and not wanted:
        wanted = [server.name for server in servers if server.name in QUICK_SERVERS]
    if unknown := set(wanted) - {server.name for server in servers}:
        print(f"no server is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    daemon.enter()
    logs = choose_logs()
    sys.stdout.flush()
    tap = TapWriter()
    trials = [(server.name, partial(test, kind, server)) for server in servers
              if not wanted or server.name in wanted]
    for lines in side_by_side.run(trials, logs):
        for line in lines:
            tap.test(*line)
    return tap.end()
