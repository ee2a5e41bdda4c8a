"""Every operation by name: what people and machines do to a cluster, what they are promised, what it may cost.

    ride     no write fails and the leader stays
    restart  a server stops and starts, or hands over: writes stop for 4 s at the most
    move     writes may stop for ttl + one renewal interval + 1.5 s

An operation asks a member chosen by chance, checks the answer and its effect, and raises LabError where
either is not as promised. Disturbed by a kill in its midst, it may be refused instead, in words.
"""

import json
import time
from dataclasses import dataclass

from palisade_lab import LabError, wait_for

from . import lagging, sites
from .faults import UNITS, hit, main_pids
from .scene import CONNECTIONS, DATA, MODES, MOVE, RESTART, RIDE, TIMINGS, Operation, pid, runs, soon

# Who leads ----------------------------------------------------------------------------------


def switchover(s):
    heir = s.heir()
    answer = s.ask("POST", "/switchover", {"leader": s.leader.name, "candidate": heir.name})
    if s.done(answer, f'Successfully switched over to "{heir.name}"') and not s.disturbance:
        s.expect(s.lab.wait_leader(30).name == heir.name, f"{heir.name} leads")


def switchover_to_anybody(s):
    s.heir()
    answer = s.ask("POST", "/switchover", {"leader": s.leader.name})
    if s.done(answer, "Successfully switched over to") and not s.disturbance:
        new = s.lab.wait_leader(30, other_than=s.leader)
        s.expect(f'"{new.name}"' in answer[1], f"{new.name} leads: {answer[1]}")


def switchover_at_a_time(s):
    heir, after = s.heir(), s.rng.uniform(2, 5)
    begun = time.monotonic()
    body = {"leader": s.leader.name, "candidate": heir.name, "scheduled_at": soon(after)}
    if s.done(s.ask("POST", "/switchover", body), "Switchover scheduled", 202) and not s.disturbance:
        new = s.lab.wait_leader(40, other_than=s.leader)
        s.expect(new.name == heir.name and time.monotonic() - begun >= after - 0.2, f"{heir.name} leads, not before its time")


def switchover_dropped(s):
    s.heir()
    body = {"leader": s.leader.name, "scheduled_at": soon(600)}
    epoch = s.epoch()
    if s.done(s.ask("POST", "/switchover", body), "Switchover scheduled", 202):
        wait_for(lambda: "scheduled_switchover" in s.lab.cluster(), 15, "/cluster to show it")
        wait_for(lambda: s.done(s.ask("DELETE", "/switchover"), "scheduled switchover deleted"), 10, "it to be dropped")
    s.stays(epoch)


def switchover_refused(s):
    """Who does not lead hands nothing over; who may not lead gets nothing."""
    epoch = s.epoch()
    wrong = s.replica()
    s.done(s.ask("POST", "/switchover", {"leader": wrong.name}), "leader name does not match", 412)
    asynchronous = [n for n in s.replicas() if n.name not in [x.name for x in s.synchronous()]]
    if s.state.mode != "off" and asynchronous:
        body = {"leader": s.leader.name, "candidate": asynchronous[0].name}
        s.done(s.ask("POST", "/switchover", body), "candidate name does not match with sync_standby", 412)
    s.stays(epoch)


def failover(s):
    """By hand, of a healthy leader: it hands over as well as it can."""
    heir = s.heir()
    if s.done(s.ask("POST", "/failover", {"candidate": heir.name}), f'Successfully failed over to "{heir.name}"'):
        s.expect(s.disturbance or s.lab.wait_leader(30).name == heir.name, f"{heir.name} leads")


# Pause --------------------------------------------------------------------------------------


