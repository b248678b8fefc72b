# SPDX-License-Identifier: MIT
"""podman as the tests use it.

Images are made of Debian's own packages, outside the lab, and kept in
build/containers.  Containers run inside the lab: what podman keeps of them is in
a tmpfs there and ends with the lab, like their processes, networks and mounts.
"""

import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import daemon
import lab
from tap_writer import skip_all

BUILD = os.path.join(lab.TOP, "build", "containers")
STORE = os.path.join(BUILD, "images")
CONTAINERS_CONF = os.path.join(BUILD, "containers.conf")
# What every image has that comes from somewhere.
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# On a busy machine; and then timeout's status is 124.
IMAGE_SECONDS = 1500
AT_ONCE = 2
# All containers' control groups are below one of this name.
CLONE_NEWCGROUP = 0x02000000
GROUPS, GROUP = "/sys/fs/cgroup", "replyfrom-"
SWEEP_SECONDS = 5

# Without limits of ours podman wants those that it may not have in a sandbox;
# runc takes any control groups that there are.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[network]
network_backend = "netavark"
network_config_dir = "/run/podman/networks"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{scratch}/graph"
runroot = "{scratch}/run"
[storage.options]
additionalimagestores = ["{store}"]
"""


@dataclass(frozen=True)
class Image:
    """Debian's SUITE with some packages; or, extracted, only their files."""

    suite: str
    packages: str
    architectures: str = "amd64"
    extracted: bool = False

    @property
    def tag(self):
        recipe = (f"{self.suite} {self.packages} {self.architectures} "
                  f"{self.extracted} {PATH}")
        return hashlib.sha256(recipe.encode()).hexdigest()[:12]

    @property
    def name(self):
        return f"localhost/{self.suite}:{self.tag}"

    @property
    def directory(self):
        """Of what is extracted."""
        return os.path.join(BUILD, f"{self.suite}-{self.tag}")

    @property
    def problem(self):
        """Why it is not there, if so; to be asked inside the lab."""
        return json.loads(os.environ["MISSING"]).get(self.name, "")


