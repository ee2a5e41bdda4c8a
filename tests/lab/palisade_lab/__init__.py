"""The laboratory: whole clusters of booted Debian systems on one machine.

    from palisade_lab import Lab, Options, Terminal, wait_for

    with Lab("t1", out=Terminal()) as lab:       # leaves nothing behind
        lab.up(Options(ttl=10))
        with lab.client(via="vip") as client:
            old = lab.leader()
            lab.etcd.move_leader_away(old)
            at = old.kill()                       # power loss; the instant of it
            lab.wait_leader(other_than=old)
            outage = client.wait_outage()
        assert client.report.missing == 0
        old.boot()
        lab.wait_replicas(2)
"""

from .cluster import Lab, names_of_labs
from .errors import CommandError, DeadlineError, LabError
from .node import Node
from .options import Options
from .term import Quiet, Terminal
from .wait import wait_for

__all__ = [
    "CommandError",
    "DeadlineError",
    "Lab",
    "LabError",
    "Node",
    "Options",
    "Quiet",
    "Terminal",
    "names_of_labs",
    "wait_for",
]