def _in_pause(meanwhile, stays=True):
    def run(s):
        epoch = s.epoch()
        paused = s.said(s.ctl("pause", "--wait"), "Success: cluster management is paused")

        def resumes():
            # Of a primary without deadline that has lost its power only people know that it is off.
            force = [] if s.leader.pid1() else ["--force"]
            return (s.said(s.ctl("resume", "--wait", *force), "Success: cluster management is resumed")
                    or (s.disturbance and not s.lab.cluster().get("pause")))  # fmt: skip

        try:
            if paused:
                meanwhile(s)
                time.sleep(s.rng.uniform(0.5, 2))
        finally:
            resumed = wait_for(resumes, 120, "the pause to end")
        s.expect(resumed and not s.lab.cluster().get("pause"), "the pause is over")
        if stays:
            s.stays(epoch)

    return run


def _nothing(_):
    pass


def _restart_in_pause(s):
    node = s.any()
    s.done(s.ask("POST", "/restart", {}, node), "restarted successfully")


def _kill_in_pause(s):
    unit = s.rng.choice([UNITS[name] for name in ("palisaded", "dcsd", "pgd", "fenced")])
    _killed(s, s.leader, unit)


def _switchover_in_pause(s):
    heir = s.heir()
    s.done(s.ask("POST", "/switchover", {"leader": s.leader.name, "candidate": heir.name}), "Successfully switched over to")


# Restarts -----------------------------------------------------------------------------------


def _restart(s, node):
    before, epoch = pid(node), s.epoch()
    if s.done(s.ask("POST", "/restart", {}, node), "restarted successfully"):
        s.expect(s.disturbance or pid(node) != before, "it is another postmaster")
    s.stays(epoch)


def restart_leader(s):
    _restart(s, s.leader)


def restart_replica(s):
    _restart(s, s.replica())


def restart_at_a_time(s):
    node = s.any()
    before = pid(node)
    if s.done(s.ask("POST", "/restart", {"schedule": soon(2)}, node), "Restart scheduled", 202) and not s.disturbance:
        wait_for(lambda: pid(node) != before, 30, f"{node.name} to be restarted")


def restart_rolling(s):
    before = {node.name: pid(node) for node in s.lab.databases}
    process = s.ctl("restart", "main", "--force", timeout=240)
    if s.said(process, "Success: restart on member") and not s.disturbance:
        s.expect(process.stdout.count("Success: restart on member") == len(before), process.stdout)
        s.expect(all(pid(n) != before[n.name] for n in s.lab.databases), "every postmaster is another one")


# Members ------------------------------------------------------------------------------------


def reload(s):
    epoch = s.epoch()
    s.done(s.ask("POST", "/reload"), "reload scheduled", 202)
    s.stays(epoch)


def reinitialize(s):
    node, epoch = s.replica(), s.epoch()
    node.sh(["touch", f"{DATA}/of-before"])
    if s.done(s.ask("POST", "/reinitialize", {"force": True}, node), "reinitialize started") and not s.disturbance:
        wait_for(lambda: node.sh(["test", "-e", f"{DATA}/of-before"], check=False).returncode != 0, 60, "it to be made anew")
    s.stays(epoch)


def reinitialize_refused(s):
    s.done(s.ask("POST", "/reinitialize", {"force": True}, s.leader), "I am the leader, can not reinitialize", 503)


def _leave(s, node):
    process = s.ctl("leave", node=node)
    left = s.said(process, "")
    try:
        if left and not s.disturbance:
            s.expect(not runs(node), f"PostgreSQL of {node.name} is stopped")
            s.expect(s.lab.etcd.get("/service/main/leader") != node.name, "the lock is not its own")
            s.lab.wait_leader(30, other_than=node)
    finally:
        joined = wait_for(lambda: s.said(s.ctl("join", node=node), "") or (s.disturbance and runs(node)), 120, "it to join")
    s.expect(joined, f"{node.name} has joined again")


def leave_leader(s):
    _leave(s, s.leader)


def leave_replica(s):
    _leave(s, s.replica())


# The configuration --------------------------------------------------------------------------


def _known(s, name, value):
    wait_for(lambda: all(n.rest("/config")[1].get(name) == value for n in s.lab.databases if n.pid1()), 20,
             f"every member to know {name}: {value}")  # fmt: skip


