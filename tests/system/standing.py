"""Rights that outlive the lease: pause with its standing permits, and failsafe mode."""

import time

from harness import LabError, Options, Suite, expect, healthy, wait_for

SUITE = Suite("standing", Options(nodes=3, ttl=5, loop_wait=1, retry_timeout=1))
case = SUITE.case
PREFIX = "/service/main/"


def others(lab, node):
    return [n for n in lab.databases if n.name != node.name]


def etcd(lab, verb):
    lab.ask_all(lab.databases, lambda node: node.systemctl(verb, "etcd.service"))
    if verb == "start":
        lab.etcd.wait_healthy()


def fresh(lab):
    """A healthy cluster that is not paused, whatever the case before has left; returns the leader."""
    node = next(n for n in lab.databases if n.pid1())
    if "Maintenance mode: on" in ctl(node, "list", check=False).stdout:
        ctl(node, "resume", "--force")
    return healthy(lab)


def failsafe(lab, leader):
    patch(leader, {"failsafe_mode": True})
    wait_for(lambda: (lab.etcd.get(f"{PREFIX}failsafe") or "").count("http") == 3, 20, "three names in /failsafe")


def patch(node, change, status=200, path="/config", timeout=20):
    code, text = node.rest(path, "PATCH", change, timeout=timeout)
    expect(code == status, f"PATCH {change}: {status}, not {code} {text}")
    return text


def standing(lab, node):
    return lab.etcd.get(f"{PREFIX}palisade/standing/{node.name}") is not None


def ctl(node, *words, check=True, timeout=70):
    return node.sh(["palisadectl", *words], check=check, timeout=timeout)


def pause(lab, leader):
    text = ctl(leader, "pause", "--wait").stdout
    expect("Success: cluster management is paused" in text, f"palisadectl pause says {text!r}")
    wait_for(lambda: standing(lab, leader), 10, f"{leader.name} to say that it stands")
    wait_for(lambda: "+Inf" in metric(leader, "palisade_permit_seconds"), 10, "a permit without end")


def resume(lab, node):
    text = ctl(node, "resume", "--wait").stdout
    expect("Success: cluster management is resumed" in text, f"palisadectl resume says {text!r}")
    expect(not any(standing(lab, n) for n in lab.databases), "nobody stands any more")


def says(node, sql):
    """Nothing, while it is being made anew or starts."""
    try:
        return node.psql(sql)
    except LabError:
        return None


def recovers(node):
    return says(node, "select pg_is_in_recovery()") == "t"


def position(node):
    return node.psql("select pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()")


def newest_history(node):
    """The last line of its timeline's history: which timeline ended, where, and why."""
    return node.sh("tail -n 1 $(ls /var/lib/postgresql/15/main/pg_wal/*.history | tail -n 1)").stdout.strip()


def twin_of(lab):
    """Paused, and told to make anew what diverges: the leader, one to be promoted where nobody sees it, and the next leader."""
    leader = fresh(lab)
    twin, other = others(lab, leader)
    patch(leader, {"postgresql": {"remove_data_directory_on_diverged_timelines": True}})
    pause(lab, leader)
    return leader, twin, other


def promote_unseen(lab, leader, twin, table):
    """It writes a table of its own and loses its power; the pause is over. Its newest history."""
    twin.psql("select pg_promote()")
    wait_for(lambda: not recovers(twin), 10, f"{twin.name} to be promoted")
    twin.psql(f"create table {table} (n int); checkpoint")
    lonely = newest_history(twin)
    lab.etcd.move_leader_away(twin)
    twin.kill()
    ctl(leader, "resume", "--force")
    return lonely


def expect_made_anew(lab, twin, own, leaders):
    twin.boot()
    healthy(lab)
    wait_for(lambda: says(twin, f"select count(*) from {leaders}") == "1000", 60, "it has what the leader has")
    healthy(lab)
    expect(twin.psql(f"select to_regclass('{own}') is null") == "t", "and nothing else")


def metric(node, name):
    _, text = node.http("GET", "/metrics")
    return next((line for line in text.splitlines() if line.startswith(name)), "")


@case
def pause_and_resume_under_load(lab):
    """paused, etcd gone for three ttls, everything of ours restarted, resumed: no write fails"""
    leader = fresh(lab)
    with lab.client(via="vip") as client:
        client.go_on(50)
        pause(lab, leader)
        etcd(lab, "stop")
        time.sleep(3 * 5)  # what is shown is that nothing happens
        client.go_on(50)
        for unit in ("palisaded@main", "palisade-dcsd@main", "palisade-pgd@main", "palisade-fenced", "palisade-apid@main"):
            leader.systemctl("restart", f"{unit}.service")
            client.go_on(20)
        etcd(lab, "start")
        wait_for(lambda: lab.etcd.get(f"{PREFIX}leader") == leader.name, 30, f"{leader.name} to take its key again")
        client.go_on(50)
        resume(lab, leader)
        client.go_on(50)
    expect(client.report.failed == 0, f"no failed write, {client.report.failed} failed")
    expect(client.report.missing == 0, "no acknowledged row is missing")
    expect(healthy(lab).name == leader.name, "the leader stays")


