"""Permanent logical slots: made, copied and moved; what their readers get after a failover; and whatever goes wrong."""

import json
import os
import time

from harness import LabError, Options, Suite, expect, healthy, wait_for
from parameters import config, is_set, others, slots

SUITE = Suite("logical", Options(nodes=3, ttl=5, loop_wait=1, retry_timeout=1))
case = SUITE.case
DATA = "/var/lib/postgresql/15/main"
FEED = {"type": "logical", "database": "app", "plugin": "test_decoding"}


def since(node):
    """An instant that journal() takes: it counts whole seconds."""
    node.sh(["sleep", "1.1"])
    return node.sh(["date", "+%F %T"]).stdout.strip()


def told(node, start):
    return node.journal("-u", "palisade-pgd@main", "-o", "cat", "--since", start)


def tells(node, start, text, timeout=30):
    wait_for(lambda: text in told(node, start), timeout, f"{node.name} to tell: {text}")


def parameters(lab, **values):
    config(lab, postgresql={"parameters": values})


def slot(node, what, name="feed"):
    """Empty where there is none, or nobody to ask."""
    try:
        return node.psql(f"select {what} from pg_replication_slots where slot_name = '{name}'")
    except LabError:
        return ""


def has_moved(node, lsn, timeout=60):
    wait_for(lambda: slot(node, f"confirmed_flush_lsn >= '{lsn}'") == "t", timeout, f"{node.name} to move it to {lsn}")


def write(node, first, last):
    node.psql(f"insert into events select generate_series({first}, {last})", dbname="app")


def read(node, seen, most="null"):
    """What the slot's reader gets now, and confirms; the position it has come to."""
    got = node.psql(f"select data from pg_logical_slot_get_changes('feed', null, {most})", 30, "app")
    seen += [int(line.split(":")[-1]) for line in got.splitlines() if ": INSERT:" in line]
    return slot(node, "confirmed_flush_lsn")


def in_background(node, name, sql, dbname="app"):
    node.sh(["systemd-run", "--quiet", f"--unit={name}", "--uid=postgres", "psql", "-X", "-d", dbname, "-c", sql])


def pid_of(node, query):
    sql = f"select pid from pg_stat_activity where query like '%{query}%' and pid <> pg_backend_pid()"
    return node.psql(sql)


def switchover(lab, leader, new):
    at = time.monotonic()
    code, body = leader.rest("/switchover", "POST", {"leader": leader.name, "candidate": new.name}, timeout=60)
    expect(code == 200, f"the switchover: {code} {body}")
    expect(lab.wait_leader(30, other_than=leader).name == new.name, f"{new.name} leads")
    return time.monotonic() - at


def restart(lab):
    """One after another: a replica whose leader restarts is busy for a moment."""
    for node in lab.databases:
        code, body = node.rest("/restart", "POST", {}, timeout=60)
        expect(code == 200, f"{node.name} is restarted: {code} {body}")
        healthy(lab)


def fed(lab):
    """A cluster whose every node has the slot `feed` of the database `app`, safe on standbys; its leader."""
    leader = healthy(lab)
    if "app" not in leader.psql("select datname from pg_database").split():
        leader.psql("create database app")
        leader.psql("create table events (n int)", dbname="app")
    leader.psql("truncate events", dbname="app")
    config(lab, slots={"feed": FEED})
    if leader.psql("show wal_level") != "logical":
        wait_for(lambda: json.loads(lab.etcd.get(f"/service/main/members/{leader.name}")).get("pending_restart"), 30,
                 "wal_level to be raised")  # fmt: skip
        restart(lab)
    for node in lab.databases:
        wait_for(lambda node=node: slot(node, "slot_name"), 60, f"{node.name} to have it")
    leader = healthy(lab)
    lsn = read(leader, [])
    for node in others(lab, leader):
        has_moved(node, lsn)
        start = since(node)
        node.systemctl("restart", "palisade-pgd@main")  # it has to find out anew
        tells(node, start, "logical slot feed is safe", 60)
    return leader


