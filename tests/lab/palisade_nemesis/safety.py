"""The fault table of docs/SAFETY.md: faults of a kind in one row, with what ends each and by when."""

from itertools import combinations

from .faults import UNITS

DAEMONS = list(UNITS)
WAYS = {"stop": "SIGSTOP", "kill": "SIGKILL", "freeze": "cgroup freeze"}
REPLACED = "none needed: pid 1 replaces it"
LAPSE = "the permit: fast stop, gate, kill; the address's lifetime"
BOUND = "ttl + interval + 1.5 s"


def groups():
    """(title, what ends or mends it, by when, names)"""
    rows = []
    for way, word in WAYS.items():
        alone = [f"{way}:{name}" for name in DAEMONS if (way, name) != ("freeze", "launcher")]
        pairs = [f"{way}:{a}+{b}" for a, b in combinations(DAEMONS, 2)]
        rows += [(f"{word} of one daemon", REPLACED, "1 s + its start", alone),
                 (f"{word} of two daemons", REPLACED, "1 s + its start", pairs)]  # fmt: skip
    return rows + [
        ("cgroup freeze of the launcher's unit, PostgreSQL in it", REPLACED, "1 s + its start", ["freeze:launcher"]),
        ("SIGSTOP of the postmaster alone", "nothing: its backends go on", "", ["stop:postmaster"]),
        ("SIGKILL of the postmaster", "restart in place under the running permit", "", ["kill:postmaster"]),
        ("the same, and it cannot be started again", "REVOKE, confirmed fence, release", "ttl / 2", ["kill:postmaster+program"]),
        ("SIGSTOP or freeze of all of PostgreSQL", "rule `silent`: REVOKE, kill, release", "ttl + 1.5 s",
         ["stop:postgres", "freeze:postgres"]),
        ("SIGSTOP of pgd, fenced and systemd", "the gate (TCP only)", "the permit", ["stop:pgd+fenced+pid1"]),
        ("SIGSTOP of every daemon and systemd", "the gate (TCP only); the address's lifetime", "the permit", ["stop:all+pid1"]),
        ("cut from etcd: both ways, in, out", LAPSE, BOUND, ["cut:etcd", "cut:etcd:in", "cut:etcd:out"]),
        ("cut from the other nodes: both ways, in, out", "nothing: the lock is renewed, commits wait for a standby", "",
         ["cut:peers", "cut:peers:in", "cut:peers:out"]),
        ("cut from etcd and nodes: both ways, in, out", LAPSE, BOUND,
         ["cut:etcd+peers", "cut:etcd+peers:in", "cut:etcd+peers:out"]),
        ("cut from everybody: both ways, in, out", LAPSE, BOUND, ["cut:all", "cut:all:in", "cut:all:out"]),
        ("two of three etcd members stop, or end", LAPSE, "the permit", ["etcd:stop-two", "etcd:end-two"]),
        ("wall clock an hour forward, or back", "nothing: no deadline is on it", "", ["clock:+1h", "clock:-1h"]),
        ("disk full under PGDATA", "nothing: PostgreSQL refuses writes", "", ["disk:full-pgdata"]),
        ("disk full under /run", "nothing is needed", "", ["disk:full-run"]),
        ("disk stalled under PGDATA", "nothing: commits wait", "", ["disk:stalled"]),
        ("`nft flush ruleset`", "nothing is needed", "", ["net:nft-flush"]),
        ("`ip addr del` of the virtual IP", "fenced puts it back", "", ["net:addr-del"]),
        ("`ip link down`", LAPSE, BOUND, ["net:link-down"]),
    ]  # fmt: skip


def _span(values):
    low, high = min(values), max(values)
    return f"{high:.2f}" if high - low < 0.05 else f"{low:.2f}–{high:.2f}"


def table(results):
    done = [r for r in results if not r.get("error")]
    lines = ["| fault on the primary | what ends or mends it | by when | leader | write gap, s | failed writes | runs |",
             "|---|---|---|---|--:|--:|--:|"]  # fmt: skip
    for title, fence, when, names in groups():
        rows = [r for r in done if r["name"] in names]
        if not rows:
            continue
        moved = {"moves" if r["new"] != r["leader"] else "stays" for r in rows}
        lines.append(f"| {title} | {fence} | {when} | {' or '.join(sorted(moved))} | {_span([r['gap'] for r in rows])}"
                     f" | {max(r['failed'] for r in rows)} | {len(rows)} |")  # fmt: skip
    sums = [sum(r[key] for r in done) for key in ("late", "overlaps", "lost")]
    lines += ["", "In {} runs with {} acknowledgements: {} late, {} overlaps, {} lost rows.".format(
        len(done), sum(r["acknowledged"] for r in done), *sums)]  # fmt: skip
    return "\n".join(lines) + "\n"
