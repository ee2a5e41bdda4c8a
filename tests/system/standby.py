"""A cluster that follows another one: pg1 is the primary of `main`; pg2 and pg3 are the cluster `other`."""

from harness import LabError, Options, Suite, expect, wait_for

DATA = "/var/lib/postgresql/15/main"
CONFIG = "/etc/palisade/main.yml"
CALLS = "/var/lib/postgresql/calls"
MAIN = "10.77.0.11"
PASSWORD = "lab-secret"
SECTION = f"""
    standby_cluster:
      host: {MAIN}
      port: 5432
      primary_slot_name: other
      archive_cleanup_command: /bin/true
      recovery_min_apply_delay: 0"""


def begin(lab):
    """pg2 and pg3 leave `main` for a cluster of their own, in the same etcd."""
    main, *others = lab.databases
    lab.ask_all(others, lambda node: node.systemctl("stop", "palisade@main.target", timeout=120))
    leader = lab.wait_leader(60)
    if leader.name != main.name:
        raise LabError("pg1 must lead")
    main.psql("select pg_create_physical_replication_slot('other')")
    main.psql("create table t as select 1 n")
    for node in others:
        node.sh(["rm", "-rf", DATA])
        text = node.read(CONFIG).replace("scope: main", "scope: other", 1)
        text = text.replace("\n  dcs:\n", f"\n  dcs:{SECTION}\n", 1)
        text = text.split("\n# Palisade's: the address")[0] + "\n"
        text = text.replace("\nwatchdog:", "\n  callbacks:\n    on_role_change: /usr/local/bin/note\n"
                            "    on_start: /usr/local/bin/note\n\nwatchdog:", 1)  # fmt: skip
        node.write("/usr/local/bin/note", f'#!/bin/bash\necho "$*" >> {CALLS}\n', 0o755)
        node.write(CONFIG, text, 0o640, "postgres", "palisade-config")
        node.systemctl("start", "palisade@main.target")
        if node is others[0]:
            wait_for(lambda: check(others[0], "standby-leader") == 200, 90, "pg2 to be the standby leader")
    wait_for(lambda: streams(others[0], others[1]), 90, "pg3 to stream from pg2")


SUITE = Suite("standby", Options(nodes=3, ttl=5, loop_wait=1, retry_timeout=1), begin)
case = SUITE.case


def check(node, path):
    try:
        return node.rest(f"/{path}", "OPTIONS")[0]
    except (OSError, LabError):
        return 0


def streams(source, node):
    try:
        return source.psql("select count(*) from pg_stat_replication where state = 'streaming' and "
                           f"application_name = '{node.name}'") == "1"  # fmt: skip
    except LabError:
        return False


def answer(node, sql):
    try:
        return node.psql(sql)
    except LabError:
        return None


def pair(lab):
    """The standby leader of `other`, and its replica that streams from it."""
    def found():
        two = sorted(lab.databases[1:], key=lambda node: check(node, "standby-leader") != 200)
        fine = check(two[0], "standby-leader") == 200 and streams(*two) and streams(lab.databases[0], two[0])
        return two if fine else None

    return wait_for(found, 90, "a standby leader and its replica")


def follows(lab, value):
    """What is written in `main` comes to both."""
    lab.databases[0].psql(f"insert into t values ({value})")
    for node in lab.databases[1:]:
        wait_for(lambda node=node: answer(node, f"select count(*) from t where n = {value}") == "1", 30,
                 f"row {value} to come to {node.name}")  # fmt: skip


def epoch(node):
    return node.rest("/palisade/status")[1]["epoch"]


@case
def a_standby_leader(lab):
    """made from the remote primary: role, health checks, list, key, slot, settings; no permit, nothing promoted"""
    main = lab.databases[0]
    leader, node = pair(lab)
    follows(lab, 10)
    codes = {path: (check(leader, path), check(node, path)) for path in
             ("primary", "read-write", "leader", "standby-leader", "replica", "read-only", "health")}  # fmt: skip
    expect(codes == {"primary": (503, 503), "read-write": (503, 503), "leader": (200, 503),
                     "standby-leader": (200, 503), "replica": (503, 200), "read-only": (200, 200),
                     "health": (200, 200)}, f"{codes}")  # fmt: skip
    expect(leader.rest("/patroni")[1]["role"] == "standby_leader", "its role in /patroni")
    roles = {m["name"]: m["role"] for m in node.rest("/cluster")[1]["members"]}
    expect(roles == {leader.name: "standby_leader", node.name: "replica"}, f"{roles}")
    key = lab.etcd.get(f"/service/other/members/{leader.name}")
    expect('"role":"standby_leader"' in key, f"its role in the member key: {key}")
    expect("Standby Leader" in node.sh("palisadectl list").stdout, "its role in list")
    expect("never acts as primary" in leader.sh("palisadectl explain").stdout, "explain says that there is no permit")
    expect(main.psql("select active from pg_replication_slots where slot_name = 'other'") == "t", "the slot is used")
    cleanup = "select setting from pg_settings where name = 'archive_cleanup_command'"
    expect(leader.psql(cleanup) == node.psql(cleanup) == "/bin/true", "archive_cleanup_command on both")
    expect(leader.psql("select pg_is_in_recovery()") == "t", "it is a standby")
    expect("on_start standby_leader other" in leader.read(CALLS), leader.read(CALLS))
    expect("on_start replica other" in node.read(CALLS), node.read(CALLS))


