"""What goes wrong around a cluster: a rewind that fails, no etcd at all, a daemon that hangs, an initdb that fails."""

from harness import Options, Suite, expect, healthy, wait_for

SUITE = Suite("trouble", Options(nodes=3, ttl=5, loop_wait=1, retry_timeout=1))
case = SUITE.case
DATA = "/var/lib/postgresql/15/main"


def others(lab, node):
    return [n for n in lab.databases if n.name != node.name]


def journal_has(node, text, since):
    wait_for(lambda: text in node.journal("--since", since), 60, f"{text!r} in the journal of {node.name}")


def now(node):
    return node.sh(["date", "+%F %T"]).stdout.strip()


@case
def rewind_falls_back_to_a_clone(lab):
    """pg_rewind that fails twice: the data directory is made anew, where the configuration allows it"""
    old = healthy(lab)
    code, _ = old.rest("/config", "PATCH", {"postgresql": {"remove_data_directory_on_rewind_failure": True}})
    expect(code == 200, "the configuration is changed")
    lab.etcd.move_leader_away(old)
    old.psql("create table lost (n int)")
    old.kill()
    new = lab.wait_leader(30, other_than=old)
    new.psql("revoke execute on function pg_read_binary_file(text, bigint, bigint, boolean) from rewind")
    before = now(new)
    old.boot()
    journal_has(old, "pg_rewind failed", before)
    journal_has(old, "cloned the data directory", before)
    lab.wait_replicas(2)
    new.psql("grant execute on function pg_read_binary_file(text, bigint, bigint, boolean) to rewind")


@case
def no_etcd_at_all(lab):
    """every etcd member stopped: the primary stops with its permit; it leads on once etcd is back"""
    leader = healthy(lab)
    rows = leader.psql("create table kept as select generate_series(1, 1000) n; select count(*) from kept")
    for node in lab.databases:
        node.systemctl("stop", "etcd.service")
    wait_for(lambda: not lab.primaries(), 15, "nobody to say that it is the primary")
    wait_for(lambda: leader.sh("pgrep -x postgres", check=False).stdout == "", 15, "postgres to be stopped")
    expect(not lab.vip_holders(), "nobody holds the address")
    lab.ask_all(lab.databases, lambda node: node.systemctl("start", "etcd.service"))
    lab.etcd.wait_healthy()
    expect(healthy(lab).psql("select count(*) from kept") == rows, "the rows are there")


@case
def a_start_without_the_dcs(lab):
    """daemons started while no etcd answers go by the cached configuration; a torn cache is told, and written anew"""
    leader = healthy(lab)
    whole, torn = others(lab, leader)
    code, _ = leader.rest("/config", "PATCH", {"postgresql": {"parameters": {"work_mem": "5MB"}}})
    expect(code == 200, "the configuration is changed")
    for node in whole, torn:
        wait_for(lambda node=node: node.psql("show work_mem") == "5MB", 30, f"work_mem to be changed on {node.name}")
    upstream = whole.psql("show primary_conninfo")
    torn.sh(["truncate", "-s", "-20", f"{DATA}/patroni.dynamic.json"])
    since = now(torn)
    for node in lab.databases:
        node.systemctl("stop", "etcd.service")
    for node in whole, torn:
        node.systemctl("restart", "palisaded@main", "palisade-dcsd@main", "palisade-pgd@main")
    journal_has(torn, "patroni.dynamic.json is no configuration", since)
    config = whole.read("/etc/palisade/main.yml")
    whole.write("/etc/palisade/main.yml",
                config.replace("\n  parameters:\n", "\n  parameters:\n    temp_buffers: 9MB\n", 1),
                0o640, "postgres", "palisade-config")  # fmt: skip
    whole.systemctl("reload", "palisaded@main")
    wait_for(lambda: whole.psql("show temp_buffers") == "9MB", 30, "the node's own configuration to be in force")
    expect(whole.psql("show work_mem") == "5MB", "and the cluster's stays")
    expect(whole.psql("show primary_conninfo") == upstream, "as does whom it streams from")
    whole.write("/etc/palisade/main.yml", config, 0o640, "postgres", "palisade-config")
    lab.ask_all(lab.databases, lambda node: node.systemctl("start", "etcd.service"))
    lab.etcd.wait_healthy()
    whole.systemctl("reload", "palisaded@main")
    wait_for(lambda: '"work_mem": "5MB"' in torn.sh(f"cat {DATA}/patroni.dynamic.json").stdout, 60, "a whole cache")
    healthy(lab).rest("/config", "PATCH", {"postgresql": {"parameters": {"work_mem": None}}})


