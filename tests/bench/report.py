# SPDX-License-Identifier: MIT
"""Medians, paired ratios, a table and plots."""

import csv
import os
import random
import subprocess
import textwrap
from statistics import median

RESAMPLES = 2000
# Of a title below the plot, in characters.
WIDE_TITLE = 16


def interval(values):
    """The 95 % bootstrap interval of the median; the same in each run."""
    chance = random.Random(1)
    medians = sorted(median(chance.choices(values, k=len(values)))
                     for _ in range(RESAMPLES))
    return medians[RESAMPLES // 40], medians[-1 - RESAMPLES // 40]


class Results:
    """{(scene, variant, metric): {round: value}}."""

    def __init__(self):
        self._values = {}

    def add(self, scene, variant, turn, metrics):
        for metric, value in metrics.items():
            key = (scene, variant, metric)
            self._values.setdefault(key, {})[turn] = value

    def has(self, scene, variant, metric="cpu_ns"):
        return (scene, variant, metric) in self._values

    def of(self, scene, variant, metric="cpu_ns"):
        return list(self._values[scene, variant, metric].values())

    def median(self, scene, variant, metric="cpu_ns"):
        return median(self.of(scene, variant, metric))

    def paired(self, one, other, combine=lambda a, b: a / b):
        """Of each round that has both: one by the other."""
        a, b = self._values.get(one, {}), self._values.get(other, {})
        return [combine(a[turn], b[turn]) for turn in a if turn in b]

    def write(self, path):
        with open(path, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(["scene", "variant", "metric", "round", "value"])
            for key, turns in self._values.items():
                out.writerows([*key, turn, f"{value:.6g}"]
                              for turn, value in turns.items())


def spread(values, digits=0):
    """Median, and least to most."""
    return (f"{median(values):,.{digits}f} "
            f"({min(values):,.{digits}f} to {max(values):,.{digits}f})")


def estimate(values, digits=3):
    """Median, and its 95 % interval."""
    if not values:
        return "-"
    low, high = interval(values)
    return (f"{median(values):.{digits}f} "
            f"[{low:.{digits}f}, {high:.{digits}f}]")


def table(columns, rows):
    """In Markdown."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in
                     [columns, ["---"] * len(columns), *rows]) + "\n"


def _gnuplot(path, script):
    # Fixed fonts and colours: NOTES.md shows it on white and on black.
    head = (f'set terminal svg noenhanced size 800,500 font "sans-serif,13" background '
            f'"#ffffff"\nset output "{path}"\nset grid ytics lc "#dddddd"\n')
    subprocess.run(["gnuplot"], input=head + script, text=True, check=True)


def _block(name, rows):
    return f"${name} << EOD\n" + "\n".join(
        " ".join(map(str, row)) for row in rows) + "\nEOD\n"


def plot_cost(path, scenes, ratio, names, floor):
    """What a server costs to the one written by hand, with 95 % intervals; a line
    across each scene at what `floor` costs there."""
    script, plots, step = "", [], 1 / (len(names) + 1)
    for i, name in enumerate(names):
        rows = [(n + (i + 1) * step - 0.5, median(ratios), *interval(ratios))
                for n, ratios in enumerate(ratio(s.name, name) for s in scenes)
                if ratios]
        script += _block(f"v{i}", rows)
        plots.append(f'$v{i} with yerrorbars pt 7 ps 0.7 title "{name}"')
    rows = [(n - 0.5, median(ratios), 1, 0) for n, ratios in
            enumerate(ratio(s.name, floor) for s in scenes) if ratios]
    script += _block("floor", rows)
    plots += [f'$floor with vectors nohead lw 2 dt 2 lc "#777777" title "{floor}"',
              '1 lw 1 lc "#000000" title "pktinfo by hand"']
    ticks = ", ".join('"' + "\\n".join(textwrap.wrap(s.title, WIDE_TITLE)) + f'" {n}'
                      for n, s in enumerate(scenes))
    _gnuplot(path, script + f"""
set title "CPU per request of the server, to pktinfo by hand: median, 95 % interval"
set xrange [-0.5:{len(scenes) - 0.5}]
set xtics ({ticks})
set bmargin 5
set key outside center top horizontal
plot {", ".join(plots)}
""")


def plot_peers(path, results, sizes):
    """What a call to the table costs against the number of peers."""
    metrics = {"bare_ns": "bare HASH_FIND", "recall_ns": "look-up",
               "remember_ns": "update", "replace_ns": "replacement"}
    script, plots = "", []
    for metric, title in metrics.items():
        rows = [(n, results.median("table", str(n), metric),
                 min(results.of("table", str(n), metric)),
                 max(results.of("table", str(n), metric))) for n in sizes]
        script += _block(metric, rows)
        plots.append(f'${metric} with yerrorlines pt 7 ps 0.7 title "{title}"')
    _gnuplot(path, script + f"""
set title "The peer table, in random order: median, least and most"
set xlabel "peers"
set ylabel "ns a call"
set logscale xy
set key left
plot {", ".join(plots)}
""")


def machine():
    """What it was measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":")[1].strip() for line in file
                  if line.startswith("model name")]
    load = os.getloadavg()[1]
    return (f"{models[0] if models else os.uname().machine}, "
            f"{os.cpu_count()} CPUs, Linux {os.uname().release}, "
            f"load average {load:.1f}")
