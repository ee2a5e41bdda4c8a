"""Virtual IPs: two families, by name and by subnet, against everybody who takes them away."""

import subprocess
import time

from harness import Options, Suite, expect, healthy, wait_for

from palisade_lab import net  # noqa: E402

SUITE = Suite("vip", Options(nodes=3, ttl=10, loop_wait=2, retry_timeout=3, ipv6=True))
case = SUITE.case
CONFIG = "/etc/palisade/main.yml"
SECOND = "10.77.0.101"
BOTH = (net.VIP_V4, net.VIP_V6)
LINK = "host0"


def has(node, address):
    return address in node.sh(["ip", "-o", "address", "show", "to", address]).stdout


def at_leader(lab, leader, addresses=BOTH):
    for address in addresses:
        wait_for(lambda address=address: [n.name for n in lab.vip_holders(address)] == [leader.name], 15,
                 f"{address} to be at {leader.name} alone")  # fmt: skip


def reachable(lab, address, timeout=5):
    """A client that has never heard of it reaches the primary by it."""
    def answers():
        asked = lab.app.sh(["timeout", "2", "psql", "-XAtqw", "-h", address, "-U", "postgres", "-d", "postgres",
                            "-c", "select 1"], check=False)  # fmt: skip
        return "no password" in asked.stderr  # the server wants one

    lab.app.sh(["ip", "neighbour", "flush", "all"])
    wait_for(answers, timeout, f"postgres to answer at {address}", every=0.1)


def configure(lab, old, new, nodes=None):
    for node in nodes or lab.databases:
        node.write(CONFIG, node.read(CONFIG).replace(old, new), 0o640, "postgres", "palisade-config")
        node.systemctl("reload", "palisaded@main")


def explain(node):
    """Its text without the line breaks."""
    return " ".join(node.sh(["palisadectl", "explain"]).stdout.split())


def journal(node, since):
    return node.journal("-u", "palisade-fenced", "--since", f"@{since:.6f}")


def back_within(node, address, seconds, took_away):
    """Takes it away, and answers how long it was away as its own host saw it."""
    began = time.time()
    took_away()
    wait_for(lambda: has(node, address), seconds, f"{address} to be back on {node.name}", every=0.02)
    return time.time() - began


@case
def both_families(lab):
    """an IPv4 and an IPv6 address at the primary alone, with a kernel lifetime, marked as ours, told by metric"""
    leader = healthy(lab)
    at_leader(lab, leader)
    for address in BOTH:
        reachable(lab, address)
        line = leader.sh(["ip", "-o", "address", "show", "to", address]).stdout
        expect("forever" not in line and "valid_lft" in line, f"{address} ends by itself: {line}")
        expect(":" in address or f"{LINK}:pal" in line, f"and is marked as ours: {line}")
    time.sleep(12)  # longer than a lease: the metric follows the lifetime, which is set anew
    text = leader.rest("/metrics")[1]
    for address in BOTH:
        expect(f'address="{address}"}} 1' in text, f"palisade_vip_present of {address}")
    chain = explain(leader)
    expect(all(address in chain for address in BOTH), "explain shows them")


@case
def deleted_by_others(lab):
    """ip address del of each: back at once, told in the journal; one quarrel later, by another probe"""
    leader = healthy(lab)
    at_leader(lab, leader)
    figures = []
    with lab.client(via="vip") as client:
        client.go_on(50)
        since = time.time()
        for address in BOTH:
            size = 128 if ":" in address else 32
            delete = ["ip", "address", "del", f"{address}/{size}", "dev", LINK]
            figures.append(back_within(leader, address, 2, lambda delete=delete: leader.sh(delete)))
        client.go_on(100)
        wait_for(lambda: journal(leader, since).count("was removed by somebody else") == 2, 5, "the journal to tell")
        for address in BOTH:
            leader.sh(["sh", "-c", f"for i in 1 2 3; do ip address del {address} dev {LINK}; sleep 0.05; done; true"])
        at_leader(lab, leader)
        leader.sh(["ip", "address", "flush", "dev", LINK, "to", net.VIP_V4])
        at_leader(lab, leader)
        client.go_on(100)
    expect(client.report.missing == 0, "no acknowledged row is missing")
    return "back after " + ", ".join(f"{f * 1000:.0f} ms" for f in figures)