@case
def copied_and_moved(lab):
    """made on the primary, copied to standbys, moved there; its reader goes on after a switchover; wal_level and feedback follow"""
    leader = healthy(lab)
    expect(leader.psql("show wal_level") == "replica", "it begins without")
    start = since(leader)
    leader = fed(lab)
    for node in lab.databases:
        is_set(node, "wal_level", "logical")
        is_set(node, "hot_standby_feedback", "on")
    seen = []
    write(leader, 1, 1000)
    lsn = read(leader, seen)
    expect(seen == list(range(1, 1001)), "the reader on the primary gets all")
    for node in others(lab, leader):
        has_moved(node, lsn)
    status = json.loads(lab.etcd.get("/service/main/status"))["slots"]["feed"]
    high, low = (int(half, 16) for half in lsn.split("/"))
    expect(status >= (high << 32) + low, f"/status says how far it is: {status}, {lsn}")
    new, third = others(lab, leader)
    third.psql("select pg_drop_replication_slot('feed')")
    write(leader, 1001, 2000)  # not read before the switchover
    switchover(lab, leader, new)
    write(new, 2001, 3000)
    expect("unsafe" not in told(new, start), "it is no unsafe one")
    lsn = read(new, seen)
    expect(seen[-1000:] == list(range(2001, 3001)), "the reader on the new primary goes on")
    expect(sorted(set(seen)) == list(range(1, 3001)), f"no change is lost: {len(set(seen))}")
    expect(len(seen) < 3500, f"and none comes again that was long confirmed: {len(seen)}")
    for node in (leader, third):  # the one of before, and the one that was without
        has_moved(node, lsn, 90)
    config(lab, slots=None)
    for node in lab.databases:
        wait_for(lambda node=node: "feed" not in slots(node), 30, f"{node.name} to drop it")
        is_set(node, "hot_standby_feedback", "off")
    restart(lab)
    is_set(lab.leader(), "wal_level", "replica")


@case
def after_power_loss(lab):
    """the primary loses power: the reader gets every change from the new one, and again only those of the last seconds"""
    leader = fed(lab)
    seen = []
    write(leader, 1, 500)
    write(leader, 501, 1000)
    lsn = read(leader, seen, 500)
    for node in others(lab, leader):
        has_moved(node, lsn)
    long_confirmed = len(seen)
    read(leader, seen)
    write(leader, 1001, 1500)
    last = leader.psql("select pg_current_wal_lsn()")
    for node in others(lab, leader):
        wait_for(lambda node=node: node.psql(f"select pg_last_wal_replay_lsn() >= '{last}'") == "t", 20, "the rows")
    leader.kill()
    new = lab.wait_leader(30, other_than=leader)
    write(new, 1501, 2000)
    again = []
    lsn = read(new, again)
    expect(again == sorted(again) and set(again) | set(seen) == set(range(1, 2001)), f"no change is lost: {again[:3]}")
    expect(again[0] > long_confirmed, f"what was confirmed before the standbys moved does not come again: {again[:3]}")
    leader.boot()
    healthy(lab)
    for node in others(lab, new):
        has_moved(node, lsn, 120)


@case
def hanging(lab):
    """one cannot be made for a transaction that is open, one cannot be moved for a lock: told, and nothing else waits for it"""
    leader = fed(lab)
    start = since(leader)
    standby = others(lab, leader)[0]
    in_background(leader, "open", "begin; select txid_current(), pg_sleep(600)")
    wait_for(lambda: leader.psql("select pid from pg_stat_activity where backend_xid is not null and query like '%sleep(600)'"),
             10, "the transaction to be open")  # fmt: skip
    config(lab, slots={"late": FEED, "plain": {"type": "physical"}})
    tells(leader, start, "logical replication slot late is still being made")
    wait_for(lambda: "plain" in slots(leader) and "plain" in slots(standby), 10, "the physical one to be there")
    write(leader, 1, 100)
    lsn = read(leader, [])
    has_moved(standby, lsn, 15)
    took = switchover(lab, leader, standby)
    expect(took < 6, f"a switchover waits for nobody: {took:.1f} s")
    healthy(lab)
    leader, standby = standby, leader
    for node in lab.databases:
        wait_for(lambda node=node: "late" in slots(node), 60, f"{node.name} to have it")

    wait_for(lambda: slot(leader, "confirmed_flush_lsn is not null", "late") == "t", 60, "it to be made")
    start = since(leader)
    in_background(leader, "lock", "begin; lock table pg_class in access exclusive mode; "
                  "select pg_switch_wal(); select pg_sleep(2); "  # standbys have the lock, too
                  "select pg_replication_slot_advance('feed', pg_current_wal_lsn()), pg_sleep(600)")  # fmt: skip
    tells(standby, start, "logical replication slot feed cannot be moved: no connection in time")
    third = next(node for node in others(lab, leader) if node.name != standby.name)
    at = time.monotonic()
    third.systemctl("stop", "palisade@main.target", timeout=60)
    took = time.monotonic() - at
    expect(took < 10, f"a stop waits for nobody: {took:.1f} s")
    at = time.monotonic()
    leader.kill()
    expect(lab.wait_leader(30, other_than=leader).name == standby.name, f"{standby.name} leads")
    took = time.monotonic() - at
    expect(took < 12, f"a promotion waits for nobody: {took:.1f} s")
    third.systemctl("start", "palisade@main.target")
    leader.boot()
    healthy(lab)
    config(lab, slots={"late": None, "plain": None})
    config(lab, slots=None)


