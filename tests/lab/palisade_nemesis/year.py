"""A year of operations squeezed into an hour: one cluster, one after the other, the clients' history checked.

What must hold after each, besides its own answer and effect (operations.py):

    nothing is acknowledged late, by two nodes at once, or lost; without synchronous_mode a failover
    may lose the end of a reign, maximum_lag_on_failover of WAL at the most, and an orderly operation nothing
    every member streams, nothing is scheduled, pending, paused or under way
    a second later than it may, no write was answered

In the end every row of the whole year is on every member, and the journals show no daemon that crashed (what a
freeze cost in restarts by systemd is none).
"""

import os
import random
import re
import shutil
import tempfile
import threading
import time
import traceback
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from palisade_lab import Lab, LabError, Options, wait_for

from . import equipment, history, table
from .faults import UNITS
from .observer import EVERY, Observer, boottime
from .operations import CATALOGUE, DISTURBANCES
from .remote import NAME as REMOTE
from .scene import RESTART, RIDE, Scene
from .trial import LOG, TRANSPORT, WHO_AND_WHERE, client, keep, safe

CLIENTS = ("vip", "direct")
STREAMING = 60.0  # seconds after an operation within which everybody streams
DISTURBED = 0.3  # of the operations that may be
RIDE_GAP = 3.0
ORDERLY_GAP = 4.0  # of a stop and a start, or a handover: well below wal_retrieve_retry_interval
ESTIMATE = 20.0  # seconds that most operations may still take when the time runs out
FULL = 0.6  # of a disk: more than a year may come to need


@dataclass
class State:
    """What the operations so far have made of the configuration."""

    timing: tuple
    mode: str
    weakest: str = "on"  # of the modes in force during this operation
    lag: int = 1 << 20
    connections: int = 100


@dataclass
class Outcome:
    name: str
    mode: str
    timing: tuple
    leader: str = ""
    new: str = ""
    disturbance: str = ""
    seconds: float = 0.0  # until it was answered and its effect was there
    gap: float = 0.0
    failed: int = 0
    acknowledged: int = 0
    late: int = 0
    overlaps: int = 0
    both_open: float = 0.0
    unasked: int = 0  # acknowledged by members of a cluster that was to have no primary
    lost: int = 0
    lost_bytes: int | None = 0
    disk: float = 0.0  # how full the fullest is
    broken: list = field(default_factory=list)


