"""demote-cluster and promote-cluster: the site is changed and changed back, in the order that loses nothing.

A copy of the leader becomes the remote primary for a while (remote.py). Two clusters are two: each is promoted only
after the other one is stopped and nothing of it is missing, which is a person's part, and the operation's.
"""

import json
import time

from palisade_lab import LabError, wait_for

from .remote import PORT, SLOT, Remote, positions, reaches


def change_sites(s):
    with Remote(s.lab, s.leader) as remote:
        s.remote = remote
        on_the_way_back = s.disturbance and s.rng.random() < 0.5
        if not on_the_way_back:
            s.begins()
        if _demote(s, remote):
            elsewhere = s.rng.random() < 0.75 and _has_everything(s, remote)
            if elsewhere:
                remote.promote()
                remote.takes_writes(s.rng.randrange(20, 60))
            time.sleep(s.rng.uniform(0.5, 2))
            if elsewhere:
                _end_there(s, remote)
            if on_the_way_back:
                s.begins()
            _promote(s)
        s.expect(not _follows(s), "the cluster follows nobody")


# There --------------------------------------------------------------------------------------


def _follows(s):
    return bool(json.loads(s.lab.etcd.get("/service/main/config")).get("standby_cluster"))


def _standby_leader(s):
    """Who leads the standby cluster, if somebody does."""
    for node in s.lab.databases:
        try:
            if node.rest("/standby-leader", "OPTIONS")[0] == 200:
                return node
        except (OSError, LabError):
            pass  # another one may answer
    return None


def _demote(s, remote):
    """Whether this is a standby cluster now. Where nothing disturbs, it has to be."""
    s.is_quiet()
    process = s.ctl("demote-cluster", "--host", remote.host, "--port", str(PORT), "--primary-slot-name", SLOT, "--force", timeout=240)
    s.said(process, "cluster is successfully demoted")
    if not _follows(s):
        s.is_loud_again()
        return False
    _everybody_up(s)
    wait_for(lambda: _standby_leader(s), 60, "a standby leader")
    wait_for(lambda: all(_recovers(node) for node in s.lab.databases), 60, "everybody to be a standby")
    s.no_write_from_now()
    return True


def _everybody_up(s):
    """Before anything is promoted, a person sees to it that every member is there to be asked."""
    s.rests()
    for node in s.lab.databases:
        if not node.pid1():
            node.boot()


def _recovers(node):
    return node.psql("select pg_is_in_recovery()") == "t"


def _has_everything(s, remote):
    """No member has more than the remote one: else that is never promoted."""
    def complete():
        return all(reaches(remote.position(), there) for there in positions(s.lab.databases).values())

    try:
        return wait_for(complete, 10, "the remote one to have all of what was acknowledged")
    except LabError:
        if not s.disturbance:
            raise
        return False


# And back -----------------------------------------------------------------------------------


def _end_there(s, remote):
    """The remote primary is stopped, and nobody is promoted before every member has all of it."""
    wait_for(lambda: remote.followers(), 60, "the standby leader to follow the remote primary")
    end = remote.stop()
    s.rests()

    def everywhere():
        return all(reaches(there, end) and there != end for there in positions(s.lab.databases).values())

    wait_for(everywhere, 60, "every member to have all of the remote primary's WAL")


def _promote(s):
    """Writes go on; a kill in its midst may take the answer away, and what is set takes effect all the same."""
    s.is_loud_again()

    def asked():
        return s.said(s.ctl("promote-cluster", "--force", timeout=120), "cluster is successfully promoted") or not _follows(s)

    wait_for(asked, 180, "the cluster to be promoted")