@case
def frozen(lab):
    """a backend that is frozen while a standby stops for a copy, a reader that is frozen at a switchover: neither lasts"""
    leader = fed(lab)
    standby, third = others(lab, leader)
    start = since(standby)
    in_background(standby, "idle", "select pg_sleep(600)")
    wait_for(lambda: pid_of(standby, "pg_sleep"), 10, "it to run")
    pid = pid_of(standby, "pg_sleep")
    standby.sh(["kill", "-STOP", pid])
    standby.psql("select pg_drop_replication_slot('feed')")
    tells(standby, start, "the fast stop took too long: immediate stop")
    at = time.monotonic()
    wait_for(lambda: slot(standby, "slot_name"), 30, "the copy")
    took = time.monotonic() - at
    expect(took < 10, f"the stop goes on: {took:.1f} s")
    healthy(lab)

    leader.sh("systemd-run --quiet --unit=reader --uid=postgres "
              "/usr/lib/postgresql/15/bin/pg_recvlogical -d app --slot feed --start -f /dev/null")  # fmt: skip
    wait_for(lambda: slot(leader, "active") == "t", 15, "the reader")
    leader.sh(["systemctl", "kill", "-s", "STOP", "reader"])
    write(leader, 1, 1000)
    took = switchover(lab, leader, third)
    expect(took < 8, f"a switchover waits for no reader: {took:.1f} s")
    leader.sh(["systemctl", "kill", "-s", "KILL", "reader"])
    healthy(lab)


@case
def spoilt(lab):
    """the WAL of one is gone on the primary, then on a standby: told, made or copied again, and the rest goes on"""
    leader = fed(lab)
    start = since(leader)
    parameters(lab, max_slot_wal_keep_size="1MB", wal_keep_size="16MB")
    for node in lab.databases:
        is_set(node, "max_slot_wal_keep_size", "1MB")
    before = slot(leader, "restart_lsn")
    for _ in range(6):
        leader.psql("insert into events select generate_series(1, 50000); select pg_switch_wal()", 30, "app")
    leader.psql("checkpoint")
    tells(leader, start, "dropped replication slot feed: it has lost its WAL: its reader gets nothing of what was changed")
    wait_for(lambda: slot(leader, f"restart_lsn > '{before}'") == "t", 30, "it to be made again")
    for node in others(lab, leader):
        node.psql("checkpoint")
    parameters(lab, max_slot_wal_keep_size=None, wal_keep_size=None)
    healthy(lab)
    write(leader, 1, 100)
    seen = []
    lsn = read(leader, seen)
    expect(seen[-100:] == list(range(1, 101)), "its reader goes on")
    for node in others(lab, leader):
        has_moved(node, lsn, 90)

    standby = others(lab, leader)[0]
    start = since(standby)
    segment = int(slot(standby, "restart_lsn - '0/0'")) // (16 << 20)
    last = leader.psql("select pg_switch_wal(); create table behind (n int); select pg_current_wal_lsn()").split()[-1]
    wait_for(lambda: standby.psql(f"select pg_last_wal_replay_lsn() >= '{last}'") == "t", 20, "WAL behind that segment")
    standby.sh(f"rm {DATA}/pg_wal/????????{segment >> 8:08X}{segment & 255:08X}")
    write(leader, 101, 200)
    read(leader, seen)
    tells(standby, start, "logical replication slot feed cannot be moved: ERROR:  requested WAL segment")
    tells(standby, start, "dropped, it is copied again")
    tells(standby, start, "feed is not copied from " + leader.name + ": the WAL that it needs is no longer here")

    def reader_goes_on():  # the slot lets go of that segment when a snapshot behind it was confirmed
        leader.psql("select pg_switch_wal()")
        leader.psql("checkpoint")
        read(leader, seen)
        return int(slot(leader, "restart_lsn - '0/0'")) // (16 << 20) > segment

    wait_for(reader_goes_on, 30, "the slot on the primary to go on")
    leader.psql("drop table behind")
    has_moved(standby, slot(leader, "confirmed_flush_lsn"), 120)
    healthy(lab)