def config_timing(s):
    ttl, loop_wait, retry_timeout = s.rng.choice([t for t in TIMINGS if t != s.state.timing])
    epoch = s.epoch()
    if s.patch({"ttl": ttl, "loop_wait": loop_wait, "retry_timeout": retry_timeout}):
        s.state.timing = (ttl, loop_wait, retry_timeout)
        _known(s, "ttl", ttl)
        _settled_timing(s, ttl)
    s.stays(epoch)


def _settled_timing(s, ttl):
    """The leader key hangs on a lease of that ttl: the old one was let go without a gap."""
    def granted():
        node = s.lab.etcd.leader()
        lease = s.lab.etcd.range(node, "/service/main/leader")[1]["kvs"][0]["lease"]
        code, body = node.http("POST", "/v3/lease/timetolive", 2379, {"ID": lease}, 2.0)
        return code == 200 and int(body.get("grantedTTL", 0)) == ttl

    wait_for(granted, 60, f"the lock to hang on a lease of {ttl} s")


def config_refused(s):
    """A value that cannot be is refused with its key, and nothing changes."""
    before, epoch = s.lab.etcd.get("/service/main/config"), s.epoch()
    key = s.rng.choice(["ttl", "loop_wait", "maximum_lag_on_failover", "synchronous_mode"])
    s.done(s.ask("PATCH", "/config", {key: "many"}), key, 400)
    s.expect(s.lab.etcd.get("/service/main/config") == before, "the configuration is as it was")
    s.stays(epoch)


def config_sync(s):
    mode = s.rng.choice([m for m in MODES if m != s.state.mode])
    epoch = s.epoch()
    s.state.weakest = "off" if "off" in (mode, s.state.mode) else mode
    if s.patch({"synchronous_mode": MODES[mode]}):
        s.state.mode = mode
        _known(s, "synchronous_mode", MODES[mode])
    s.stays(epoch)


def config_lag(s):
    epoch = s.epoch()
    lag = s.rng.choice([1, 2, 4]) << 20
    if s.patch({"maximum_lag_on_failover": lag}):
        s.state.lag = max(lag, s.state.lag)
        _known(s, "maximum_lag_on_failover", lag)
        s.state.lag = lag
    s.stays(epoch)


def config_connections(s):
    """It waits for a restart, which it gets. Less of it takes a second round: a standby may have no less than its primary."""
    value = s.rng.choice([n for n in CONNECTIONS if n != s.state.connections])
    rounds = 1 if value > s.state.connections else 2
    if not s.patch({"postgresql": {"parameters": {"max_connections": value}}}):
        return
    s.state.connections = value

    def waiting():
        keys = [s.lab.etcd.get(f"/service/main/members/{node.name}") for node in s.lab.databases]
        return [key for key in keys if json.loads(key or "{}").get("pending_restart")]

    def in_force():
        return all(node.psql("show max_connections") == str(value) for node in s.lab.databases)

    # A member that says later than the others that it waits gets a round of its own.
    for _ in range(rounds if s.disturbance else rounds + len(s.lab.databases)):
        wait_for(lambda: s.disturbance or waiting() or in_force(), 30, "members to wait for a restart")
        if not s.disturbance and in_force():
            break
        told = s.ctl("restart", "main", "--pending", "--force", timeout=240)
        # A standby whose recovery waits for the parameter restarts by itself: it alone may say so.
        errors = [line for line in (told.stdout if told else "").splitlines() if "Error" in line]
        if not errors or any("stop already in progress" not in line for line in errors):
            s.said(told, "Success: restart on member")
    if not s.disturbance:
        wait_for(lambda: not waiting(), 30, "nobody to wait for a restart")
        s.expect(in_force(), f"max_connections is {value} on every member")


