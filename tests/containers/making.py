# SPDX-License-Identifier: MIT
"""Builds the library, the servers and the unit tests once more, in other ways."""

import os
import re
import subprocess
from contextlib import suppress

import engine
import lab

MAKE_SECONDS = 600
# One that hangs: on an emulated processor the longest takes 70 by itself.
UNIT_SECONDS = 300
# musl's headers do what -Wconversion warns of, in macros.
PLAIN_WARNINGS = "-Wall -Wextra -Wshadow -Wmissing-prototypes -Wvla"


def directory(name):
    return os.path.join(engine.BUILD, name)


def linked(name, *paths):
    """A directory with links to these, for compilers that may see no more."""
    to = directory(name)
    os.makedirs(to, exist_ok=True)
    for path in paths:
        with suppress(FileExistsError):
            os.symlink(path, os.path.join(to, os.path.basename(path)))
    return to


def private_uthash(header="/usr/include/uthash.h"):
    return linked("include-" + re.sub(r"\W+", "-", os.path.dirname(header)), header)


def kernel_headers():
    """The kernel's, without libc's beside them, for musl."""
    machine = f"{os.uname().machine}-linux-gnu"
    return linked("include-linux", "/usr/include/linux", "/usr/include/asm-generic",
                  f"/usr/include/{machine}/asm")


def musl_compiler(image):
    """A compiler for a musl of another architecture, which is extracted."""
    name, = os.listdir(os.path.join(image.directory, "usr/include"))
    libraries = linked(f"lib-{name}", os.path.join(image.directory, "lib", name,
                                                   "libc.so"))
    wrapper = os.path.join(image.directory, "usr/bin", f"{name}-gcc")
    specs = os.path.join(image.directory, "usr/lib", name, "musl-gcc.specs")
    made = directory(f"{name}-gcc")
    for path, to in (specs, f"{made}.specs"), (wrapper, made):
        with open(path, encoding="ascii") as file:
            text = file.read().replace(specs.removeprefix(image.directory),
                                       f"{made}.specs")
        # What is found there by itself, the links' targets are not.
        text = re.sub(rf"(?<=[ :L])/usr/(lib|include)/{name}",
                      rf"{image.directory}/usr/\1/{name}", text)
        text = text.replace("*link_libgcc:\n", f"*link_libgcc:\n-L{libraries} ")
        with open(to, "w", encoding="ascii") as file:
            file.write(text)
    os.chmod(made, 0o755)
    return made


def make(name, target, inside=(), **variables):
    """Builds into directory(name); answers what was said of it: nothing, if well."""
    variables = {"CFLAGS": "-O2 -g", **variables}
    variables["CFLAGS"] += " -Werror"
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "B")}
    done = subprocess.run(
        [*inside, "make", "-s", "-C", lab.TOP, target, "say=@:",
         f"B={os.path.relpath(directory(name), lab.TOP)}",
         *(f"{variable}={value}" for variable, value in variables.items())],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=MAKE_SECONDS, check=False)
    said = done.stdout.splitlines()
    return said if done.returncode == 0 else [*said, f"status {done.returncode}"]


def unit_tests(name, runner=(), environment=None, left_out=()):
    """Runs them; (how many passed, {the program and test that did not})."""
    passed, failed = 0, set()
    top = os.path.join(directory(name), "tests", "unit")
    for program in sorted(os.listdir(top)):
        path = os.path.join(top, program)
        if program in left_out or "." in program or os.path.isdir(path):
            continue
        try:
            said = subprocess.run(
                [*runner, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, cwd=lab.TOP, timeout=UNIT_SECONDS,
                check=False, errors="replace", text=True,
                env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP",
                     "B": os.path.relpath(directory(name), lab.TOP),
                     **(environment or {})}).stdout
        except subprocess.TimeoutExpired:
            said = ""
        results = re.findall(r"^(not )?ok \d+ - (\w+)", said, re.MULTILINE)
        plan = re.search(r"^1\.\.(\d+)", said, re.MULTILINE)
        if not plan or int(plan[1]) != len(results):
            failed.add(f"{program} ended early")
        passed += sum(not wrong for wrong, _ in results)
        failed |= {f"{program}: {test}" for wrong, test in results if wrong}
    return passed, failed