class Year:
    def __init__(self, args, out, seed):
        self.args, self.out = args, out
        self.rng = random.Random(seed)
        self.lab = Lab(args.name, out=out)
        self.options = Options(ttl=args.ttl, loop_wait=args.loop_wait, retry_timeout=args.retry_timeout, sync=not args.no_sync)
        self.logs = Path(args.logs or tempfile.mkdtemp(prefix="palisade-nemesis-"))
        self.logs.mkdir(parents=True, exist_ok=True)
        self.results = []
        self.rows = {}  # (client, run) -> the ids that must be there
        self.deck = []

    def run(self, end):
        with self.lab:
            self._up()
            while time.monotonic() < end and (operation := self._next(end + ESTIMATE - time.monotonic())):
                self._one(operation)
                self.save()
            self._closing()

    def _up(self):
        self.lab.up(self.options, equipment.prepare(UNITS.values()))
        self._keep_package()
        self.state = State((self.args.ttl, self.args.loop_wait, self.args.retry_timeout), "off" if self.args.no_sync else "on")
        self.rows.clear()

    def _keep_package(self):
        """The same again if a new cluster is needed: the cache may have let go of it by then."""
        kept = [Path(shutil.copy(deb, self.logs)) for deb in self.options.debs if Path(deb).parent != self.logs]
        self.options.debs = [str(deb) for deb in kept] or self.options.debs

    def _next(self, left):
        """From a deck in which each operation is as often as it weighs: none is left out for long.

        None: the time that is left is too short for each of the rest.
        """
        if not self.deck:
            chosen = [op for op in CATALOGUE if not self.args.fault or any(p in op.name for p in self.args.fault)]
            if not chosen:
                raise LabError(f"no operation's name holds {' or '.join(self.args.fault)} (see --operations --list)")
            self.deck = [op for op in chosen for _ in range(op.weight)]
            self.rng.shuffle(self.deck)
        fitting = [i for i, op in enumerate(self.deck) if op.takes <= left or not self.results]
        return self.deck.pop(fitting[-1]) if fitting else None

    # One operation --------------------------------------------------------------------------

    def _one(self, operation):
        state = self.state
        r = Outcome(operation.name, state.mode, state.timing)
        self.results.append(r)
        try:
            with self.out.step("") as step:
                step(operation.name, None)
                self._try(operation, r)
                step.done(self._words(r))
        except (LabError, OSError) as error:
            r.broken.append(str(error))
        except Exception as error:  # a mistake of ours: told, and the year goes on
            r.broken.append(f"{type(error).__name__}: {error}")
            self.out.say(traceback.format_exc())
        if r.broken:
            for words in r.broken:
                self.out.say(f"      {self.out.paint('broken', 'red')}: {words}")
            self._collect(r)
            self._mend()

    def _try(self, operation, r):
        state = self.state
        leader = self._settle(60)
        r.leader = leader.name
        state.weakest = state.mode
        bound = max(state.timing[0] + state.timing[1], self.options.ttl + self.options.loop_wait) + TRANSPORT
        scene = Scene(self.lab, self.rng, state, leader)
        disturb = operation.disturbed and self.rng.random() < DISTURBED
        with ExitStack() as stack:
            seen = stack.enter_context(Observer(self.lab))
            clients = {name: stack.enter_context(client(self.lab, name, leader, WHO_AND_WHERE)) for name in CLIENTS}
            for each in clients.values():
                each.go_on(20)
            wait_for(lambda: seen.sees(leader), 10, "the observer to see the primary")
            began = boottime()
            if disturb:
                self._disturb(scene)
            r.disturbance = scene.disturbance
            if not operation.staged:
                scene.begins()
            try:
                operation.run(scene)
            except LabError as error:
                r.broken.append(str(error))
            finally:
                if disturb:
                    scene.ends()
                    self._finish_what_was_refused()
            r.seconds = boottime() - (scene.began or began)
            wait_for(lambda: not clients["vip"].stalled(), 90, "writes to go on")
            clients["vip"].go_on(20)
            new = self._settle(STREAMING if not disturb else 120)
            r.new = new.name
            settled = boottime()  # what was scheduled has happened by then
        self._judge(operation, r, scene, new, seen, clients, began, settled, max(bound, state.timing[0] + state.timing[1] + TRANSPORT))

    def _disturb(self, scene):
        what = self.rng.choice(DISTURBANCES)
        node, after = self.rng.choice(self.lab.databases), self.rng.uniform(0, 2.5)
        lasts = self.rng.uniform(*what.lasts) if what.lasts else 0
        scene.disturbance = f"{what.name} of {node.name} after {after:.1f} s" + (f", for {lasts:.1f} s" if lasts else "")

        def act():
            if not scene.waits_to_begin():
                return
            time.sleep(after)
            try:
                what.begin(node)
                time.sleep(lasts)
            except (LabError, OSError):
                pass  # what it was to hit is gone already
            node.heal()
            if lasts:
                node.thaw()

        scene.thread = threading.Thread(target=act, daemon=True)
        scene.thread.start()

    def _finish_what_was_refused(self):
        """A kill in its midst left half of it undone: as an operator would, once everybody is back."""
        for node in self.lab.databases:
            if not node.pid1():
                node.boot()
        leader = self.lab.wait_leader(60)
        for _ in range(2):
            if self.state.connections != int(leader.psql("show max_connections")) or any(
                    "pending_restart" in m for m in self.lab.cluster()["members"]):
                self.lab.wait_replicas(len(self.lab.databases) - 1, 120)
                leader.sh(["palisadectl", "restart", "main", "--pending", "--force"], 240, check=False)

    def _settle(self, timeout):
        """One leader that takes writes; everybody streams; nothing is scheduled, pending or under way. The leader."""
        for node in self.lab.databases:
            if not node.pid1():
                node.boot()
        self.lab.etcd.wait_healthy()
        leader = self.lab.wait_leader(timeout)
        self.lab.wait_replicas(len(self.lab.databases) - 1, timeout)
        wait_for(lambda: not self._open_ends(), timeout, "nothing to be scheduled, pending or under way")
        return self.lab.wait_leader(timeout)

    def _open_ends(self):
        """What is not as it should be at rest, in words; the last is kept for whoever waits in vain."""
        found = []
        for node in self.lab.databases:
            body = node.rest("/patroni")[1]
            if body.get("state") != "running":
                found.append(f"{node.name} is {body.get('state')}")
            found += [f"{key} of {node.name}" for key in ("pending_restart", "scheduled_restart", "pause") if body.get(key)]
        cluster = self.lab.cluster()
        found += [key for key in ("pause", "scheduled_switchover") if cluster.get(key)]
        roles = [m["role"] for m in cluster["members"]]
        wanted = {"on": "sync_standby", "quorum": "quorum_standby"}.get(self.state.mode)
        if wanted and wanted not in roles:
            found.append(f"no {wanted} among {roles}")
        if self.lab.etcd.get("/service/main/failover") not in (None, "{}"):
            found.append("somebody is to take over")
        if found:
            raise LabError("; ".join(found))
        return found

    # What it proves -------------------------------------------------------------------------

    def _judge(self, operation, r, scene, leader, seen, clients, began, settled, bound):
        acks = {name: history.parse_log(self.lab.app.read(LOG.format(name)), True) for name in CLIENTS}
        both = acks["vip"] + acks["direct"]
        quiet = (scene.quiet.since, scene.quiet.counted) if scene.quiet else None
        r.gap = history.longest_gap(acks["vip"], began, settled, quiet)
        r.failed = self._count_failed(clients["vip"], quiet)
        if scene.quiet and scene.quiet.closed:
            r.unasked = len(history.within(both, scene.quiet.closed, scene.quiet.until))
        late = set(history.late_by_lock(both, seen.sights))
        if not operation.paused:  # a standing permit has no end
            late |= set(history.late_by_permit(both, seen.permits))
        r.late = len(late)
        runs = [(name, clients[name].run, acks[name]) for name in CLIENTS]
        if scene.remote:
            runs += [(REMOTE, run, own) for run, own in scene.remote.runs]
        everything = [ack for _, _, own in runs for ack in own]
        r.acknowledged = len(everything)
        r.overlaps = len(history.overlaps(everything))
        r.both_open = len(seen.overlaps) * EVERY
        self._count_lost(r, leader, runs)
        self._hold_bars(operation, r, bound, seen.worst_pause)
        self._look_at_disks(r)

    def _look_at_disks(self, r):
        """A test that fills a disk ends before its time: what fills it is told before that."""
        for node in self.lab.databases:
            for path in (equipment.POSTGRES, "/"):
                here = os.statvfs(f"{node.root}{path}")
                used = 1 - here.f_bavail / here.f_blocks
                r.disk = max(r.disk, used)
                if used > FULL:
                    most = node.sh(f"du -xk {path} | sort -rn | head -8 | tr '\\n' ' '", 60).stdout
                    r.broken.append(f"{path} of {node.name} is {used:.0%} full: {most}")

    @staticmethod
    def _count_failed(client, quiet):
        """Writes of the client's that were refused or not answered, but where it was to be so."""
        wall = time.time() - boottime()
        begin, end = quiet or (0, 0)
        return sum(1 for e in client.events if e["event"] == "failed" and not begin <= e["at"] - wall <= end)

    def _count_lost(self, r, leader, runs):
        for name, run, acks in runs:
            there = set(map(int, leader.psql(f"select id from nemesis_{name} where run = '{run}'", 30).split()))
            gone = history.lost(acks, there)
            r.lost += len(gone)
            reach = history.bytes_lost(gone, acks)
            r.lost_bytes = None if reach is None or r.lost_bytes is None else max(r.lost_bytes, reach)
            self.rows[name, run] = {ack.id for ack in acks} - {ack.id for ack in gone}
        self._let_go_of_wal(leader)

    def _let_go_of_wal(self, leader):
        """A year has more timelines than segments: wal_keep_size would keep each segment once a timeline."""
        leader.psql("select pg_switch_wal()")
        for node in self.lab.databases:
            node.psql("checkpoint", 30)

    def _hold_bars(self, operation, r, bound, worst_pause):
        def bar(holds, words):
            if not holds:
                r.broken.append(words)

        safe(r, bar, worst_pause)
        bar(r.unasked == 0, f"{r.unasked} writes answered while there was to be no primary")
        if self.state.weakest != "off" or (operation.orderly and not r.disturbance):
            bar(r.lost == 0, f"{r.lost} acknowledged rows lost")
        else:
            bar(r.lost_bytes is not None, "lost rows in the middle of a reign")
            bar((r.lost_bytes or 0) <= self.state.lag, f"{r.lost_bytes} bytes lost, {self.state.lag} at the most")
        if r.disturbance:
            bar(r.gap <= 2 * bound, f"writes stood still for {r.gap:.1f} s, over {2 * bound:.1f} s")
        elif operation.bar == RIDE:
            bar(r.failed == 0, f"{r.failed} writes failed")
            bar(r.gap <= RIDE_GAP, f"writes stood still for {r.gap:.1f} s")
        else:
            limit = ORDERLY_GAP if operation.bar == RESTART else bound
            bar(r.gap <= limit, f"writes stood still for {r.gap:.1f} s, over {limit:.1f} s")

    def _closing(self):
        """Every row of the year on every member; no daemon crashed."""
        r = Outcome("the whole year", self.state.mode, self.state.timing)
        self.results.append(r)
        try:
            with self.out.step("") as step:
                step("every row on every member", None)
                leader = self._settle(60)
                here = leader.psql("select pg_current_wal_flush_lsn()")
                for node in self.lab.databases:
                    self._read_back(node, leader, here, r)
                    crashes = re.findall(r"palisade\S*: (?:Main process exited, code=dumped.*|Failed with result '(?:core-dump|oom-kill)'.*)",
                                         node.journal("-o", "cat"))  # fmt: skip
                    r.broken += [f"{node.name}: {line}" for line in crashes]
                step.done(f"{sum(map(len, self.rows.values()))} rows on each of {len(self.lab.databases)} members")
        except (LabError, OSError) as error:
            r.broken.append(str(error))
        if r.broken:
            self._collect(r)

    def _read_back(self, node, leader, here, r):
        if node.name != leader.name:
            wait_for(lambda: node.psql(f"select pg_last_wal_replay_lsn() >= '{here}'") == "t", 30, f"{node.name} to replay")
        for name in {table for table, _ in self.rows}:
            there = {}
            for line in node.psql(f"select run, id from nemesis_{name}", 60).splitlines():
                run, _, row = line.partition("|")
                there.setdefault(run, set()).add(int(row))
            missing = sum(len(ids - there.get(run, set())) for (table, run), ids in self.rows.items() if table == name)
            if missing:
                r.lost += missing
                r.broken.append(f"{missing} rows of {name} are missing on {node.name}")

    # What went wrong ------------------------------------------------------------------------

    def _collect(self, r):
        folder = self.logs / f"{len(self.results):03d}-{re.sub(r'[^a-z0-9]+', '-', r.name)}"
        keep(self.lab, self.out, folder, asdict(r), "-4min")

    def _mend(self):
        """The next operation gets a working cluster: this one, or a new one."""
        try:
            if self.lab.cluster().get("pause"):
                self.lab.wait_leader(10).sh(["palisadectl", "resume", "--force"], 60, check=False)
            self._settle(30)
        except (LabError, OSError):
            self.out.say("      the cluster does not recover: a new one for the next operation")
            self.lab.down()
            self._up()

    def _words(self, r):
        who = f"{r.leader} → {r.new}" if r.new != r.leader else "leader stays"
        return f"{r.name:<43} {who:<12} {r.seconds:5.1f} s  gap {r.gap:5.2f}  {r.disturbance}"

    def save(self):
        table.save(self.args, self.options, [asdict(r) for r in self.results], markdown)


