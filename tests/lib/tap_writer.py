# SPDX-License-Identifier: MIT
"""Writes TAP (https://testanything.org), as tests/run reads it."""

import sys

MOST_LINES, MOST_COLUMNS = 100, 300


def skip_all(why):
    """Ends a suite that cannot be tried here."""
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


class TapWriter:
    """One suite; without `planned`, end() prints how many tests there were."""

    def __init__(self, planned=None):
        self._planned = planned
        self._count = 0
        self._failed = False
        if planned is not None:
            print(f"1..{planned}")

    def test(self, passed, sentence, remarks=(), most_lines=MOST_LINES):
        """Prints one result, and returns whether it passed.

        The sentence may end in " # SKIP why" or " # TODO why": a test that is
        to do may fail.
        """
        self._count += 1
        self._failed |= not passed and " # TODO " not in sentence
        print(f"{'ok' if passed else 'not ok'} {self._count} - {sentence}")
        for remark in list(remarks)[:most_lines]:
            print(f"#   {remark[:MOST_COLUMNS]}")
        sys.stdout.flush()
        return passed

    def end(self):
        """Returns the exit status of the suite."""
        if self._planned is None:
            print(f"1..{self._count}")
        return 1 if self._failed else 0
