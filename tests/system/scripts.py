"""The user's own programs: callbacks, replica methods, the hooks before a promotion and before a stop."""

from harness import LabError, Options, Suite, expect, healthy, wait_for

SUITE = Suite("scripts", Options(nodes=3, ttl=5, loop_wait=1, retry_timeout=1))
case = SUITE.case
DATA = "/var/lib/postgresql/15/main"
LOG = "/var/lib/postgresql/calls"
CONFIG = "/etc/palisade/main.yml"


def others(lab, node):
    return [n for n in lab.databases if n.name != node.name]


def script(lab, path, *lines):
    for node in lab.databases:
        node.write(path, "#!/bin/bash\n" + "\n".join(lines) + "\n", 0o755)


def patch(lab, postgresql):
    code, _ = lab.leader().rest("/config", "PATCH", {"postgresql": postgresql})
    expect(code == 200, "the configuration is changed")


def calls(node):
    return node.sh(f"cat {LOG} 2>/dev/null", check=False).stdout.split("\n")[:-1]


def forget_calls(lab):
    for node in lab.databases:
        node.sh(f"rm -f {LOG}")


def wait_calls(node, *expected):
    wait_for(lambda: [line for line in calls(node) if "on_reload" not in line] == list(expected), 60,
             f"{node.name} to have called {expected}, not {calls(node)}")  # fmt: skip


def switch(lab, old, new):
    code, body = old.rest("/switchover", "POST", {"leader": old.name, "candidate": new.name}, timeout=30)
    expect(code == 200, f"the switchover is done: {body}")
    lab.wait_leader(30, other_than=old)
    lab.wait_replicas(2)


def answers(node, sql, expected):
    """Whether its server gives that answer; a server that is not up gives none."""
    try:
        return node.psql(sql) == expected
    except LabError:
        return False


def tag(node, line):
    """A tag in its configuration; what stood there before is returned."""
    text = node.read(CONFIG)
    node.write(CONFIG, f"{text}\ntags:\n  {line}\n", 0o640, "postgres", "palisade-config")
    node.systemctl("restart", "palisade-dcsd@main", "palisaded@main", "palisade-pgd@main")
    return text


def untag(node, text):
    node.write(CONFIG, text, 0o640, "postgres", "palisade-config")
    node.systemctl("restart", "palisade-dcsd@main", "palisaded@main", "palisade-pgd@main")


def now(node):
    return node.sh(["date", "+%F %T"]).stdout.strip()


def journal_has(node, text, since):
    wait_for(lambda: text in node.journal("--since", since), 60, f"{text!r} in the journal of {node.name}")


def remake(node):
    """The node's data goes while it is stopped; when it starts, a replica is made."""
    node.systemctl("stop", "palisade@main.target", timeout=120)
    node.sh(["rm", "-rf", DATA])
    before = now(node)
    node.systemctl("start", "palisade@main.target")
    return before


@case
def callbacks_tell_every_change(lab):
    """a switchover, a stop and a start: each node calls what Patroni would, with action, role and scope"""
    old = healthy(lab)
    script(lab, "/usr/local/bin/note", f'echo "$@" >> {LOG}', "echo said by the callback")
    patch(lab, {"callbacks": {k: "note 'one word'" for k in
                              ("on_start", "on_stop", "on_restart", "on_reload", "on_role_change")}})  # fmt: skip
    for node in lab.databases:
        wait_for(lambda node=node: any("on_reload" in line for line in calls(node)), 30, "on_reload to be called")
    forget_calls(lab)
    new, third = others(lab, old)
    before = now(new)
    switch(lab, old, new)
    wait_calls(new, "one word on_role_change primary main")
    wait_calls(old, "one word on_stop primary main", "one word on_role_change replica main")
    journal_has(new, "said by the callback", before)
    third.systemctl("stop", "palisade@main.target", timeout=120)
    wait_calls(third, "one word on_stop replica main")
    third.systemctl("start", "palisade@main.target")
    wait_calls(third, "one word on_stop replica main", "one word on_start replica main")
    lab.wait_replicas(2)
    before_restart = calls(third)
    third.systemctl("kill", "--kill-whom=main", "--signal=SIGKILL", "palisade-pgd@main")
    lab.wait_replicas(2)
    expect(calls(third) == before_restart, "a restart of pgd is no event")


