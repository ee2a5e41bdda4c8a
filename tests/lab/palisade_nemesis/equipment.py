"""What the nodes of a nemesis have besides a lab's: a disk of their own that can fill or freeze, and
a wall clock of the daemons that can be stepped."""

import struct
import subprocess
from pathlib import Path

from palisade_lab import LabError, host, paths

HERE = Path(__file__).resolve().parent
POSTGRES = "/var/lib/postgresql"
OFFSET_FILE = "/var/lib/nemesis/clock-offset"
LIBRARY = "/usr/local/lib/nemesis-clock.so"
DISK_BYTES = 900 * 1024 * 1024  # sparse, and in memory as far as it is written


def prepare(units):
    """What Lab.up calls for each node before its first boot."""
    library = _compile()

    def equip(node):
        if node.name == "app":
            return
        _give_disk(node)
        node.write(OFFSET_FILE, struct.pack("q", 0))
        node.write(LIBRARY, library, 0o755)
        for unit in units:
            node.write(f"/etc/systemd/system/{unit.replace('@main', '@')}.d/nemesis.conf",
                       f"[Service]\nEnvironment=LD_PRELOAD={LIBRARY}\n")  # fmt: skip

    return equip


def step_clock(node, seconds):
    """The daemons' wall clock from now on: at once, for they have the file mapped."""
    with open(f"{node.root}{OFFSET_FILE}", "r+b") as file:
        file.write(struct.pack("q", seconds))


def _compile():
    fresh = paths.CACHE / "nemesis-clock.so.new"
    host.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
              HERE / "clock.c", "-o", fresh], timeout=60)  # fmt: skip
    library = fresh.read_bytes()
    fresh.unlink()
    return library


def _give_disk(node):
    """A file system of its own below /var/lib/postgresql; it ends with the lab's mount namespace."""
    inside = paths.NODES_INSIDE / node.name
    script = f"""set -e
        truncate -s {DISK_BYTES} {inside}/disk
        mkfs.ext4 -q -F -O ^has_journal -m 0 {inside}/disk
        mkdir {inside}/old
        cp -a {inside}/root{POSTGRES}/. {inside}/old
        mount -o loop,noatime {inside}/disk {inside}/root{POSTGRES}
        cp -a {inside}/old/. {inside}/root{POSTGRES}
        chown --reference={inside}/old {inside}/root{POSTGRES}
        chmod --reference={inside}/old {inside}/root{POSTGRES}
        rm -rf {inside}/old"""
    command = ["nsenter", "-t", str(node.lab.supervisor()), "-m", "--", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise LabError(f"{node.name} gets no disk of its own: {done.stderr.strip()}")
