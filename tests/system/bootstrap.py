"""How data directories come to be: made anew, restored, from an archive, by scripts of the user's."""

import shutil
from pathlib import Path

from harness import Options, Suite, expect, healthy, wait_for

DATA = "/var/lib/postgresql/15/main"
CONFIG = "/etc/palisade/main.yml"
CALLS = "/var/lib/postgresql/calls"
FIRST = f"""#!/bin/bash
echo "$# $PGOPTIONS" >> {CALLS}
psql -v ON_ERROR_STOP=1 -d "$2" -c "create table by_first as select current_user u, '$1' first"
"""


def begin(lab):
    for node in lab.databases:
        node.write("/usr/local/bin/first", FIRST, 0o755)
        text = node.read(CONFIG).replace("\n  initdb:\n", "\n  post_init: first 'a word'\n  initdb:\n", 1)
        write_config(node, text)
        node.systemctl("enable", "--now", "palisade@main.target")


SUITE = Suite("bootstrap", Options(nodes=2, ttl=5, loop_wait=1, retry_timeout=1, start=False), begin)
case = SUITE.case


def now(node):
    return node.sh(["date", "+%F %T"]).stdout.strip()


def replica(lab):
    leader = healthy(lab)
    return leader, next(n for n in lab.databases if n.name != leader.name)


def patch(lab, document):
    code, body = lab.leader().rest("/config", "PATCH", document)
    expect(code == 200, f"the configuration is changed: {code} {body}")


def member(node, name):
    return next((m for m in node.rest("/cluster")[1]["members"] if m["name"] == name), {})


@case
def post_init_after_initdb(lab):
    """post_init runs once, in the cluster that initdb made, before there is a leader to be reached"""
    leader, node = replica(lab)
    expect(leader.psql("select u || ' ' || first from by_first") == "postgres a word", "what it made is there")
    calls = [n.read(CALLS).splitlines() for n in (leader, node) if n.sh(f"test -e {CALLS}", check=False).returncode == 0]
    expect(calls == [["2 -c synchronous_commit=local -c statement_timeout=0"]], f"called once: {calls}")
    for n in (leader, node):
        write_config(n, n.read(CONFIG).replace("\n  post_init: first 'a word'", "", 1))
        n.sh(f"rm -f {CALLS}")


@case
def reinitialize(lab):
    """reinit: refused on the leader; its progress is seen everywhere; force begins it anew; --wait waits"""
    leader, node = replica(lab)
    code, text = leader.rest("/reinitialize", "POST", {"force": True})
    expect((code, text) == (503, "I am the leader, can not reinitialize"), f"{code} {text}")
    patch(lab, {"postgresql": {"basebackup": {"max-rate": "4M"}}})
    wait_for(lambda: "basebackup" in node.rest("/config")[1]["postgresql"], 10, "the configuration to be known")
    node.sh(f"touch {DATA}/of-before")
    before = now(node)
    code, text = node.rest("/reinitialize", "POST")
    expect((code, text) == (200, "reinitialize started"), f"{code} {text}")
    wait_for(lambda: node.rest("/patroni")[1]["state"] == "creating replica", 5, "its state to say so, after the stop")
    expect(node.rest("/replica")[0] == 503, "and nobody is sent there")
    wait_for(lambda: member(leader, node.name).get("progress", {}).get("percent", 0) > 0, 30, "progress in /cluster")
    progress = member(leader, node.name)["progress"]
    expect(progress["bytes_per_second"] > 0 and progress["total_bytes"] > progress["done_bytes"] > 0, f"{progress}")
    listed = leader.sh("palisadectl list").stdout
    expect("creating replica, " in listed and " %, " in listed, f"progress in list: {listed}")
    expect(node.rest("/patroni")[1]["progress"]["done_bytes"] > 0, "progress in /patroni")
    wait_for(lambda: "copying: " in node.journal("--since", before), 10, "progress in the journal")
    code, text = node.rest("/reinitialize", "POST", {})
    expect((code, text) == (503, "reinitialize already in progress"), f"{code} {text}")
    patch(lab, {"postgresql": {"basebackup": None}})
    wait_for(lambda: "basebackup" not in node.rest("/config")[1]["postgresql"], 10, "the configuration to be known")
    said = leader.sh(f"palisadectl reinit {node.name} --force --from-leader --wait", timeout=90).stdout
    expect(f"Success: reinitialize for member {node.name}" in said and
           f"Reinitialize is completed on: {node.name}" in said, said)  # fmt: skip
    healthy(lab)
    log = node.journal("--since", before)
    expect("clone: given up" in log and "reinitialized in" in log, "the first copy was given up, the second is told")
    expect(node.sh(f"test -e {DATA}/of-before", check=False).returncode != 0, "nothing of before is left")
    no = leader.sh("palisadectl reinit --force", check=False)
    expect(no.returncode == 2 and "its name must be given" in no.stderr, f"no name: {no.stderr}")
    no = leader.sh(f"palisadectl reinit {leader.name} --force", check=False)
    expect(no.returncode == 1, "the leader is no replica")