@case
def a_hung_callback_delays_nothing(lab):
    """a callback that never ends: the node is stopped and promoted all the same, the next callback ends it"""
    old = healthy(lab)
    script(lab, "/usr/local/bin/hang", f'echo "$1" >> {LOG}', "sleep 7777")
    patch(lab, {"callbacks": {"on_role_change": "hang", "on_stop": "hang", "on_start": "note", "on_reload": None}})
    forget_calls(lab)
    new = others(lab, old)[0]
    for leader, candidate in ((old, new), (new, old)):
        switch(lab, leader, candidate)
    wait_for(lambda: calls(old) == ["on_stop", "on_role_change", "on_role_change"], 30, f"not {calls(old)}")
    for node in (old, new):
        wait_for(lambda node=node: node.sh("pgrep -fc 'sleep 777[7]'", check=False).stdout.strip() == "1", 10,
                 "one callback a node to be left")  # fmt: skip
        node.sh("pkill -f 'sleep 777[7]'", check=False)
    patch(lab, {"callbacks": None})


@case
def pre_promote_forbids(lab):
    """pre_promote that fails on one node: the key is given up, and the other one leads"""
    old = healthy(lab)
    barred, free = others(lab, old)
    script(lab, "/usr/local/bin/may-lead", f'echo "pre_promote $#" >> {LOG}', "test ! -e /etc/may-not-lead || exit 3")
    patch(lab, {"pre_promote": "may-lead"})
    barred.write("/etc/may-not-lead", "")
    forget_calls(lab)
    before = now(barred)
    try:
        old.rest("/switchover", "POST", {"leader": old.name, "candidate": barred.name}, timeout=10)
    except OSError:
        pass  # it may wait for a promotion that never comes
    journal_has(barred, "pre_promote script failed with code 3", before)
    leader = lab.wait_leader(60)
    expect(leader.name != barred.name, f"{barred.name} does not lead")
    expect(calls(barred).count("pre_promote 0") == 1, f"it was asked once: {calls(barred)}")
    expect(barred.psql("select pg_is_in_recovery()") == "t", "it was never promoted")
    expect("pre_promote 0" in calls(leader), f"the one that leads has asked its own script, {calls(leader)}")
    barred.sh("rm /etc/may-not-lead")
    expect(free, "there is a third node")
    patch(lab, {"pre_promote": None})
    healthy(lab)


@case
def before_stop_runs_and_may_hang(lab):
    """before_stop runs before a fast stop; one that hangs is ended, and the stop goes on"""
    node = others(lab, healthy(lab))[0]
    script(lab, "/usr/local/bin/last-words", f'echo "before_stop $#" >> {LOG}',
           "test -e /etc/hang && sleep 7777; psql -tAc 'select 1'")  # fmt: skip
    patch(lab, {"before_stop": "last-words"})
    wait_for(lambda: "before_stop" in node.rest("/config")[1]["postgresql"], 10, "the configuration to be known")
    forget_calls(lab)
    before = now(node)
    node.systemctl("stop", "palisade@main.target", timeout=120)
    expect(calls(node) == ["before_stop 0"], f"it was called once, without arguments: {calls(node)}")
    journal_has(node, "before_stop: 1", before)
    node.systemctl("start", "palisade@main.target")
    lab.wait_replicas(2)
    node.write("/etc/hang", "")
    before = now(node)
    node.systemctl("stop", "palisade@main.target", timeout=60)
    journal_has(node, "took too long and was ended; the stop goes on", before)
    expect(node.sh("pgrep -f 'sleep 777[7]'", check=False).stdout == "", "nothing of it is left")
    node.sh("rm /etc/hang")
    node.systemctl("start", "palisade@main.target")
    patch(lab, {"before_stop": None})
    healthy(lab)


