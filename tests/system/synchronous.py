"""synchronous_mode on, ttl 3: nothing acknowledged is ever missing."""

import json
import time

from harness import Options, Suite, expect, healthy, wait_for

SUITE = Suite("synchronous", Options(nodes=3, ttl=3, loop_wait=1, retry_timeout=1, sync=True))
case = SUITE.case
CONFIG = "/etc/palisade/main.yml"


def sync_standby(lab):
    """The node that /sync names, once it names one that is there."""
    def named():
        members = lab.cluster()["members"]
        return [m["name"] for m in members if m["role"] == "sync_standby"]

    return wait_for(named, 30, "a synchronous standby")[0]


@case
def order_of_writes(lab):
    """/sync names a standby that is really synchronous"""
    leader = healthy(lab)
    name = sync_standby(lab)
    state = leader.psql(f"select sync_state from pg_stat_replication where application_name = '{name}'")
    expect(state == "sync", f"{name} is in state {state}")
    expect(f'"leader":"{leader.name}"' in lab.etcd.get("/service/main/sync"), "the key names the leader")


@case
def power_loss_loses_nothing(lab):
    """power loss of the primary: the synchronous standby leads, nothing is missing, three times"""
    outages = []
    for _ in range(3):
        leader = healthy(lab)
        name = sync_standby(lab)
        lab.etcd.move_leader_away(leader)
        with lab.client(via="vip") as client:
            client.go_on(50)
            leader.kill()
            new = lab.wait_leader(other_than=leader)
            outages.append(client.wait_outage().seconds)
        expect(new.name == name, f"{name} was synchronous, {new.name} leads")
        expect(client.report.missing == 0, f"{client.report.missing} acknowledged rows are missing")
        leader.boot()
        healthy(lab)
    return "outages " + ", ".join(f"{s:.2f}" for s in outages) + " s"


@case
def loss_of_the_synchronous_standby(lab):
    """the synchronous standby dies: another one takes its place, writes go on"""
    healthy(lab)
    name = sync_standby(lab)
    node = lab.node(name)
    lab.etcd.move_leader_away(node)
    with lab.client(via="vip") as client:
        node.kill()
        wait_for(lambda: sync_standby(lab) != name, 60, "another synchronous standby")
        node.boot()
        healthy(lab)
    expect(client.report.missing == 0, "no acknowledged row is missing")


@case
def switchover_to_asynchronous_is_refused(lab):
    """a switchover to a node that is not synchronous is refused, and nothing happens"""
    leader = healthy(lab)
    name = sync_standby(lab)
    other = next(n for n in lab.databases if n.name not in (leader.name, name))
    code, text = leader.rest("/switchover", "POST", {"leader": leader.name, "candidate": other.name}, timeout=10)
    expect(code == 412 and "sync_standby" in str(text), f"412, not {code} {text}")
    expect(lab.leader().name == leader.name, "the leader stays")


def patch(lab, **values):
    code, body = lab.leader().rest("/config", "PATCH", values, timeout=10)
    expect(code == 200, f"the configuration is changed: {code} {body}")


def key(lab):
    return json.loads(lab.etcd.get("/service/main/sync") or "{}")


def listed(lab, leader, standbys, quorum=0):
    """/sync names these, under that leader."""
    wanted = {"leader": leader.name, "quorum": quorum, "sync_standby": ",".join(sorted(standbys)) or None}
    wait_for(lambda: key(lab) == wanted, 30, f"/sync to be {wanted}, not {key(lab)}")


def names_are(leader, text):
    wait_for(lambda: leader.psql("show synchronous_standby_names") == text, 20, f"the parameter to be {text}")


def others(lab, node):
    return [n for n in lab.databases if n.name != node.name]


def tag(node, line):
    text = node.read(CONFIG)
    node.write(CONFIG, f"{text}\ntags:\n  {line}\n", 0o640, "postgres", "palisade-config")
    restart_daemons(node)
    return text


def untag(node, text):
    node.write(CONFIG, text, 0o640, "postgres", "palisade-config")
    restart_daemons(node)


def restart_daemons(node):
    node.systemctl("restart", "palisade-dcsd@main", "palisaded@main", "palisade-pgd@main", "palisade-apid@main")


@case
def node_count(lab):
    """synchronous_node_count: 2 are waited for and listed, and one again"""
    leader = healthy(lab)
    names = [n.name for n in others(lab, leader)]
    patch(lab, synchronous_node_count=2)
    listed(lab, leader, names)
    names_are(leader, f"2 ({','.join(names)})")
    patch(lab, synchronous_node_count=None)
    wait_for(lambda: key(lab)["sync_standby"] in names, 20, "one to be listed again")
    names_are(leader, key(lab)["sync_standby"])


@case
def tags_choose(lab):
    """nosync and sync_priority: who is never taken, and who is preferred"""
    leader = healthy(lab)
    first, second = others(lab, leader)
    kept = tag(first, "nosync: true")
    listed(lab, leader, [second.name])
    untag(first, kept)
    kept = tag(first, "sync_priority: 9")
    listed(lab, leader, [first.name])
    untag(first, kept)
    healthy(lab)


