"""`lab status` as a person reads it."""

import time

from . import net
from .errors import LabError


def clock(at):
    """An instant as people read it, with milliseconds."""
    return time.strftime("%H:%M:%S", time.localtime(at)) + f".{int(at * 1000) % 1000:03d}"


def ago(seconds):
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def show_status(lab, out):
    """One row a node, then where clients go."""
    rows = lab.report()
    out.say(out.paint(f"lab {lab.name}", "bold") + f": {lab.options}")
    out.say()
    out.table(
        ["node", "address", "power", "etcd", "role", "state", "TL", "faults"],
        [_row(row) for row in rows],
    )
    holders = [row["name"] for row in rows if row["vip"]]
    out.say()
    out.say(f"  {net.VIP_V4}:5432 is at " + (" and ".join(holders) or "no node"))
    out.say("  app:5000 is HAProxy's way to the primary, app:5001 to the replicas")
    if len(holders) > 1:
        raise LabError("two nodes carry the address of the primary")


def _row(row):
    power = f"{row['state']} {ago(time.time() - row['since'])}"
    database = row["database"]
    faults = [f"cut from {cut}" for cut in row["cuts"]] + [f"frozen: {name}" for name in row["frozen"]]
    role = database.get("role", "")
    return [
        (row["name"], "bold"),
        net.address_of(row["name"]).v4,
        (power, "green" if row["state"] == "up" else "red"),
        (row["etcd"], "red" if row["etcd"] == "no answer" else "cyan"),
        (role, "green") if role == "primary" else role,
        database.get("state", ""),
        str(database.get("timeline") or ""),
        (", ".join(faults), "yellow"),
    ]
