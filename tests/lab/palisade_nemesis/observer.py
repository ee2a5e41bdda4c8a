"""An observer beside the cluster: every gate, every server and the lock, looked at from this machine.

Twenty times a second it reads, for each node and without asking one of its processes: the gate's
deadline in the kernel's map (gatemap.py), whether the leaf cgroup is populated, and from the data
directory whether the server is out of recovery (pg_control says `in production`, and there is no
standby.signal; both change before the first write is possible). Two passes over all nodes, one
after the other: a pair that is open and writable in both was so at one instant between them.

Another thread reads the leader key ten times a second through whichever member of etcd answers.
"""

import base64
import json
import os
import struct
import threading
import time
from dataclasses import dataclass

from palisade_lab import LabError
from palisade_lab.cgroup import Cgroup

from .gatemap import GateMap
from .history import Permit, Sight

EVERY, LOCK_EVERY = 0.05, 0.1
DATA = "/var/lib/postgresql/15/main"
IN_PRODUCTION = 6  # enum DBState in pg_control.h
KEY = "/service/main/leader"


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Look:
    """One node at one moment."""

    deadline: float | None  # the latest of its leaves'; None: no gate
    alive: bool  # a postmaster, or what is left of one
    writable: bool  # out of recovery, as its files say

    def open(self, now):
        return self.alive and self.writable and (self.deadline is None or self.deadline > now)


class NodeEye:
    def __init__(self, node, patroni):
        self.name = node.name
        unit = "patroni.service" if patroni else "palisade-postgres@main.service"
        self.unit = node.unit_path(unit)
        self.patroni = patroni
        self.data = f"{node.root}{DATA}"
        self.gates = {}

    def look(self):
        leaves = [self.unit] if self.patroni else self._leaves()
        alive, deadline = False, None
        for path in leaves:
            if not (self._runs_postgres(path) if self.patroni else _populated(path)):
                continue
            alive = True
            try:
                seen = self.gates[path].deadline() if path in self.gates else None
            except OSError:
                seen = None  # the leaf was removed meanwhile
            if seen is not None:
                deadline = max(deadline or 0, seen)
        return Look(deadline, alive, alive and self._writable())

    @staticmethod
    def _runs_postgres(path):
        """Patroni's group holds its own processes too."""
        for pid in Cgroup(path).pids():
            try:
                with open(f"/proc/{pid}/comm") as comm:
                    if comm.read() == "postgres\n":
                        return True
            except OSError:
                pass  # it has ended
        return False

    def _leaves(self):
        try:
            paths = [entry.path for entry in os.scandir(self.unit) if entry.name.startswith("pg-")]
        except OSError:
            paths = []
        for path in set(self.gates) - set(paths):
            self.gates.pop(path).close()
        for path in set(paths) - set(self.gates):
            try:
                self.gates[path] = GateMap(path)
            except OSError:
                pass  # removed meanwhile
        return paths

    def _writable(self):
        try:
            fd = os.open(f"{self.data}/global/pg_control", os.O_RDONLY | os.O_NOATIME)
            try:
                state = struct.unpack("=I", os.pread(fd, 4, 16))[0]
            finally:
                os.close(fd)
        except OSError:
            return False
        return state == IN_PRODUCTION and not os.path.exists(f"{self.data}/standby.signal")

    def close(self):
        for gate in self.gates.values():
            gate.close()


def _populated(path):
    try:
        with open(f"{path}/cgroup.events") as events:
            return "populated 1" in events.read()
    except OSError:
        return False


class Observer:
    """Looks from __enter__ to __exit__; then (or meanwhile) permits, overlaps and sights tell."""

    def __init__(self, lab, patroni=False):
        self.lab = lab
        self.eyes = [NodeEye(node, patroni) for node in lab.databases]
        self.last = {}  # node -> its Look
        self.permits, self.overlaps, self.sights = [], [], []
        self.looks = 0
        self.worst_pause = 0.0  # between two looks
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._watch, daemon=True),
                         threading.Thread(target=self._watch_lock, daemon=True)]  # fmt: skip

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(10)
        for eye in self.eyes:
            eye.close()

    def sees(self, node):
        """Whether it sees what there is: this node open and writable, with the lock. Else it proves nothing."""
        look = self.last.get(node.name)
        return bool(look and look.open(boottime()) and self.sights and self.sights[-1].holder == node.name)

    def deadline(self, node):
        """The last finite deadline of the node's gate that was seen; None: it had none."""
        own = [p.deadline for p in self.permits if p.node == node.name]
        return own[-1] if own else None

    def renewals(self, node, since):
        return sum(1 for p in self.permits if p.node == node.name and p.at > since)

    def _watch(self):
        before = boottime()
        while not self._over.wait(EVERY):
            first = self._pass()
            self._open_twice(first, self._pass())
            now = boottime()
            self.worst_pause = max(self.worst_pause, now - before)
            before = now
            self.looks += 1

    def _pass(self):
        looks = {}
        for eye in self.eyes:
            look = eye.look()
            looks[eye.name] = look
            if look.deadline not in (None, 0, float("inf")) and look.deadline != self._known(eye.name):
                self.permits.append(Permit(boottime(), eye.name, look.deadline))
            self.last[eye.name] = look
        return looks

    def _known(self, name):
        return next((p.deadline for p in reversed(self.permits) if p.node == name), None)

    def _open_twice(self, first, second):
        now = boottime()
        both = [name for name in first if first[name].open(now) and second[name].open(now)]
        if len(both) > 1:
            self.overlaps.append((now, both))

    def _watch_lock(self):
        members = self.lab.etcd.members()
        while not self._over.wait(LOCK_EVERY):
            for node in list(members):
                asked = boottime()
                try:
                    code, body = node.http("POST", "/v3/kv/range", 2379, {"key": _b64(KEY)}, 0.7)
                except (OSError, LabError, json.JSONDecodeError):
                    code = 0
                if code == 200 and isinstance(body, dict):
                    kvs = body.get("kvs", [])
                    holder = base64.b64decode(kvs[0].get("value", "")).decode() if kvs else None
                    self.sights.append(Sight(asked, boottime(), holder))
                    break
                members.remove(node)
                members.append(node)  # the next time, another one first


def _b64(text):
    return base64.b64encode(text.encode()).decode()
