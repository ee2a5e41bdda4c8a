"""The watchdog in the chain: a device of the lab's own in each node; tests/vm has the real drivers."""

import os
import re
import signal

from harness import Options, Suite, expect, healthy, wait_for

SUITE = Suite("watchdog", Options(nodes=3, ttl=10, loop_wait=2, retry_timeout=3, watchdog=True))
case = SUITE.case
DOG = "/dev/watchdog"
W = 4  # of ttl 10, loop_wait 2, retry_timeout 3: 4.75 s are asked for, in whole seconds


def explain(node):
    """What explain says, its lines not wrapped."""
    return " ".join(node.sh(["palisadectl", "explain"]).stdout.split())


def is_armed(node):
    return re.search(r'palisade_watchdog_armed\S* 1$', node.rest("/metrics")[1], re.M) is not None


def configured(lab, old, new):
    """main.yml changed on every node, and read again."""
    for node in lab.databases:
        node.write("/etc/palisade/main.yml", node.read("/etc/palisade/main.yml").replace(old, new),
                   0o640, "postgres", "palisade-config")  # fmt: skip
        node.systemctl("reload", "palisaded@main.service")


@case
def armed_with_the_lock(lab):
    """the leader has it armed and explain shows W; the others have not"""
    leader = healthy(lab)
    wait_for(lambda: is_armed(leader), 10, "the leader's watchdog to be armed")
    for node in lab.databases:
        expect(is_armed(node) == (node.name == leader.name), f"{node.name}: armed as its role asks")
    text = explain(leader)
    expect(f"{DOG} (lab watchdog) resets the host {W}.00 s after the last pet" in text, "explain shows the device")
    expect(re.search(r"for the watchdog", text), "explain shows W in the permit")
    return f"armed on {leader.name}, W {W} s"


@case
def switchover_releases_it(lab):
    """a switchover disarms the old leader's and arms the new one's; nobody is reset"""
    old = healthy(lab)
    wait_for(lambda: is_armed(old), 10, "the leader's watchdog to be armed")
    before = {node.name: node.pid1() for node in lab.databases}
    new = next(node for node in lab.databases if node.name != old.name)
    old.sh(["palisadectl", "switchover", "--candidate", new.name, "--force"], 60)
    lab.wait_leader(60, other_than=old)
    wait_for(lambda: is_armed(new) and not is_armed(old), 15, "the watchdog to move with the lock")
    healthy(lab)
    expect({node.name: node.pid1() for node in lab.databases} == before, "no node was reset")


@case
def restarts_of_daemons(lab):
    """mind, fenced, pgd and watchdogd killed on the leader, one after the other: armed again, no reset"""
    leader = healthy(lab)
    wait_for(lambda: is_armed(leader), 10, "the leader's watchdog to be armed")
    pid1 = leader.pid1()
    for unit in ("palisade-watchdogd.service", "palisaded@main.service", "palisade-fenced.service",
                 "palisade-pgd@main.service", "palisade-watchdogd.service"):  # fmt: skip
        leader.systemctl("kill", "--signal=KILL", "--kill-whom=main", unit)
        wait_for(lambda: leader.systemctl("is-active", unit, check=False).strip() == "active", 10, f"{unit} to be back")
        wait_for(lambda: is_armed(leader), 10, "the watchdog to be armed")
    expect(leader.pid1() == pid1, "the node was not reset")
    expect(lab.leader().name == leader.name, "it still leads")


@case
def every_killer_stopped(lab):
    """every daemon of the leader and its systemd stopped: the device resets it, and it comes back and says why"""
    old = healthy(lab)
    wait_for(lambda: is_armed(old), 10, "the leader's watchdog to be armed")
    pid1 = old.require_pid1()
    old.sh(["pkill", "-STOP", "-f", "^/usr/sbin/palisade"])
    os.kill(pid1, signal.SIGSTOP)
    lab.wait_leader(30, other_than=old)
    wait_for(lambda: old.pid1() not in (None, pid1), 60, "the node to be reset and to boot")
    healthy(lab, 120)
    return "reset by its device, back as a replica"


@case
def cut_off_with_a_stuck_server(lab):
    """the leader cut off, fenced and pgd stopped: watchdogd stops petting, and the next boot names the permit"""
    old = healthy(lab)
    wait_for(lambda: is_armed(old), 10, "the leader's watchdog to be armed")
    pid1 = old.require_pid1()
    os.kill(pid1, signal.SIGSTOP)  # or it would replace them
    old.sh(["pkill", "-STOP", "-f", "^/usr/sbin/palisade-(pgd|fenced|launcher)"])
    old.cut()
    wait_for(lambda: old.pid1() not in (None, pid1), 60, "the node to be reset and to boot")
    old.heal()
    healthy(lab, 120)
    text = wait_for(lambda: re.search(r"boot cause petting was stopped.*?confirmed", explain(old)), 30, "explain to say why")
    expect("the permit of main" in text.group(0), f"the permit is named: {text.group(0)}")
    return text.group(0).strip()[:60]


@case
def unfit_is_told(lab):
    """a reset_after that leaves no time: automatic leads without, required gives the lock up"""
    leader = healthy(lab)
    configured(lab, "mode: automatic", "mode: automatic\n  reset_after: 8")
    leader.sh(["palisadectl", "switchover", "--force"], 60)
    new = lab.wait_leader(60, other_than=leader)
    wait_for(lambda: "leading without a hardware watchdog" in new.journal("-u", "palisaded@main", "-n", "200"), 20,
             "the new leader to say that it leads without")  # fmt: skip
    expect(not is_armed(new), "nothing is armed")
    configured(lab, "mode: automatic", "mode: required")
    new.sh(["palisadectl", "switchover", "--force"], 60, check=False)
    wait_for(lambda: any("the watchdog is required and cannot be armed" in node.journal("-u", "palisaded@main", "-n", "400")
                         for node in lab.databases if node.name != new.name), 60, "required to refuse")  # fmt: skip
    configured(lab, "mode: required\n  reset_after: 8", "mode: automatic")
    healthy(lab, 90)