@case
def impossible(lab):
    """a plugin that is not there, a database that is not there any more: told once, the others are moved; it comes back with it"""
    leader = fed(lab)
    start = since(leader)
    config(lab, slots={"odd": {**FEED, "plugin": "no_such"}, "even": {**FEED, "database": "nowhere"}})
    tells(leader, start, "logical replication slot odd cannot be made: ERROR: ")
    tells(leader, start, 'logical replication slot even cannot be made: connection to server')
    standby = others(lab, leader)[0]
    for first in (1, 101, 201):
        write(leader, first, first + 99)
        has_moved(standby, read(leader, []), 15)
    leader.sh(["sleep", "5"])
    counts = [told(leader, start).count(f"slot {name} cannot") for name in ("odd", "even")]
    expect(counts == [1, 1], f"once: {counts}")
    config(lab, slots={"odd": None, "even": None})
    config(lab, slots={"feed": FEED})

    start = since(leader)
    leader.psql("drop database app")
    tells(leader, start, "logical replication slot feed cannot be made")
    for node in lab.databases:
        wait_for(lambda node=node: "feed" not in slots(node), 15, f"{node.name} to be without")
    healthy(lab)
    leader = fed(lab)
    seen = []
    write(leader, 1, 100)
    read(leader, seen)
    expect(seen == list(range(1, 101)), "it is there again")


def half_made(node, folder):
    """As far as a copy may have come when its node lost power."""
    node.write(f"{folder}/state", "half", 0o600, "postgres")
    owner = os.stat(f"{node.root}{DATA}")
    os.chown(f"{node.root}{folder}", owner.st_uid, owner.st_gid)


@case
def copies_cut_short(lab):
    """a standby loses power, and another one its pgd, while it is stopped for a copy; and one has no room: none is lost"""
    leader = fed(lab)
    first, second = others(lab, leader)
    stops = "fast stop: logical slots are copied from the primary"

    start = since(first)
    first.psql("select pg_drop_replication_slot('feed')")
    tells(first, start, stops)
    first.kill()
    folder = f"{DATA}/pg_replslot"
    half_made(first, f"{folder}/feed.tmp")
    first.boot()
    wait_for(lambda: slot(first, "slot_name"), 90, "the copy after the power loss")
    healthy(lab)
    expect(not first.sh(f"ls -d {folder}/*.tmp", check=False).stdout, "nothing half made is left")

    start = since(second)
    second.psql("select pg_drop_replication_slot('feed')")
    tells(second, start, stops)
    second.systemctl("kill", "-s", "KILL", "palisade-pgd@main")
    wait_for(lambda: slot(second, "slot_name"), 90, "the copy after the end of pgd")
    healthy(lab)

    start = since(first)
    born = first.psql("select pg_postmaster_start_time()")
    first.sh("runuser -u postgres -- psql -Xq -c \"select pg_drop_replication_slot('feed')\" && "
             f"mkdir {folder}/feed.tmp && touch {folder}/feed.tmp/state")  # root's
    tells(first, start, "logical replication slot feed is not copied from " + leader.name + ": Permission denied", 60)
    expect(first.psql("select pg_postmaster_start_time()") == born, "it is not stopped for what it cannot write")
    first.sh(f"rm -r {folder}/feed.tmp")
    wait_for(lambda: slot(first, "slot_name"), 90, "the copy when it can be written")
    healthy(lab)

    room = int(first.psql("show max_replication_slots")) - len(slots(first)) + 1
    start = since(first)
    first.psql("select pg_drop_replication_slot('feed')")
    first.psql(f"select pg_create_physical_replication_slot('users' || n) from generate_series(1, {room}) n")
    born = first.psql("select pg_postmaster_start_time()")
    tells(first, start, "max_replication_slots has no room", 60)
    first.sh(["sleep", "3"])
    expect(first.psql("select pg_postmaster_start_time()") == born, "it is not stopped for what it cannot have")
    first.psql(f"select pg_drop_replication_slot('users' || n) from generate_series(1, {room}) n")
    wait_for(lambda: slot(first, "slot_name"), 90, "the copy when there is room")
    healthy(lab)