# ---- an archive: pgBackRest ----

REPO = "/var/lib/pgbackrest"
STANZA = "pgbackrest --stanza=main"
BACKREST = f"""[global]
repo1-path={REPO}
start-fast=y
log-level-file=off
lock-path=/tmp/pgbackrest
[main]
pg1-path={DATA}
pg1-socket-path=/var/run/postgresql
"""


def write_config(node, text):
    node.write(CONFIG, text, 0o640, "postgres", "palisade-config")


def carry_archive(source, target):
    """The archive lies on each node's own disk here; in the field it would be shared."""
    target.sh(f"rm -rf {REPO}")
    source.sh(f"tar -C {REPO} -cf /var/tmp/archive.tar .")
    target.sh(f"install -d -o postgres -g postgres {REPO}")
    shutil.copy(f"{source.root}/var/tmp/archive.tar", f"{target.root}/var/tmp/archive.tar")
    target.sh(f"tar -C {REPO} -xpf /var/tmp/archive.tar")


def archive_all(node):
    """What its primary has written so far is in its archive."""
    name = node.psql("select pg_walfile_name(pg_switch_wal())")
    wait_for(lambda: node.psql(f"select last_archived_wal >= '{name}' from pg_stat_archiver") == "t",
             30, f"the archive to have {name}")  # fmt: skip


def archive_by(lab, command):
    patch(lab, {"postgresql": {"parameters": {"archive_mode": "on", "archive_command": command}}})
    for n in lab.databases:
        wait_for(lambda n=n: "archive_mode" in n.rest("/config")[1]["postgresql"].get("parameters", {}), 10, "the change")
        wait_for(lambda n=n: n.rest("/restart", "POST", {}, timeout=60)[0] == 200, 60, f"{n.name} to be restarted")
        expect("the fast stop took too long" not in n.journal(), "an orderly restart has the time it needs")
    healthy(lab)
    wait_for(lambda: lab.leader().psql("show archive_command") == command, 30, "the command to be in force")


@case
def a_replica_from_the_archive(lab):
    """pgBackRest, really run: it archives, backs up, and makes a replica as create_replica_methods says"""
    leader, node = replica(lab)
    for n in lab.databases:
        n.write("/etc/pgbackrest.conf", BACKREST)
        n.sh(f"install -d -o postgres -g postgres {REPO}")
    archive_by(lab, f"{STANZA} archive-push %p")
    leader.psql("create table archived(n int); insert into archived values (1)")
    leader.sh(f"{STANZA} stanza-create", user="postgres", timeout=60)
    leader.sh(f"{STANZA} backup", user="postgres", timeout=120)
    leader.psql("insert into archived values (2)")
    archive_all(leader)
    carry_archive(leader, node)
    patch(lab, {"postgresql": {"create_replica_methods": ["pgbackrest", "basebackup"],
                               "recovery_conf": {"restore_command": f"{STANZA} archive-get %f %p"},
                               "pgbackrest": {"command": f"{STANZA} --delta restore", "keep_data": True,
                                              "no_params": True}}})  # fmt: skip
    wait_for(lambda: "pgbackrest" in node.rest("/config")[1]["postgresql"], 10, "the configuration to be known")
    before = now(node)
    said = node.sh(f"palisadectl reinit {node.name} --force --wait", timeout=90).stdout
    expect("completed on" in said, said)
    healthy(lab)
    log = node.journal("--since", before)
    expect(f"cloned the data directory from {leader.name} by pgbackrest" in log, "by pgBackRest, not by pg_basebackup")
    expect(node.psql("select string_agg(n::text, ',' order by n) from archived") == "1,2", "with everything")