def failsafe(s):
    """failsafe_mode on: etcd loses its majority for longer than a ttl, and the leader leads on."""
    if not s.patch({"failsafe_mode": True}):
        return
    names = s.lab.etcd.members()
    wait_for(lambda: (s.lab.etcd.get("/service/main/failsafe") or "").count("http") == len(s.lab.databases), 30,
             "everybody in /failsafe")  # fmt: skip
    away = [node for node in names if node.name != s.leader.name][:2]
    for node in away:
        node.systemctl("stop", "etcd.service")
    try:
        time.sleep(s.state.timing[0] + s.rng.uniform(1, 4))
        s.expect(s.leader.rest("/primary")[0] == 200, "it leads on")
    finally:
        for node in away:
            node.systemctl("start", "--no-block", "etcd.service")
        s.lab.etcd.wait_healthy()
    s.expect(s.lab.wait_leader(30).name == s.leader.name, "the leader is the same")
    wait_for(lambda: s.patch({"failsafe_mode": None}), 30, "it to be switched off")
    time.sleep(s.state.timing[0])  # what was promised lasts a ttl, and a handover waits for its end


def config_slots(s):
    """A permanent slot comes on every member, and goes."""
    name, epoch = f"year_{s.rng.randrange(1000)}", s.epoch()
    count = f"select count(*) from pg_replication_slots where slot_name = '{name}'"

    def everywhere(wanted):
        return all(node.psql(count) == wanted for node in s.lab.databases)

    if s.patch({"slots": {name: {"type": "physical"}}}):
        wait_for(lambda: s.disturbance or everywhere("1"), 30, f"slot {name} on every member")
    wait_for(lambda: s.patch({"slots": None}), 30, "it to be taken out")
    wait_for(lambda: everywhere("0"), 60, f"slot {name} to be gone")
    s.stays(epoch)


# Kills --------------------------------------------------------------------------------------


def _killed(s, node, unit):
    before = set(main_pids(node, unit))
    hit(node, "kill", unit)

    def fresh():
        pids = set(main_pids(node, unit))
        return pids and not pids & before

    wait_for(fresh, 10, f"{unit} of {node.name} to be replaced")


def _kill_daemon(name):
    def run(s):
        epoch = s.epoch()
        _killed(s, s.rng.choice([s.leader, s.replica()]), UNITS[name])
        s.stays(epoch)

    return run


def upgrade(s):
    """As a package's postinst restarts the daemons: one at a time."""
    node, epoch = s.rng.choice([s.leader, s.replica()]), s.epoch()
    for name in ("palisaded", "dcsd", "pgd", "apid", "fenced", "watchdogd"):
        node.systemctl("restart", UNITS[name])
    s.stays(epoch)


def kill_etcd(s):
    epoch = s.epoch()
    _killed(s, s.rng.choice([n for n in s.lab.etcd.members() if n.name != s.lab.etcd.wait_leader().name]), "etcd.service")
    s.stays(epoch)


def kill_postmaster(s):
    hit_leader = s.rng.random() < 0.5
    node = s.leader if hit_leader else s.replica()
    s.lab.node(node.name).sh(["kill", "-9", pid(node)])


def power_off_leader(s):
    s.lab.etcd.move_leader_away(s.leader)
    s.leader.kill()
    s.lab.wait_leader(60, other_than=s.leader)


def power_off_replica(s):
    node = s.replica()
    s.lab.etcd.move_leader_away(node)
    node.kill()
    time.sleep(s.rng.uniform(1, 6))


def reboot(s):
    s.any().reboot()


def stop_service(s):
    """systemctl stop of the node's target is leave; start is join."""
    node = s.any()
    node.systemctl("stop", "palisade@main.target", timeout=120)
    try:
        s.expect(not runs(node), f"PostgreSQL of {node.name} is stopped")
        if not s.disturbance:
            s.lab.wait_leader(30, other_than=node)
    finally:
        node.systemctl("start", "palisade@main.target", timeout=120)


