"""maximum_lag_on_failover, put to the test: of a cluster without synchronous_mode a lagging standby alone is left.

Its stream is cut, the primary writes on, the other replica leaves in order, and the primary loses its power: the
cut is healed, and nobody has what the standby lacks. etcd keeps its majority, since who leaves keeps his member.
"""

import json
import time

from palisade_lab import wait_for

from .remote import RECEIVED
from .scene import MODES

SURPLUS = 1 << 20  # bytes by which it lags beyond the maximum


def beyond(s):
    """It never leads; the old primary does, once it is back, and has every row."""
    def alone(lagging):
        s.is_quiet()
        s.no_write_from_now()
        until = time.monotonic() + s.state.timing[0] + s.state.timing[1] + 3
        while time.monotonic() < until:
            holder = s.lab.etcd.get("/service/main/leader")
            s.expect(holder != lagging.name, f"{lagging.name} lags and does not lead")
            s.expect(lagging.psql("select pg_is_in_recovery()") == "t", f"{lagging.name} is a standby")
            time.sleep(0.3)
        s.is_loud_again()
        s.leader.boot()
        s.is_there_again()
        s.expect(s.lab.wait_leader(60).name == s.leader.name, "the old primary leads again")

    _left_alone(s, s.state.lag + SURPLUS, alone)


def within(s):
    """It leads: that much may be lost, and no more."""
    def alone(lagging):
        s.expect(s.lab.wait_leader(60).name == lagging.name, f"{lagging.name} leads")
        s.leader.boot()

    _left_alone(s, s.state.lag // 4, alone)


def _left_alone(s, lag, alone):
    lagging, other = s.rng.sample(s.replicas(), 2)
    _asynchronous(s, True)
    try:
        lagging.cut("peers")
        _lag(s, lagging, lag)
        s.said(s.ctl("leave", node=other), "")
        s.lab.etcd.move_leader_away(s.leader)
        s.begins()
        s.leader.kill()
        lagging.heal()
        alone(lagging)
    finally:
        lagging.heal()
        if not s.leader.pid1():
            s.leader.boot()
        s.said(s.ctl("join", node=other), "")
        _asynchronous(s, False)


def _asynchronous(s, on):
    """For the time of the test; then the mode is what it was."""
    if s.state.mode == "off":
        return
    s.state.weakest = "off"
    wait_for(lambda: s.patch({"synchronous_mode": False if on else MODES[s.state.mode]}), 30, "the mode to be changed")
    if on:
        wait_for(lambda: s.leader.psql("show synchronous_standby_names") == "", 30, "commits to wait for nobody")


def _lag(s, lagging, wanted):
    """The primary writes so much that the standby does not get, and the cluster is told of it."""
    position = f"{RECEIVED} - '0/0'"
    here = int(lagging.psql(position))
    written = int(s.leader.psql("select pg_current_wal_flush_lsn() - '0/0'"))
    rest = here + wanted - written
    while rest > 0:
        piece = min(rest, 1 << 20)
        s.leader.psql(f"select pg_logical_emit_message(true, 'year', repeat('x', {piece}))", 30)
        rest -= piece
    end = int(s.leader.psql("select pg_current_wal_flush_lsn() - '0/0'"))

    def told():
        return int(json.loads(s.lab.etcd.get("/service/main/status") or "{}").get("optime", 0)) >= end

    wait_for(told, 60, "the leader to tell how far it is")
    s.expect(int(lagging.psql(position)) <= end - wanted, f"{lagging.name} lags by {wanted} bytes")
