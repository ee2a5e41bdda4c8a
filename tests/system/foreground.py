"""palisade run: a whole node in the foreground, as root and as an unprivileged user."""

import json

from harness import Options, Suite, expect, wait_for

CONFIG = "/etc/palisade/main.yml"
LOG = "/var/tmp/run.log"  # not the journal: there the lines come without Patroni's frame


def start(node, user=None, unit="run"):
    """palisade run as a transient unit, so that its output can be read and its pid be signalled."""
    who = ["--uid=" + user] if user else []
    runtime = ["--setenv=PALISADE_RUNTIME_DIR=/tmp/run-" + (user or "root")]
    node.systemctl("stop", f"{unit}.service", check=False)
    node.sh(["systemd-run", "--quiet", f"--unit={unit}", "--collect", "-p", "Delegate=yes", "-p", "KillMode=process",
             "-p", f"StandardOutput=append:{LOG}", "-p", f"StandardError=append:{LOG}", *who, *runtime,
             "palisade", "run", CONFIG])  # fmt: skip


def start_all(lab):
    for node in lab.databases:
        start(node, user="postgres")
    lab.wait_leader(60)
    lab.wait_replicas(2)


SUITE = Suite("foreground", Options(nodes=3, ttl=10, start=False), start_all, [LOG])
case = SUITE.case


def main_pid(node, unit="run"):
    return node.systemctl("show", "-p", "MainPID", "--value", f"{unit}.service").strip()


@case
def three_nodes_in_the_foreground(lab):
    """three nodes by palisade run as postgres: a leader, two replicas, warnings for what is missing"""
    leader = lab.wait_leader()
    log = leader.read(LOG)
    expect("virtual IP" in log, "it tells that no virtual IP can be held")
    expect(" INFO: " in log and "," in log.splitlines()[0], "in the format of Patroni's log")


@case
def lines_of_json(lab):
    """log.type: json, at a reload: every line is an object of the fields that log.format names"""
    node = lab.databases[0]
    before = node.read(CONFIG)
    known = len(node.read(LOG).splitlines())
    section = "\nlog:\n  type: json\n  format: [{asctime: at}, levelname, message]\n  static_fields: {app: main}\n"
    node.write(CONFIG, before + section, 0o640, "postgres", "palisade-config")
    node.sh(["kill", "-HUP", main_pid(node)])
    wait_for(lambda: '"app": "main"}' in node.read(LOG), 15, "lines of the new form")
    lines = [json.loads(line) for line in node.read(LOG).splitlines()[known:] if line.startswith("{")]
    expect(all(list(line) == ["at", "levelname", "message", "app"] for line in lines), f"its fields: {lines}")
    node.write(CONFIG, before, 0o640, "postgres", "palisade-config")
    node.sh(["kill", "-HUP", main_pid(node)])


@case
def sigkill_leaves_postgres(lab):
    """SIGKILL of the started process leaves PostgreSQL; started again it goes on with it"""
    leader = lab.wait_leader(60)
    started = leader.psql("select pg_postmaster_start_time()")
    leader.sh(["kill", "-9", main_pid(leader)])
    expect(leader.psql("select 1") == "1", "PostgreSQL runs on")
    start(leader, user="postgres", unit="again")
    wait_for(lambda: leader.rest("/primary")[0] == 200, 30, "the node to lead again")
    expect(leader.psql("select pg_postmaster_start_time()") == started, "the same postmaster")
    start_unit = main_pid(leader, "again")
    expect(start_unit != "0", "the new process runs")


@case
def sigstop_lets_the_permit_run_out(lab):
    """SIGSTOP of the started process: the permit ends, another node leads"""
    leader = lab.wait_leader(60)
    unit = "again" if main_pid(leader, "again") not in ("", "0") else "run"
    leader.sh(["kill", "-STOP", main_pid(leader, unit)])
    new = lab.wait_leader(60, other_than=leader)
    expect(leader.rest("/primary", timeout=3)[0] != 200, "the old one refuses /primary")
    leader.sh(["kill", "-CONT", main_pid(leader, unit)])
    lab.wait_replicas(2)
    expect(lab.leader().name == new.name, "the new leader stays")


@case
def sigterm_hands_over(lab):
    """SIGTERM hands over and stops PostgreSQL"""
    leader = lab.wait_leader(60)
    unit = "again" if main_pid(leader, "again") not in ("", "0") else "run"
    leader.sh(["kill", "-TERM", main_pid(leader, unit)])
    lab.wait_leader(30, other_than=leader)
    wait_for(lambda: leader.sh("pgrep -x postgres", check=False).stdout == "", 30, "postgres to be stopped")
    wait_for(lambda: leader.sh(["pgrep", "-f", "palisade-"], check=False).stdout == "", 30, "the hands to end")


def children(node, pid):
    return node.sh(f"ps -o pid=,stat= --ppid {pid}", check=False).stdout.split("\n")[:-1]


@case
def process_1_reaps(lab):
    """palisade run as process 1 of a container: nothing stays a zombie, SIGTERM is passed on"""
    node = lab.databases[0]
    for unit in ("run", "again"):
        node.systemctl("stop", f"{unit}.service", check=False)
    node.sh("pkill -KILL -f palisade-; pkill -KILL -x postgres", check=False)
    node.sh(["systemd-run", "--quiet", "--unit=container", "--collect", "-p", "Delegate=yes",
             "-p", f"StandardOutput=append:{LOG}", "-p", f"StandardError=append:{LOG}",
             "--setenv=PALISADE_RUNTIME_DIR=/tmp/run-container",
             "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "palisade", "run", CONFIG])  # fmt: skip
    wait_for(lambda: node.sh("curl -s localhost:8008/health -o /dev/null -w '%{http_code}'", check=False).stdout == "200",
             60, "the node in the container")  # fmt: skip
    outside = main_pid(node, "container")
    first = node.sh(["pgrep", "-P", outside]).stdout.strip()
    node.sh(f"nsenter -t {first} -p -m sh -c 'for i in 1 2 3; do (sleep 2 >/dev/null 2>&1 &); done'")
    expect(len(children(node, first)) == 4, f"the mind, and three orphans: {children(node, first)}")
    wait_for(lambda: len(children(node, first)) == 1, 10, "the orphans to be reaped")
    node.sh(["kill", "-TERM", first])
    wait_for(lambda: main_pid(node, "container") in ("", "0"), 60, "the container to end")
    expect(node.sh("pgrep -x postgres", check=False).stdout == "", "and PostgreSQL with it, in order")
