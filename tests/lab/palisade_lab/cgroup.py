"""Control groups: the lab's register of what it runs, and its way to end all of it.

Every process of a lab is born in /palisade-lab/NAME of the cgroup2 hierarchy, so `down` needs
no pid file: one write kills them all, and an empty directory proves that they are gone.
"""

import os
import select
from pathlib import Path

from .errors import LabError
from .wait import wait_for

TOP = "palisade-lab"


def mount_point():
    """Where the machine has cgroup2 mounted (systemd's hybrid layout has it below `unified`)."""
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, where, kind, *_ = line.split()
            if kind == "cgroup2":
                return Path(where)
    raise LabError("no cgroup2 hierarchy is mounted on this machine")


def top():
    """The directory that holds every lab's control groups."""
    return Cgroup(mount_point() / TOP)


def remove_top():
    """Remove that directory if no lab and no build is in it."""
    try:
        top().path.rmdir()
    except OSError:
        pass


class Cgroup:
    def __init__(self, path):
        self.path = Path(path)

    def __truediv__(self, name):
        return Cgroup(self.path / name)

    def create(self):
        self.path.mkdir(parents=True, exist_ok=True)
        return self

    def exists(self):
        return self.path.is_dir()

    def children(self):
        try:
            return sorted(entry.name for entry in os.scandir(self.path) if entry.is_dir())
        except FileNotFoundError:
            return []

    def pids(self):
        """The processes of this very group, as the caller's pid namespace numbers them."""
        try:
            return [int(line) for line in (self.path / "cgroup.procs").read_text().split()]
        except OSError:
            return []

    def populated(self):
        """Whether a process lives in this group or below."""
        try:
            return "populated 1" in (self.path / "cgroup.events").read_text()
        except OSError:
            return False

    def kill(self):
        """SIGKILL everything at once, forks included."""
        try:
            (self.path / "cgroup.kill").write_text("1")
        except FileNotFoundError:
            pass

    def freeze(self, on):
        (self.path / "cgroup.freeze").write_text("1" if on else "0")

    def frozen(self):
        try:
            return (self.path / "cgroup.freeze").read_text().strip() == "1"
        except OSError:
            return False

    def walk(self):
        """This group and all below, deepest first."""
        for path, _, _ in os.walk(self.path, topdown=False):
            yield Cgroup(path)

    def remove(self, timeout=20):
        """Kill what is inside, wait until it is gone, remove the directories."""
        dying = {}

        def removed():
            # Again and again: a process may have been on its way into its group.
            for group in self.walk():
                dying.update(_pidfds(set(group.pids()) - set(dying)))
            self.kill()
            for group in self.walk():
                _rmdir(group.path)
            return True

        if not self.exists():
            return
        wait_for(removed, timeout, f"processes in {self.path} to end", every=0.02)
        # A process leaves its group a moment before it ends.
        for fd in dying.values():
            wait_for(lambda: select.select([fd], [], [], 0)[0], timeout, "a killed process to end", every=0.01)
            os.close(fd)

    def born_here(self, argv):
        """The command that runs argv with its first process in this group."""
        enter = 'echo $$ >"$1" && shift && exec "$@"'
        return ["/bin/sh", "-c", enter, "sh", str(self.path / "cgroup.procs"), *map(str, argv)]


def _pidfds(pids):
    for pid in pids:
        try:
            yield pid, os.pidfd_open(pid)
        except OSError:
            pass  # it has ended


def _rmdir(path):
    try:
        path.rmdir()
    except FileNotFoundError:
        pass