@case
def rules_flushed(lab):
    """nft flush ruleset: nothing of ours is in there"""
    leader = healthy(lab)
    with lab.client(via="vip") as client:
        client.go_on(50)
        leader.sh(["nft", "flush", "ruleset"])
        client.go_on(300)
    expect(client.report.failed == 0 and not client.outages, "no failed write")
    at_leader(lab, leader)


@case
def carrier_lost(lab):
    """the cable out and in within the permit: told, and neighbours hear of it at once when it is back"""
    leader = healthy(lab)
    at_leader(lab, leader)
    since = time.time()
    leader.unplug()
    try:
        wait_for(lambda: "no carrier" in journal(leader, since), 3, "the journal to tell")
        wait_for(lambda: "no carrier" in explain(leader), 3, "explain to tell")
    finally:
        leader.plug()
    leader = healthy(lab)
    at_leader(lab, leader)
    for address in BOTH:
        reachable(lab, address)


@case
def link_set_down_and_up(lab):
    """ip link set down and up again: both addresses are there again, also the one the kernel dropped"""
    leader = healthy(lab)
    at_leader(lab, leader)
    leader.sh(f"ip link set {LINK} down; sleep 0.5; ip -batch /etc/lab-net.batch")  # its own IPv6 address went too
    leader = healthy(lab)
    at_leader(lab, leader)
    for address in BOTH:
        reachable(lab, address, 10)


@case
def fenced_restarted(lab):
    """fenced restarted and killed: the addresses never move, and are announced on"""
    leader = healthy(lab)
    at_leader(lab, leader)
    with lab.client(via="vip") as client:
        client.go_on(50)
        leader.systemctl("kill", "--kill-whom=main", "--signal=SIGKILL", "palisade-fenced")
        leader.wait_unit("palisade-fenced.service")
        leader.systemctl("restart", "palisade-fenced")
        client.go_on(300)
    expect(client.report.failed == 0 and not client.outages, "no failed write")
    at_leader(lab, leader)
    heard = lab.app.sh(["timeout", "20", "tcpdump", "-nn", "-c", "1", "-i", LINK, "arp", "and", "src", net.VIP_V4], 30,
                       check=False).stdout  # fmt: skip
    expect(net.VIP_V4 in heard, f"it is announced every 15 s: {heard}")


@case
def added_and_removed(lab):
    """a second address by subnet, then none of it: taken at a reload, given up at the next"""
    leader = healthy(lab)
    configure(lab, "vip:\n", f"vip:\n  - {SECOND}\n")
    at_leader(lab, leader, (*BOTH, SECOND))
    configure(lab, f"  - {SECOND}\n", "")
    wait_for(lambda: not lab.vip_holders(SECOND), 3, "it to be given up at once")
    at_leader(lab, leader)


@case
def moves_with_the_primary(lab):
    """a switchover takes both along"""
    leader = healthy(lab)
    target = next(n for n in lab.databases if n.name != leader.name)
    leader.sh(["palisadectl", "switchover", "--leader", leader.name, "--candidate", target.name, "--force"], 60)
    expect(healthy(lab).name == target.name, f"{target.name} leads")
    at_leader(lab, target)
    for address in BOTH:
        reachable(lab, address)


@case
def of_some_host(lab):
    """an address that is a member's, this host's, or a stranger's: refused with the reason, and left alone"""
    leader = healthy(lab)
    other = next(n for n in lab.databases if n.name != leader.name)
    app = lab.app.address
    refused = leader.sh(f"sed 's/{net.VIP_V4}/{leader.address.v4}/' {CONFIG} > /var/tmp/own.yml; "
                        "palisaded --check-config /var/tmp/own.yml", check=False)  # fmt: skip
    expect(refused.returncode != 0 and "belong to no host" in refused.stdout + refused.stderr, "its own, by --check-config")
    leader.sh(["ip", "address", "add", f"{SECOND}/24", "dev", LINK])
    wanted = "".join(f"  - '{address}'\n" for address in (other.address.v4, app.v4, app.v6, SECOND))
    try:
        configure(lab, "vip:\n", f"vip:\n{wanted}", [leader])
        for why in (f"{other.name}'s own address", "answers for it", "did not add"):
            wait_for(lambda why=why: why in explain(leader), 10, f"explain to say: {why}")
        time.sleep(1)
        for address in (other.address.v4, app.v4, app.v6):
            expect(not has(leader, address), f"{address} is not taken")
        text = explain(leader)
        expect(text.count("answers for it") == 2, f"both of the stranger's: {text}")
    finally:
        configure(lab, wanted, "", [leader])
    expect(has(leader, SECOND), "what an administrator added is never removed")
    leader.sh(["ip", "address", "del", f"{SECOND}/24", "dev", LINK])
    at_leader(lab, healthy(lab))


