"""The gate: with every daemon of the primary and its systemd stopped, the kernel alone ends what clients hear."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from harness import Options, Suite, expect, healthy, wait_for

from palisade_lab.options import SUPERUSER_PASSWORD  # noqa: E402

SUITE = Suite("gate", Options(nodes=3, ttl=10, loop_wait=2, retry_timeout=3))
case = SUITE.case
PERMIT = 9.75  # at 10/2/3: ttl less the margin, counted from before a renewal left
ACKS = "/var/tmp/acks"
POOLER_GATE = "palisade_pooler_gate_open"


def signal_all(node, which):
    """To every daemon of the node, and to its systemd, which would replace them."""
    node.sh(["pkill", f"-{which}", "-f", "^/usr/sbin/palisade"])
    os.kill(node.require_pid1(), signal.SIGSTOP if which == "STOP" else signal.SIGCONT)


def local_psql(node, sql):
    """By the Unix socket, without a login session, which a stopped systemd could not give."""
    return node.sh(["psql", "-XAtq", "-h", "/var/run/postgresql", "-U", "postgres", "-c", sql], 10).stdout.strip()


def value(node, gauge):
    lines = node.rest("/metrics")[1].splitlines()
    return next(line.split()[-1] for line in lines if line.startswith(gauge + "{"))


def last_acknowledged(lab):
    return float(lab.app.read(ACKS).split("\n")[-2].split()[1])


def unbroken(client, what):
    expect(client.report.failed == 0 and not client.outages, f"{what}: {client.report.failed} failed, {client.outages}")


@case
def one_gate_a_leaf(lab):
    """each postmaster is born behind a gate: open without an end on a standby, until the permit on the primary"""
    leader = healthy(lab)
    for node in lab.databases:
        for gauge in ("palisade_gate_present", "palisade_gate_open"):
            wait_for(lambda node=node, gauge=gauge: value(node, gauge) == "1", 10, f"{gauge} of {node.name} to be 1")
    expect("postgres's sockets" in leader.sh(["palisadectl", "explain"]).stdout, "explain shows it")


def ask(lab, host, port, sql, timeout=60):
    """A patient client on app: starts asking, and answers a function that waits for (status, output, when)."""
    psql = ["psql", "-XAt", "-h", host, "-p", str(port), "-U", "postgres", "-d", "postgres", "-c", sql]
    unit = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--setenv=PGPASSWORD={SUPERUSER_PASSWORD}",
            "timeout", str(timeout), *psql]  # fmt: skip
    pool = ThreadPoolExecutor(1)

    def run():
        result = lab.app.sh(unit, timeout + 20, check=False)
        return result.returncode, result.stdout, time.monotonic()

    answer = pool.submit(run)
    pool.shutdown(wait=False)
    return answer.result


def running(leader, text):
    sql = f"select count(*) from pg_stat_activity where query like '%{text}%' and pid <> pg_backend_pid()"
    wait_for(lambda: leader.psql(sql) == "1", 15, "the client to wait")


def stop_everything(lab, leader, port):
    """Behind the primary's gate with all that could act stopped: until another leads, and after its return.

    Answers how long before the next leader the last acknowledgement came.
    """
    direct = f"host={leader.address.v4} port={port} user=postgres dbname=postgres"
    extra = ["--log", ACKS, "--table", "direct", "--verify-timeout", "1"]  # what it wrote is rewound
    leader.psql("create table if not exists late (t text)")
    with lab.client(via=direct, extra=extra) as client:
        client.go_on(100)
        late = ask(lab, leader.address.v4, port, "insert into late select pg_sleep(12)", 80)
        running(leader, "sleep(12)")
        signal_all(leader, "STOP")
        stopped = time.time()
        try:
            new = lab.wait_leader(40, other_than=leader)
            wait_for(client.stalled, 10, "the client to hear nothing any more")
            expect(local_psql(leader, "select pg_is_in_recovery()") == "f",
                   "the old server itself runs on as a primary: it is the gate that is shut")  # fmt: skip
            local_psql(leader, "create table behind_the_gate (n int)")
            time.sleep(2)  # what might still come would come now
        finally:
            signal_all(leader, "CONT")
        won = float(next(line for line in new.journal("-u", "palisaded@main", "-o", "short-unix").splitlines()[::-1]
                         if "won the leader key" in line).split()[0])  # fmt: skip
        healthy(lab)
        status, answer, _ = late()  # it waited behind the gate, and is not let out when the node is a standby
        expect("INSERT" not in answer, "a late commit is acknowledged to nobody")
        expect(status not in (0, 124), f"and who waits for it learns that it failed: {status}")
        last = last_acknowledged(lab)
        expect(last < won, f"the last acknowledgement came {won - last:.3f} s before another node won the lock")
        expect(last <= stopped + PERMIT, "and not after the permit")
        # The last renewal left up to an interval and its half before; stalls take up to a tenth of ttl (docs/SAFETY.md).
        expect(last > stopped + PERMIT - 4, "nor long before: nothing else has ended it")
    return f"last acknowledgement {won - last:.2f} s before the next leader"


@case
def everything_stopped(lab):
    """all daemons and systemd stopped on the primary: no acknowledgement leaves it after its permit"""
    leader = healthy(lab)
    return stop_everything(lab, leader, 5432)


POOLER = """[databases]
postgres = host=/var/run/postgresql port=5432 dbname=postgres user=postgres
[pgbouncer]
listen_addr = *
listen_port = 6432
unix_socket_dir =
auth_type = any
pidfile = /run/postgresql/pgbouncer.pid
"""
CONFIG = "/etc/palisade/main.yml"


def through_pooler(lab, node):
    answer = lab.app.sh(["timeout", "5", "psql", "-XAtq", "-h", node.address.v4, "-p", "6432", "-U", "any", "-d",
                         "postgres", "-c", "select pg_is_in_recovery()"], 10, check=False)  # fmt: skip
    return answer.stdout.strip()


@case
def poolers(lab):
    """fence.gate.also: what a local PgBouncer says ends with the permit too, also when the node is a standby again"""
    leader = healthy(lab)
    configs = {node.name: node.read(CONFIG) for node in lab.databases}
    try:
        for node in lab.databases:
            node.write("/etc/pgbouncer/pgbouncer.ini", POOLER, 0o640, "postgres")
            node.systemctl("start", "pgbouncer")
            node.write(CONFIG, configs[node.name] + "\nfence: {gate: {also: [pgbouncer.service]}}\n", 0o640,
                       "postgres", "palisade-config")  # fmt: skip
            node.systemctl("reload", "palisaded@main")
            wait_for(lambda node=node: value(node, POOLER_GATE) == "1", 10, "the gate around PgBouncer")
        expect("pgbouncer.service" in leader.sh(["palisadectl", "explain"]).stdout, "explain shows it")

        leader.systemctl("stop", "pgbouncer")
        wait_for(lambda: POOLER_GATE not in leader.rest("/metrics")[1], 10, "its end to be noticed")
        leader.systemctl("start", "pgbouncer")
        wait_for(lambda: value(leader, POOLER_GATE) == "1", 10, "its return to be noticed")
        for unit in ("restart", "stop", "start"):
            leader.systemctl(unit, "palisade-fenced")
        wait_for(lambda: value(leader, POOLER_GATE) == "1", 10, "another fenced to have it")
        expect(through_pooler(lab, leader) == "f", "clients reach the primary through it")

        answer = ask(lab, leader.address.v4, 6432, "select pg_sleep(30)")
        running(leader, "sleep(30)")
        began = time.monotonic()
        leader.sh("ETCDCTL_API=3 etcdctl del /service/main/leader")
        heard = answer()[2] - began
        expect(heard < 5, f"its client hears of a lost lock after {heard:.1f} s")
        leader = healthy(lab)
        expect(through_pooler(lab, leader) == "f", "and clients reach the next primary through its own")

        told = stop_everything(lab, leader, 6432)
        wait_for(lambda: through_pooler(lab, leader) == "t", 20, "clients to reach the standby through it")
    finally:
        for node in lab.databases:
            node.write(CONFIG, configs[node.name], 0o640, "postgres", "palisade-config")
            node.systemctl("reload", "palisaded@main")
            node.systemctl("stop", "pgbouncer")
    return told


@case
def clients_of_a_killed_primary_are_told(lab):
    """the lock taken away: the old primary is killed, and its client hears of it at once"""
    leader = healthy(lab)
    answer = ask(lab, leader.address.v4, 5432, "select pg_sleep(30)")
    running(leader, "sleep(30)")
    began = time.monotonic()
    leader.sh("ETCDCTL_API=3 etcdctl del /service/main/leader")
    heard = answer()[2] - began
    expect(heard < 5, f"it heard after {heard:.1f} s, not from its own timeout")
    healthy(lab)
    return f"heard after {heard:.2f} s"


@case
def a_restarted_fenced_takes_it_over(lab):
    """fenced killed and restarted on the primary: the same gate, never shut for a moment"""
    leader = healthy(lab)
    with lab.client(via="vip") as client:
        for _ in range(3):
            leader.systemctl("kill", "--kill-whom=main", "--signal=SIGKILL", "palisade-fenced")
            leader.wait_unit("palisade-fenced.service")
            client.go_on(100)
    unbroken(client, "no write failed, none was late")
    expect("palisade_gate_open{" in leader.rest("/metrics")[1], "the gate is told of")


@case
def switched_off_and_on(lab):
    """fence.gate.mode off on the running primary, then automatic again: writes go on past a permit, both times"""
    leader = healthy(lab)
    config = leader.read(CONFIG)
    with lab.client(via="vip") as client:
        for text, present in ((config + "\nfence: {gate: {mode: 'off'}}\n", "0"), (config, "1")):
            leader.write(CONFIG, text, 0o640, "postgres", "palisade-config")
            leader.systemctl("reload", "palisaded@main")
            wait_for(lambda present=present: value(leader, "palisade_gate_present") == present, 10, "the metric to follow")
            client.go_on(1000)
    unbroken(client, "no write failed, none was late")


PGDATA = "/var/lib/postgresql/15/main"
PG_CTL = f"exec runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_ctl -w -D {PGDATA} -l /var/tmp/foreign.log"


def start_foreign(lab, leader, unit, and_then=""):
    """Palisade off on a replica, its server started in a unit of somebody else's, Palisade on again."""
    node = next(n for n in lab.databases if n.name != leader.name)
    node.systemctl("stop", "palisade@main.target", timeout=120)
    node.sh(["systemd-run", "--quiet", f"--unit={unit}", "-p", "Type=forking", "-p", "KillMode=process", "sh", "-c",
             f"({and_then or ':'}) & {PG_CTL} start"], 60)  # fmt: skip
    pid = node.sh(["head", "-1", f"{PGDATA}/postmaster.pid"]).stdout
    node.systemctl("start", "palisade@main.target", timeout=120)
    healthy(lab)
    expect(node.sh(["head", "-1", f"{PGDATA}/postmaster.pid"]).stdout == pid, "the same server runs on")
    return node