@case
def its_lock(lab):
    """a restart of the mind keeps it; a switchover moves it, with no stop and no timeline; a power loss too"""
    leader, node = pair(lab)
    before, started = epoch(leader), leader.psql("select pg_postmaster_start_time()")
    timeline = leader.psql("select timeline_id from pg_control_checkpoint()")
    pid = leader.systemctl("show", "-p", "MainPID", "--value", "palisaded@main")
    leader.systemctl("kill", "--kill-whom=main", "--signal=SIGKILL", "palisaded@main")
    wait_for(lambda: leader.systemctl("show", "-p", "MainPID", "--value", "palisaded@main") not in ("0\n", pid), 10,
             "a new mind")  # fmt: skip
    wait_for(lambda: (lambda s: s["mind"] and s["rule"] == "standby-lead")(leader.rest("/palisade/status")[1]), 30,
             "the new mind to go on")  # fmt: skip
    expect(epoch(leader) == before and check(leader, "standby-leader") == 200, "under the same epoch")
    code, body = leader.rest("/switchover", "POST", {"leader": leader.name, "candidate": node.name}, timeout=30)
    expect(code == 200, f"the switchover is done: {body}")
    new, old = pair(lab)
    expect(new.name == node.name, "the candidate is the standby leader")
    expect(old.psql("select pg_postmaster_start_time()") == started, "the old one was not restarted")
    expect(old.psql("select timeline_id from pg_control_checkpoint()") == timeline, "and no timeline was begun")
    expect("on_role_change standby_leader other" in new.read(CALLS), new.read(CALLS))
    follows(lab, 20)
    for role, expected in (("replica", 503), ("standby_leader", 200)):
        code, body = new.rest("/restart", "POST", {"role": role}, timeout=60)
        expect(code == expected, f"a restart if it is {role}: {code} {body}")
    expect(check(new, "standby-leader") == 200 or pair(lab)[0].name == new.name, "restarted in place, it keeps the lock")
    new.kill()
    wait_for(lambda: check(old, "standby-leader") == 200, 30, "the other one to take the lock")
    new.boot()
    pair(lab)
    follows(lab, 21)


@case
def by_the_archive(lab):
    """restore_command alone: no host to stream from; the leader lives by it, its replica streams from the leader"""
    main = lab.databases[0]
    leader, node = pair(lab)
    unpack = "perl -ne 'chomp; print pack(q(H*), $_)'"
    fetch = (f"PGPASSWORD={PASSWORD} psql -h {MAIN} -U postgres -d postgres -XAtc "
             f"\"select encode(pg_read_binary_file('pg_wal/%f'), 'hex')\" | {unpack} > %p && test -s %p")
    code, body = leader.rest("/config", "PATCH", {"standby_cluster": {
        "host": None, "port": None, "primary_slot_name": None, "restore_command": fetch}})  # fmt: skip
    expect(code == 200, f"the remote cluster is an archive: {body}")
    wait_for(lambda: answer(leader, "select count(*) from pg_stat_wal_receiver") == "0", 30, "it to stop streaming")
    wait_for(lambda: leader.rest("/patroni")[1].get("replication_state") == "in archive recovery", 30, "its state")
    main.psql("insert into t values (25)")
    main.psql("select pg_switch_wal()")
    for n in (leader, node):
        wait_for(lambda n=n: answer(n, "select count(*) from t where n = 25") == "1", 60, f"the row to come to {n.name}")
    expect(check(leader, "standby-leader") == 200 and streams(leader, node), "it leads, and is streamed from")
    code, body = leader.rest("/config", "PATCH", {"standby_cluster": {
        "host": MAIN, "port": 5432, "primary_slot_name": "other", "restore_command": None}})  # fmt: skip
    pair(lab)


@case
def promoted_and_demoted(lab):
    """promote-cluster: a primary, under a permit; demote-cluster: it is stopped, rewound, and follows again"""
    leader, node = pair(lab)
    said = node.sh("palisadectl promote-cluster --force", timeout=120).stdout
    expect("cluster is successfully promoted" in said, said)
    wait_for(lambda: check(leader, "primary") == 200, 10, "clients to be sent to it")
    expect(leader.psql("select pg_is_in_recovery()") == "f", "it is the primary")
    leader.psql("insert into t values (30)")
    wait_for(lambda: answer(node, "select count(*) from t where n = 30") == "1", 30, "the replica to follow it")
    again = node.sh("palisadectl promote-cluster --force", check=False)
    expect("already in the required state" in again.stderr, again.stderr)
    said = node.sh(f"palisadectl demote-cluster --host {MAIN} --primary-slot-name other --force", timeout=180).stdout
    expect("cluster is successfully demoted" in said, said)
    leader, node = pair(lab)
    follows(lab, 31)
    for n in (leader, node):
        expect(n.psql("select count(*) from t where n = 30") == "0", f"{n.name} has left its own timeline")
        expect(check(n, "primary") == 503, "nobody is primary there")
    expect(lab.databases[0].psql("select pg_is_in_recovery()") == "f", "the remote one leads as ever")
    none = node.sh("palisadectl demote-cluster --force", check=False)
    expect(none.returncode == 2 and "should be specified" in none.stderr, none.stderr)