READS = "10.77.0.102"
READS_ENTRY = f"  - {{address: {READS}, role: replica, name: reads}}\n"


def reads_at(lab, nodes, seconds=20):
    """The node that holds it, alone, and is one of these; its key names it."""
    def holder():
        holders = lab.vip_holders(READS)
        named = lab.etcd.get("/service/main/palisade/vip/reads")
        return len(holders) == 1 and holders[0].name == named and holders[0].name in [n.name for n in nodes] and holders[0]

    return wait_for(holder, seconds, f"{READS} to be at one of {', '.join(n.name for n in nodes)}", every=0.05)


def replicas(lab):
    leader = lab.leader()
    return [n for n in lab.databases if n.name != leader.name]


@case
def for_a_replica(lab):
    """role: replica: one streaming replica holds it under a key of its own, and moves it when it should not"""
    healthy(lab)
    configure(lab, "vip:\n", "vip:\n" + READS_ENTRY)
    holder = reads_at(lab, replicas(lab))
    expect(f"reads {READS}, held here" in explain(holder), "explain tells on the holder")
    expect(f"held by {holder.name}" in explain(lab.leader()), "and elsewhere")
    reachable(lab, READS)

    began = time.monotonic()
    configure(lab, "\nvip:\n", "\ntags: {noloadbalance: true}\nvip:\n", [holder])
    second = reads_at(lab, [n for n in replicas(lab) if n.name != holder.name], 5)
    moved = time.monotonic() - began
    configure(lab, "tags: {noloadbalance: true}\n", "", [holder])

    for unit in ("palisaded@main", "palisade-dcsd@main", "palisade-pgd@main", "palisade-fenced"):
        second.systemctl("restart", unit)
        second.wait_unit(unit + ".service")
        time.sleep(0.5)
        expect(reads_at(lab, replicas(lab), 5).name == second.name, f"it stays where it is when {unit} is restarted")
    return f"given up and taken within {moved:.2f} s"


@case
def replica_lost(lab):
    """the holder loses its power, then hangs whole: another replica has it within ttl and some, never two at once"""
    healthy(lab)
    first = reads_at(lab, replicas(lab))
    lab.etcd.move_leader_away(first)  # a new etcd leader lengthens every lease by a ttl
    began = time.monotonic()
    first.kill()
    second = reads_at(lab, [n for n in replicas(lab) if n.name != first.name], 20)
    lost = time.monotonic() - began
    expect(lost < 13, f"within ttl and some: {lost:.1f} s")
    first.boot()
    healthy(lab)
    expect(reads_at(lab, replicas(lab)).name == second.name, "it stays there")

    lab.etcd.move_leader_away(second)
    free = [n for n in replicas(lab) if n.name != second.name]
    second.freeze()
    since = time.monotonic()
    try:
        third = reads_at_elsewhere(second, free)
        hung = time.monotonic() - since
    finally:
        second.thaw()
    healthy(lab)
    expect(reads_at(lab, replicas(lab)).name == third.name, "and there, when the other goes on")
    return f"after a power loss {lost:.1f} s, after a hang {hung:.1f} s"


def reads_at_elsewhere(frozen, free):
    """Taken by another only after the kernel of the frozen node has dropped it."""
    def taken():
        return next((n for n in free if has(n, READS)), None)

    node = wait_for(taken, 25, f"{READS} to be taken from {frozen.name}", every=0.05)
    pid = frozen.require_pid1()
    kept = subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", "-o", "address", "show", "to", READS], timeout=5,
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    expect(kept == "", f"the frozen node has it no more: {kept}")
    return node


@case
def replica_promoted(lab):
    """a switchover to the holder: it gives the replica's address to another, and has the primary's"""
    healthy(lab)
    leader, holder = lab.leader(), reads_at(lab, replicas(lab))
    leader.sh(["palisadectl", "switchover", "--leader", leader.name, "--candidate", holder.name, "--force"], 60)
    expect(healthy(lab).name == holder.name, f"{holder.name} leads")
    at_leader(lab, holder)
    reads_at(lab, replicas(lab))
    configure(lab, READS_ENTRY, "")
    wait_for(lambda: not lab.vip_holders(READS), 3, "it to be given up with its configuration")
    wait_for(lambda: not lab.etcd.get("/service/main/palisade/vip/reads"), 15, "and its key to end")
