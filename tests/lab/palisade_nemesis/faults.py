"""Every fault by name: how it is done to a node, how it is undone, and what it may cost.

    ride     pid 1 replaces what was hit: the leader stays and no write fails
    move     writes may stop; they go on within ttl + one renewal interval + 1.5 s, fault or no fault
    fenced   as move, but the fence can be confirmed: writes go on sooner than ttl / 2
    heal     writes may stop until the fault is undone
"""

import itertools
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from palisade_lab import LabError, host
from palisade_lab.cgroup import Cgroup

from . import equipment

RIDE, MOVE, FENCED, HEAL = "ride", "move", "fenced", "heal"
UNITS = {
    "palisaded": "palisaded@main.service",
    "dcsd": "palisade-dcsd@main.service",
    "pgd": "palisade-pgd@main.service",
    "launcher": "palisade-postgres@main.service",
    "apid": "palisade-apid@main.service",
    "fenced": "palisade-fenced.service",
    "watchdogd": "palisade-watchdogd.service",
}
PATRONI_UNITS = {"patroni": "patroni.service"}
HOWS = {"stop": "SIGSTOP", "kill": "SIGKILL", "freeze": "cgroup freeze"}
DATA = "/var/lib/postgresql/15/main"
PROGRAM = "/usr/lib/postgresql/15/bin/postgres"


@dataclass(frozen=True)
class Fault:
    name: str
    what: str
    bar: str
    apply: object  # called with the leader's node
    undo: object = lambda node: None
    units: tuple = ()  # that pid 1 has to replace
    note: str = ""
    patroni: bool = False  # whether it has a counterpart there
    tags: frozenset = field(default_factory=frozenset)


# Processes of a unit ------------------------------------------------------------------------


def _name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""  # it has ended


def main_pids(node, unit):
    """What a unit runs in its own control group, not in those below, as this machine numbers it.

    Not Postgres, which Patroni has there too.
    """
    return [pid for pid in Cgroup(node.unit_path(unit)).pids() if _name(pid) != "postgres"]


def postgres_group(node):
    """The control group in which the node's postmaster lives."""
    unit = node.unit_path(UNITS["launcher"])
    if not unit.exists():
        return Cgroup(node.unit_path("patroni.service"))
    leaves = [Cgroup(path) for path in unit.glob("pg-*")]
    return next(leaf for leaf in leaves if leaf.populated())


def postmaster(node):
    inside = node.read(f"{DATA}/postmaster.pid").split()[0]
    for pid in postgres_group(node).pids():
        if f"\t{inside}\n" in Path(f"/proc/{pid}/status").read_text().partition("NSpid:")[2]:
            return pid
    raise LabError(f"{node.name} runs no postmaster")


def postgres_pids(node):
    """The postmaster and its children."""
    return [pid for pid in postgres_group(node).pids() if _name(pid) == "postgres"]


def _signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def hit(node, how, unit):
    if how == "freeze":
        Cgroup(node.unit_path(unit)).freeze(True)
    else:
        _signal(main_pids(node, unit), signal.SIGSTOP if how == "stop" else signal.SIGKILL)


def _hit_units(how, units):
    def apply(node):
        for unit in units:
            hit(node, how, unit)

    return apply


def _thaw(node):
    node.thaw()


def _start_patroni(node):
    """pid 1 restarts Debian's unit after a crash, not while it hangs."""
    node.thaw()
    node.systemctl("start", "--no-block", "patroni.service")


def daemon_faults(units, patroni):
    faults = []
    for how in HOWS:
        for name, unit in units.items():
            whole = how == "freeze" and name in ("launcher", "patroni")
            faults.append(Fault(
                f"{how}:{name}", f"{HOWS[how]} of {name}" + (", Postgres in the same group" if whole else ""),
                MOVE if whole or patroni else RIDE, _hit_units(how, [unit]),
                _start_patroni if patroni else _thaw, units=(unit,), patroni=patroni,
                note="its group holds Postgres too" if whole else "",
                tags=frozenset({"single", how}),
            ))  # fmt: skip
    return faults


