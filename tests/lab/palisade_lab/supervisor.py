"""Supervisor: process 1 of a lab's own pid, mount and network namespaces.

It owns the switch, the overlay mounts and the nspawn process of each node, starts a node again
when that reboots, and obeys one-line JSON requests on a Unix socket. When it ends, however it
ends, the kernel ends everything in its pid namespace; mounts and links vanish with that.

Started by cluster.py as `unshare … python3 -m palisade_lab.supervisor JSON`; the JSON names the
lab, its nodes, the layers below their trees, and the descriptor of the socket, already bound.
"""

import fcntl
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from . import net, paths
from .cgroup import TOP, Cgroup

CGROUP_MOUNT = Path("/sys/fs/cgroup")
REBOOT = 133  # nspawn's exit status when its node asks for a reboot
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


class Node:
    """One nspawn process, or none."""

    def __init__(self, name, group):
        self.name = name
        self.group = group / name
        self.port = net.address_of(name).port
        self.dir = paths.NODES_INSIDE / name
        self.dog = None  # the process that is its watchdog device, where it has one
        self.pid = 0
        self.boots = 0
        self.restart = False  # it asked for a reboot, or boot() must wait for the old one's end
        self.since = time.time()

    def state(self):
        return "up" if self.pid else "booting" if self.restart else "off"

    def gone(self):
        """Nothing of the last run is left: no process, no cable."""
        return not self.pid and not self.group.populated() and not self._has_cable()

    def _has_cable(self):
        # Not by /sys/class/net, which shows the namespace that mounted it.
        try:
            return bool(socket.if_nametoindex(self.port))
        except OSError:
            return False

    def start(self):
        self.group.create()
        (self.group / "exec").create()
        command = self.group.born_here([
            "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no",
            f"--machine={self.name}", f"--hostname={self.name}", f"--directory={self.dir}/root",
            "--link-journal=no", f"--network-bridge={net.BRIDGE}", "--resolv-conf=off",
            "--timezone=off", "--console=pipe", "--kill-signal=SIGRTMIN+4",
            # mlockall and real time need CAP_IPC_LOCK, the gate needs bpf(2)
            "--capability=all", "--system-call-filter=bpf",
            *([f"--bind={self.dir}/dog/watchdog:/dev/watchdog"] if self.dog else []),
            "--boot", "systemd.show_status=no",
        ])  # fmt: skip
        env = dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1", SYSTEMD_NSPAWN_LOCK="0")
        log = os.open(self.dir / "console.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open("/dev/null", os.O_RDONLY)
        files = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1),
                 (os.POSIX_SPAWN_DUP2, log, 2)]  # fmt: skip
        self.pid = os.posix_spawn(command[0], command, env, file_actions=files, setsid=True)
        os.close(log)
        os.close(null)
        self.restart = False
        self.boots += 1
        self.since = time.time()

    def ended(self, status):
        self.pid = 0
        self.unplug()
        self.restart = os.waitstatus_to_exitcode(status) == REBOOT or self._was_reset()
        self._stop_countdown()
        self.since = time.time()

    def power_off(self):
        """Power loss: the cable is dead first, so that no dying process says goodbye on it."""
        at = time.time()
        _link_down(self.port)
        self.group.kill()
        self._stop_countdown()
        self.unplug()
        self.restart = False
        return at

    def give_watchdog(self):
        """A device of its own for this node; see fakedog.py."""
        (self.dir / "dog").mkdir()
        self.group.create()
        log = open(self.dir / "dog.log", "w")
        self.dog = subprocess.Popen([sys.executable, "-m", "palisade_lab.fakedog", self.dir / "dog",
                                     self.group.path, self.dir / "reset"], stdout=log, stderr=log)  # fmt: skip
        while not (self.dir / "dog" / "watchdog").exists():
            if self.dog.poll() is not None:
                raise RuntimeError("no watchdog for a node: " + (self.dir / "dog.log").read_text())
            time.sleep(0.01)

    def _was_reset(self):
        """Its watchdog ended it: it boots again."""
        marker = self.dir / "reset"
        if not marker.exists():
            return False
        marker.unlink()
        return True

    def _stop_countdown(self):
        if self.dog:
            self.dog.send_signal(signal.SIGUSR1)

    def unplug(self):
        """Remove the cable. It would go with the node's network namespace, but that lives on as
        long as orphaned sockets send what nobody acknowledges any more, which is minutes."""
        if self._has_cable():
            subprocess.run(["ip", "link", "delete", self.port], capture_output=True, timeout=10)


