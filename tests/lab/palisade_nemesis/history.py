"""What a history proves: late acknowledgements, overlaps, lost rows, gaps. Pure; no clock, no lab.

All instants are seconds since boot (CLOCK_BOOTTIME), which the nodes of a lab share with this
machine. An acknowledgement is dated where the client heard it, by a client at real-time priority;
SLACK is for its way there and its being woken.

    late        heard after the permit of its node, as the kernel's gate held it; or while neither
                the sight of the lock before it nor the one after shows its node as the holder
    overlap     two nodes acknowledged, each by its own timeline, in intervals that intersect
    lost        acknowledged, and not there in the end
"""

from collections import defaultdict
from dataclasses import dataclass

SLACK = 0.020
LOOK = 0.3  # between two looks of the observer, on a busy machine


@dataclass(frozen=True)
class Ack:
    id: int
    at: float
    node: str
    timeline: str
    lsn: int = 0  # where the server's WAL stood, if the client asked


@dataclass(frozen=True)
class Permit:
    """A finite deadline of a node's gate, as it was seen for the first time."""

    at: float
    node: str
    deadline: float


@dataclass(frozen=True)
class Sight:
    """The leader key was there with this holder (None: was absent) when somebody looked."""

    asked: float  # before the question left
    at: float  # after the answer came
    holder: str | None


def parse_log(text, with_lsn=False):
    """The writer's --log with `--returning` that answers NODE TIMELINE [LSN]; a cut last line is dropped."""
    acks = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 5 + with_lsn:
            acks.append(Ack(int(fields[0]), float(fields[2]), fields[3], fields[4], int(fields[5]) if with_lsn else 0))
    return acks


def late_by_permit(acks, permits):
    """Acknowledgements later than every deadline their node's gate had been seen with."""
    return [ack for ack in acks if ack.at > _deadline_at(permits, ack) + SLACK]


def _deadline_at(permits, ack):
    """The greatest deadline seen by then, or within a look or two: it may have been in force already."""
    return max((p.deadline for p in permits if p.node == ack.node and p.at <= ack.at + LOOK), default=float("-inf"))


def late_by_lock(acks, sights, absent_counts=True):
    """Acknowledgements of a node that was seen without the lock before, and not with it after.

    absent_counts: also when nobody held it. (Patroni's permit is the lock of another: False.)
    """
    sights = sorted(sights, key=lambda s: s.at)
    found, i = [], 0
    for ack in sorted(acks, key=lambda a: a.at):
        while i < len(sights) and sights[i].at <= ack.at - SLACK:
            i += 1
        before = sights[i - 1] if i else None
        after = next((s for s in sights[i:] if s.asked >= ack.at), None)
        if before is None or before.holder == ack.node or (before.holder is None and not absent_counts):
            continue
        if after is None or after.holder != ack.node:
            found.append(ack)
    return found


def reigns(acks):
    """{(node, timeline): its acknowledgements in order}"""
    by_reign = defaultdict(list)
    for ack in sorted(acks, key=lambda a: a.at):
        by_reign[ack.node, ack.timeline].append(ack)
    return by_reign


def overlaps(acks):
    """Acknowledgements of one reign after another node's later reign had begun."""
    by_start = sorted(reigns(acks).items(), key=lambda item: item[1][0].at)
    found = []
    for i, ((node, _), own) in enumerate(by_start):
        later = [other[0].at for (name, _), other in by_start[i + 1:] if name != node]
        if later:
            found += [ack for ack in own if ack.at > min(later) + SLACK]
    return found


def lost(acks, ids_there):
    there = set(ids_there)
    return [ack for ack in acks if ack.id not in there]


def bytes_lost(gone, acks):
    """How much WAL the lost rows reach beyond what is left of their reigns: 0 if none is lost; None for a hole.

    A failover cuts a reign's end off. A row that is missing before one that is there was lost otherwise.
    """
    missing, most = {(ack.node, ack.timeline, ack.id) for ack in gone}, 0
    for (node, timeline), own in reigns(acks).items():
        lsns = [ack.lsn for ack in own if (node, timeline, ack.id) in missing]
        kept = [ack.lsn for ack in own if (node, timeline, ack.id) not in missing]
        if lsns and kept and min(lsns) < max(kept):
            return None
        if lsns:
            most = max(most, max(lsns) - max(kept, default=min(lsns)))
    return most


def longest_gap(acks, since, until, quiet=None):
    """The longest time without an acknowledgement that touches [since, until], what of it is in quiet not counted."""
    times = sorted(ack.at for ack in acks)
    before = [t for t in times if t <= since]
    edges = [before[-1] if before else since, *[t for t in times if since < t <= until]]
    after = [t for t in times if t > until]
    edges.append(after[0] if after else until)
    begin, end = quiet or (0, 0)
    return max(b - a - max(0, min(b, end) - max(a, begin)) for a, b in zip(edges, edges[1:]))


def within(acks, since, until):
    """What was acknowledged between two instants."""
    return [ack for ack in acks if since + SLACK < ack.at < until]


def first_after(acks, at, other_than=None):
    """The first acknowledgement after an instant (by another node than this); None: there was none."""
    times = [ack.at for ack in acks if ack.at > at and ack.node != other_than]
    return min(times) if times else None
