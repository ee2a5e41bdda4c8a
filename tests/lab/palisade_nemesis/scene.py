"""What an operation is, and its view of the cluster: how its answers are judged, and what it tells the judge."""

import datetime
import json
import threading
from dataclasses import dataclass

from palisade_lab import LabError, wait_for

from .observer import boottime

RIDE, RESTART, MOVE = "ride", "restart", "move"
DATA = "/var/lib/postgresql/15/main"
TIMINGS = ((10, 2, 3), (5, 1, 1), (20, 5, 5), (8, 1, 2), (6, 2, 2))
MODES = {"off": False, "on": True, "quorum": "quorum"}
CONNECTIONS = (100, 110, 120)


@dataclass(frozen=True)
class Operation:
    name: str
    run: object  # called with the Scene
    bar: str
    weight: int = 2
    orderly: bool = True  # nothing may be lost, even without synchronous_mode
    paused: bool = False  # a right without end is part of it: only the lock tells who may acknowledge
    disturbed: bool = True  # it may be tried with a kill in its midst
    staged: bool = False  # it tells itself when it begins, after what it prepares
    takes: float = 20.0  # seconds, at most as a rule


@dataclass
class Quiet:
    """A time without a primary that the operation itself makes: no write may be answered in it."""

    since: float  # what stops from here on costs no gap
    closed: float = 0.0  # from here on nothing may be answered; 0: it came to nothing
    until: float = 0.0
    counted: float = 0.0  # from here on a gap counts again


class Scene:
    """One operation's view: the cluster, who leads, and how its answers are judged."""

    def __init__(self, lab, rng, state, leader):
        self.lab, self.rng, self.state, self.leader = lab, rng, state, leader
        self.disturbance = ""
        self.thread = None  # that disturbs
        self.began = None  # after what was prepared
        self.over = False
        self.begun = threading.Event()
        self.quiet = None
        self.remote = None  # the other site's primary, and what it promised

    def begins(self):
        """What disturbs may come from now on."""
        self.began = boottime()
        self.begun.set()

    def rests(self):
        """What disturbs is over, if it has begun."""
        if self.thread and self.begun.is_set():
            self.thread.join(40)

    def waits_to_begin(self):
        """Whether it has begun: False, if it ended before."""
        self.begun.wait()
        return not self.over

    def ends(self):
        """Nothing disturbs any more."""
        self.over = not self.begun.is_set()
        self.begun.set()
        self.thread.join(30)

    def is_quiet(self):
        self.quiet = Quiet(boottime())

    def no_write_from_now(self):
        self.quiet.closed = boottime()

    def is_loud_again(self):
        self.quiet.until = self.quiet.counted = boottime()

    def is_there_again(self):
        """A machine that had to boot first: what it took is not the cluster's."""
        self.quiet.counted = boottime()

    def expect(self, claim, what):
        if not claim:
            raise LabError(f"not so: {what}")

    def replicas(self):
        return [node for node in self.lab.databases if node.name != self.leader.name]

    def replica(self):
        return self.rng.choice(self.replicas())

    def any(self):
        return self.rng.choice(self.lab.databases)

    def ask(self, method, path, body=None, node=None, timeout=90):
        try:
            return (node or self.any()).rest(path, method, body, timeout=timeout)
        except (OSError, LabError) as error:
            if not self.disturbance:
                raise
            return 0, f"no answer: {error}"

    def ctl(self, *words, node=None, timeout=120):
        try:
            return (node or self.any()).sh(["palisadectl", *words], timeout, check=False)
        except (OSError, LabError):
            if not self.disturbance:
                raise
            return None

    def done(self, answer, wanted, code=200):
        """Whether it was done. Where nothing disturbs, it has to be; else it may be refused, in words."""
        got, text = answer
        if got == code and wanted in str(text):
            return True
        self.expect(self.disturbance and got != code and text, f"{wanted!r} with {code} is the answer: {got} {text}")
        return False

    def said(self, process, wanted):
        """The same of palisadectl."""
        if process and process.returncode == 0 and wanted in process.stdout:
            return True
        words = f"{process.returncode} {process.stdout} {process.stderr}" if process else "nothing"
        self.expect(self.disturbance, f"palisadectl says {wanted!r}: {words}")
        return False

    def patch(self, change):
        return self.done(self.ask("PATCH", "/config", change), "")

    def synchronous(self):
        """The members that /sync lists, the leader aside."""
        key = self.lab.etcd.get("/service/main/sync")
        names = (json.loads(key).get("sync_standby") if key else None) or ""
        return [node for node in self.replicas() if node.name in names.split(",")]

    def heir(self):
        """Somebody a switchover may name."""
        if self.state.mode == "off":
            return self.replica()
        return self.rng.choice(wait_for(self.synchronous, 30, "a synchronous standby"))

    def epoch(self):
        node = self.lab.etcd.leader()
        body = self.lab.etcd.range(node, "/service/main/leader")[1]
        return body["kvs"][0]["create_revision"] if body.get("kvs") else None

    def stays(self, epoch):
        """The same leader, under the same lock; with a kill in the midst another may lead."""
        if not self.disturbance:
            self.expect(self.lab.wait_leader(30).name == self.leader.name, "the leader is the same")
            self.expect(self.epoch() == epoch, "under the same lock")


def pid(node):
    return node.sh(["head", "-1", f"{DATA}/postmaster.pid"]).stdout.strip()


def runs(node):
    return node.sh(["pgrep", "-x", "postgres"], check=False).returncode == 0


def soon(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds")