def run(*words, **options):
    """A command that has to succeed; answers what it said."""
    done = subprocess.run(words, check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        raise RuntimeError(f"status {done.returncode} of {' '.join(words)}: "
                           + done.stdout[-2000:])
    return done.stdout.strip()


def why_not():
    """Why there can be no containers here, if so."""
    if os.getuid():
        return "images, and networks for them, are made as root"
    for program in "podman", "runc", "mmdebstrap":
        if not shutil.which(program):
            return f"package {program} is not installed"
    return ""


def mirror():
    """Where apt gets this Debian from."""
    said = run("apt-get", "indextargets", "--format",
               "$(SITE) $(ORIGIN) $(COMPONENT) $(CODENAME)",
               "Created-By: Packages")
    for line in said.splitlines():
        site, *words = line.split()
        if words[:2] == ["Debian", "main"] and "-" not in words[2]:
            return site
    raise RuntimeError("apt has no source with Debian's packages")


def bootstrap(image, to):
    """A root file system.  Its mounts are in a namespace that ends with it."""
    run("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
        "timeout", str(IMAGE_SECONDS), "mmdebstrap", "-q",
        # A mirror may be a copy of some day.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        f"--variant={'extract' if image.extracted else 'apt'}",
        f"--architectures={image.architectures}",
        f"--include={','.join(image.packages.split())}", image.suite, to,
        f"deb {mirror()} {image.suite} main", env={**os.environ, "TMPDIR": BUILD})


def make_image(image):
    """Makes it, unless it is there."""
    making = f"{image.directory}.{os.getpid()}"
    podman = ("podman", "--root", STORE, "--runroot", os.path.join(BUILD, "run"))
    if image.extracted:
        if not os.path.exists(image.directory):
            bootstrap(image, making)
            os.rename(making, image.directory)
        return
    if not subprocess.run([*podman, "image", "exists", image.name],
                          check=False).returncode:
        return
    try:
        bootstrap(image, f"{making}.tar")
        run(*podman, "import", "-q", f"--change=ENV {PATH}", f"{making}.tar",
            image.name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(f"{making}.tar")


def clear():
    """What a run that was killed left behind."""
    for path, groups, _ in os.walk(GROUPS):
        for name in groups:
            pid = name.removeprefix(GROUP)
            if pid != name and not os.path.exists(f"/proc/{pid}"):
                sweep(name)
    for name in os.listdir(BUILD):
        if "." in name and name.rpartition(".")[2].isdigit() or "mmdebstrap." in name:
            shutil.rmtree(os.path.join(BUILD, name), ignore_errors=True)


def sweep(group):
    """Removes control groups, when what was in them has ended."""
    def is_swept():
        left = [path for path, _, _ in os.walk(GROUPS, topdown=False)
                if f"/{group}/" in path + "/"]
        for path in left:
            with suppress(OSError):
                os.rmdir(path)
        return not left
    lab.eventually(is_swept, SWEEP_SECONDS)


def go(images):
    """Has the program go on inside the lab, with these images.

    Outside it makes them, which takes the network, waits, and cleans up.
    """
    if "LAB_CLIENT" in os.environ:
        daemon.enter()
        enter()
        return
    if why := why_not():
        skip_all(why)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.makedirs(STORE, exist_ok=True)
    clear()
    with open(CONTAINERS_CONF, "w", encoding="ascii") as file:
        file.write(SETTINGS)
    os.environ["CONTAINERS_CONF"] = CONTAINERS_CONF
    missing = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for image, error in zip(images, pool.map(attempt, images)):
            if error:
                missing[image.name] = error
    group = f"{GROUP}{os.getpid()}"
    os.environ.update(MISSING=json.dumps(missing), CGROUP=group)
    try:
        status = subprocess.run([lab.LAB, *sys.argv], check=False).returncode
        if status == lab.NO_NAMESPACES:
            skip_all("there can be no namespaces here")
    finally:
        sweep(group)
    sys.exit(status)


def attempt(image):
    """Answers why it could not be made, if so."""
    try:
        make_image(image)
    except RuntimeError as error:
        return f"{image.suite} cannot be had: {last_line(error)}"
    return ""


def last_line(error):
    return str(error).splitlines()[-1]


def own_groups():
    """Has all control groups that containers get be below one of our name."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = [line.split() for line in file]
    owned = []
    for _, at, kind, *_ in mounts:
        if kind not in ("cgroup", "cgroup2"):
            continue
        group = os.path.join(at, os.environ["CGROUP"])
        os.mkdir(group)
        for name in "cpuset.cpus", "cpuset.mems":  # none but its parent's
            with suppress(OSError):
                shutil.copyfile(os.path.join(at, name), os.path.join(group, name))
        join(group)
        owned.append((group, at, kind))
    if lab.libc.unshare(CLONE_NEWCGROUP):
        raise OSError(ctypes.get_errno(), "unshare")
    for group, at, kind in owned:
        run("mount", "--bind", group, at)
        if kind == "cgroup2":  # no processes beside groups: cgroups(7)
            os.mkdir(os.path.join(at, "tests"))
            join(os.path.join(at, "tests"))


def join(group):
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write(str(os.getpid()))


def enter():
    """To be called inside the lab: from here on podman works there."""
    own_groups()
    # podman's locks are there, and those of containers that are gone stay taken.
    run("mount", "-t", "tmpfs", "tmpfs", "/dev/shm")
    scratch = os.path.join(daemon.SCRATCH, "podman")
    os.makedirs(scratch)
    path = os.path.join(scratch, "storage.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(STORAGE.format(scratch=scratch, store=STORE))
    os.environ["CONTAINERS_STORAGE_CONF"] = path


def podman_run(image, *words, options=()):
    """The command that runs another one in a container."""
    return ["podman", "run", *options, image, *words]


def why_no_containers(image):
    """What podman says, where it cannot run one."""
    try:
        run(*podman_run(image.name, "true", options=["--rm", "--network=host"]))
    except RuntimeError as error:
        return last_line(error)
    return ""
