"""synchronous_mode on, ttl 3: nothing acknowledged is ever missing."""

from harness import Options, Suite, expect, healthy, wait_for

SUITE = Suite("synchronous", Options(nodes=3, ttl=3, loop_wait=1, retry_timeout=1, sync=True))
case = SUITE.case


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
