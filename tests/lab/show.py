"""The demo: a cluster from nothing, a client, a power loss, a return, a switchover, a summary."""

import argparse
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from palisade_lab import Lab, LabError, Options, Terminal, wait_for  # noqa: E402
from palisade_lab.host import require_root  # noqa: E402

NAME = "demo"


def seconds(outage):
    """None: no write was late by more than the client's threshold."""
    return f"{outage.seconds:.2f} s" if outage else "under 0.2 s"


class Show:
    def __init__(self, lab, out, ttl):
        self.lab = lab
        self.out = out
        self.ttl = ttl
        self.start = time.monotonic()
        self.facts = []  # (what, outage through the virtual IP, through HAProxy)

    # How it looks ---------------------------------------------------------------------------

    def scene(self, title, words):
        self.out.say()
        self.out.say(self.out.paint(title, "bold"))
        for line in words:
            self.out.say(self.out.paint("  " + line, "dim"))

    def command(self, node, *argv):
        """A command as one would type it on a node, and what it prints."""
        self.out.say(f"  {self.out.paint(node.name + '#', 'cyan')} {' '.join(argv)}")
        for line in node.sh(list(argv), timeout=60).stdout.rstrip().splitlines():
            self.out.say("  " + line)

    def vip_at(self, node, timeout=15):
        wait_for(lambda: [n.name for n in self.lab.vip_holders()] == [node.name], timeout,
                 f"the virtual IP to be at {node.name}")  # fmt: skip

    # The scenes -----------------------------------------------------------------------------

    def up(self):
        self.scene("A cluster from nothing", [
            "Three Debian systems, etcd, Palisade from its own package, HAProxy."])
        self.lab.up(Options(nodes=3, ttl=self.ttl, loop_wait=2 if self.ttl >= 10 else 1,
                            retry_timeout=3 if self.ttl >= 10 else 1, sync=True))  # fmt: skip
        self.wait_synchronous()
        self.command(self.lab.leader(), "palisadectl", "list")

    def power_loss(self, client, proxy):
        self.wait_synchronous()
        old = self.lab.leader()
        self.lab.etcd.move_leader_away(old)
        self.scene("Power loss of the primary", [
            f"{old.name} leads. Its power fails now; nobody hears a goodbye.",
            f"Its lease lasts {self.ttl} s: until then nobody may lead in its place."])
        old.kill()
        with self.out.step("writes") as step:
            step("standing still", None)
            outage = client.wait_outage()
            step.done(f"back after {seconds(outage)} through the virtual IP")
        with self.out.step("HAProxy") as step:
            through = proxy.wait_outage()
            step.done(f"back after {seconds(through)} through HAProxy")
        new = self.lab.wait_leader(other_than=old)
        with self.out.step("address") as step:
            self.vip_at(new)
            step.done(f"10.77.0.100 is at {new.name}")
        self.facts.append(("power loss of the primary", outage, through))
        self.command(new, "palisadectl", "list")
        return old

    def rejoin(self, old):
        self.scene("The old primary comes back", [
            "Its disk says that it leads; the cluster has moved on. It rejoins as a replica."])
        with self.out.step("boot") as step:
            old.boot()
            step.done(f"{old.name} is up")
        with self.out.step("rejoin") as step:
            self.lab.wait_replicas(2)
            step.done(f"{old.name} streams from {self.lab.leader().name}")

    def killed(self, client, proxy):
        self.wait_synchronous()
        leader = self.lab.leader()
        seen, through = len(client.outages), len(proxy.outages)
        self.scene("The postmaster is killed", ["kill -9: noticed at once, by its pidfd."])
        pid = leader.sh("head -1 /var/lib/postgresql/15/main/postmaster.pid").stdout.strip()
        leader.sh(["kill", "-9", pid])
        with self.out.step("writes") as step:
            outage = client.after_fault(after=seen)
            step.done(f"back after {seconds(outage)}, at {self.lab.wait_leader().name}")
        self.facts.append(("SIGKILL of the postmaster", outage, proxy.after_fault(after=through)))
        self.lab.wait_replicas(2)

    def switchover(self, client, proxy):
        leader = self.lab.leader()
        seen, through = len(client.outages), len(proxy.outages)
        target = self.wait_synchronous()
        self.scene("A switchover", [f"{leader.name} hands over to {target}, its synchronous standby."])
        self.command(leader, "palisadectl", "switchover", "--leader", leader.name, "--candidate", target, "--force")
        with self.out.step("writes") as step:
            outage = client.after_fault(after=seen)
            step.done(f"back after {seconds(outage)} through the virtual IP")
        self.vip_at(self.lab.node(target))
        self.facts.append(("switchover", outage, proxy.after_fault(after=through)))
        self.lab.wait_replicas(2)

    def wait_synchronous(self):
        return wait_for(self.synchronous, 30, "a synchronous standby")

    def synchronous(self):
        found = [m["name"] for m in self.lab.cluster()["members"] if m["role"] == "sync_standby"]
        return found[0] if found else None

    def journal(self):
        node = self.lab.leader()
        self.scene("What the journal of the new primary says", [])
        text = node.journal("-u", "palisaded@main", "-o", "cat", "-p", "notice", "-n", "6")
        for line in text.rstrip().splitlines():
            self.out.say("  " + line[: self.out.width - 2])

    def summary(self, client, proxy):
        self.scene("Summary", [])
        self.out.table(["", "virtual IP", "HAProxy"],
                       [[what, seconds(a), seconds(b)] for what, a, b in self.facts])
        reports = (client.report, proxy.report)
        acknowledged = sum(r.acknowledged for r in reports)
        missing = sum(r.missing for r in reports)
        self.out.say()
        self.out.say(f"  {acknowledged} writes acknowledged, {missing} of them missing "
                     f"(synchronous_mode is on)")  # fmt: skip
        self.out.say(f"  {time.monotonic() - self.start:.0f} s in all")
        return 0 if missing == 0 else 1


def look_around(out):
    out.say()
    out.say("The cluster stays. Look around:")
    for command, why in (
        ("status", "nodes, roles, where the address is"),
        ("sh pg1 palisadectl list", "as on a real node"),
        ("sh pg1 palisadectl explain", "why this node is what it is"),
        ("logs pg1 -x -u 'palisade*'", "the journal, explained"),
        ("client", "a writer that shows each outage"),
        ("kill pg1", "power loss; `boot pg1` brings it back"),
        ("down", "leave nothing behind"),
    ):
        out.say(f"  tests/lab/lab --name {NAME} {command:<28} {out.paint(why, 'dim')}")


def play(args, out):
    lab = Lab(NAME, out=out)
    show = Show(lab, out, args.ttl)
    try:
        lab.down()
        show.up()
        with lab.client(via="vip") as client, lab.client(via="haproxy", extra=["--table", "proxied"]) as proxy:
            old = show.power_loss(client, proxy)
            show.rejoin(old)
            show.killed(client, proxy)
            show.switchover(client, proxy)
            show.journal()
        status = show.summary(client, proxy)
        if args.keep:
            look_around(out)
        return status
    finally:
        if not args.keep:
            lab.down()


def main():
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the cluster, and say how to look around")
    parser.add_argument("--ttl", type=int, default=10, help="the lease's time to live (3 or more)")
    args = parser.parse_args()
    out = Terminal()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        require_root()
        return play(args, out)
    except KeyboardInterrupt:
        out.say("interrupted")
        return 130
    except LabError as error:
        out.say(f"demo: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