@case
def a_frozen_daemon_is_replaced(lab):
    """each daemon of the primary frozen in turn: systemd replaces it, and no write fails"""
    leader = healthy(lab)
    with lab.client(via="vip") as client:
        for unit in ("palisaded@main", "palisade-dcsd@main", "palisade-pgd@main", "palisade-fenced"):
            pid = leader.systemctl("show", "-p", "MainPID", "--value", f"{unit}.service").strip()
            leader.freeze(f"{unit}.service", "stop")
            wait_for(lambda pid=pid, unit=unit: leader.systemctl("show", "-p", "MainPID", "--value", f"{unit}.service")
                     .strip() not in ("0", pid), 15, f"{unit} to be replaced")  # fmt: skip
            leader.wait_unit(f"{unit}.service")
            client.go_on(100)
    expect(lab.leader().name == leader.name, "the leader stays")
    expect(client.report.failed == 0, f"no failed write, {client.report.failed} failed")
    healthy(lab)


@case
def an_interrupted_clone_is_made_anew(lab):
    """pgd and pg_basebackup killed half-way, a reload meanwhile: what was left goes, and a clone is made anew"""
    leader = healthy(lab)
    node = others(lab, leader)[0]
    leader.psql("create table ballast as select generate_series(1, 1000000) n; checkpoint")
    slow = {"postgresql": {"basebackup": [{"max-rate": "2M"}]}}
    expect(leader.rest("/config", "PATCH", slow)[0] == 200, "clones are slow now")
    node.systemctl("stop", "palisade@main.target", timeout=120)
    node.sh(["rm", "-rf", DATA])
    before = now(node)
    node.systemctl("start", "palisade@main.target")
    journal_has(node, "clone: no data yet", before)
    wait_for(lambda: int(node.sh(["du", "-sk", DATA]).stdout.split()[0]) > 5000, 30, "a part to be copied")
    node.systemctl("reload", "palisaded@main")
    journal_has(node, "palisade-pgd[", before)
    expect(node.sh(["pgrep", "-x", "pg_basebackup"], check=False).stdout != "", "a reload interrupts nothing")
    leader.rest("/config", "PATCH", {"postgresql": {"basebackup": None}})
    node.systemctl("kill", "--kill-whom=main", "--signal=SIGKILL", "palisade-pgd@main")
    node.sh(["pkill", "-KILL", "-x", "pg_basebackup"], check=False)
    journal_has(node, "it was never completed", before)
    journal_has(node, "cloned the data directory", before)
    lab.wait_replicas(2)


@case
def a_failed_bootstrap_is_set_aside(lab):
    """initdb that fails: what it left is kept under .failed, the right to try is given back"""
    for node in lab.databases:
        node.systemctl("stop", "palisade@main.target", timeout=120)
    for node in lab.databases:
        wait_for(lambda node=node: node.sh("pgrep -x postgres", check=False).stdout == "", 60, "postgres to be stopped")
        node.sh(["rm", "-rf", DATA])
        config = node.read("/etc/palisade/main.yml")
        node.write("/etc/palisade/main.yml", config.replace("- encoding: UTF8", "- encoding: NONSENSE"),
                   0o640, "postgres", "palisade-config")  # fmt: skip
    lab.databases[0].sh("ETCDCTL_API=3 etcdctl del --prefix /service/main/")
    first, *rest = lab.databases
    before = now(first)
    first.systemctl("start", "palisade@main.target")
    journal_has(first, "giving up the right to", before)
    for node in lab.databases:
        node.write("/etc/palisade/main.yml", node.read("/etc/palisade/main.yml").replace("NONSENSE", "UTF8"),
                   0o640, "postgres", "palisade-config")  # fmt: skip
    lab.ask_all(rest, lambda node: node.systemctl("start", "palisade@main.target"))
    first.systemctl("reload", "palisaded@main")
    healthy(lab)


