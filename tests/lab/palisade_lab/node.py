"""One node of a lab, seen from the host."""

import http.client
import json
import os
import shlex
from pathlib import Path

from . import control, host, net, netns, paths
from .errors import CommandError, HopelessError, LabError
from .faults import Faults
from .wait import wait_for

NAMESPACES = ["-m", "-u", "-i", "-n", "-C"]
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
}


class Node(Faults):
    """A handle; it holds no state of its own, so that any process may have one."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.address = net.address_of(name)
        self.group = lab.group / name

    def __repr__(self):
        return f"<Node {self.lab.name}/{self.name}>"

    # Where it is ----------------------------------------------------------------------------

    @property
    def root(self):
        """Its file system as a path of this machine, also while the node is off."""
        return self.lab.inside(paths.NODES_INSIDE / self.name / "root")

    @property
    def console(self):
        return self.lab.inside(paths.NODES_INSIDE / self.name / "console.log")

    def info(self):
        return self.lab.state()["nodes"][self.name]

    def pid1(self):
        """The node's process 1 as this machine numbers it; None while the node is off."""
        pids = (self.group / "payload" / "init.scope").pids()
        return pids[0] if pids else None

    def require_pid1(self):
        pid = self.pid1()
        if not pid:
            raise LabError(f"{self.name} is off")
        return pid

    # Commands in it -------------------------------------------------------------------------

    def enter(self, argv, pid_namespace=True, env=None):
        """The command of this machine that runs argv in the node.

        It is born in the node's `exec` group, so that a power loss takes it along. Without the
        node's pid namespace it is the very process that is started, and can be signalled.
        """
        spaces = NAMESPACES + (["-p"] if pid_namespace else [])
        settings = [f"{key}={value}" for key, value in {**ENVIRONMENT, **(env or {})}.items()]
        nsenter = ["nsenter", "-t", self.require_pid1(), *spaces, "--", "env", "-i", *settings, *argv]
        return (self.group / "exec").born_here(nsenter)

    def sh(self, command, timeout=30, check=True, user=None, stdin=None):
        """Run a command (a list, or a line for the shell); its output is in .stdout, .stderr."""
        argv = ["sh", "-c", command] if isinstance(command, str) else [str(a) for a in command]
        if user:
            argv = ["runuser", "-u", user, "--", *argv]
        try:
            return host.run(self.enter(argv), timeout, check, stdin)
        except CommandError as error:
            what = f"{self.name}: {host.short([shlex.quote(a) for a in argv])}"
            raise CommandError(what, error.returncode, error.output) from None

    def run(self, command, timeout=60, check=True):
        """As sh(), but as a transient unit of the node's systemd: in its own cgroup, logged."""
        argv = ["sh", "-c", command] if isinstance(command, str) else [str(a) for a in command]
        unit = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", *argv]
        return self.sh(unit, timeout, check)

    def psql(self, sql, timeout=10, dbname="postgres"):
        """The unaligned answer of this node's own server, over its Unix socket."""
        argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dbname, "-c", sql]
        return self.sh(argv, timeout, user="postgres").stdout.rstrip("\n")

    def systemctl(self, *arguments, timeout=60, check=True):
        return self.sh(["systemctl", *arguments], timeout, check).stdout

    def journal(self, *arguments, timeout=30):
        """Its journal as text, read from its disk: also when the node is off or frozen."""
        command = ["journalctl", f"--root={self.root}", "--no-pager", "--quiet", *arguments]
        return host.run(command, timeout, check=False).stdout

    # Questions by HTTP ----------------------------------------------------------------------

    def http(self, method, path, port=8008, body=None, timeout=2.0):
        """Ask a server of this node by way of its own loopback: no cut is in between.

        Returns (status, body as parsed JSON or text).
        """
        sock = netns.dial(self.require_pid1(), "127.0.0.1", port, timeout)
        context = self.lab.tls_context()
        if context:
            sock = context.wrap_socket(sock, server_hostname="localhost")
        connection = http.client.HTTPConnection("localhost", port, timeout=timeout)
        connection.sock = sock
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        finally:
            connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def rest(self, path, method="GET", body=None, timeout=2.0):
        """GET (or what you say) of the REST API: (status, body)."""
        return self.http(method, path, 8008, body, timeout)

    # Files ----------------------------------------------------------------------------------

    def read(self, path):
        """The text of a file on its disk, also while it is off."""
        return Path(f"{self.root}{path}").read_text(errors="replace")

    def write(self, path, text, mode=0o644, owner=None, group=None):
        """Put a file on its disk, also while it is off. Owner and group are the node's."""
        target = Path(f"{self.root}{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(target.name + ".new")
        fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.chown(fresh, self._id("passwd", owner), self._id("group", group or owner))
        fresh.chmod(mode)
        fresh.rename(target)

    def enable(self, unit):
        """Have a unit of the image start at the next boot."""
        wants = Path(f"{self.root}/etc/systemd/system/multi-user.target.wants")
        wants.mkdir(parents=True, exist_ok=True)
        link = wants / unit
        link.unlink(missing_ok=True)
        link.symlink_to(f"/lib/systemd/system/{unit}")

    def install(self, *debs, timeout=120):
        """Install packages in the running node as an administrator would, again if need be."""
        for deb in debs:
            self.write(f"/var/tmp/{Path(deb).name}", Path(deb).read_bytes())
        files = [f"/var/tmp/{Path(deb).name}" for deb in debs]
        self.sh(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--reinstall",
                 *files], timeout)  # fmt: skip

    def _id(self, table, name):
        if name is None:
            return 0
        for line in self.read(f"/etc/{table}").splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2])
        raise LabError(f"{self.name} has no {table} entry for {name}")

    # Power ----------------------------------------------------------------------------------

    def boot(self, timeout=60, wait=True):
        """Switch it on with the disk it has."""
        control.ask(self.lab.name, "boot", node=self.name)
        if wait:
            self.wait_running(timeout)

    def kill(self, timeout=15):
        """Power loss. Returns the instant (seconds since the epoch) at which it went dead."""
        at = control.ask(self.lab.name, "kill", node=self.name)
        wait_for(lambda: self.info()["gone"], timeout, f"{self.name} to be gone")
        return at

    def reboot(self, timeout=120):
        """An orderly reboot, as an administrator would."""
        boots = self.info()["boots"]
        self.sh(["systemctl", "reboot", "--no-block"], timeout=10)
        wait_for(lambda: self.info()["boots"] > boots, timeout, f"{self.name} to go down")
        self.wait_running(timeout)

    def wait_running(self, timeout=60):
        """Wait until systemd has started everything; True unless a unit failed."""
        def answer():
            if self.info()["state"] == "off":
                tail = self.console.read_text(errors="replace")[-500:].strip()
                raise HopelessError(f"{self.name} went off instead of booting:\n{tail}")
            done = self.sh(["systemctl", "is-system-running"], timeout=5, check=False)
            return done.stdout.strip() in ("running", "degraded") and done.stdout.strip()

        return wait_for(answer, timeout, f"{self.name} to boot") == "running"

    def wait_unit(self, unit, timeout=30):
        """Wait until a unit of the node is active."""
        def active():
            return self.systemctl("is-active", unit, timeout=5, check=False).strip() == "active"

        wait_for(active, timeout, f"{unit} of {self.name} to be active")