@case
def adopted(lab):
    """a server found running in a cgroup of its own: the gate is put around that, and holds when it leads"""
    node = start_foreign(lab, healthy(lab), "foreign")
    wait_for(lambda: value(node, "palisade_gate_open") == "1", 10, "the gate around it")
    expect("foreign.service" in node.journal("-u", "palisade-pgd@main"), "the journal tells")
    node.sh(["palisadectl", "failover", "--candidate", node.name, "--force"], 60)
    expect(healthy(lab).name == node.name, "it leads")
    wait_for(lambda: value(node, "palisade_gate_open") == "1", 10, "the gate to be open until the permit")
    stranger = node.sh("sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > /sys/fs/cgroup/system.slice/foreign.service/cgroup.procs; echo $!")
    with lab.client(via="vip") as client:
        for unit in ("palisade-pgd@main", "palisaded@main", "palisade-fenced"):
            node.systemctl("restart", unit)
            node.wait_unit(unit + ".service")
            client.go_on(300)
        client.go_on(1000)
    unbroken(client, "daemons restarted, a stranger in its cgroup: it leads on")
    node.sh(["kill", stranger.stdout.strip()])
    told = stop_everything(lab, node, 5432)
    wait_for(lambda: "postgres@main" in node.sh("cat /proc/$(pgrep -xo postgres)/cgroup").stdout, 20,
             "its next start to be in a leaf")  # fmt: skip
    return told


