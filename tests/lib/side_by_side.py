# SPDX-License-Identifier: MIT
"""Runs trials two at a time, each in a process with ports and a log of its own."""

import os
import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

AT_A_TIME = 2
# All are below those that the kernel chooses.
PORTS = range(20000, 32000)
MOST_EACH = 100

# Kept for the processes that are forked: not all functions can be pickled.
_trials = []


def _run(logs, each, number):
    name, function = _trials[number]
    path = os.path.join(logs, re.sub(r"\W+", "-", name) + ".log")
    with open(path, "w", encoding="utf-8") as log:
        return function(PORTS[number * each:(number + 1) * each:2], log)


def run(trials, logs):
    """Yields what each function(ports, log) of [(name, function)] returns, in order."""
    _trials[:] = trials
    each = min(MOST_EACH, len(PORTS) // max(1, len(trials)) // 2 * 2)
    with ProcessPoolExecutor(AT_A_TIME, get_context("fork")) as pool:
        yield from pool.map(partial(_run, logs, each), range(len(_trials)))
