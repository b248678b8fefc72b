# SPDX-License-Identifier: MIT
"""Runs trials two at a time, each in a process with ports and a log of its own."""

import os
import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

AT_A_TIME = 2
FIRST_PORT, PORTS_EACH = 20000, 100
# Below the ports that the kernel chooses; the next trial begins anew.
SHARES = 120

# Kept for the processes that are forked: not all functions can be pickled.
_trials = []


def _run(logs, number):
    name, function = _trials[number]
    first = FIRST_PORT + number % SHARES * PORTS_EACH
    path = os.path.join(logs, re.sub(r"\W+", "-", name) + ".log")
    with open(path, "w", encoding="utf-8") as log:
        return function(range(first, first + PORTS_EACH, 2), log)


def run(trials, logs):
    """Yields what each function(ports, log) of [(name, function)] answers."""
    _trials[:] = trials
    with ProcessPoolExecutor(AT_A_TIME, get_context("fork")) as pool:
        yield from pool.map(partial(_run, logs), range(len(_trials)))
