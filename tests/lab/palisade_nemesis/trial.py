"""One fault on one cluster: clients at work, the observer beside them, and what the history proves."""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from palisade_lab import LabError, wait_for
from palisade_lab.cgroup import Cgroup

from . import history
from .faults import FENCED, HEAL, MOVE, RIDE, main_pids
from .observer import EVERY, Observer, boottime

# Answered with each row: which server says so, and by which timeline it writes.
WHO = "rtrim(pg_read_file('/etc/hostname'), E'\\n') || ' ' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
WHO_AND_WHERE = f"{WHO} || ' ' || (pg_current_wal_insert_lsn() - '0/0')"
LOG = "/var/tmp/nemesis-{}"
CLIENTS = ("vip", "direct", "socket")
STREAMING = 30.0  # seconds after the end of a fault within which everybody streams again
TRANSPORT = 1.5  # seconds that detection and promotion may take beyond what deadlines say


@dataclass
class Result:
    name: str
    note: str
    bar: str
    leader: str = ""
    new: str = ""  # the leader afterwards
    gap: float = 0.0  # between two acknowledgements through the virtual IP
    healed: float = 0.0  # from the end of the fault to the next acknowledgement; 0: it had none to wait for
    streaming: float = 0.0  # from the end of the fault until every standby streams again
    replaced: dict = field(default_factory=dict)  # unit -> seconds until pid 1 had replaced it
    failed: int = 0  # writes through the virtual IP
    acknowledged: int = 0
    late: int = 0
    overlaps: int = 0
    both_open: float = 0.0  # seconds for which two servers out of recovery stood behind open gates
    lost: int = 0
    late_socket: int = 0  # on the Unix socket: told, and judged only where a killer was left
    margin: float | None = None  # from the old primary's last acknowledgement to the first of another node
    permit_left: float | None = None  # what was left of the permit at that last one
    seconds: float = 0.0
    worst_look: float = 0.0
    wrecked: bool = False  # it does not recover: the next fault needs another cluster
    broken: list = field(default_factory=list)  # the bars that it missed, in words

    @property
    def moved(self):
        return self.new != self.leader


def settle(lab, timeout=120):
    """One leader that takes writes, everybody streaming, somebody synchronous; the leader."""
    for node in lab.databases:
        if not node.pid1():
            node.boot()
    lab.etcd.wait_healthy()
    lab.wait_leader(timeout)
    lab.wait_replicas(len(lab.databases) - 1, timeout)
    if lab.options.sync:
        wait_for(lambda: any(m["role"] == "sync_standby" for m in lab.cluster()["members"]), timeout, "a sync standby")
    leader = lab.wait_leader(timeout)
    lab.etcd.move_leader_away(leader)
    return leader


def client(lab, name, leader, who=WHO):
    """One of CLIENTS, its table and log of that name; who: SQL that is answered with each row."""
    common = "user=postgres dbname=postgres port=5432"
    via = {"vip": "vip", "direct": f"host={leader.address.v4} {common}",
           "socket": f"host=/var/run/postgresql {common}"}[name]  # fmt: skip
    extra = ["--table", f"nemesis_{name}", "--log", LOG.format(name), "--returning", who, "--verify-timeout", "0"]
    node = leader if name == "socket" else None
    return lab.client(via=via, interval=20, extra=extra, node=node, realtime=True)