@case
def nothing_is_started_or_stopped(lab):
    """paused: a standby and the primary stopped and started by hand; nobody takes over, nobody interferes"""
    leader = fresh(lab)
    standby = others(lab, leader)[0]
    pause(lab, leader)
    for node in (standby, leader):
        node.sh("/usr/lib/postgresql/15/bin/pg_ctl -D /var/lib/postgresql/15/main -m fast stop", user="postgres")
    wait_for(lambda: not lab.etcd.get(f"{PREFIX}leader"), 20, "the lock to be given up")
    time.sleep(5 + 2)  # one ttl: what is shown is that nothing happens
    expect(not lab.primaries(), "nobody takes over")
    for node in (standby, leader):
        expect(node.sh("pgrep -x postgres", check=False).stdout == "", f"postgres stays stopped on {node.name}")
    for node in (leader, standby):
        node.sh("/usr/lib/postgresql/15/bin/pg_ctl -D /var/lib/postgresql/15/main -l /tmp/pg.log -w start >/dev/null 2>&1 </dev/null", user="postgres")
    wait_for(lambda: lab.etcd.get(f"{PREFIX}leader") == leader.name, 20, "the primary to take the lock")
    wait_for(lambda: [n.name for n in lab.vip_holders()] == [leader.name], 20, "the address to be back")
    resume(lab, standby)
    expect(healthy(lab).name == leader.name, "it leads on")


@case
def a_second_primary_is_left_alone_until_resume(lab):
    """paused: pg_promote() by hand on a standby; it is not sent anybody, and resume fences it"""
    leader = fresh(lab)
    second = others(lab, leader)[0]
    pause(lab, leader)
    second.psql("select pg_promote()")
    wait_for(lambda: standing(lab, second), 10, "the second primary to say so")
    expect(second.psql("select pg_is_in_recovery()") == "f", "it runs")
    expect(second.http("GET", "/primary")[0] == 503, "it is no /primary")
    expect([n.name for n in lab.vip_holders()] == [leader.name], "the address stays")
    resume(lab, leader)
    expect(healthy(lab).name == leader.name, "the leader leads on, the other follows again")
    wait_for(lambda: recovers(second), 60, f"{second.name} to be a standby again")
    healthy(lab)


@case
def timelines_of_the_same_number(lab):
    """promoted where nobody sees it, and another node takes the same timeline's number: made anew, not followed"""
    leader, twin, other = twin_of(lab)
    promote_unseen(lab, leader, twin, "nobody_saw_it")
    ctl(leader, "switchover", "--candidate", other.name, "--force")
    wait_for(lambda: lab.leader() and lab.leader().name == other.name, 20, f"{other.name} to lead")
    number = other.rest("/patroni")[1]["timeline"]
    other.psql("create table everybody_sees as select generate_series(1, 1000) n; checkpoint")
    expect_made_anew(lab, twin, "nobody_saw_it", "everybody_sees")
    return f"timeline {number} twice; the lonely one was made anew"


@case
def timelines_of_the_same_number_and_place(lab):
    """the same, and both were promoted at the same place of the same timeline: their histories do not tell them apart"""
    leader, twin, other = twin_of(lab)
    leader.psql("checkpoint")
    leader.sh("pkill -STOP -f '^postgres: .*(background writer|checkpointer|autovacuum launcher)'")  # nothing more is written
    wait_for(lambda: position(twin) == position(other), 20, "both standbys to have the same")
    lonely = promote_unseen(lab, leader, twin, "nobody_saw_this")
    leader.sh("chmod -x /usr/lib/postgresql/15/bin/postgres; pkill -KILL -x postgres")
    wait_for(lambda: lab.leader() and lab.leader().name == other.name, 40, f"{other.name} to lead")
    leader.sh("chmod +x /usr/lib/postgresql/15/bin/postgres")
    other.psql("create table everybody_sees_this as select generate_series(1, 1000) n; checkpoint")
    expect(newest_history(other) == lonely, "both timelines have one history")
    expect_made_anew(lab, twin, "nobody_saw_this", "everybody_sees_this")
    return f"{lonely.split()[0]} ended at {lonely.split()[1]} twice; the lonely one was made anew"


@case
def a_standby_knows_its_timeline(lab):
    """crashed before its first checkpoint on a new timeline, and nobody to stream from: it tells that timeline"""
    leader = fresh(lab)
    other, node = others(lab, leader)
    ctl(leader, "switchover", "--candidate", other.name, "--force")
    healthy(lab)
    number = other.rest("/patroni")[1]["timeline"]
    other.psql("create table on_the_new_timeline (n int)")
    wait_for(lambda: says(node, "select to_regclass('on_the_new_timeline') is not null") == "t", 20, "it to have that")
    pause(lab, other)
    lab.etcd.move_leader_away(other)
    other.kill()
    pg_ctl = "/usr/lib/postgresql/15/bin/pg_ctl -D /var/lib/postgresql/15/main"
    node.sh(f"{pg_ctl} -m immediate stop", user="postgres")
    node.sh(f"{pg_ctl} -l /tmp/pg.log -w start >/dev/null 2>&1 </dev/null", user="postgres")
    wait_for(lambda: node.rest("/patroni")[1].get("xlog"), 20, "its position")
    checkpoint = int(says(node, "select timeline_id from pg_control_checkpoint()"))
    expect(checkpoint < number, f"its last checkpoint is on timeline {checkpoint}, before {number}")
    told = node.rest("/patroni")[1]["timeline"]
    expect(told == number, f"it has WAL of timeline {number}, and tells {told}")
    ctl(node, "resume", "--force")
    lab.wait_leader(30, other_than=other)
    other.boot()
    healthy(lab)


