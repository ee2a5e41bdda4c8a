"""What PostgreSQL is configured with: wrong values, what waits for a restart, lost files, tags, other program names."""

import json

from harness import LabError, Options, Suite, expect, healthy, wait_for

SUITE = Suite("parameters", Options(nodes=3, ttl=5, loop_wait=1, retry_timeout=1))
case = SUITE.case
CONFIG = "/etc/palisade/main.yml"
DATA = "/var/lib/postgresql/15/main"
BIN = "/usr/lib/postgresql/15/bin"


def others(lab, node):
    return [n for n in lab.databases if n.name != node.name]


def now(node):
    return node.sh(["date", "+%F %T"]).stdout.strip()


def patch(lab, parameters=None, **postgresql):
    section = {**postgresql, **({"parameters": parameters} if parameters else {})}
    code, body = lab.leader().rest("/config", "PATCH", {"postgresql": section}, timeout=10)
    expect(code == 200, f"the configuration is changed: {code} {body}")


def is_set(node, name, value):
    def shows():
        try:
            return node.psql(f"show {name}") == value
        except LabError:
            return False
    wait_for(shows, 30, f"{name} to be {value} on {node.name}")


def edit(node, text):
    """Replaces its configuration file and has it read; what stood there before is returned."""
    before = node.read(CONFIG)
    node.write(CONFIG, text, 0o640, "postgres", "palisade-config")
    node.sh(["palisadectl", "reload", node.name, "--force"])
    return before


def member(lab, node):
    return json.loads(lab.etcd.get(f"/service/main/members/{node.name}"))


@case
def wrong_values(lab):
    """a value the server does not take, and a name it does not know: told with the key, left out, the rest in force"""
    leader = healthy(lab)
    node = others(lab, leader)[0]
    since = now(node)
    patch(lab, {"work_mem": "lots", "wrok_mem": "1MB", "random_page_cost": 1.5})
    is_set(node, "random_page_cost", "1.5")
    journal = node.journal("-u", "palisade-pgd@main", "--since", since)
    expect("work_mem" in journal and "wrok_mem" in journal, f"both are told: {journal[-800:]}")
    expect(node.rest("/restart", "POST", {}, timeout=60)[0] == 200, "it starts all the same")
    is_set(node, "random_page_cost", "1.5")
    patch(lab, {"work_mem": None, "wrok_mem": None, "random_page_cost": None})
    healthy(lab)


@case
def pending_restart(lab):
    """a parameter that needs a restart: shown with old and new value, in force after restart --pending, gone then"""
    leader = healthy(lab)
    patch(lab, {"max_connections": 133})
    for node in lab.databases:
        wait_for(lambda node=node: member(lab, node).get("pending_restart"), 30, f"{node.name} to tell")
        reason = member(lab, node)["pending_restart_reason"]
        expect(reason == {"max_connections": {"old_value": "100", "new_value": "133"}}, str(reason))
        expect(node.rest("/patroni")[1].get("pending_restart") is True, "GET /patroni says so")
    text = leader.sh(["palisadectl", "list", "--format", "tsv"]).stdout
    expect(text.count("max_connections: 100->133") == 3, text)
    text = leader.sh(["palisadectl", "restart", "--pending", "--force"], 120).stdout
    expect(text.count("Success: restart on member") == 3, text)
    for node in lab.databases:
        is_set(node, "max_connections", "133")
        wait_for(lambda node=node: "pending_restart" not in member(lab, node), 30, "it to be gone")
    patch(lab, {"max_connections": None})
    wait_for(lambda: member(lab, leader).get("pending_restart"), 30, "the way back to be pending")
    leader.sh(["palisadectl", "restart", "--force"], 120)
    healthy(lab)


@case
def recovery_that_waits(lab):
    """max_connections raised, and the leader restarted first: a standby, whose recovery PostgreSQL pauses then, is restarted by itself"""
    leader = healthy(lab)
    since = now(leader)
    patch(lab, {"max_connections": 144})
    for node in lab.databases:
        wait_for(lambda node=node: member(lab, node).get("pending_restart"), 30, f"{node.name} to tell")
    expect(leader.rest("/restart", "POST", {}, timeout=60)[0] == 200, "the leader is restarted")
    for node in lab.databases:
        is_set(node, "max_connections", "144")
        wait_for(lambda node=node: "pending_restart" not in member(lab, node), 30, "nothing to be pending")
    told = [n.name for n in others(lab, leader) if "recovery is paused until" in n.journal("--since", since)]
    expect(len(told) == 2, f"both standbys were restarted for it: {told}")
    healthy(lab)
    patch(lab, {"max_connections": None})
    for _ in range(2):  # a standby may have no less than its primary
        leader.sh(["palisadectl", "restart", "--pending", "--force"], 120, check=False)
    is_set(leader, "max_connections", "100")
    healthy(lab)