def pair_faults():
    faults = []
    for how in HOWS:
        for (one, unit), (other, unit2) in itertools.combinations(UNITS.items(), 2):
            note = "both killers hang until pid 1 replaces them" if {one, other} == {"pgd", "fenced"} else ""
            faults.append(Fault(
                f"{how}:{one}+{other}", f"{HOWS[how]} of {one} and {other}", MOVE, _hit_units(how, [unit, unit2]),
                _thaw, units=(unit, unit2), note=note, tags=frozenset({"pair", how}),
            ))  # fmt: skip
    return faults


# Postgres -----------------------------------------------------------------------------------


def _freeze_postgres(node):
    if postgres_group(node).path.name == "patroni.service":
        _signal(postgres_pids(node), signal.SIGSTOP)  # the group holds Patroni too
    else:
        postgres_group(node).freeze(True)


def _kill_for_good(node):
    node.sh(["chmod", "-x", PROGRAM])
    _signal([postmaster(node)], signal.SIGKILL)


POSTGRES = [
    Fault("stop:postmaster", "SIGSTOP of the postmaster alone", HEAL,
          lambda node: _signal([postmaster(node)], signal.SIGSTOP), _thaw, patroni=True),
    Fault("kill:postmaster", "SIGKILL of the postmaster", MOVE,
          lambda node: _signal([postmaster(node)], signal.SIGKILL), patroni=True),
    Fault("kill:postmaster+program", "SIGKILL of the postmaster, and its program cannot be run", FENCED,
          _kill_for_good, lambda node: node.sh(["chmod", "+x", PROGRAM]), patroni=True),
    Fault("stop:postgres", "SIGSTOP of all of Postgres", MOVE,
          lambda node: _signal(postgres_pids(node), signal.SIGSTOP), _thaw, patroni=True),
    Fault("freeze:postgres", "cgroup freeze of all of Postgres", MOVE, _freeze_postgres, _thaw, patroni=True),
]  # fmt: skip

# No killer left -----------------------------------------------------------------------------


def _stop_with_pid1(names):
    def apply(node):
        _signal([node.require_pid1()], signal.SIGSTOP)
        for name in names:
            hit(node, "stop", UNITS[name])

    return apply


TCP_ONLY = "no killer, no watchdog: covered for TCP, not for Unix sockets"
NO_KILLER = [
    Fault("stop:pgd+fenced+pid1", "SIGSTOP of every killer: pgd, fenced, pid 1", HEAL,
          _stop_with_pid1(["pgd", "fenced"]), _thaw, note=TCP_ONLY),
    Fault("stop:all+pid1", "SIGSTOP of every daemon and pid 1", MOVE,
          _stop_with_pid1(list(UNITS)), _thaw, note=TCP_ONLY),
]  # fmt: skip


def _stop_patroni_and_pid1(node):
    _signal([node.require_pid1()], signal.SIGSTOP)
    _signal(main_pids(node, "patroni.service"), signal.SIGSTOP)


# The network --------------------------------------------------------------------------------


def _cut(scopes, way):
    def apply(node):
        for scope in scopes:
            node.cut(scope, way)

    return apply


def network_faults():
    faults = []
    cuts = (("etcd", ["etcd"], MOVE), ("peers", ["peers"], HEAL), ("etcd+peers", ["etcd", "peers"], MOVE),
            ("all", ["all"], MOVE))  # fmt: skip
    for name, scopes, bar in cuts:
        for way, words in (("both", ""), ("in", ", what it receives"), ("out", ", what it sends")):
            faults.append(Fault(
                f"cut:{name}" + ("" if way == "both" else f":{way}"), f"network cut from {name.replace('+', ' and ')}{words}",
                bar, _cut(scopes, way), lambda node: node.heal(), patroni=True, tags=frozenset({"network"}),
            ))  # fmt: skip
    return faults


