"""How data directories come to be: made anew, restored, from an archive, by scripts of the user's."""

from harness import Options, Suite, expect, healthy, wait_for

SUITE = Suite("bootstrap", Options(nodes=2, ttl=5, loop_wait=1, retry_timeout=1))
case = SUITE.case
DATA = "/var/lib/postgresql/15/main"


def now(node):
    return node.sh(["date", "+%F %T"]).stdout.strip()


def replica(lab):
    leader = healthy(lab)
    return leader, next(n for n in lab.databases if n.name != leader.name)


def patch(lab, document):
    code, body = lab.leader().rest("/config", "PATCH", document)
    expect(code == 200, f"the configuration is changed: {code} {body}")


def member(node, name):
    return next((m for m in node.rest("/cluster")[1]["members"] if m["name"] == name), {})


@case
def reinitialize(lab):
    """reinit: refused on the leader; its progress is seen everywhere; force begins it anew; --wait waits"""
    leader, node = replica(lab)
    code, text = leader.rest("/reinitialize", "POST", {"force": True})
    expect((code, text) == (503, "I am the leader, can not reinitialize"), f"{code} {text}")
    patch(lab, {"postgresql": {"basebackup": {"max-rate": "4M"}}})
    wait_for(lambda: "basebackup" in node.rest("/config")[1]["postgresql"], 10, "the configuration to be known")
    node.sh(f"touch {DATA}/of-before")
    before = now(node)
    code, text = node.rest("/reinitialize", "POST")
    expect((code, text) == (200, "reinitialize started"), f"{code} {text}")
    expect(node.rest("/patroni")[1]["state"] == "creating replica", "its state says so at once")
    expect(node.rest("/replica")[0] == 503, "and nobody is sent there")
    wait_for(lambda: member(leader, node.name).get("progress", {}).get("percent", 0) > 0, 30, "progress in /cluster")
    progress = member(leader, node.name)["progress"]
    expect(progress["bytes_per_second"] > 0 and progress["total_bytes"] > progress["done_bytes"] > 0, f"{progress}")
    listed = leader.sh("palisadectl list").stdout
    expect("creating replica, " in listed and " %, " in listed, f"progress in list: {listed}")
    expect(node.rest("/patroni")[1]["progress"]["done_bytes"] > 0, "progress in /patroni")
    wait_for(lambda: "copying: " in node.journal("--since", before), 10, "progress in the journal")
    code, text = node.rest("/reinitialize", "POST", {})
    expect((code, text) == (503, "reinitialize already in progress"), f"{code} {text}")
    patch(lab, {"postgresql": {"basebackup": None}})
    wait_for(lambda: "basebackup" not in node.rest("/config")[1]["postgresql"], 10, "the configuration to be known")
    said = leader.sh(f"palisadectl reinit {node.name} --force --from-leader --wait", timeout=90).stdout
    expect(f"Success: reinitialize for member {node.name}" in said and
           f"Reinitialize is completed on: {node.name}" in said, said)  # fmt: skip
    healthy(lab)
    log = node.journal("--since", before)
    expect("clone: given up" in log and "reinitialized in" in log, "the first copy was given up, the second is told")
    expect(node.sh(f"test -e {DATA}/of-before", check=False).returncode != 0, "nothing of before is left")
    no = leader.sh("palisadectl reinit --force", check=False)
    expect(no.returncode == 2 and "its name must be given" in no.stderr, f"no name: {no.stderr}")
    no = leader.sh(f"palisadectl reinit {leader.name} --force", check=False)
    expect(no.returncode == 1, "the leader is no replica")