@case
def adopted_among_others(lab):
    """a server found running beside others in its cgroup: no gate until its restart, `required` does not lead"""
    leader = healthy(lab)
    node = start_foreign(lab, leader, "shared", "sleep 1000")
    third = next(n for n in lab.databases if n.name not in (leader.name, node.name))
    config = node.read(CONFIG)
    try:
        wait_for(lambda: value(node, "palisade_gate_present") == "0", 10, "the metric to say that there is none")
        expect("not until postgres is restarted" in node.journal("-u", "palisade-fenced"), "the journal says why")
        wait_for(lambda: "fence.gate: absent->present" in leader.sh(["palisadectl", "list"]).stdout, 10, "list to show it")
        node.write(CONFIG, config + "\nfence: {gate: {mode: required}}\n", 0o640, "postgres", "palisade-config")
        node.systemctl("reload", "palisaded@main")
        for other in (third, leader):
            other.systemctl("stop", "palisade@main.target", timeout=120)
        wait_for(lambda: "race-barred" in node.sh(["palisadectl", "explain"]).stdout, 30, "it to know that it may not")
        expect(node.rest("/primary")[0] == 503, "it does not lead")
    finally:
        node.write(CONFIG, config, 0o640, "postgres", "palisade-config")
        node.systemctl("reload", "palisaded@main")
    lab.wait_leader(30)
    expect(lab.leader().name == node.name, "no longer required, it leads")
    for other in (third, leader):
        other.systemctl("start", "palisade@main.target", timeout=120)
    healthy(lab)