@case
def nostream(lab):
    """the tag nostream: no walreceiver and no slot; what is archived comes by restore_command"""
    leader, node = replica(lab)
    kept = node.read(CONFIG)
    patch(lab, {"member_slots_ttl": 2})  # how long a slot outlives its need
    write_config(node, kept + "\ntags:\n  nostream: true\n")
    node.systemctl("restart", "palisade-dcsd@main", "palisaded@main", "palisade-pgd@main")
    wait_for(lambda: node.psql("select count(*) from pg_stat_wal_receiver") == "0", 30, "it to stop streaming")
    wait_for(lambda: node.rest("/patroni")[1].get("replication_state") == "in archive recovery", 30, "its state")
    expect(node.psql("show primary_conninfo") == "", "nobody to stream from")
    wait_for(lambda: leader.psql("select count(*) from pg_replication_slots") == "0", 30, "its slot to go")
    leader.psql("insert into archived values (3)")
    archive_all(leader)
    carry_archive(leader, node)
    wait_for(lambda: node.psql("select count(*) from archived where n = 3") == "1", 30, "it to come by the archive")
    leader.psql("delete from archived where n = 3")
    patch(lab, {"member_slots_ttl": None})
    write_config(node, kept)
    node.systemctl("restart", "palisade-dcsd@main", "palisaded@main", "palisade-pgd@main")
    healthy(lab)


def stop_all(lab, wipe=True):
    lab.ask_all(lab.databases, lambda node: node.systemctl("stop", "palisade@main.target", timeout=120))
    for node in lab.databases:
        wait_for(lambda node=node: node.sh("pgrep -x postgres", check=False).stdout == "", 60, "postgres to be stopped")
        if wipe:
            node.sh(["rm", "-rf", DATA])


@case
def a_replica_without_a_leader(lab):
    """no data anywhere and no leader: a no_leader method restores the cluster from the archive"""
    old, node = replica(lab)
    patch(lab, {"postgresql": {"pgbackrest": {"no_leader": True}}})
    wait_for(lambda: node.rest("/config")[1]["postgresql"]["pgbackrest"].get("no_leader"), 10, "the configuration")
    stop_all(lab)
    carry_archive(old, node)  # with what was archived last
    before = now(node)
    node.systemctl("start", "palisade@main.target")
    leader = lab.wait_leader(90)
    expect(leader.name == node.name, "the one that is there leads")
    expect("cloned the data directory from no member by pgbackrest" in node.journal("--since", before), "it says how")
    expect(node.psql("select string_agg(n::text, ',' order by n) from archived") == "1,2", "with everything")
    patch(lab, {"postgresql": {"create_replica_methods": None, "pgbackrest": None}})
    for other in lab.databases:
        if other.name != node.name:
            other.systemctl("start", "palisade@main.target")
    healthy(lab)


RESTORE = f"""#!/bin/bash
echo "restore $*" >> /var/lib/postgresql/calls
{STANZA} restore || exit
if [ -e /etc/wal-elsewhere ]; then
    rm -rf /var/lib/postgresql/wal
    mv {DATA}/pg_wal /var/lib/postgresql/wal && ln -s /var/lib/postgresql/wal {DATA}/pg_wal
fi
"""
POST = """#!/bin/bash
echo "post $# $PGOPTIONS" >> /var/lib/postgresql/calls
test -e /etc/post-is-fine || { echo no such schema >&2; exit 3; }
psql -v ON_ERROR_STOP=1 -d "$1" -c "create table by_post as select current_user, '$1' as dsn"
"""
AS_LEFT = """
  method: archive
  post_bootstrap: /usr/local/bin/post
  archive:
    command: /usr/local/bin/restore
    keep_existing_recovery_conf: true
    no_params: true
"""
BY_CONF = f"""
  method: archive
  post_init: /usr/local/bin/post
  archive:
    command: /usr/local/bin/restore
    recovery_conf:
      recovery_target_timeline: current
      restore_command: {STANZA} archive-get %f %p
"""