CATALOGUE = [
    Operation("switchover", switchover, RESTART, 4),
    Operation("switchover to anybody", switchover_to_anybody, RESTART, 3),
    Operation("switchover at a time", switchover_at_a_time, RESTART),
    Operation("switchover, dropped", switchover_dropped, RIDE, 1),
    Operation("switchover, refused", switchover_refused, RIDE, 1),
    Operation("failover by hand", failover, RESTART),
    Operation("pause, resume", _in_pause(_nothing), RIDE, 1, paused=True),
    Operation("pause, restart in it", _in_pause(_restart_in_pause), RESTART, 1, paused=True),
    Operation("pause, a daemon killed in it", _in_pause(_kill_in_pause), RIDE, 1, paused=True, disturbed=False),
    Operation("pause, switchover in it", _in_pause(_switchover_in_pause, False), RESTART, 1, paused=True),
    Operation("restart of the leader", restart_leader, RESTART),
    Operation("restart of a replica", restart_replica, RIDE),
    Operation("restart at a time", restart_at_a_time, RESTART, 1),
    Operation("restart of all, one by one", restart_rolling, RESTART, 1),
    Operation("reload", reload, RIDE, 1),
    Operation("reinitialize", reinitialize, RIDE),
    Operation("reinitialize, refused", reinitialize_refused, RIDE, 1),
    Operation("leave and join of the leader", leave_leader, RESTART),
    Operation("leave and join of a replica", leave_replica, RIDE),
    Operation("config: ttl, loop_wait, retry_timeout", config_timing, RIDE),
    Operation("config: what is refused", config_refused, RIDE, 1),
    Operation("config: synchronous_mode", config_sync, RIDE, 4),
    Operation("config: maximum_lag_on_failover", config_lag, RIDE, 1),
    Operation("config: max_connections, restart --pending", config_connections, RESTART, 1),
    Operation("config: a permanent slot, and without", config_slots, RIDE, 1),
    Operation("failsafe_mode, and etcd without a majority", failsafe, RIDE, 1, disturbed=False),
    *(Operation(f"kill of {name}", _kill_daemon(name), RIDE, 1, disturbed=False) for name in UNITS),
    Operation("restart of every daemon", upgrade, RIDE, disturbed=False),
    Operation("kill of an etcd member", kill_etcd, RIDE, 1, disturbed=False),
    Operation("kill of the postmaster", kill_postmaster, RESTART, orderly=False, disturbed=False),
    Operation("power loss of the leader", power_off_leader, MOVE, 3, orderly=False, disturbed=False),
    Operation("power loss of a replica", power_off_replica, MOVE, orderly=False, disturbed=False),
    Operation("reboot", reboot, RESTART, disturbed=False),
    Operation("stop and start of the service", stop_service, RESTART),
    Operation("demote-cluster, promote-cluster", sites.change_sites, RESTART, staged=True, takes=50),
    Operation("a lagging standby alone, beyond the maximum", lagging.beyond, MOVE, 1, disturbed=False, staged=True, takes=60),
    Operation("a lagging standby alone, within it", lagging.within, MOVE, 1, orderly=False, disturbed=False, staged=True,
              takes=60),
]  # fmt: skip


# What may happen in the midst of an operation -----------------------------------------------


def _kill_of(name):
    return lambda node: hit(node, "kill", UNITS[name])


def _kill_postmaster(node):
    node.sh(["kill", "-9", pid(node)])


def _power(node):
    node.kill()


@dataclass(frozen=True)
class Disturbance:
    name: str
    begin: object
    lasts: tuple = ()  # seconds, from and to; then its cuts are healed and it is thawed


DISTURBANCES = [
    *(Disturbance(f"kill of {name}", _kill_of(name)) for name in UNITS),
    Disturbance("kill of the postmaster", _kill_postmaster),
    Disturbance("power loss", _power),
    Disturbance("cut from etcd", lambda node: node.cut("etcd"), (1, 15)),
    Disturbance("cut from the others", lambda node: node.cut("peers"), (1, 10)),
    Disturbance("freeze of the node", lambda node: node.freeze(), (0.5, 8)),
]  # fmt: skip