@case
def lost_files(lab):
    """postgresql.conf, pg_hba.conf and pg_ident.conf are gone while it is stopped: it starts with what they were"""
    node = others(lab, healthy(lab))[0]
    names = "postgresql.conf pg_hba.conf pg_ident.conf"
    hba = node.sh(f"cat {DATA}/pg_hba.conf").stdout
    node.systemctl("stop", "palisade@main.target", timeout=120)
    node.sh(f"cd {DATA} && ls postgresql.conf.backup pg_hba.conf.backup && rm {names}")
    node.systemctl("start", "palisade@main.target")
    healthy(lab)
    expect(node.sh(f"cat {DATA}/pg_hba.conf").stdout == hba, "pg_hba.conf is what it was")


@case
def permissions(lab):
    """a data directory that its group may read: so are the files written there"""
    node = others(lab, healthy(lab))[0]
    node.sh(f"find {DATA} -type d -exec chmod 750 {{}} + ; find {DATA} -type f -exec chmod 640 {{}} +")
    patch(lab, {"work_mem": "5MB"})
    is_set(node, "work_mem", "5MB")
    modes = node.sh(f"cd {DATA} && stat -c %a postgresql.conf pg_hba.conf patroni.dynamic.json").stdout.split()
    expect(modes == ["640"] * 3, f"the group may read them: {modes}")
    patch(lab, {"work_mem": None})
    is_set(node, "work_mem", "4MB")


@case
def tags_reloaded(lab):
    """tags, the user's own too, change with a reload: in the member key and in GET /patroni"""
    node = others(lab, healthy(lab))[0]
    before = edit(node, node.read(CONFIG) + "\ntags:\n  nofailover: true\n  rack: b7\n")
    wanted = {"nofailover": True, "rack": "b7"}
    wait_for(lambda: member(lab, node).get("tags") == wanted, 15, "the member key to have them")
    wait_for(lambda: node.rest("/patroni")[1].get("tags") == wanted, 15, "GET /patroni to have them")
    edit(node, before)
    wait_for(lambda: not member(lab, node).get("tags"), 15, "they to be gone")


@case
def logging(lab):
    """log: the level follows a reload; heartbeats are told where they are asked for; what counts for nothing is told once"""
    node = others(lab, healthy(lab))[0]

    def lines(since, *more):
        return node.journal("-o", "cat", "--since", since, *more).splitlines()

    def debug(since):
        return [line for unit in ("palisaded@main", "palisade-pgd@main", "palisade-dcsd@main")
                for line in lines(since, "-u", unit, "-p", "debug..debug")]  # fmt: skip

    since = now(node)
    expect(not debug("-1h"), "no line of debug before")
    text = node.read(CONFIG) + "\nlog:\n  level: DEBUG\n  deduplicate_heartbeat_logs: false\n  format: '%(message)s'\n" \
        "  max_queue_size: 77\n"  # fmt: skip
    before = edit(node, text)
    wait_for(lambda: debug(since), 30, "lines of debug")
    wait_for(lambda: sum("[no action. I am" in line for line in lines(since)) > 2, 30, "heartbeats")
    number = text.splitlines().index("log:") + 4
    for key, at, what in (("format", number, "the journal has a form"), ("max_queue_size", number + 1, "there is no queue")):
        told = [line for line in lines(since, "-p", "warning") if f"log.{key}" in line]
        expect(len(told) == 1 and f"{CONFIG}:{at}: " in told[0] and what in told[0], f"{key} is told once: {told}")
    edit(node, before)
    wait_for(lambda: "read " + CONFIG + " again" in "\n".join(lines(since)), 30, "the reload")
    node.sh(["sleep", "1.1"])  # --since counts whole seconds
    since = now(node)
    node.sh(["sleep", "3"])
    expect(not debug(since) and "[no action. I am" not in "\n".join(lines(since)), "quiet again")


@case
def other_program_names(lab):
    """bin_name: a server whose program is called edb-postgres"""
    node = others(lab, healthy(lab))[0]
    node.sh(f"cp {BIN}/postgres {BIN}/edb-postgres")
    section = "\npostgresql:\n"
    before = edit(node, node.read(CONFIG).replace(section, section + "  bin_name:\n    postgres: edb-postgres\n", 1))
    try:
        node.systemctl("restart", "palisade-pgd@main")
        expect(node.rest("/restart", "POST", {}, timeout=60)[0] == 200, "restarted")
        pid = node.sh(f"head -1 {DATA}/postmaster.pid").stdout.strip()
        expect(node.sh(f"readlink /proc/{pid}/exe").stdout.strip() == f"{BIN}/edb-postgres", "it is that program")
        healthy(lab)
    finally:
        edit(node, before)
        node.systemctl("restart", "palisade-pgd@main")
    node.rest("/restart", "POST", {}, timeout=60)
    healthy(lab)


def slots(node):
    return node.psql("select slot_name from pg_replication_slots order by 1").split()


def config(lab, **values):
    code, body = lab.leader().rest("/config", "PATCH", values, timeout=10)
    expect(code == 200, f"the configuration is changed: {code} {body}")