# The table ----------------------------------------------------------------------------------

HEADER = ["operation", "runs", "disturbed", "takes, s", "worst write gap, s", "if disturbed", "failed writes", "lost rows"]


def _median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def table_rows(results):
    for op in CATALOGUE:
        own = [r for r in results if r["name"] == op.name and r["acknowledged"]]
        if not own:
            continue
        calm, disturbed = [r for r in own if not r["disturbance"]], [r for r in own if r["disturbance"]]
        yield [
            op.name, str(len(own)), str(len(disturbed) or ""),
            f"{_median([r['seconds'] for r in calm]):.1f}" if calm else "",
            f"{max(r['gap'] for r in calm):.2f}" if calm else "",
            f"{max(r['gap'] for r in disturbed):.2f}" if disturbed else "",
            str(max((r["failed"] for r in calm), default="")),
            str(sum(r["lost"] for r in own)),
        ]  # fmt: skip


def sums(results):
    done = [r for r in results if r["acknowledged"]]
    total = {key: sum(r[key] for r in done) for key in ("acknowledged", "late", "overlaps", "lost")}
    asynchronous = [r for r in done if r["lost"]]
    words = f"{len(done)} operations, {total['acknowledged']} acknowledgements: {total['late']} late, {total['overlaps']} overlaps, " \
            f"{total['lost']} lost rows"  # fmt: skip
    if asynchronous:
        words += f" (in {len(asynchronous)} failovers without synchronous_mode, {max(r['lost_bytes'] or 0 for r in asynchronous)} bytes of WAL at the most)"
    return words


def markdown(results):
    lines = ["| " + " | ".join(HEADER) + " |", "|---|" + "--:|" * (len(HEADER) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in table_rows(results)]
    return "\n".join([*lines, "", sums(results) + "."]) + "\n"


def run(args, out):
    seed = args.seed if args.seed is not None else random.randrange(10000)
    year = Year(args, out, seed)
    out.say(out.paint("operations", "bold") + f": {year.options}, seed {seed}")
    year.run(time.monotonic() + args.minutes * 60 - min(ESTIMATE, args.minutes * 20))
    results = [asdict(r) for r in year.results]
    out.say()
    out.table(HEADER, [list(row) for row in table_rows(results)])
    out.say()
    out.say(f"  {sums(results)}")
    broken = [r for r in results if r["broken"]]
    for r in broken:
        what = f"{r['name']} ({r['disturbance']})" if r["disturbance"] else r["name"]
        out.say(out.paint("failed", "red") + f"  {what}: {'; '.join(r['broken'])}")
    year.save()
    out.say(f"{len(results) - len(broken)} passed, {len(broken)} failed, 0 skipped")
    return 1 if broken else 0