@case
def lagging_standby(lab):
    """maximum_lag_on_syncnode: a synchronous standby that falls too far behind is replaced"""
    leader = healthy(lab)
    slow = lab.node(sync_standby(lab))
    quick = next(n for n in others(lab, leader) if n.name != slow.name)
    patch(lab, maximum_lag_on_syncnode=200000)
    receiver = slow.sh("pgrep -f 'postgres.*[w]alreceiver'").stdout.split()
    slow.sh(["kill", "-STOP", *receiver])
    try:
        leader.psql("set synchronous_commit = local; create table lag as"
                    " select repeat('x', 1000) from generate_series(1, 2000)")  # fmt: skip
        listed(lab, leader, [quick.name])
    finally:
        slow.sh(["kill", "-CONT", *receiver], check=False)
    leader.psql("drop table lag")
    patch(lab, maximum_lag_on_syncnode=None)
    healthy(lab)


@case
def strict_waits_for_somebody(lab):
    """without any standby writes go on, and in strict mode they wait"""
    leader = healthy(lab)
    away = others(lab, leader)
    for node in away:
        node.systemctl("stop", "palisade@main.target", timeout=120)
    names_are(leader, "")
    leader.psql("create table if not exists strict (n int); insert into strict values (1)")
    patch(lab, synchronous_mode_strict=True)
    names_are(leader, "*")
    stuck = leader.sh("timeout 3 psql -U postgres -c 'insert into strict values (2)'", user="postgres", check=False)
    expect(stuck.returncode == 124, f"it waits: {stuck}")
    for node in away:
        node.systemctl("start", "palisade@main.target")
    healthy(lab)
    leader.psql("insert into strict values (3); drop table strict")
    patch(lab, synchronous_mode_strict=None)


@case
def out_of_the_set_before_a_restart(lab):
    """a synchronous standby leaves /sync before it restarts: no write waits for it"""
    leader = healthy(lab)
    name = sync_standby(lab)
    standby = lab.node(name)
    since = standby.sh(["date", "+%F %T.%N"]).stdout.strip()
    with lab.client(via="vip") as client:
        client.go_on(50)
        code, text = standby.rest("/restart", "POST", {}, timeout=60)
        expect(code == 200, f"{code} {text}")
        client.go_on(50)
    expect(client.report.failed == 0 and client.report.missing == 0, "no failed write, no row missing")
    expect(client.report.longest < 1, f"no write is late: {client.outages}")
    def when(node, unit, text):
        lines = node.journal("-u", unit, "--since", since, "-o", "short-unix").splitlines()
        return next((float(line.split()[0]) for line in lines if text in line), None)
    dropped = when(leader, "palisaded@main", "synchronous standbys: ")
    stopped = when(standby, "palisade-pgd@main", "fast stop: a restart was asked for")
    expect(dropped and stopped and dropped < stopped, f"dropped at {dropped}, stopped at {stopped}")
    wait_for(lambda: key(lab)["sync_standby"], 20, "one to be listed again")


@case
def quorum_commit(lab):
    """synchronous_mode quorum: both are voters, one of them confirms; power loss of the primary loses nothing"""
    leader = healthy(lab)
    patch(lab, synchronous_mode="quorum")
    outages = []
    for _ in range(2):
        leader = healthy(lab)
        names = [n.name for n in others(lab, leader)]
        listed(lab, leader, names, quorum=1)
        names_are(leader, f"ANY 1 ({','.join(names)})")
        roles = {m["role"] for m in lab.cluster()["members"] if m["name"] in names}
        expect(roles == {"quorum_standby"}, f"they are called so: {roles}")
        lab.etcd.move_leader_away(leader)
        with lab.client(via="vip") as client:
            client.go_on(100)
            leader.kill()
            new = lab.wait_leader(other_than=leader)
            outages.append(client.wait_outage().seconds)
        expect(client.report.missing == 0, f"{client.report.missing} acknowledged rows are missing")
        expect("votes" in new.journal("-u", "palisaded@main", "-n", "80"), "the journal tells of the votes")
        leader.boot()
    healthy(lab)
    return "outages " + ", ".join(f"{s:.2f}" for s in outages) + " s"


@case
def quorum_without_votes(lab):
    """quorum: a standby alone, without the vote it needs, does not lead"""
    leader = healthy(lab)
    alone, away = others(lab, leader)
    listed(lab, leader, [alone.name, away.name], quorum=1)
    lab.etcd.move_leader_away(leader)
    away.cut("peers")  # it cannot tell what it has
    leader.kill()
    until = time.monotonic() + 6
    while time.monotonic() < until:
        expect(not lab.primaries(), "nobody leads")
        time.sleep(0.3)
    expect("of 1 votes" in alone.journal("-u", "palisaded@main", "-n", "80"), "the journal tells why")
    away.heal()
    lab.wait_leader(30, other_than=leader)
    leader.boot()
    healthy(lab)


@case
def mode_switches(lab):
    """quorum, on, off and on again, under load: nothing is lost, the user's own value comes back"""
    leader = healthy(lab)
    with lab.client(via="vip") as client:
        patch(lab, synchronous_mode=True)
        wait_for(lambda: key(lab).get("quorum") == 0 and key(lab).get("sync_standby"), 20, "one to be listed")
        names_are(leader, key(lab)["sync_standby"])
        patch(lab, synchronous_mode=False)
        wait_for(lambda: not lab.etcd.get("/service/main/sync"), 20, "the key to be deleted")
        names_are(leader, "")
        patch(lab, synchronous_mode="quorum")
        listed(lab, leader, [n.name for n in others(lab, leader)], quorum=1)
        patch(lab, synchronous_mode=True)
        wait_for(lambda: key(lab).get("quorum") == 0 and key(lab).get("sync_standby"), 20, "one to be listed")
        client.go_on(50)
    expect(client.report.missing == 0 and client.report.failed == 0, "no failed write, no row missing")
    healthy(lab)