def keep(lab, out, folder, result, since):
    """What is needed to see what went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(result, indent=2))
    for node in lab.nodes:
        try:
            (folder / f"{node.name}.log").write_text(node.journal("-o", "short-precise", "--since", since))
        except (LabError, OSError):
            pass
    out.say(f"      journals: {folder}")


def safe(r, bar, worst_look):
    """What no fault and no operation may cost; the observer has to have been awake to say so."""
    bar(r.late == 0, f"{r.late} late acknowledgements")
    bar(r.overlaps == 0, f"{r.overlaps} overlaps")
    bar(r.both_open == 0, f"two servers open and writable at once, for {r.both_open:.2f} s")
    bar(worst_look < 1, f"the observer itself stood still for {worst_look:.1f} s")


class Trial:
    def __init__(self, lab, fault, patroni=False):
        self.lab, self.fault, self.patroni = lab, fault, patroni
        self.result = Result(fault.name, fault.note, fault.bar)
        options = lab.options
        self.bound = options.ttl + options.loop_wait + TRANSPORT
        self.applied = self.undone = None

    def run(self):
        start = time.monotonic()
        self.old = settle(self.lab)
        self.result.leader = self.old.name
        with ExitStack() as stack:
            self.observer = stack.enter_context(Observer(self.lab, self.patroni))
            self.clients = {name: stack.enter_context(self._client(name)) for name in CLIENTS}
            for client in self.clients.values():
                client.go_on(20)
            wait_for(lambda: self.observer.sees(self.old), 10, "the observer to see the primary")
            try:
                self._fault()
            finally:
                self._undo()
            self._recover()
        self._judge()
        self.result.seconds = time.monotonic() - start
        return self.result

    def _client(self, name):
        return client(self.lab, name, self.old)

    # The fault ------------------------------------------------------------------------------

    def _fault(self):
        before = {unit: set(main_pids(self.old, unit)) for unit in self.fault.units}
        self.applied = boottime()
        self.fault.apply(self.old)
        for unit, pids in before.items():
            self._wait_replaced(unit, pids)
        if self.patroni:  # no permit tells when it is over: everybody gets the same time
            time.sleep(max(0, self.applied + self.bound + 2 - boottime()))
        elif self.fault.bar == RIDE:
            self._wait_renewals()
        else:
            self._wait_moved()

    def _wait_replaced(self, unit, before):
        """Until pid 1 has ended what hung and started it anew. Who still hangs then is told, not waited for."""
        group = Cgroup(self.old.unit_path(unit))

        def fresh():
            pids = set(group.pids())
            return pids and not pids & before and not group.frozen()

        try:
            wait_for(fresh, 6, f"{unit} to be replaced", every=0.02)
            self.result.replaced[unit] = boottime() - self.applied
        except LabError:
            self.result.replaced[unit] = None

    def _wait_renewals(self):
        """Until the permit has moved twice since: the whole chain works, whoever was replaced."""
        since = boottime()
        wait_for(lambda: self.observer.renewals(self.old, since) >= 2, 15, "the permit to be extended twice")

    def _wait_moved(self):
        """Until writes go on elsewhere and the old permit has passed; else as long as it may take."""
        vip = self.clients["vip"]
        end = self.applied + self.bound + 2
        quiet = self.applied + (3 if self.fault.units else 6)

        def over():
            now = boottime()
            deadline = self.observer.deadline(self.old) or 0
            if now > end:
                return True
            if not vip.outages:
                # Nobody noticed: enough once a permit given after the fault shows that the chain works.
                return (self.fault.bar == MOVE and now > quiet and not vip.stalled()
                        and self.observer.renewals(self.old, self.applied + 1) >= 2)  # fmt: skip
            return not vip.stalled() and (now > deadline + 1 or self.observer.renewals(self.old, now - 2) > 0)

        wait_for(over, self.bound + 10, "the fault to show", every=0.05)

    def _undo(self):
        self.undone = boottime()
        self.fault.undo(self.old)
        # Whatever else stands still is the trial's own doing.
        self.old.heal()
        self.old.thaw()

    def _recover(self):
        """Writes go on; everybody streams again, with the clients still listening for late answers."""
        vip = self.clients["vip"]
        wait_for(lambda: not vip.stalled(), 60, "writes to go on after the fault")
        vip.go_on(20)
        self.writes_on = boottime()
        try:
            settle(self.lab, 40 if self.patroni else 120)
        except LabError as error:
            self.result.wrecked = True
            self.result.broken.append(f"the cluster did not recover: {error}")
        self.result.streaming = boottime() - self.undone

    # What it proves -------------------------------------------------------------------------

    def _judge(self):
        lab, r, seen = self.lab, self.result, self.observer
        logs = {"socket": self.old.read(LOG.format("socket"))}
        logs |= {name: lab.app.read(LOG.format(name)) for name in ("vip", "direct")}
        acks = {name: history.parse_log(text) for name, text in logs.items()}
        tcp = acks["vip"] + acks["direct"]
        leader = lab.wait_leader()
        r.new = leader.name
        r.gap = history.longest_gap(acks["vip"], self.applied, self.writes_on)
        first = history.first_after(acks["vip"], self.undone)
        r.healed = first - self.undone if first else 0.0
        r.failed = sum(1 for e in self.clients["vip"].events if e["event"] == "failed")
        r.acknowledged = sum(map(len, acks.values()))
        r.late = len(self._late(tcp))
        r.late_socket = len(self._late(acks["socket"]))
        r.overlaps = len(history.overlaps(tcp))
        r.both_open = len(seen.overlaps) * EVERY
        for name in CLIENTS:
            there = leader.psql(f"select id from nemesis_{name} where run = '{self.clients[name].run}'", 30).split()
            r.lost += len(history.lost(acks[name], map(int, there)))
        self._measure_margin(tcp)
        r.worst_look = seen.worst_pause
        leader.psql("drop table if exists " + ", ".join(f"nemesis_{name}" for name in CLIENTS))
        self._hold_bars()

    def _late(self, acks):
        if self.patroni:
            return history.late_by_lock(acks, self.observer.sights, absent_counts=False)
        late = set(history.late_by_permit(acks, self.observer.permits))
        return late | set(history.late_by_lock(acks, self.observer.sights))

    def _measure_margin(self, acks):
        elsewhere = history.first_after(acks, self.applied, other_than=self.old.name)
        if elsewhere is None:
            return
        own = [ack.at for ack in acks if ack.node == self.old.name and ack.at < elsewhere]
        self.result.margin = elsewhere - max(own) if own else None
        permits = [p.deadline for p in self.observer.permits if p.node == self.old.name and p.at < elsewhere]
        if own and permits:
            self.result.permit_left = max(permits) - max(own)

    def _hold_bars(self):
        r = self.result
        def bar(holds, words):
            if not holds:
                r.broken.append(words)

        safe(r, bar, r.worst_look)
        bar(r.lost == 0 or not self.lab.options.sync, f"{r.lost} acknowledged rows lost")
        if r.bar == RIDE:
            bar(r.failed == 0, f"{r.failed} writes failed")
            bar(not r.moved, "the leader changed")
            for unit, seconds in r.replaced.items():
                bar(seconds is not None, f"{unit} was not replaced")
        if r.bar == MOVE:
            bar(r.gap <= self.bound, f"writes stood still for {r.gap:.1f} s, over {self.bound:.1f} s")
        if r.bar == FENCED:
            bar(r.gap < self.lab.options.ttl / 2, f"writes stood still for {r.gap:.1f} s, though the fence can be confirmed")
        if r.bar == HEAL:
            bar(r.healed <= self.bound, f"writes came back {r.healed:.1f} s after the end of the fault")
        bar(r.streaming <= STREAMING or self.patroni, f"everybody streamed again only after {r.streaming:.1f} s")
