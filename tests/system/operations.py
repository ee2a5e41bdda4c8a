"""What people ask for: restarts with conditions, now or at a time, and switchovers at a time."""

import datetime
import json
import time

from harness import Options, Suite, expect, healthy, wait_for

SUITE = Suite("operations", Options(nodes=3, ttl=5, loop_wait=1, retry_timeout=1))
case = SUITE.case
CONFIG = "/etc/palisade/main.yml"


def others(lab, node):
    return [n for n in lab.databases if n.name != node.name]


def ctl(node, *arguments, timeout=90):
    return node.sh(["palisadectl", *arguments], timeout).stdout


def pid(node):
    return node.sh("head -1 /var/lib/postgresql/15/main/postmaster.pid").stdout.strip()


def soon(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds")


def now(node):
    return node.sh(["date", "+%F %T"]).stdout.strip()


def restart_daemons(node):
    node.systemctl("restart", "palisade-dcsd@main", "palisaded@main", "palisade-pgd@main", "palisade-apid@main")


def tag(node, line):
    """A tag in its configuration; what stood there before is returned."""
    text = node.read(CONFIG)
    node.write(CONFIG, f"{text}\ntags:\n  {line}\n", 0o640, "postgres", "palisade-config")
    restart_daemons(node)
    return text


def lock(lab):
    """The epoch: the revision at which the leader's key was made."""
    return lab.leader().sh("etcdctl get /service/main/leader -w fields | grep CreateRevision").stdout


def ask(node, path, body=None, method="POST", timeout=60):
    return node.rest(path, method, body, timeout=timeout)


def member(lab, node):
    return json.loads(lab.etcd.get(f"/service/main/members/{node.name}"))


@case
def restart_of_the_leader(lab):
    """the leader restarted in place: the lock, the timeline and the address stay, nothing is lost"""
    leader = healthy(lab)
    before, epoch = pid(leader), lock(lab)
    timeline = leader.rest("/patroni")[1]["timeline"]
    with lab.client(via="vip") as client:
        client.go_on(50)
        text = ctl(others(lab, leader)[0], "restart", "main", leader.name, "--force")
        expect(f"Success: restart on member {leader.name}" in text, text)
        expect([n.name for n in lab.vip_holders()] == [leader.name], "the address is where it was")
        outage = client.after_fault()
    expect(healthy(lab).name == leader.name and lock(lab) == epoch, "the same leader, under the same lock")
    expect(pid(leader) != before, "it is another postmaster")
    expect(leader.rest("/patroni")[1]["timeline"] == timeline, "on the same timeline")
    expect(client.report.missing == 0, f"{client.report.missing} acknowledged rows are missing")
    return f"outage {outage.seconds:.2f} s" if outage else "outage under 0.2 s"


@case
def restart_conditions(lab):
    """role, version and pending are looked at; what does not hold is refused with Patroni's words"""
    leader = healthy(lab)
    replica = others(lab, leader)[0]
    before = pid(replica)
    for body in ({"role": "primary"}, {"postgres_version": "15.0"}, {"restart_pending": True}):
        code, text = ask(replica, "/restart", body)
        expect(code == 503 and "conditions are not satisfied" in str(text), f"{body}: {code} {text}")
    expect("No member has a pending restart" in ctl(leader, "restart", "--pending", "--force"), "none is pending")
    expect(pid(replica) == before, "nothing was restarted")
    code, text = ask(replica, "/restart", {"role": "replica", "postgres_version": "99.0", "timeout": 30})
    expect(code == 200 and "restarted successfully" in str(text), f"{code} {text}")
    expect(pid(replica) != before, "it was restarted")
    before = {n.name: pid(n) for n in others(lab, leader)}
    text = ctl(leader, "restart", "--role", "replica", "--any", "--force")
    expect(text.count("Success: restart on member") == 1, text)
    changed = [n.name for n in others(lab, leader) if pid(n) != before[n.name]]
    expect(len(changed) == 1 and changed[0] in text, f"only {changed} was restarted: {text}")
    healthy(lab)


@case
def restart_at_a_time(lab):
    """a restart for later: shown by list and the member key, dropped by flush or a restart before; then one that happens"""
    leader = healthy(lab)
    replica = others(lab, leader)[0]
    code, text = ask(replica, "/restart", {"schedule": "2001-01-01T00:00Z"})
    expect(code == 422 and "past" in str(text), f"{code} {text}")
    text = ctl(leader, "restart", replica.name, "--scheduled", "2035-01-01T12:00+00:00", "--force")
    expect(f"Success: restart scheduled on member {replica.name}" in text, text)
    wait_for(lambda: "scheduled_restart" in member(lab, replica), 10, "the member key to tell")
    noted = member(lab, replica)["scheduled_restart"]
    expect(noted["schedule"] == "2035-01-01T12:00:00+00:00" and "postmaster_start_time" in noted, str(noted))
    wait_for(lambda: "2035-01-01T12:00:00+00:00" in ctl(leader, "list"), 10, "list to show it")
    expect(ask(replica, "/restart", {"schedule": soon(60)})[0] == 409, "there is one already")
    text = ctl(leader, "flush", "restart", "--force")
    expect(f"Success: flush scheduled restart for member {replica.name}" in text, text)
    expect(f"No scheduled restart for member {leader.name}" in text, text)
    wait_for(lambda: "scheduled_restart" not in member(lab, replica), 10, "the member key to forget it")
    expect(ask(replica, "/restart", method="DELETE")[0] == 404, "there is none any more")

    ask(replica, "/restart", {"schedule": soon(3600)})
    ask(replica, "/restart")
    wait_for(lambda: "scheduled_restart" not in replica.rest("/patroni")[1], 10, "it to be dropped")
    before = pid(replica)
    expect(ask(replica, "/restart", {"schedule": soon(2)})[0] == 202, "noted")
    expect(pid(replica) == before, "not yet")
    wait_for(lambda: pid(replica) != before, 20, "it to be restarted")
    healthy(lab)


@case
def restart_in_pause(lab):
    """paused: a restart that is asked for happens, one at a time is refused"""
    leader = healthy(lab)
    ctl(leader, "pause", "--wait")
    try:
        expect(ask(leader, "/restart", {"schedule": soon(60)})[0] == 500, "none is scheduled")
        for node in lab.databases:
            before = pid(node)
            code, text = ask(node, "/restart")
            expect(code == 200, f"{node.name}: {code} {text}")
            expect(pid(node) != before, f"{node.name} was restarted")
    finally:
        ctl(leader, "resume", "--wait")
    expect(healthy(lab).name == leader.name, "the same leader")


@case
def restart_that_fails(lab):
    """a primary that does not come up again: told, and another one leads"""
    leader = healthy(lab)
    timeline = leader.rest("/patroni")[1]["timeline"]
    leader.sh("echo 'max_connections = none' >> /var/lib/postgresql/15/main/postgresql.auto.conf")
    code, text = ask(leader, "/restart", {"timeout": 20})
    expect(code == 503 and "failed" in str(text), f"{code} {text}")
    new = lab.wait_leader(60, other_than=leader)
    leader.sh("sed -i '/max_connections/d' /var/lib/postgresql/15/main/postgresql.auto.conf")
    healthy(lab)
    expect(new.rest("/patroni")[1]["timeline"] > timeline, "it was promoted")


@case
def switchover_at_a_time(lab):
    """a switchover for later happens then, not before; one whose time has passed is cleared"""
    leader = healthy(lab)
    target = others(lab, leader)[0]
    key = "/service/main/failover"
    past = json.dumps({"leader": leader.name, "scheduled_at": "2020-01-01T00:00:00+00:00"})
    leader.sh(["etcdctl", "put", key, past])
    wait_for(lambda: lab.etcd.get(key) == "{}", 10, "what is late to be cleared")
    at = time.time() + 4
    text = ctl(leader, "switchover", "--leader", leader.name, "--candidate", target.name, "--scheduled", soon(4),
               "--force")  # fmt: skip
    expect("Switchover scheduled" in text, text)
    wait_for(lambda: "Switchover scheduled at:" in ctl(leader, "list"), 5, "list to show it")
    new = lab.wait_leader(30, other_than=leader)
    expect(time.time() >= at and new.name == target.name, f"{new.name} leads, not before its time")
    healthy(lab)
    ctl(new, "switchover", "--leader", new.name, "--scheduled", soon(3600), "--force")
    expect("scheduled switchover deleted" in ctl(new, "flush", "switchover", "--force"), "dropped")
    expect(healthy(lab).name == new.name, "nothing happens")


@case
def slow_answers(lab):
    """a server whose probes time out for a while keeps its role, and the lock"""
    leader = healthy(lab)
    epoch = lock(lab)
    backends = leader.psql("select pid from pg_stat_activity where application_name = 'palisade-pgd'").split()
    expect(backends, "there is a heartbeat")
    leader.sh(["kill", "-STOP", *backends])
    try:
        until = time.monotonic() + 5
        while time.monotonic() < until:
            expect(leader.rest("/primary")[0] == 200, "it answers as primary")
            time.sleep(0.2)
    finally:
        leader.sh(["kill", "-CONT", *backends], check=False)
    expect(healthy(lab).name == leader.name and lock(lab) == epoch, "the same leader, under the same lock")


@case
def stop_that_hangs(lab):
    """primary_stop_timeout, with a session that does not end: the restart goes on all the same"""
    leader = healthy(lab)
    ask(leader, "/config", {"synchronous_mode": True, "primary_stop_timeout": 2}, "PATCH")
    wait_for(lambda: "sync_standby" in str(leader.rest("/cluster")[1]), 20, "a synchronous standby")
    leader.sh("psql -c 'select pg_sleep(600)' >/dev/null 2>&1 &", user="postgres")
    asleep = "select pid from pg_stat_activity where query = 'select pg_sleep(600)'"
    stuck = wait_for(lambda: leader.psql(asleep), 10, "the session")
    leader.sh(["kill", "-STOP", stuck])
    before, since = pid(leader), now(leader)
    code, text = ask(leader, "/restart")
    expect(code == 200 and pid(leader) != before, f"{code} {text}")
    expect("the fast stop took too long" in leader.journal("--since", since), "it was told")
    ask(leader, "/config", {"synchronous_mode": None, "primary_stop_timeout": None}, "PATCH")
    healthy(lab)


@case
def start_that_hangs(lab):
    """primary_start_timeout: a crashed primary that does not come up in time is given up, another leads"""
    leader = healthy(lab)
    ask(leader, "/config", {"primary_start_timeout": 2}, "PATCH")
    wait_for(lambda: "primary_start_timeout" in leader.rest("/config")[1], 10, "it to be known")
    auto = "/var/lib/postgresql/15/main/postgresql.auto.conf"
    leader.sh(f"mkfifo /tmp/nothing && echo \"include '/tmp/nothing'\" >>{auto}")  # nobody ever writes there
    since = now(leader)
    leader.sh(["kill", "-9", pid(leader)])
    new = lab.wait_leader(30, other_than=leader)
    journal = leader.journal("-u", "palisaded@main", "--since", since)
    expect("it takes too long to become primary" in journal, "the rule is told")
    leader.sh(f"sed -i /nothing/d {auto}; rm /tmp/nothing; pkill -9 -f config-file=.*postgresql.conf", check=False)
    healthy(lab)
    ask(new, "/config", {"primary_start_timeout": None}, "PATCH")


@case
def name_taken(lab):
    """a copied configuration file, its name not changed: the second node of that name does nothing"""
    leader = healthy(lab)
    node = others(lab, leader)[0]
    node.systemctl("stop", "palisade@main.target", timeout=120)
    kept = node.read(CONFIG)
    node.write(CONFIG, kept.replace(f"name: {node.name}", f"name: {leader.name}"), 0o640, "postgres", "palisade-config")
    key, since = member(lab, leader), now(node)
    try:
        node.systemctl("start", "--no-block", "palisade@main.target")
        told = f"already a node named {leader.name} running"
        wait_for(lambda: told in node.journal("--since", since), 30, "it to be told")
        expect("name-taken" in ctl(node, "explain"), "explain names the rule")
        expect(node.sh("pgrep -f '^postgres: '", check=False).stdout == "", "no server is started")
        expect(member(lab, leader)["conn_url"] == key["conn_url"], "the key is the leader's own")
        expect(lab.leader().name == leader.name, "the leader stays")
    finally:
        node.systemctl("stop", "palisade@main.target", timeout=120)
        node.write(CONFIG, kept, 0o640, "postgres", "palisade-config")
        node.systemctl("start", "palisade@main.target")
    healthy(lab)


def validate(node, *options, file=CONFIG):
    """palisaded --validate-config, as Patroni is asked: what it answers, and what it says."""
    said = node.sh(["palisaded", "--validate-config", *options, file], check=False)
    expect(said.stdout == "", f"it says nothing else: {said.stdout}")
    return said.returncode, said.stderr


@case
def configuration_looked_into(lab):
    """--validate-config: what the file names is looked for: programs, data, ports, addresses, etcd, certificates"""
    node = healthy(lab)
    good = node.read(CONFIG)
    expect(validate(node, "-i") == (0, ""), f"the node's own file is fine: {validate(node, '-i')}")
    code, said = validate(node)
    expect(code == 1 and "port 8008 of 0.0.0.0: Address already in use" in said and
           "port 5432 of 0.0.0.0: Address already in use" in said, f"the ports are in use: {said}")  # fmt: skip
    node.sh("mkdir -p /var/tmp/old/global /var/tmp/other; echo 11 > /var/tmp/old/PG_VERSION; "
            "touch /var/tmp/old/global/pg_control /var/tmp/other/file")  # fmt: skip
    address = f"connect_address: {node.address.v4}"
    for old, new, expected in (
        ("bin_dir: /usr/lib/postgresql/15/bin", "bin_dir: /nowhere", "postgresql.bin_dir: /nowhere/postgres: No such file"),
        ("data_dir: /var/lib/postgresql/15/main", "data_dir: /var/tmp/old", "is of version 11, postgres of version 15"),
        ("data_dir: /var/lib/postgresql/15/main", "data_dir: /var/tmp/other", "/var/tmp/other is not empty, and no data"),
        (f"{address}:8008", "connect_address: localhost:8008", "restapi.connect_address: 'localhost' is not where"),
        (f"{address}:5432", "connect_address: 127.0.0.1:5432", "postgresql.connect_address: '127.0.0.1' is not where"),
        ("etcd3:\n", "etcd3:\n  cacert: /nowhere/ca.crt\n", "etcd3.cacert: /nowhere/ca.crt: No such file"),
        (f"'{lab.nodes[0].address.v4}:2379'", f"'{node.address.v4}:2378'", f"{node.address.v4}:2378: Connection refused"),
        ("scope: main", "scope: [main]", "scope: expected a text"),
    ):
        expect(old in good, f"{old} is in there")
        node.write("/var/tmp/bad.yml", good.replace(old, new, 1))
        code, said = validate(node, "-i", file="/var/tmp/bad.yml")
        expect(code == 1 and expected in said and "/var/tmp/bad.yml" in said, f"{expected}: {code} {said}")
        expect(said.count("\n") == 1 or "/nowhere/initdb" in said, f"and nothing else: {said}")
    node.write("/var/tmp/bad.yml", good.replace("/15/main", "/15/none", 1))
    expect(validate(node, "-i", file="/var/tmp/bad.yml") == (0, ""), "a data directory may still have to be made")
    printed = node.sh(["palisaded", CONFIG, "--validate-config", "-i", "--print"]).stdout
    expect("\nscope: main\n" in printed and f"\n  {address}:5432\n" in printed, f"printed: {printed}")


@case
def configuration_made(lab):
    """--generate-config from the server that runs here, --generate-sample-config from none: files that can be used"""
    node = healthy(lab)
    made = "/var/tmp/made/main.yml"
    etcd = ",".join(f"{n.address.v4}:2379" for n in lab.databases)
    refused = node.sh(["palisaded", "--generate-config", "--dsn", "host=/var/run/postgresql user=rewind dbname=postgres"],
                      check=False)  # fmt: skip
    expect(refused.returncode == 1 and "rewind is no superuser" in refused.stderr, f"a superuser is needed: {refused}")
    node.sh(["env", f"PATRONI_ETCD3_HOSTS={etcd}", "palisaded", "--generate-config", made, "--dsn",
             "host=/var/run/postgresql user=postgres dbname=postgres password=hush"])  # fmt: skip
    expect(node.sh(["stat", "-c", "%a", made]).stdout.strip() == "600", "it holds a password: nobody else reads it")
    expect(validate(node, "-i", file=made) == (0, ""), f"it is fine: {validate(node, '-i', file=made)}")
    text = node.read(made)
    for line in ("scope: main", f"name: {node.name}", "  data_dir: /var/lib/postgresql/15/main",
                 "  bin_dir: /usr/lib/postgresql/15/bin", "  listen: 0.0.0.0:5432", "      password: hush",
                 f"  connect_address: {node.address.v4}:5432", "        shared_buffers: 32MB",
                 "        max_connections: '100'", "  - local all all trust"):  # fmt: skip
        expect(f"\n{line}\n" in f"\n{text}", f"{line} is in there: {text}")
    sample = node.sh(["env", "PATRONI_POSTGRESQL_BIN_DIR=/usr/lib/postgresql/15/bin", f"PATRONI_ETCD3_HOSTS={etcd}",
                      "PATRONI_SCOPE=other", "palisaded", "--generate-sample-config"]).stdout  # fmt: skip
    expect("scope: other\n" in sample and "password: '#FIXME'" in sample, f"a sample: {sample}")
    node.write("/var/tmp/sample.yml", sample.replace("data_dir: '#FIXME'", "data_dir: /var/tmp/new"))
    expect(validate(node, "-i", file="/var/tmp/sample.yml") == (0, ""), "which is fine, but for what is to be filled in")
    none = node.sh(["palisaded", "--generate-sample-config"], check=False)
    expect(none.returncode == 1 and "PATRONI_POSTGRESQL_BIN_DIR" in none.stderr, f"no programs on PATH: {none.stderr}")


def power_off_the_leader(lab, leader):
    lab.etcd.move_leader_away(leader)
    leader.kill()


def nobody_leads(lab, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        expect(not lab.primaries(), "nobody leads")
        time.sleep(0.3)


@case
def who_may_lead(lab):
    """failover_priority decides between equals; a node that is tagged nofailover never leads"""
    leader = healthy(lab)
    low, high = others(lab, leader)
    kept = {low: tag(low, "failover_priority: 1"), high: tag(high, "failover_priority: 5")}
    healthy(lab)
    power_off_the_leader(lab, leader)
    expect(lab.wait_leader(30, other_than=leader).name == high.name, f"{high.name} is preferred")
    leader.boot()
    healthy(lab)
    low.write(CONFIG, kept[low] + "\ntags:\n  nofailover: true\n", 0o640, "postgres", "palisade-config")
    restart_daemons(low)
    wait_for(lambda: member(lab, low).get("tags", {}).get("nofailover"), 20, "the tag to be known")
    healthy(lab)
    leader.systemctl("stop", "palisade@main.target", timeout=120)
    power_off_the_leader(lab, high)
    nobody_leads(lab, 9)
    expect("tagged nofailover" in ctl(low, "explain"), "explain tells why")
    leader.systemctl("start", "palisade@main.target")
    expect(lab.wait_leader(60, other_than=high).name == leader.name, "the one that may does")
    high.boot()
    for node, text in kept.items():
        node.write(CONFIG, text, 0o640, "postgres", "palisade-config")
        restart_daemons(node)
    healthy(lab)


@case
def too_far_behind(lab):
    """maximum_lag_on_failover: who lacks more than that does not lead, though nobody else is there"""
    leader = healthy(lab)
    behind, away = others(lab, leader)
    away.systemctl("stop", "palisade@main.target", timeout=120)
    receiver = behind.sh("pgrep -f 'postgres.*[w]alreceiver'").stdout.split()
    behind.sh(["kill", "-STOP", *receiver])
    leader.psql("create table lag as select repeat('x', 1000) from generate_series(1, 4000)")
    lsn = int(leader.psql("select pg_current_wal_flush_lsn() - '0/0'"))
    wait_for(lambda: json.loads(lab.etcd.get("/service/main/status"))["optime"] >= lsn, 10, "/status to tell")
    power_off_the_leader(lab, leader)
    nobody_leads(lab, 9)
    expect("behind the leader's last known position by" in behind.journal("-u", "palisaded@main", "-n", "30"), "the journal tells why")
    leader.boot()
    away.systemctl("start", "palisade@main.target")
    expect(lab.wait_leader(60).name == leader.name, "who has everything leads")
    behind.sh(["kill", "-CONT", *receiver], check=False)  # not before: its socket may hold all that it lacks
    healthy(lab)
    leader.psql("drop table lag")


@case
def older_timeline(lab):
    """check_timeline: who missed a promotion does not lead by itself, however little it lacks"""
    leader = healthy(lab)
    ask(leader, "/config", {"check_timeline": True}, "PATCH")
    wait_for(lambda: all(n.rest("/config")[1].get("check_timeline") for n in lab.databases), 10, "it to be known")
    wait_for(lambda: len({m["timeline"] for m in leader.rest("/cluster")[1]["members"]}) == 1, 30,
             "everybody to be on one timeline")
    missed, heir = others(lab, leader)
    missed.sh(["pkill", "-STOP", "-x", "postgres"])
    leader.systemctl("stop", "palisade@main.target", timeout=120)
    expect(lab.wait_leader(30, other_than=leader).name == heir.name, f"{heir.name} leads")
    lsn = int(heir.psql("select pg_current_wal_flush_lsn() - '0/0'"))
    wait_for(lambda: json.loads(lab.etcd.get("/service/main/history"))[-1][1] <= lsn, 10, "the history to tell")
    heir.systemctl("stop", "palisade@main.target", timeout=120)
    missed.sh(["pkill", "-CONT", "-x", "postgres"])
    nobody_leads(lab, 8)
    expect("timeline" in missed.journal("-u", "palisaded@main", "-n", "30"), "the journal tells why")
    heir.systemctl("start", "palisade@main.target")
    leader.systemctl("start", "palisade@main.target")
    expect(healthy(lab).name == heir.name, "who led last leads")
    ask(heir, "/config", {"check_timeline": None}, "PATCH")