class Supervisor:
    def __init__(self, config):
        self.group = Cgroup(CGROUP_MOUNT / TOP / config["name"])
        self.nodes = {name: Node(name, self.group) for name in config["nodes"]}
        self.cuts = []
        self.selector = selectors.DefaultSelector()
        self.verbs = {
            "state": self.do_state,
            "boot": self.do_boot,
            "kill": self.do_kill,
            "cut": self.do_cut,
            "heal": self.do_heal,
        }

    # What may be asked for ------------------------------------------------------------------

    def do_state(self):
        return {
            "nodes": {
                node.name: {"state": node.state(), "gone": node.gone(), "boots": node.boots, "since": node.since}
                for node in self.nodes.values()
            },
            "cuts": [asdict(cut) for cut in self.cuts],
        }

    def do_boot(self, node):
        node = self.nodes[node]
        if node.state() != "off":
            raise ValueError(f"{node.name} is {node.state()} already")
        node.restart = True
        self.start_waiting()

    def do_kill(self, node):
        return self.nodes[node].power_off()

    def do_cut(self, node, scope, way):
        cut = net.Cut(self.nodes[node].name, scope, way)
        if cut not in self.cuts:
            self.apply_cuts([*self.cuts, cut])

    def do_heal(self, node):
        self.apply_cuts([cut for cut in self.cuts if cut.node != self.nodes[node].name])

    def apply_cuts(self, cuts):
        _feed(["nft", "-f", "-"], net.render_rules(cuts, list(self.nodes)))
        self.cuts = cuts

    # The loop -------------------------------------------------------------------------------

    def start_waiting(self):
        for node in self.nodes.values():
            if node.restart and node.gone():
                node.start()

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for node in self.nodes.values():
                if node.pid == pid:
                    node.ended(status)

    def answer(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                with connection.makefile("r") as lines:
                    request = json.loads(lines.readline())
                verb = self.verbs[request.pop("verb")]
                reply = {"ok": verb(**request)}
            except Exception as error:
                reply = {"error": f"{error}" or type(error).__name__}
            try:
                connection.sendall(json.dumps(reply).encode() + b"\n")
            except OSError:
                pass  # the asker went away

    def run(self, listener):
        wake_r, wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(wake_r, selectors.EVENT_READ)
        self.selector.register(listener, selectors.EVENT_READ)
        while True:
            waiting = any(node.restart for node in self.nodes.values())
            for key, _ in self.selector.select(0.02 if waiting else None):
                if key.fileobj is listener:
                    self.answer(listener.accept()[0])
                else:
                    os.read(wake_r, 4096)
            self.reap()
            self.start_waiting()


def set_up_mounts(config):
    """A cgroup2 of our own to look at, and a /run that vanishes with us."""
    _call("umount", "--recursive", CGROUP_MOUNT)
    _call("mount", "-t", "cgroup2", "cgroup2", CGROUP_MOUNT)
    _call("mount", "-t", "tmpfs", "-o", "mode=755,size=80%", "tmpfs", "/run")
    for name in config["nodes"]:
        inside = paths.NODES_INSIDE / name
        (inside / "root").mkdir(parents=True)
        writable = Path(config["disk"]) / name if config["disk"] else inside
        for part in ("upper", "work"):
            (writable / part).mkdir(parents=True)
        layers = f"lowerdir={':'.join(config['lower'])},upperdir={writable}/upper,workdir={writable}/work"
        _call("mount", "-t", "overlay", "-o", layers, "overlay", inside / "root")


def set_up_network():
    _feed(["ip", "-batch", "-"], net.bridge_batch())


def _call(*argv):
    subprocess.run([str(arg) for arg in argv], check=True, stdin=subprocess.DEVNULL)


def _feed(argv, text):
    done = subprocess.run(argv, input=text, text=True, capture_output=True, timeout=10)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]}: {done.stderr.strip()}")


def _link_down(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = port.encode()
        try:
            reply = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH14x", name, 0))
            flags = struct.unpack("16sH14x", reply)[1] & ~IFF_UP
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", name, flags))
        except OSError:
            pass  # no cable: the node is off, or not booted so far


def main():
    config = json.loads(sys.argv[1])
    listener = socket.socket(fileno=config["listen_fd"])
    for fd in (listener.fileno(), *config["held_fds"]):
        os.set_inheritable(fd, False)
    set_up_mounts(config)
    set_up_network()
    supervisor = Supervisor(config)
    for name in config["watchdogs"]:
        supervisor.nodes[name].give_watchdog()
    # Only now do callers get through; the kernel tells them our pid as the listener's.
    listener.listen(128)
    supervisor.run(listener)


if __name__ == "__main__":
    main()