def configure(node, text):
    node.write("/etc/palisade/main.yml", text, 0o640, "postgres", "palisade-config")
    node.sh(["palisadectl", "reload", node.name, "--force"])


@case
def feedback(lab):
    """hot_standby_feedback where copies are and in between; without it a copy is no safe one; nobody's xmin stays behind"""
    leader = fed(lab)
    between, last = others(lab, leader)
    tags = {between: "nofailover: true", last: f"replicatefrom: {between.name}"}
    before = {node: node.read("/etc/palisade/main.yml") for node in tags}
    try:
        for node, tag in tags.items():
            configure(node, f"{before[node]}\ntags:\n  {tag}\n")
        wait_for(lambda: "feed" not in slots(between), 60, "the one that cannot lead to be without")
        wait_for(lambda: between.psql("select application_name from pg_stat_replication") == last.name, 30, "the chain")
        is_set(between, "hot_standby_feedback", "on")
        wait_for(lambda: slot(leader, "catalog_xmin is not null", between.name) == "t", 30, "feedback by way of it")
        wait_for(lambda: slot(last, "slot_name"), 30, "the last one to keep it")
        has_moved(last, read(leader, []))
    finally:
        for node in tags:
            configure(node, before[node])
    wait_for(lambda: slot(between, "slot_name"), 90, "the copy there")
    leader = healthy(lab)

    start = since(last)
    try:
        last.psql("alter system set hot_standby_feedback = off")
        last.psql("select pg_reload_conf()")
        is_set(last, "hot_standby_feedback", "off")
        last.systemctl("restart", "palisade-pgd@main")
        tells(last, start, f"no feedback arrives at slot {last.name} of the primary", 60)
        switchover(lab, leader, last)
        tells(last, start, "logical replication slots that may be unsafe to use after the promotion: feed")
    finally:
        last.psql("alter system reset hot_standby_feedback")
        last.psql("select pg_reload_conf()")
    healthy(lab)
    for node in others(lab, last):
        wait_for(lambda node=node: node.psql("select count(*) from pg_replication_slots where slot_type = 'physical'"
                                             " and xmin is not null") == "0", 30, f"no xmin of nobody on {node.name}")  # fmt: skip


@case
def paused(lab):
    """in pause slots are made and moved, none is dropped, nothing is stopped for a copy"""
    leader = fed(lab)
    standby, third = others(lab, leader)
    leader.sh(["palisadectl", "pause", "--wait"], 60)
    try:
        third.psql("select pg_drop_replication_slot('feed')")
        born = third.psql("select pg_postmaster_start_time()")
        write(leader, 1, 100)
        has_moved(standby, read(leader, []), 15)
        config(lab, slots={"plain": {"type": "physical"}})
        for node in lab.databases:
            wait_for(lambda node=node: "plain" in slots(node), 15, f"{node.name} to have the new one")
        third.sh(["sleep", "5"])
        expect(third.psql("select pg_postmaster_start_time()") == born, "nothing is stopped")
        config(lab, slots={"feed": None})
        leader.sh(["sleep", "3"])
        expect(slot(leader, "slot_type") == "logical", "nothing is dropped")
    finally:
        leader.sh(["palisadectl", "resume", "--wait"], 60)
    wait_for(lambda: "feed" not in slots(leader), 30, "the old one to go")
    config(lab, slots=None)
    for node in lab.databases:
        wait_for(lambda node=node: not {"feed", "plain"} & set(slots(node)), 30, f"{node.name} to drop them")


@case
def without_etcd(lab):
    """failsafe mode and no etcd: the leader tells the others where its slots are, and copies go on moving"""
    leader = fed(lab)
    config(lab, failsafe_mode=True)
    wait_for(lambda: (lab.etcd.get("/service/main/failsafe") or "").count("http") == 3, 20, "three names in /failsafe")
    lab.ask_all(lab.databases, lambda node: node.systemctl("stop", "etcd.service"))
    try:
        wait_for(lambda: leader.rest("/patroni")[1].get("failsafe_mode_is_active"), 20, "failsafe mode")
        write(leader, 1, 100)
        lsn = read(leader, [])
        for node in others(lab, leader):
            has_moved(node, lsn, 15)
    finally:
        lab.ask_all(lab.databases, lambda node: node.systemctl("start", "etcd.service"))
        lab.etcd.wait_healthy()
    wait_for(lambda: lab.etcd.get("/service/main/leader") == leader.name, 30, "the key to be taken again")
    healthy(lab)
    config(lab, failsafe_mode=None)