@case
def permanent_slots(lab):
    """a permanent slot on every node, moved there as on the leader; after a switchover it is where it was; then dropped"""
    leader = healthy(lab)
    config(lab, slots={"archive": {"type": "physical"}})
    for node in lab.databases:
        wait_for(lambda node=node: "archive" in slots(node), 30, f"{node.name} to have it")
    leader.psql("create table moved as select generate_series(1, 10000)")
    leader.psql("select pg_replication_slot_advance('archive', pg_current_wal_lsn())")
    lsn = leader.psql("select restart_lsn from pg_replication_slots where slot_name = 'archive'")
    for node in others(lab, leader):
        ask = f"select restart_lsn >= '{lsn}' from pg_replication_slots where slot_name = 'archive'"
        wait_for(lambda node=node, ask=ask: node.psql(ask) == "t", 30, f"{node.name} to move it to {lsn}")
    new = others(lab, leader)[0]
    leader.rest("/switchover", "POST", {"leader": leader.name, "candidate": new.name}, timeout=60)
    expect("archive" in slots(healthy(lab)), "the new leader has it")
    config(lab, slots=None)
    for node in lab.databases:
        wait_for(lambda node=node: "archive" not in slots(node), 30, f"{node.name} to drop it")
    lab.leader().psql("drop table moved")


@case
def slots_of_who_left(lab):
    """a member that is gone: its slot is kept for member_slots_ttl, by a new leader too, but not one that ignore_slots names"""
    leader = healthy(lab)
    gone, new = others(lab, leader)
    config(lab, member_slots_ttl=12)
    gone.systemctl("stop", "palisade@main.target", timeout=120)
    wait_for(lambda: not lab.etcd.get(f"/service/main/members/{gone.name}"), 30, "its key to end")
    wait_for(lambda: gone.name in json.loads(lab.etcd.get("/service/main/status")).get("retain_slots", []), 15,
             "/status to tell")  # fmt: skip
    new.systemctl("restart", "palisade-pgd@main")  # it has seen nobody
    leader.rest("/switchover", "POST", {"leader": leader.name, "candidate": new.name}, timeout=60)
    expect(lab.wait_leader(30, other_than=leader).name == new.name, f"{new.name} leads")
    expect(gone.name in slots(new), "its slot is there")
    wait_for(lambda: gone.name not in slots(new), 60, "it to be dropped in time")
    gone.systemctl("start", "palisade@main.target")
    healthy(lab)
    wait_for(lambda: gone.name in slots(new), 30, "it to be made again")
    config(lab, ignore_slots=[{"name": gone.name, "type": "physical"}], member_slots_ttl=2)
    gone.systemctl("stop", "palisade@main.target", timeout=120)
    wait_for(lambda: not lab.etcd.get(f"/service/main/members/{gone.name}"), 30, "its key to end")
    new.sh(["sleep", "6"])
    expect(gone.name in slots(new), "it is left alone")
    config(lab, ignore_slots=None, member_slots_ttl=None)
    gone.systemctl("start", "palisade@main.target")
    healthy(lab)


@case
def spoilt_slots(lab):
    """a slot whose WAL is gone is made again; one in use that nobody wants any more is left, and dropped when it is free"""
    leader = healthy(lab)
    config(lab, slots={"frail": None, "busy": None},
           postgresql={"parameters": {"max_slot_wal_keep_size": "1MB", "wal_keep_size": "16MB"}})  # fmt: skip
    wait_for(lambda: {"frail", "busy"} <= set(slots(leader)), 30, "both to be there")
    wait_for(lambda: leader.psql("show max_slot_wal_keep_size") == "1MB", 30, "the limit to be in force")
    ask = "select restart_lsn > '{}' from pg_replication_slots where slot_name = 'frail'"
    ask = ask.format(leader.psql("select restart_lsn from pg_replication_slots where slot_name = 'frail'"))
    leader.psql("create table filler (t text)")
    for _ in range(4):
        leader.psql("insert into filler select repeat('x', 100) from generate_series(1, 20000); select pg_switch_wal()")
    leader.psql("checkpoint")
    wait_for(lambda: leader.psql(ask) == "t", 30, "the lost slot to be made again")
    leader.sh("systemd-run --quiet --unit=receive --uid=postgres -p RuntimeDirectory=receive "
              "-E PGPASSWORD=replicator-secret "
              f"{BIN}/pg_receivewal --slot busy -D /run/receive -h 127.0.0.1 -U replicator")  # fmt: skip
    wait_for(lambda: leader.psql("select active from pg_replication_slots where slot_name = 'busy'") == "t", 30,
             "the slot to be used")  # fmt: skip
    leader.sh(["sleep", "1.1"])  # --since counts whole seconds, and it was made in this one
    since = now(leader)
    config(lab, slots=None, postgresql={"parameters": {"max_slot_wal_keep_size": None, "wal_keep_size": None}})
    wait_for(lambda: "frail" not in slots(leader), 30, "the free one to go")
    leader.sh(["sleep", "3"])
    expect("busy" in slots(leader), "the one in use stays")
    told = leader.journal("-u", "palisade-pgd@main", "--since", since).count("replication slot busy")
    expect(told == 0, f"and is not tried again and again: {told}")
    leader.sh(["systemctl", "stop", "receive"])
    wait_for(lambda: "busy" not in slots(leader), 30, "it to go when it is free")
    leader.psql("drop table filler")
