"""The faults of a node: cuts in its network, and things that stop without ending."""

import os
import signal
from pathlib import Path

from . import control, host
from .errors import LabError


class Faults:
    """Part of Node."""

    def cut(self, scope="all", way="both"):
        """Drop its packets silently: scope all, etcd, peers or clients; way both, in or out."""
        control.ask(self.lab.name, "cut", node=self.name, scope=scope, way=way)

    def heal(self):
        """Undo every cut of this node."""
        control.ask(self.lab.name, "heal", node=self.name)

    def unplug(self):
        """Take its cable out: the node itself sees that it has no carrier."""
        self._cable("down")

    def plug(self):
        self._cable("up")

    def _cable(self, state):
        host.run(["nsenter", "-t", self.lab.supervisor(), "-n", "ip", "link", "set", self.address.port, state], 5)

    def freeze(self, unit=None, how="freezer"):
        """Stop a unit, or the whole node, in mid-step: by the cgroup freezer, or by SIGSTOP."""
        group = self._unit_group(unit)
        if how == "freezer":
            group.freeze(True)
        else:
            _signal_all(group, signal.SIGSTOP)

    def thaw(self, unit=None):
        """Let a unit go on, or everything that was frozen or stopped in this node."""
        top = self._unit_group(unit)
        for group in reversed(list(top.walk())):
            if group.frozen():
                group.freeze(False)
        _signal_all(top, signal.SIGCONT)

    def frozen(self):
        """The names of what stands still, `node` for all of it."""
        payload = self.group / "payload"
        names = []
        for group in payload.walk():
            if group.frozen():
                names.append("node" if group.path == payload.path else group.path.name)
            elif any(_stopped(pid) for pid in group.pids()):
                names.append(f"{group.path.name} (stopped)")
        return names

    def unit_path(self, unit):
        """Where the control group of a service is, or will be once it runs, on this machine."""
        template, at, _ = unit.partition("@")
        slices = ["system-" + template.replace("-", "\\x2d") + ".slice"] if at else []
        return (self.group / "payload" / "system.slice").path.joinpath(*slices, unit)

    def _unit_group(self, unit):
        """The control group of a unit, found without asking the node's systemd, which may hang."""
        payload = self.group / "payload"
        if not payload.exists():
            raise LabError(f"{self.name} is off")
        if unit is None:
            return payload
        full = unit if "." in unit else f"{unit}.service"
        for group in payload.walk():
            if group.path.name == full:
                return group
        raise LabError(f"{self.name} runs no unit {full}")


def _signal_all(top, number):
    for group in top.walk():
        for pid in group.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass


def _stopped(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except (OSError, IndexError):
        return False