BY_HAND = f"""set -e
pgd=$(systemctl show -p MainPID --value palisade-pgd@main)
kill -STOP $pgd
trap "kill -CONT $pgd 2>/dev/null || true" EXIT # its watchdog may have been quicker
pkill -KILL -x postgres || true
while pgrep -x postgres >/dev/null; do sleep 0.01; done
rm -f {DATA}/postmaster.pid $1
systemctl reset-failed by-hand 2>/dev/null || true
systemd-run --quiet --unit=by-hand -p Type=forking runuser -u postgres -- \\
        /usr/lib/postgresql/15/bin/pg_ctl -W -D {DATA} -l /var/tmp/by-hand.log start
for _ in $(seq 300); do [ -s {DATA}/postmaster.pid ] && break; sleep 0.01; done # it may have been stopped already
head -1 {DATA}/postmaster.pid 2>/dev/null || true
"""


def start_by_hand(node, remove=""):
    """A person is quicker than pgd, which stands still meanwhile. The postmaster's pid."""
    return node.sh(["sh", "-c", BY_HAND, "sh", remove]).stdout.strip()


def postmaster(node):
    return node.sh(["head", "-1", f"{DATA}/postmaster.pid"], check=False).stdout.strip()


@case
def started_by_hand(lab):
    """a server that a person starts after a crash is taken over; one that may not be primary is ended"""
    leader = healthy(lab)
    replica = others(lab, leader)[0]
    for node in (replica, leader):
        pid = start_by_hand(node)
        journal_has(node, f"found postgres running, pid {pid}", "-1min")
        expect(healthy(lab).name == leader.name, "the leader is who it was")
        expect(postmaster(node) == pid, "the server runs on")

    replica.sh(["palisadectl", "leave"], 60)
    start_by_hand(replica, f"{DATA}/standby.signal")
    wait_for(lambda: replica.sh("pgrep -x postgres", check=False).stdout == "", 20, "a second primary to be ended")
    expect(lab.leader().name == leader.name, "the leader is who it was")
    replica.systemctl("stop", "palisade@main.target", timeout=120)
    replica.sh(["rm", "-rf", DATA])  # it wrote WAL of its own on the leader's timeline
    replica.systemctl("start", "palisade@main.target", timeout=120)
    replica.sh(["palisadectl", "join"], 60)
    healthy(lab)


# A loop of PL/pgSQL does not notice that its postmaster is gone.
LOOP = """runuser -u postgres -- env PGAPPNAME=loop psql -q -c 'do $$ begin loop null; end loop; end $$' >/dev/null 2>&1 &
until pid=$(runuser -u postgres -- psql -Atc "select pid from pg_stat_activity where application_name = 'loop'") \\
        && [ "$pid" ]; do sleep 0.1; done
echo "$pid"
"""
KILL_ALL_THREE = """kill -KILL $(systemctl show -p MainPID --value palisade-pgd@main) \\
        $(systemctl show -p MainPID --value palisaded@main) "$1"
"""


@case
def backends_without_postmaster(lab):
    """postmaster, pgd and mind are killed at once, and a backend lives on: the next pgd ends it, and the cluster goes on"""
    leader = healthy(lab)
    leader.sh(["palisadectl", "restart", "main", leader.name, "--force"], 60)  # the last one may be started by hand
    expect(healthy(lab).name == leader.name, "the leader is who it was")
    backend = leader.sh(["sh", "-c", LOOP]).stdout.strip()
    before = now(leader)
    leader.sh(["sh", "-c", KILL_ALL_THREE, "sh", postmaster(leader)])
    journal_has(leader, "processes of it live on: killing them", before)
    wait_for(lambda: leader.sh(["kill", "-0", backend], check=False).returncode != 0, 20, "the backend to be ended")
    healthy(lab)


@case
def launcher_killed_at_births(lab):
    """PostgreSQL crashes and the launcher is killed while it starts the next one, a bit later each time: one runs then"""
    leader = healthy(lab)
    for node in (others(lab, leader)[0], leader):
        for late in (0, 15, 30, 45, 60):
            old = postmaster(node)
            node.sh("launcher=$(systemctl show -p MainPID --value palisade-postgres@main); "
                    f"kill -KILL {old}; sleep {late / 1000}; kill -KILL $launcher")  # fmt: skip
            wait_for(lambda: postmaster(node) not in ("", old), 30, "the next one")
            healthy(lab)