@case
def a_cluster_from_the_archive(lab):
    """bootstrap.method: restored by pgBackRest; a failing post_bootstrap sets it aside, links too; then it is made"""
    leader, node = replica(lab)
    kept = node.read(CONFIG)
    stop_all(lab)
    node.sh("ETCDCTL_API=3 etcdctl del --prefix /service/main/")
    for path, text in (("/usr/local/bin/restore", RESTORE), ("/usr/local/bin/post", POST)):
        node.write(path, text, 0o755)
    node.write("/etc/wal-elsewhere", "")
    write_config(node, kept.replace("bootstrap:\n", "bootstrap:" + AS_LEFT, 1))
    before = now(node)
    node.systemctl("start", "palisade@main.target")
    wait_for(lambda: "is kept as" in node.journal("--since", before), 60, "the first attempt to fail")
    node.systemctl("stop", "palisade@main.target", timeout=120)
    log = node.journal("--since", before)
    expect("the post_bootstrap script failed with code 3: no such schema" in log, "it says why")
    expect("giving up the right to" in log, "another node may try")
    where = node.sh(f"readlink -f {DATA}.failed/pg_wal").stdout.strip()
    expect(where == "/var/lib/postgresql/wal.failed", f"pg_wal was set aside too: {where}")
    expect(node.sh("pgrep -x postgres", check=False).stdout == "", "the private server is gone")
    node.sh("rm -rf /etc/wal-elsewhere; touch /etc/post-is-fine")
    node.sh("ETCDCTL_API=3 etcdctl del --prefix /service/main/")
    write_config(node, kept.replace("bootstrap:\n", "bootstrap:" + BY_CONF, 1))
    node.systemctl("start", "palisade@main.target")
    lab.wait_leader(90)
    leader.systemctl("start", "palisade@main.target")
    healthy(lab)
    calls = node.read("/var/lib/postgresql/calls").splitlines()
    expect(calls == ["restore ", "post 1 -c synchronous_commit=local -c statement_timeout=0",
                     f"restore --scope=main --datadir={DATA}",
                     "post 1 -c synchronous_commit=local -c statement_timeout=0"], f"{calls}")  # fmt: skip
    expect(node.psql("select count(*) from archived") == "2", "what was archived is there")
    expect(node.psql("select \"current_user\" from by_post") == "postgres", "and what the script made")
    expect(node.psql("select pg_is_in_recovery()") == "f", "the one that restored it leads")
    write_config(node, kept)


@case
def archived_before_the_rewind(lab):
    """WAL that a lost primary has not archived goes to the archive before pg_rewind removes it"""
    old, node = replica(lab)
    for n in lab.databases:
        n.sh("install -d -o postgres -g postgres /var/lib/postgresql/archived")
    command = "test ! -e /etc/no-archive && cp %p /var/lib/postgresql/archived/%f"
    archive_by(lab, command)
    old.write("/etc/no-archive", "")
    name = old.psql("select pg_walfile_name(pg_switch_wal())")
    wait_for(lambda: old.sh(f"test -e {DATA}/pg_wal/archive_status/{name}.ready", check=False).returncode == 0, 10, "it to wait")
    old.kill()
    lab.wait_leader(60, other_than=old)
    before = now(node)
    Path(f"{old.root}/etc/no-archive").unlink()
    old.boot()
    healthy(lab)
    log = old.journal("--since", before)
    expect("pg_rewind brought us back" in log, "it was rewound")
    expect(log.index("WAL file") < log.index("pg_rewind brought us back"), "and archived before that")
    expect(old.sh(f"test -e /var/lib/postgresql/archived/{name}", check=False).returncode == 0, f"{name} is there")


# As pg_rewind was before 13: it reads no restore_command. (13 and 14 read none of a configuration elsewhere.)
OLD_REWIND = """#!/bin/sh
real=/usr/lib/postgresql/15/bin/pg_rewind
[ "$1" = --help ] && { $real --help | grep -v -e restore-target-wal -e config-file; exit 0; }
for word; do
    case $word in --restore-target-wal | --config-file*) echo "pg_rewind: unrecognized option '$word'" >&2; exit 1 ;; esac
done
exec $real "$@"
"""


def archive_and_restore(lab):
    """All WAL goes to the archive, and comes back from there."""
    healthy(lab)
    for n in lab.databases:
        n.sh("install -d -o postgres -g postgres /var/lib/postgresql/archived")
    archive_by(lab, "cp %p /var/lib/postgresql/archived/%f")
    patch(lab, {"maximum_lag_on_failover": 1 << 30, "postgresql": {"recovery_conf": {
        "restore_command": "cp /var/lib/postgresql/archived/%f %p"}}})  # fmt: skip
    for n in lab.databases:
        wait_for(lambda n=n: "recovery_conf" in n.rest("/config")[1]["postgresql"], 10, "the configuration to be known")


