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


@case
def one_gate_a_leaf(lab):
    """each postmaster is born behind a gate: open without an end on a standby, until the permit on the primary"""
    leader = healthy(lab)
    for node in lab.databases:
        for gauge in ("palisade_gate_present", "palisade_gate_open"):
            wait_for(lambda node=node, gauge=gauge: value(node, gauge) == "1", 10, f"{gauge} of {node.name} to be 1")
    expect("postgres's sockets" in leader.sh(["palisadectl", "explain"]).stdout, "explain shows it")


@case
def everything_stopped(lab):
    """all daemons and systemd stopped on the primary: no acknowledgement leaves it after its permit"""
    leader = healthy(lab)
    direct = f"host={leader.address.v4} port=5432 user=postgres dbname=postgres"
    extra = ["--log", ACKS, "--table", "direct", "--verify-timeout", "1"]  # what it wrote is rewound
    with lab.client(via=direct, extra=extra) as client:
        client.go_on(100)
        signal_all(leader, "STOP")
        stopped = time.time()
        try:
            new = lab.wait_leader(40, other_than=leader)
            wait_for(client.stalled, 10, "the client to hear nothing any more")
            expect(local_psql(leader, "select pg_is_in_recovery()") == "f",
                   "the old server itself runs on as a primary: it is the gate that is shut")  # fmt: skip
            local_psql(leader, "create table behind_the_gate (n int)")
            time.sleep(2)  # what might still come would come now
            last = last_acknowledged(lab)
        finally:
            signal_all(leader, "CONT")
        won = float(next(line for line in new.journal("-u", "palisaded@main", "-o", "short-unix").splitlines()[::-1]
                         if "won the leader key" in line).split()[0])  # fmt: skip
        expect(last < won, f"the last acknowledgement came {won - last:.3f} s before another node won the lock")
        expect(last <= stopped + PERMIT, "and not after the permit")
        expect(last > stopped + PERMIT - 3, "nor long before: nothing else has ended it")
        healthy(lab)
    return f"last acknowledgement {won - last:.2f} s before the next leader"


@case
def clients_of_a_killed_primary_are_told(lab):
    """the lock taken away: the old primary is killed, and its client hears of it at once"""
    leader = healthy(lab)
    waiting = ["timeout", "40", "psql", "-XAtq", "-h", leader.address.v4, "-U", "postgres", "-d", "postgres",
               "-c", "select pg_sleep(30)"]  # fmt: skip
    unit = ["systemd-run", "--quiet", "--wait", "--collect", f"--setenv=PGPASSWORD={SUPERUSER_PASSWORD}", *waiting]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: (lab.app.sh(unit, 60, check=False), time.monotonic())[1])
        wait_for(lambda: leader.psql("select count(*) from pg_stat_activity where query like '%sleep(30)%'"
                                     " and pid <> pg_backend_pid()") == "1", 15, "the client to wait")  # fmt: skip
        began = time.monotonic()
        leader.sh("ETCDCTL_API=3 etcdctl del /service/main/leader")
        heard = asked.result() - began
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
    expect(client.report.failed == 0 and not client.outages, "no write failed, none was late")
    expect("palisade_gate_open{" in leader.rest("/metrics")[1], "the gate is told of")


@case
def switched_off_and_on(lab):
    """fence.gate.mode off on the running primary, then automatic again: writes go on past a permit, both times"""
    leader = healthy(lab)
    path = "/etc/palisade/main.yml"
    config = leader.read(path)
    with lab.client(via="vip") as client:
        for text, present in ((config + "\nfence: {gate: {mode: 'off'}}\n", "0"), (config, "1")):
            leader.write(path, text, 0o640, "postgres", "palisade-config")
            leader.systemctl("reload", "palisaded@main")
            wait_for(lambda present=present: value(leader, "palisade_gate_present") == present, 10, "the metric to follow")
            client.go_on(1000)
    expect(client.report.failed == 0 and not client.outages, "no write failed, none was late")
