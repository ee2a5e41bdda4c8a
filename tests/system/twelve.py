"""PostgreSQL 12, the oldest that is run. Debian 12 has none: PALISADE_PG12 names a folder that has it."""

import os
import shutil
import subprocess

from bootstrap import CONFIG, archive_and_restore, patch, rewind_by_the_archive, write_config
from harness import Options, Suite, expect, healthy, wait_for

DATA = "/var/lib/postgresql/12/main"
PREFIX = "/usr/lib/postgresql/12"
PROGRAMS = ("postgres", "initdb", "pg_controldata", "pg_basebackup", "pg_rewind", "pg_waldump", "psql")
BY_START = "this version follows another leader after a start only"


def lacks():
    folder = os.environ.get("PALISADE_PG12")
    if not folder:
        return "PALISADE_PG12 names no folder with PostgreSQL 12"
    missing = [name for name in PROGRAMS if not os.access(f"{folder}/bin/{name}", os.X_OK)]
    if missing:
        return f"{folder}/bin lacks {', '.join(missing)}"
    said = subprocess.run([f"{folder}/bin/postgres", "--version"], capture_output=True, text=True, check=False)
    return None if "(PostgreSQL) 12." in said.stdout else f"{folder}/bin/postgres is no PostgreSQL 12: {said.stdout}"


def begin(lab):
    for node in lab.databases:
        shutil.copytree(os.environ["PALISADE_PG12"], f"{node.root}{PREFIX}", symlinks=True)
        text = node.read(CONFIG).replace("/var/lib/postgresql/15/main", DATA)
        write_config(node, text.replace("/usr/lib/postgresql/15/bin", f"{PREFIX}/bin"))
        node.systemctl("enable", "--now", "palisade@main.target")


OPTIONS = Options(nodes=3, ttl=5, loop_wait=1, retry_timeout=1, start=False)
SUITE = Suite("twelve", OPTIONS, begin, lacks=lacks)
case = SUITE.case


def standbys(lab):
    leader = healthy(lab)
    return leader, [n for n in lab.databases if n.name != leader.name]


def started(node):
    return node.psql("select pg_postmaster_start_time()")


def wait_setting(node, name, value):
    wait_for(lambda: node.psql(f"show {name}") == value, 30, f"{name} of {node.name} to be '{value}'")


def nothing_waits(lab):
    """No reload has left a parameter that waits for a restart, in anybody's eyes."""
    for node in lab.databases:
        wait_for(lambda n=node: "pending_restart" not in n.rest("/patroni")[1], 20,
                 f"{node.name} to wait for no restart")  # fmt: skip


@case
def bootstrap(lab):
    """a cluster of PostgreSQL 12 from nothing: a leader, two clones that stream, nothing it does not know"""
    leader, others = standbys(lab)
    for node in lab.databases:
        expect(node.rest("/patroni")[1]["server_version"] // 10000 == 12, f"{node.name} runs 12")
        expect(node.psql("show wal_keep_segments") == "8", "it counts in segments")
        expect("unrecognized configuration parameter" not in node.journal(), "it takes all that is written for it")
    leader.psql("create table t(n int); insert into t select generate_series(1, 1000)")
    for node in others:
        wait_for(lambda n=node: n.psql("select to_regclass('t') is not null") == "t", 10, "the standbys to have it")
        expect(node.psql("select count(*) from t") == "1000", "all of it")
        used = leader.psql(f"select active from pg_replication_slots where slot_name = '{node.name}'")
        expect(used == "t", f"the slot of {node.name} is in use")
    nothing_waits(lab)


@case
def switchover(lab):
    """a switchover: the old leader follows; the third is restarted, since 12 can be told so at a start only"""
    leader, (target, third) = standbys(lab)
    before = started(third)
    with lab.client(via="vip") as client:
        leader.sh(["palisadectl", "switchover", "--candidate", target.name, "--force"])
        outage = client.wait_outage()
    expect(healthy(lab).name == target.name, f"{target.name} leads")
    expect(client.report.missing == 0, f"no acknowledged row is missing, {client.report.missing} are")
    expect(started(third) != before, f"{third.name} was restarted")
    expect(third.journal().count(f"fast stop: {BY_START}") == 1, "once")
    for node in (leader, third):
        conninfo = node.psql("show primary_conninfo")
        expect(f"host={target.address.v4} " in conninfo, f"{node.name} follows {target.name}: {conninfo}")
        expect("pg_rewind brought us back" not in node.journal(), "nobody had to be rewound")
    nothing_waits(lab)
    return f"outage {outage.seconds:.2f} s"


@case
def a_leader_of_the_pause(lab):
    """a switchover in pause restarts nobody: the third follows the new leader after resume"""
    leader, (target, third) = standbys(lab)
    before = started(third)
    leader.sh(["palisadectl", "pause", "--wait"], 60)
    try:
        leader.sh(["palisadectl", "switchover", "--candidate", target.name, "--force"], 60)
        wait_for(lambda: lab.leader() and lab.leader().name == target.name, 30, f"{target.name} to lead")
        wait_for(lambda: third.rest("/patroni")[1].get("timeline") == target.rest("/patroni")[1]["timeline"], 30,
                 f"{third.name} to have the new timeline, from its old leader")  # fmt: skip
        expect(started(third) == before, f"{third.name} runs on")
    finally:
        leader.sh(["palisadectl", "resume", "--wait"], 60)
    wait_for(lambda: f"host={target.address.v4} " in third.psql("show primary_conninfo"), 30, "it to follow")
    expect(started(third) != before, "after a restart")
    healthy(lab)


@case
def restore_command_changed(lab):
    """restore_command and the slot, which 12 takes at a start only: the standbys are restarted, the leader not"""
    leader, others = standbys(lab)
    before = {n.name: started(n) for n in lab.databases}
    patch(lab, {"postgresql": {"recovery_conf": {"restore_command": "false"}}})
    for node in others:
        wait_setting(node, "restore_command", "false")
    healthy(lab)
    stayed = [n.name for n in lab.databases if started(n) == before[n.name]]
    expect(stayed == [leader.name], f"the leader alone was not restarted: {stayed}")
    nothing_waits(lab)
    patch(lab, {"postgresql": {"recovery_conf": None, "use_slots": False}})
    for node in others:
        wait_setting(node, "primary_slot_name", "")
    healthy(lab)
    patch(lab, {"postgresql": {"use_slots": True}})
    for node in others:
        wait_setting(node, "primary_slot_name", node.name)
    expect(healthy(lab).name == leader.name, "the leader stays")
    expect(started(leader) == before[leader.name], "and was never restarted")


@case
def failover_and_rewind_by_the_archive(lab):
    """power loss of the leader: another leads, and pg_rewind of 12 gets from the archive what WAL it lacks"""
    archive_and_restore(lab)
    old, others = standbys(lab)
    for node in others:
        wait_setting(node, "restore_command", "cp /var/lib/postgresql/archived/%f %p")
    healthy(lab)
    log = rewind_by_the_archive(lab, old, others[0], DATA)
    expect("crash recovery in single-user mode" in log, "its recovery was ended first")
    nothing_waits(lab)