def rewind_by_the_archive(lab, old, node, data):
    """old is lost as leader, with WAL that only the archive has when it comes back; its pg_rewind cannot fetch it."""
    # The last checkpoint that both have, then WAL of its own and a checkpoint behind it.
    old.psql("checkpoint")
    wait_for(lambda: node.psql("select pg_last_wal_replay_lsn() >= (select checkpoint_lsn from pg_control_checkpoint())") == "t",
             10, "the standby to have that")  # fmt: skip
    old.cut("peers")
    files = [old.psql("create table lost(n int); select pg_walfile_name(pg_switch_wal())").splitlines()[-1]]
    files += [old.psql(f"insert into lost values ({i}); select pg_walfile_name(pg_switch_wal())").splitlines()[-1]
              for i in range(2)]  # fmt: skip
    old.psql("insert into lost values (2); checkpoint")
    for name in files:
        wait_for(lambda name=name: old.sh(f"test -e {data}/pg_wal/archive_status/{name}.done", check=False).returncode == 0,
                 20, f"{name} to be archived")  # fmt: skip
    old.kill()
    lab.wait_leader(60, other_than=old)
    expect(node.psql("select to_regclass('lost') is null") == "t", "what the lost primary wrote last is its own")
    for name in files:
        Path(f"{old.root}{data}/pg_wal/{name}").unlink()
    before = now(node)
    old.boot()
    old.heal()
    healthy(lab)
    log = old.journal("--since", before)
    expect("pg_rewind brought us back" in log, "it was rewound")
    fetched = [log.index(f"fetched WAL file {name} from the archive") for name in files]
    expect(fetched == sorted(fetched) and fetched[-1] < log.index("pg_rewind brought us back"), "with what it lacked")
    expect(old.psql("select to_regclass('lost') is null") == "t", "and has left what was its own")
    return log


@case
def rewound_with_wal_of_the_archive(lab):
    """a pg_rewind that cannot fetch WAL itself, and needs what is only in the archive: each file is fetched for it"""
    archive_and_restore(lab)
    old, node = replica(lab)
    old.write("/usr/lib/postgresql/15/bin/old_rewind", OLD_REWIND, 0o755)
    kept = old.read(CONFIG)
    write_config(old, kept.replace("\npostgresql:\n", "\npostgresql:\n  bin_name:\n    pg_rewind: old_rewind\n", 1))
    rewind_by_the_archive(lab, old, node, DATA)
    write_config(old, kept)
    patch(lab, {"maximum_lag_on_failover": None, "postgresql": {"recovery_conf": None}})


def lose(node):
    """Gone in one step, as with its disk: nothing is written there while it goes."""
    node.sh(f"mv {DATA} {DATA}.gone && rm -rf {DATA}.gone")


@case
def data_directory_gone(lab):
    """removed under a replica and under the leader, made unreadable: found at once, handed over, made anew"""
    leader, node = replica(lab)
    before = now(node)
    lose(node)
    leader.psql("create table met_first(n int)")
    # By pgd while it runs, or, where PostgreSQL was the first to meet it, at its end: a record to replay is enough.
    wait_for(lambda: "is empty, or is gone," in node.journal("--since", before), 20, "the replica's loss to be found")
    wait_for(lambda: "cloned the data directory" in node.journal("--since", before), 30, "it to be made anew")
    healthy(lab)
    node.sh(["chmod", "000", DATA])
    wait_for(lambda: node.rest("/replica")[0] == 503 and node.sh("pgrep -x postgres", check=False).stdout == "", 20,
             "what cannot be read to be stopped")  # fmt: skip
    wait_for(lambda: "cannot be accessed" in node.journal("--since", before), 20, "and it to be told")
    node.sh(["chmod", "700", DATA])
    healthy(lab)
    lose(leader)
    new = lab.wait_leader(30, other_than=leader)
    expect(new.name == node.name, "the replica leads")
    healthy(lab)
    for log in (n.journal("--since", before) for n in (leader, node)):
        expect(log.count("killed by us") >= log.count("stopping it at once"), "what pgd ends it does not call a crash")
        expect(log.count("though nobody here stopped it") == log.count("where postgres has just ended"),
               "of what ended by itself it tells why")  # fmt: skip