@case
def replica_methods_in_turn(lab):
    """a method that fails, then one of the user's own, from a member that offers itself; then pg_basebackup"""
    leader = healthy(lab)
    node, donor = others(lab, leader)
    kept = tag(donor, "clonefrom: true")
    wait_for(lambda: any(m.get("tags", {}).get("clonefrom") for m in leader.rest("/cluster")[1]["members"]), 30,
             "the donor to offer itself")  # fmt: skip
    script(lab, "/usr/local/bin/broken", f'echo "broken $*" >> {LOG}', "echo no such archive >&2", "exit 4")
    script(lab, "/usr/local/bin/copy", f'echo "copy $*" >> {LOG}',
           'for a in "$@"; do case $a in --connstring=*) dsn=${a#*=};; --datadir=*) dir=${a#*=};; esac; done',
           'pg_basebackup -D "$dir" -d "$dsn" -X stream -c fast')  # fmt: skip
    patch(lab, {"create_replica_methods": ["broken", "mine", "basebackup"], "broken": {"no_params": True, "key": "v"},
                "mine": {"command": "copy -q", "threads": 4}})  # fmt: skip
    forget_calls(lab)
    before = remake(node)
    journal_has(node, f"cloned the data directory from {donor.name} by mine", before)
    lab.wait_replicas(2)
    log = node.journal("--since", before)
    expect("broken failed with code 4: no such archive; mine is tried next" in log, "the first one's failure is told")
    first, second = calls(node)
    expect(first == "broken --key=v", f"no parameters where none are wanted: {first}")
    for word in ("copy -q --scope=main --role=replica", f"--datadir={DATA}", "--connstring=user=", "--threads=4"):
        expect(word in second, f"{word!r} is in {second!r}")
    expect("no_params" not in second, "no flag that was not given")
    patch(lab, {"create_replica_methods": ["broken", "basebackup"], "basebackup": {"max-rate": "100M", "pgdata": "/x"}})
    before = remake(node)
    journal_has(node, f"cloned the data directory from {donor.name} by basebackup", before)
    expect("option 'pgdata' is not allowed" in node.journal("--since", before), "a forbidden option is told")
    lab.wait_replicas(2)
    patch(lab, {"create_replica_methods": None, "broken": None, "mine": None, "basebackup": None})
    untag(donor, kept)


@case
def a_replica_method_keeps_data(lab):
    """keep_data: the method is called again on what its failed attempt left, and makes the replica from it"""
    leader = healthy(lab)
    node = others(lab, leader)[0]
    node.sh("rm -rf /var/lib/postgresql/saved; mkdir -m 700 /var/lib/postgresql/saved; "
            "chown postgres: /var/lib/postgresql/saved")  # fmt: skip
    node.sh("PGPASSWORD=replicator-secret runuser -u postgres -- pg_basebackup -h 127.0.0.1 -U replicator "
            "-D /var/lib/postgresql/saved -c fast", timeout=120)
    script(lab, "/usr/local/bin/restore", f'echo "restore $*" >> {LOG}', f"touch {DATA}/half",
           "test -e /etc/archive || exit 1", f"cp -a /var/lib/postgresql/saved/. {DATA}/; rm -f {DATA}/half")  # fmt: skip
    patch(lab, {"create_replica_methods": ["restore"], "restore": {"no_leader": True, "keep_data": True}})
    forget_calls(lab)
    remake(node)
    wait_for(lambda: len(calls(node)) >= 2, 60, "two attempts")
    expect("--keep_data=True" in calls(node)[0] and "--no_leader=True" in calls(node)[0], f"the flags: {calls(node)}")
    log = node.journal()
    expect("the method keeps what is there" in log, "what the first attempt left is kept")
    node.write("/etc/archive", "")
    healthy(lab)
    patch(lab, {"create_replica_methods": None, "restore": None})


@case
def cascading(lab):
    """replicatefrom: streams from that member, from the leader while it is away, and back"""
    leader = healthy(lab)
    upstream, node = others(lab, leader)
    kept = tag(node, f"replicatefrom: {upstream.name}")
    streams = "select count(*) from pg_stat_replication where application_name = '{}' and state = 'streaming'"
    wait_for(lambda: upstream.psql(streams.format(node.name)) == "1", 60, "it to stream from the upstream")
    leader.psql("create table passed_on as select 1")
    wait_for(lambda: node.psql("select count(*) from pg_class where relname = 'passed_on'") == "1", 30, "the table")
    leader.psql("create table much as select generate_series(1, 200000) n; select pg_switch_wal(); checkpoint")
    wait_for(lambda: leader.psql(f"select pg_current_wal_lsn() - restart_lsn < 8000000 from pg_replication_slots "
                                 f"where slot_name = '{node.name}'") == "t", 60,
             "the leader's slot for it to move on")  # fmt: skip
    upstream.kill()
    wait_for(lambda: leader.psql(streams.format(node.name)) == "1", 60, "it to stream from the leader")
    upstream.boot()
    wait_for(lambda: answers(upstream, streams.format(node.name), "1"), 90, "it to be back at the upstream")
    untag(node, kept)
    healthy(lab)
