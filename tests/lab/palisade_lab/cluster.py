"""Lab: a cluster of booted nodes in its own namespaces, from `up` to `down`.

    with Lab("t1") as lab:
        lab.up(Options(mode="patroni"))
        lab.leader().kill()
"""

import json
import os
import re
import select
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from . import cgroup, config, control, host, image, layer, net, options, package, paths, tls
from .cache import hold, lab_lock
from .client import Client
from .errors import HopelessError, LabError
from .etcd import Etcd
from .node import Node
from .status import Members
from .term import Quiet
from .wait import wait_for

__all__ = ["Lab", "names_of_labs"]


class Lab(Members):
    """A handle on the lab of this name, running or not."""

    def __init__(self, name="main", out=None):
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,15}", name):
            raise LabError(f"{name!r} is no name for a lab: use a-z, 0-9 and -")
        self.name = name
        self.out = out or Quiet()
        self.group = cgroup.top() / name
        self.etcd = Etcd(self)
        self._supervisor = None  # (pid, pidfd) once known
        self._outer = None  # the process around the supervisor, where this handle started it

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    # What is there --------------------------------------------------------------------------

    @cached_property
    def options(self):
        return options.Options.load(self.name)

    def is_up(self):
        try:
            self.supervisor()
        except LabError:
            return False
        return True

    def supervisor(self):
        """The supervisor's pid, of which a descriptor proves that it is still the same process."""
        if self._supervisor:
            pid, pidfd = self._supervisor
            if not select.select([pidfd], [], [], 0)[0]:
                return pid
            os.close(pidfd)
            self._supervisor = None
        pid = control.supervisor_pid(self.name)
        self._supervisor = (pid, os.pidfd_open(pid))
        return pid

    def state(self):
        return control.ask(self.name, "state")

    def inside(self, path):
        """A path of the supervisor's mount namespace as this machine can open it."""
        return Path(f"/proc/{self.supervisor()}/root{path}")

    def node(self, name):
        if name not in self.options.names:
            raise LabError(f"lab {self.name} has no node {name} (it has {', '.join(self.options.names)})")
        return Node(self, name)

    @property
    def nodes(self):
        return [Node(self, name) for name in self.options.names]

    @property
    def databases(self):
        return [Node(self, name) for name in self.options.databases]

    @property
    def app(self):
        return Node(self, net.APP)

    def client(self, **how):
        """A writer in node `app`, as a context manager; see client.py."""
        return Client(self, **how)

    def tls_context(self):
        """What the host needs to speak with the lab's servers; None without --tls."""
        return tls.client_context(paths.run_dir(self.name) / "tls") if self.options.tls else None

    # Up -------------------------------------------------------------------------------------

    def up(self, opts, prepare=None):
        """Bring everything up; returns when clients can write (as far as the mode has that).

        prepare(node), if given, is called for each node before it boots for the first time: the
        place to change its files (node.read, node.write).
        """
        opts.check()
        with lab_lock(self.name):
            if self.is_up():
                raise LabError(f"lab {self.name} is up already (lab down ends it)")
            self._remove_everything()
            try:
                self._up(opts, prepare or (lambda node: None))
            except KeyboardInterrupt:
                self.out.say("interrupted: taking down what was there")
                self._remove_everything()
                raise

    def _up(self, opts, prepare):
        host.install_missing_tools(self.out.say)
        lower = self._layers(opts)
        with self.out.step("nodes") as step:
            self._start_supervisor(opts, lower)
            self.options = opts
            certificates = paths.run_dir(self.name) / "tls" if opts.tls else None
            if certificates:
                tls.make_certificates(certificates, opts.names)
            for node in self.nodes:
                config.configure(node, opts, certificates)
                prepare(node)
            step("booting " + " ".join(opts.names), None)
            for node in self.nodes:
                node.boot(wait=False)
            booted = self.ask_all(self.nodes, lambda node: node.wait_running(120))
            step.done(" ".join(opts.names))
        for node, well in booted:
            if not well:
                failed = node.systemctl("--failed", "--plain", "--no-legend", check=False).split()
                self.out.say(f"warning: {node.name} booted with a failed unit: {failed[0] if failed else '?'}")
        with self.out.step("etcd") as step:
            self.etcd.wait_healthy()
            leader = self.etcd.wait_leader()
            step.done(f"{len(opts.members)} members, {leader.name} leads")
        if opts.mode != options.NONE and opts.start:
            self.start_databases()

    def _layers(self, opts):
        """The lower directories of every node's overlay, topmost first."""
        with self.out.step("image") as step:
            fresh = not image.current().ready()
            base = image.ensure(step)
            step.done("built" if fresh else "cached")
        if opts.mode != options.PALISADE:
            return [base.tree]
        with self.out.step("package") as step:
            opts.debs = opts.debs or os.environ.get("PALISADE_DEB", "").split() or package.ensure(step, self.out.say)
            top = layer.ensure(base, opts.debs, step)
            step.done(", ".join(Path(deb).name for deb in opts.debs))
        return [top / "upper", base.tree]

    def _start_supervisor(self, opts, lower):
        run = paths.run_dir(self.name)
        run.mkdir(parents=True)
        opts.save(self.name)
        listener = control.bind(self.name)
        held = [hold(tree.parent) for tree in lower]
        supervisor = json.dumps({
            "name": self.name,
            "nodes": opts.names,
            "watchdogs": opts.databases if opts.watchdog else [],
            "lower": [str(path) for path in lower],
            "disk": str(paths.disk_dir(self.name)) if opts.disk else None,
            "listen_fd": listener.fileno(),
            "held_fds": held,
        })  # fmt: skip
        group = (self.group / "supervisor").create()
        command = ["unshare", "-m", "-n", "-p", "-f", "--kill-child=KILL", "--mount-proc", "--propagation",
                   "private", "--", sys.executable, "-m", "palisade_lab.supervisor", supervisor]  # fmt: skip
        env = dict(os.environ, PYTHONPATH=str(paths.LAB_DIR), PYTHONDONTWRITEBYTECODE="1")
        log = run / "supervisor.log"
        with listener, open(log, "w") as output:
            self._outer = subprocess.Popen(
                group.born_here(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                pass_fds=[listener.fileno(), *held], start_new_session=True, env=env, cwd="/",
            )  # fmt: skip
        for fd in held:
            os.close(fd)

        def listening():
            if self._outer.poll() is not None:
                raise HopelessError("the lab's supervisor did not start:\n" + log.read_text())
            return self.is_up()

        wait_for(listening, 20, "the lab's supervisor to start")

    def start_databases(self):
        """Start Palisade (or Patroni) on every database node; wait until all of it works."""
        patroni = self.options.mode == options.PATRONI
        unit = "patroni.service" if patroni else "palisade@main.target"
        with self.out.step("leader") as step:
            step(f"starting {unit}", None)
            self.ask_all(self.databases, lambda node: node.systemctl("enable", "--now", "--no-block", unit))
            leader = self.wait_leader(120)
            step.done(f"{leader.name} takes writes")
        if len(self.databases) > 1:
            with self.out.step("replicas") as step:
                self.wait_replicas(len(self.databases) - 1, 180)
                step.done(" ".join(n.name for n in self.databases if n.name != leader.name))

    # Down -----------------------------------------------------------------------------------

    def down(self):
        """Leave nothing behind, whatever happened before. True if there was something."""
        with lab_lock(self.name):
            return self._remove_everything()

    def _remove_everything(self):
        run, disk = paths.run_dir(self.name), paths.disk_dir(self.name)
        found = self.group.exists() or run.exists() or disk.exists()
        # Mounts, links and addresses live in namespaces that end with the last process.
        self.group.remove()
        if self._outer:
            self._outer.wait(10)
        for path in (run, disk):
            shutil.rmtree(path, ignore_errors=True)
        self.__dict__.pop("options", None)
        for parent in (paths.RUN, disk.parent):
            if parent.is_dir() and not os.listdir(parent):
                parent.rmdir()
        cgroup.remove_top()
        return found


def names_of_labs():
    """Every lab of which there is any trace."""
    names = set()
    for where in (paths.RUN, paths.CACHE / "disk", cgroup.top().path):
        if where.is_dir():
            names.update(entry.name for entry in where.iterdir() if entry.is_dir())
    return sorted(name for name in names if re.fullmatch(r"[a-z0-9][a-z0-9-]*", name))
