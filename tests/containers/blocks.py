# SPDX-License-Identifier: MIT
"""The README's code blocks: commands that can be pasted, and what they print.

A block of commands says behind its language where it is typed: ```sh server.
A text block below it shows what the commands print there, "..." for lines that
are left out.
"""

import os
import re
from dataclasses import dataclass, field

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir,
                      "README.md")
SHELLS = "sh", "bash"
BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)^```$", re.MULTILINE)


@dataclass
class Block:
    """Commands, in a section of the README."""

    section: str
    where: str
    commands: list
    shown: list = field(default_factory=list)


def read():
    with open(README, encoding="utf-8") as file:
        return file.read()


def all_blocks(text):
    """Each block, in order.  ValueError: there is one that nobody could run."""
    found = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE):
        heading = part.partition("\n")[0]
        if re.search(r"^(    |\t)", BLOCK.sub("", part), re.MULTILINE):
            raise ValueError(f"{heading}: an indented block")
        for kind, body in BLOCK.findall(part):
            language, _, where = kind.partition(" ")
            if language in SHELLS and where:
                found.append(Block(heading, where, body.splitlines()))
            elif kind == "text" and found and found[-1].section == heading:
                found[-1].shown += body.splitlines()
            else:
                raise ValueError(f"{heading}: a block of {kind or 'no language'}")
    return found