# etcd, clock, disks, third parties ----------------------------------------------------------


def _others(node):
    return [other for other in node.lab.databases if other.name != node.name]


def _stop_etcd(node):
    for other in _others(node):
        hit(other, "stop", "etcd.service")


def _kill_etcd(node):
    for other in _others(node):
        other.systemctl("stop", "etcd.service")


def _start_etcd(node):
    for other in _others(node):
        other.systemctl("start", "--no-block", "etcd.service")


def _fill(path):
    # A few large pieces, then small ones: the last free block goes too.
    script = ("i=0; for size in 64M 8M 1M 64k 4k; do while fallocate -l $size {0}/nemesis.$i 2>/dev/null; "
              "do i=$((i + 1)); done; done; dd if=/dev/zero of={0}/nemesis.last bs=4k 2>/dev/null; true")  # fmt: skip
    return lambda node: node.sh(script.format(path), 60)


def _empty(path):
    return lambda node: node.sh(f"rm -f {path}/nemesis.*")


def _fsfreeze(flag):
    return lambda node: node.sh(["fsfreeze", flag, equipment.POSTGRES], 20)


def _flush_rules(node):
    """With this machine's nft, in the node's network: its image has none."""
    host.run(["nsenter", "-t", str(node.require_pid1()), "-n", "--", "nft", "flush", "ruleset"], timeout=10)


def _link_up(node):
    node.sh("ip link set host0 up; ip -batch /etc/lab-net.batch")


OTHERS = [
    Fault("etcd:stop-two", "etcd's quorum lost: two members SIGSTOPped", HEAL, _stop_etcd,
          lambda node: [other.thaw() for other in _others(node)], patroni=True),
    Fault("etcd:end-two", "etcd's quorum lost: two members ended", HEAL, _kill_etcd, _start_etcd, patroni=True),
    Fault("clock:+1h", "the daemons' wall clock an hour ahead", RIDE, lambda node: equipment.step_clock(node, 3600),
          lambda node: equipment.step_clock(node, 0)),
    Fault("clock:-1h", "the daemons' wall clock an hour back", RIDE, lambda node: equipment.step_clock(node, -3600),
          lambda node: equipment.step_clock(node, 0)),
    Fault("disk:full-pgdata", "no byte left under PGDATA", HEAL, _fill(equipment.POSTGRES), _empty(equipment.POSTGRES),
          patroni=True),
    Fault("disk:full-run", "no byte left under /run", RIDE, _fill("/run"), _empty("/run"), patroni=True),
    Fault("disk:stalled", "every write to PGDATA's file system hangs (fsfreeze)", HEAL, _fsfreeze("-f"),
          _fsfreeze("-u"), patroni=True),
    Fault("net:nft-flush", "nft flush ruleset", RIDE, _flush_rules, patroni=True),
    Fault("net:addr-del", "the virtual IP deleted by a third party", MOVE,
          lambda node: node.sh("ip address del 10.77.0.100/32 dev host0")),
    Fault("net:link-down", "ip link set host0 down", MOVE, lambda node: node.sh("ip link set host0 down"), _link_up,
          patroni=True),
]  # fmt: skip


def catalogue(patroni=False):
    """Every fault, in the order of the table."""
    if patroni:
        stop_all = Fault("stop:all+pid1", "SIGSTOP of patroni and pid 1", HEAL, _stop_patroni_and_pid1, _thaw, patroni=True)
        return [*daemon_faults(PATRONI_UNITS, True), *(f for f in POSTGRES if f.patroni), stop_all, *network_faults(),
                *(f for f in OTHERS if f.patroni)]  # fmt: skip
    return [*daemon_faults(UNITS, False), *pair_faults(), *POSTGRES, *NO_KILLER, *network_faults(), *OTHERS]