@case
def a_dead_leader_is_named_by_resume(lab):
    """paused and the leader loses power: nobody takes over; resume names it, and force overrules it"""
    leader = fresh(lab)
    node = others(lab, leader)[0]
    pause(lab, leader)
    lab.etcd.move_leader_away(leader)
    leader.kill()
    wait_for(lambda: not lab.etcd.get(f"{PREFIX}leader"), 30, "its key to end")
    answer = ctl(node, "resume", check=False)
    expect(answer.returncode == 1 and leader.name in answer.stderr and "force" in answer.stderr,
           f"resume names {leader.name}, not {answer.stderr!r}")  # fmt: skip
    expect(lab.leader() is None and not lab.primaries(), "and nobody leads")
    ctl(node, "resume", "--force")
    lab.wait_leader(30, other_than=leader)
    leader.boot()
    healthy(lab)


@case
def switchover_to_a_named_member(lab):
    """paused: a switchover to a named member works, and the old leader follows"""
    leader = fresh(lab)
    candidate = others(lab, leader)[0]
    pause(lab, leader)
    ctl(leader, "switchover", "--candidate", candidate.name, "--force")
    wait_for(lambda: lab.leader() and lab.leader().name == candidate.name, 20, f"{candidate.name} to lead")
    healthy(lab)
    resume(lab, leader)
    expect(healthy(lab).name == candidate.name, "it leads on")


@case
def failsafe_without_etcd(lab):
    """failsafe_mode and no etcd for four ttls: the primary leads on by promise, and takes its key again"""
    leader = fresh(lab)
    failsafe(lab, leader)
    with lab.client(via="vip") as client:
        client.go_on(50)
        etcd(lab, "stop")
        time.sleep(4 * 5)  # what is shown is that nothing happens
        client.go_on(50)
        for node in lab.databases:
            _, status = node.rest("/patroni")
            expect(status.get("failsafe_mode_is_active") is True, f"{node.name} says that it is active")
        # a mind that restarts keeps its promise: it is a file
        for node in others(lab, leader):
            node.systemctl("kill", "--kill-whom=main", "-s", "KILL", "palisaded@main.service")
        leader.systemctl("kill", "--kill-whom=main", "-s", "KILL", "palisaded@main.service")
        client.go_on(50)
        etcd(lab, "start")
        wait_for(lambda: lab.etcd.get(f"{PREFIX}leader") == leader.name, 30, f"{leader.name} to take its key again")
        client.go_on(100)
    expect(client.report.failed == 0, f"no failed write, {client.report.failed} failed")
    expect(client.report.missing == 0, "no acknowledged row is missing")
    expect(healthy(lab).name == leader.name, "the leader stays")


@case
def failsafe_needs_every_member(lab):
    """failsafe_mode, no etcd, and one member dead: the primary stops with its permit"""
    leader = fresh(lab)
    failsafe(lab, leader)
    member = others(lab, leader)[0]
    lab.etcd.move_leader_away(member)
    member.kill()
    alive = [n for n in lab.databases if n.name != member.name]
    lab.ask_all(alive, lambda node: node.systemctl("stop", "etcd.service"))
    wait_for(lambda: leader.http("GET", "/primary")[0] == 503, 20, "nobody to say that it is the primary")
    wait_for(lambda: leader.sh("pgrep -x postgres", check=False).stdout == "", 15, "postgres to be stopped")
    expect(f"does not help: {member.name}" in leader.journal("-u", "palisaded@main", "-n", "200"), f"the journal names {member.name}")
    lab.ask_all(alive, lambda node: node.systemctl("start", "etcd.service"))
    member.boot()
    lab.etcd.wait_healthy()
    healthy(lab)


@case
def failsafe_and_a_leader_that_dies(lab):
    """failsafe_mode, no etcd, then the leader loses power: promises end, and another one leads"""
    leader = fresh(lab)
    failsafe(lab, leader)
    rest = others(lab, leader)
    etcd(lab, "stop")
    wait_for(lambda: rest[0].rest("/patroni")[1].get("failsafe_mode_is_active"), 20, "a promise")
    leader.kill()
    lab.ask_all(rest, lambda node: node.systemctl("start", "etcd.service"))
    new = lab.wait_leader(40, other_than=leader)
    leader.boot()
    lab.etcd.wait_healthy()
    healthy(lab)
    patch(new, {"failsafe_mode": None})
