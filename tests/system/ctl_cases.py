"""palisadectl, with and without a terminal."""

import json
import os
import re
import socket
import subprocess
import threading
import time

from api_world import SCENES, Terminal, Tls, ctl, environment, equal, expect, read, wait_for


def recorded(scene, file):
    return read(SCENES, scene, file).rstrip("\n")


def on_terminal(world, node, *args, **env):
    return world.keep(Terminal(world.build, node, *args, **env))


# ---- looking ----

LISTINGS = {
    ("running", "list_pretty.txt"): ["list"], ("running", "list_tsv.txt"): ["list", "-f", "tsv"],
    ("running", "list_json.txt"): ["list", "--format", "json"], ("running", "list_yaml.txt"): ["list", "-f", "yaml"],
    ("running", "list_extended.txt"): ["list", "-e"], ("running", "list_e_json.txt"): ["list", "-e", "-f", "json"],
    ("running", "topology.txt"): ["topology"], ("running", "show-config.txt"): ["show-config"],
    ("paused", "list_paused.txt"): ["list"], ("paused", "list_paused_json.txt"): ["list", "-f", "json"],
    ("pending_restart", "list_pending_restart.txt"): ["list"], ("quorum", "list_quorum.txt"): ["list"],
    ("scheduled_restart", "list_scheduled_restart.txt"): ["list"],
    ("scheduled_switchover", "list_scheduled_switchover.txt"): ["list"],
    ("standby_cluster", "list_standby_cluster.txt"): ["list"],
    ("standby_cluster", "topology_standby_cluster.txt"): ["topology"],
    ("sync", "list_sync.txt"): ["list"], ("sync", "topology_sync.txt"): ["topology"],
    ("after_switchover", "history_pretty.txt"): ["history"],
    ("after_switchover", "history_tsv.txt"): ["history", "-f", "tsv"],
    ("after_switchover", "history_json.txt"): ["history", "-f", "json"],
    ("after_switchover", "history_yaml.txt"): ["history", "-f", "yml"],
}  # fmt: skip


def test_ctl_listings(world):
    """what patronictl printed of each recorded cluster is printed, over the socket and over the URL"""
    nodes = {}
    for (scene, file), args in LISTINGS.items():
        node = nodes.get(scene) or nodes.setdefault(scene, world.start(scene))
        for more in ([], ["-u", node.url()], ["-u", node.url() + "/patroni"], [node.scope()]):
            done = ctl(world.build, node, *args, *more)
            equal((done.code, done.err), (0, ""), f"{args} {more}")
            equal(done.out.rstrip("\n"), recorded(scene, file), f"{scene}: {args} {more}")


def test_ctl_finds_the_node(world):
    """which node is asked: the one here, --cluster, -u, PALISADE_URL; and what is said where there is none"""
    node = world.start()
    for args, env in (([], {}), (["--cluster", "batman"], {}), (["-u", f"127.0.0.1:{node.port}"], {}),
                      ([], {"PALISADE_RUNTIME_DIR": "/nonexistent", "PALISADE_URL": node.url()})):  # fmt: skip
        equal(ctl(world.build, node, "list", *args, **env).code, 0, f"{args} {env}")
    failures = (
        (["--cluster", "zz"], {}, "cluster zz does not run here"),
        ([], {"PALISADE_RUNTIME_DIR": "/nonexistent"}, "no cluster runs here (nothing in /nonexistent)"),
        (["-u", "http://127.0.0.1:1"], {}, "Couldn't connect"),
        (["-u", "http://no-such-host.invalid:8008"], {}, "resolve host"),
        (["-u", "http://"], {}, "cannot use http://"),
        (["-u", "ftp://127.0.0.1"], {}, "ftp"),
        (["-u", f"https://127.0.0.1:{node.port}"], {}, f"https://127.0.0.1:{node.port}"),
    )
    for args, env, words in failures:
        for verb in ("list", "history", "explain", "switchover", "edit-config", "version"):
            extra = ["-s", "ttl=20"] if verb == "edit-config" else []
            done = ctl(world.build, node, verb, *extra, *args, **env)
            expect(done.code == 1 and words in done.err, f"{verb} {args}: {done.err}")
            expect(done.err.startswith("Error: ") and len(done.err.splitlines()) == 1, f"one line: {done.err}")
    os.mkdir(os.path.join(node.runtime, "other"))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.join(node.runtime, "other", "api.sock"))
        done = ctl(world.build, node, "list")
        expect(done.code == 1 and "choose one with --cluster" in done.err and "other" in done.err, done.err)
        done = ctl(world.build, node, "list", "--cluster", "other")
        expect("Connection refused" in done.err and "port 80" not in done.err, done.err)
    os.unlink(os.path.join(node.runtime, "other", "api.sock"))
    if os.getuid() == 0:
        os.chmod(node.socket("api"), 0o600)
        done = as_nobody(world, node, "list")
        expect(done.returncode == 1 and "group palisade" in done.stderr, f"no right: {done.stderr}")


def as_nobody(world, node, *args):
    return subprocess.run([os.path.join(world.build, "palisadectl"), *args], capture_output=True, text=True, timeout=10,
                          user=65534, group=65534, extra_groups=[], env=environment(node))  # fmt: skip


def test_ctl_usage(world):
    """misuse: exit code 2, a word on what is wrong, and where help is"""
    node = world.start()
    for args, words in ((["swichover"], "did you mean switchover?"), (["list", "-f", "xml"], "no format 'xml'"),
                        (["list", "a", "b"], "no argument 'b'"), (["list", "-w0"], "--watch"),
                        (["flush"], "flush what?"), (["flush", "nothing"], "flush what?"), (["list", "--nope"], "nope"),
                        (["leave", "--timeout", "x"], "--timeout"), (["explain", "-f", "tsv"], "text or json"),
                        (["edit-config"], "terminal"), (["edit-config", "--apply", "-"], "--force")):  # fmt: skip
        done = ctl(world.build, node, *args)
        expect(done.code == 2 and words in done.err, f"{args}: {done.code} {done.err}")
    done = ctl(world.build, node)
    expect(done.code == 2 and "Usage: palisadectl" in done.out, "no verb")
    for args in (["--help"], ["list", "--help"], ["--version"]):
        done = ctl(world.build, node, *args)
        expect(done.code == 0 and done.out and not done.err, f"{args}")
        expect(max(len(line) for line in done.out.splitlines()) <= 80, f"{args} fits 80 columns")


def test_ctl_bad_answers(world):
    """answers that are none: garbage, another server's page, an endless body, silence"""
    fine = b"HTTP/1.0 200 OK\r\n\r\n"
    answers = [b"", b"rubbish\r\n", fine + b"{", fine + b"[]", fine + b"5", fine + b"{\"members\": 7}",
               b"HTTP/1.0 500 Oops\r\n\r\n<!DOCTYPE html><p>it broke</p>",
               b"HTTP/1.0 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n", fine + b"[" * 9000000,
               b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{}", b"HTTP/1.0 401 No\r\n\r\nno auth header received",
               fine + b"{\"members\": [{\"name\": 5}, null, []]}"]  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as server:
        current = [b""]

        def serve():
            while True:
                try:
                    s, _ = server.accept()
                except OSError:
                    return
                try:
                    s.recv(65536)
                    s.sendall(current[0])
                    s.close()
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        for current[0] in answers:
            for verb in (["list"], ["history"], ["show-config"], ["switchover", "--force"], ["version"], ["explain"],
                         ["flush", "switchover"], ["edit-config", "-s", "ttl=5", "--force"]):  # fmt: skip
                done = ctl(world.build, None, *verb, "-u", url)
                expect(done.code in (0, 1), f"{verb} on {current[0][:40]}: {done.code} {done.err[:200]}")
                if current[0][9:12] != b"200":
                    expect(done.code == 1 and done.err.startswith("Error: "), f"{verb} on {current[0][:40]}")
        server.shutdown(socket.SHUT_RDWR)


def test_ctl_explain_and_version(world):
    """explain as text and as JSON, in colour on a terminal only; version of each member"""
    node = world.start()
    done = ctl(world.build, node, "explain")
    expect(done.code == 0 and "leader-leads" in done.out and "\033" not in done.out, done.out)
    equal(json.loads(ctl(world.build, node, "explain", "-f", "json").out)["facts"][0]["key"], "lock", "json")
    done = ctl(world.build, node, "explain", "--record")
    scenario = done.out.split("\n", 1)[1]
    equal(scenario, "lock = mine\npg = primary\nrule = leader-leads\nintent = lead\n", "a scenario")
    file = world.path("scenario")
    done = ctl(world.build, node, "explain", "--record", file)
    equal((done.code, done.out), (0, ""), f"into a file: {done.err}")
    with open(file) as f:
        equal(f.read().split("\n", 1)[1], scenario, "the same there")
    expect("exists" in ctl(world.build, node, "explain", "--record", file).err, "which is not written over")
    equal(ctl(world.build, node, "explain", "x").code, 2, "a file is for --record")
    t = on_terminal(world, node, "explain")
    equal(t.finish(), 0, "on a terminal")
    expect("\033[1mdecision" in t.output, "headings stand out")
    t = on_terminal(world, node, "explain", NO_COLOR="1")
    t.finish()
    expect("\033" not in t.output, "NO_COLOR")


def test_ctl_dcs_silent(world):
    """list while the DCS is silent: the cluster as it was known last, and that it is so"""
    node = world.start(role="replica")
    node.tell("dcs-age 60")
    done = ctl(world.build, node, "list")
    expect(done.code == 0 and "as it was last known" in done.out, done.out + done.err)
    done = ctl(world.build, node, "list", "-f", "json")
    expect(len(json.loads(done.out)) == 3 and "last known" in done.err, "programs read it from the other stream")
    expect("DCS is not accessible" in ctl(world.build, node, "history").err, "history")


def test_ctl_watch(world):
    """--watch redraws in place, survives a silent node, and Ctrl-C ends it with 0"""
    node = world.start()
    t = on_terminal(world, node, "list", "-w", "0.2")
    t.see("| n3 ")
    expect(t.output.startswith("\033[?25l\033[2J"), "the cursor hides")
    t.output = ""
    t.see("| n3 ")
    t.press(b"\003")
    equal(t.finish(), 0, "Ctrl-C")
    expect(t.output.endswith("\033[?25h"), "the cursor is back")
    t = on_terminal(world, node, "list", "--watch=0.2")
    t.see("| n3 ")
    node.stop(node.mind)
    node.stop(node.apid)
    t.output = ""
    t.see("Connection refused")
    node.begin()
    t.output = ""
    t.see("| n3 ")
    t.press(b"\003")
    equal(t.finish(), 0, "Ctrl-C")


# ---- changing ----


def test_ctl_switchover_forced(world):
    """switchover --force: table, result line, table; failures end with 1"""
    node = world.start()
    for args, words in ((["--candidate", "zz"], "Member zz does not exist in cluster batman or is tagged"),
                        (["--candidate", "n1"], "Member n1 is already the leader of cluster batman"),
                        (["--leader", "n2"], "Member n2 is not the leader of cluster batman"),
                        (["--scheduled", "soon"], "Unable to parse scheduled timestamp (soon)"),
                        (["--scheduled", "2001-01-01T00:00"], "details: 422, Cannot schedule switchover in the past"),
                        ):  # fmt: skip
        done = ctl(world.build, node, "switchover", "--force", *args)
        expect(done.code == 1 and words in done.err, f"{args}: {done.code} {done.err}")
        expect(done.out.startswith("Current cluster topology\n+ Cluster: batman"), "the table comes first")
    done = ctl(world.build, node, "failover", "--force")
    expect(done.code == 1 and "Failover could be performed only to a specific candidate" in done.err, done.err)
    done = ctl(world.build, node, "switchover", "--force", "--scheduled", "2035-01-01T12:00")
    expect(done.code == 0 and " Switchover scheduled\n" in done.out, done.out)
    expect(" Switchover scheduled at: 2035-01-01T12:00:00+00:00\n                    from: n1\n" in done.out, done.out)
    done = ctl(world.build, node, "switchover", "--force", "--scheduled", "2035-01-01T12:00", TZ="UTC-2")
    expect("at: 2035-01-01T10:00:00+00:00" in done.out, "local time where no zone is given")
    done = ctl(world.build, node, "flush", "switchover")
    equal((done.code, done.out), (0, "Success: scheduled switchover deleted\n"), "flush")
    done = ctl(world.build, node, "flush", "batman", "switchover", "--force")
    equal((done.code, done.out), (0, "No pending scheduled switchover\n"), "flush again")
    done = ctl(world.build, node, "switchover", "--leader", "n1", "--candidate", "n3", "--force")
    equal(done.code, 0, "switchover")
    expect(re.search(r'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{5} Successfully switched over to "n3"$', done.out, re.M),
           done.out)  # fmt: skip
    equal(done.out.count("+ Cluster: batman"), 2, "two tables")
    done = ctl(world.build, node, "failover", "--candidate", "n1", "--force")
    expect(done.code == 0 and 'Successfully failed over to "n1"' in done.out, done.out)
    expect("\033" not in done.out and "…" not in done.out, "nothing but text without a terminal")


def test_ctl_switchover_asked(world):
    """switchover on a terminal asks what patronictl asks; no, and the end of input, change nothing"""
    node = world.start()
    sure = "Are you sure you want to switchover cluster batman, demoting current leader n1? [y/N]: "
    t = on_terminal(world, node, "switchover")
    t.answer("Primary [n1]: ", "")
    t.answer("Candidate ['n2', 'n3'] []: ", "n2")
    t.answer(" )  [now]: ", "")
    t.answer(sure, "")
    equal(t.finish(), 1, "no")
    expect("Aborting switchover" in t.output, t.output)
    t = on_terminal(world, node, "switchover", "--candidate", "n2")
    t.answer("Primary [n1]: ", "n1")
    t.answer(" )  [now]: ", "2035-01-01T12:00Z")
    t.answer("to schedule switchover of cluster batman at 2035-01-01T12:00:00+00:00, demoting current leader n1? "
             "[y/N]: ", "n")  # fmt: skip
    equal(t.finish(), 1, "no")
    expect("Aborting scheduled switchover" in t.output, t.output)
    done = ctl(world.build, node, "switchover", stdin="n1\n")
    expect(done.code == 1 and "Aborted" in done.err and "--force" in done.err, done.err)
    equal(node.minds_words().count("request switchover"), 0, "the mind was not asked")
    done = ctl(world.build, node, "switchover", stdin="n1\nn3\nnow\nyes\n")
    expect(done.code == 0 and 'Successfully switched over to "n3"' in done.out, done.out + done.err)
    t = on_terminal(world, node, "switchover")
    t.answer("Primary [n3]: ", "")
    t.answer("Candidate ['n1', 'n2'] []: ", "n1")
    t.answer(" )  [now]: ", "now")
    t.answer("demoting current leader n3? [y/N]: ", "y")
    equal(t.finish(), 0, "yes")
    expect('Successfully switched over to "n1"' in t.output, t.output)


def test_ctl_failover_asked(world):
    """failover to an asynchronous standby of a synchronous cluster asks twice"""
    node = world.start("sync")
    members = json.loads(ctl(world.build, node, "list", "-f", "json").out)
    leader = next(m["Member"] for m in members if m["Role"] == "Leader")
    plain = next((m["Member"] for m in members if m["Role"] == "Replica"), None)
    synchronous = next(m["Member"] for m in members if m["Role"] == "Sync Standby")
    if plain:
        t = on_terminal(world, node, "failover", "--candidate", plain)
        t.answer(f"failover to the asynchronous node {plain}? [y/N]: ", "n")
        equal(t.finish(), 1, "no")
    t = on_terminal(world, node, "failover")
    t.answer("[]: ", synchronous)
    t.answer(f"failover cluster batman, demoting current leader {leader}? [y/N]: ", "y")
    equal(t.finish(), 0, "yes")


def test_ctl_slow_switchover(world):
    """while it lasts the terminal says so; the line is gone afterwards"""
    node = world.start()
    node.tell("mute 1")
    t = on_terminal(world, node, "switchover", "--force")
    t.see("switching over… 0.")
    t.see("switching over… 1.")
    node.stop_mind()
    equal(t.finish(), 1, "the mind went away")
    expect("Switchover failed, details: 503, the deciding daemon went away" in t.output, t.output)
    expect(t.output.index("\r\033[KError") > 0, "the line was erased")


def test_ctl_edit_config(world):
    """edit-config: differences shown, nothing before a yes, refusals told, an editor on a terminal"""
    node = world.start()
    edit = lambda *args, **kw: ctl(world.build, node, "edit-config", *args, **kw)  # noqa: E731
    done = edit("-s", "maximum_lag_on_failover=2097152", "-p", "work_mem=8MB", "--force")
    equal(done.code, 0, done.err)
    equal(done.out, "--- \n+++ \n@@ -1,8 +1,9 @@\n loop_wait: 2\n-maximum_lag_on_failover: 1048576\n"
          "+maximum_lag_on_failover: 2097152\n postgresql:\n   parameters:\n     max_connections: 100\n"
          "+    work_mem: 8MB\n   use_pg_rewind: true\n   use_slots: true\n retry_timeout: 5\n"
          "Configuration changed\n", "as patronictl")  # fmt: skip
    equal(edit("-s", "ttl=20", "--force").out, "Not changed\n", "the same")
    done = edit("-s", "ttl=21", stdin="n\n")
    expect(done.code == 1 and "nothing is changed" in done.err and "Apply these changes? [y/N]" in done.out, done.err)
    equal(edit("-s", "ttl=21", "-q", stdin="y\n").out, "Apply these changes? [y/N]: Configuration changed\n", "-q")
    done = edit("-s", "ttl=abc", "-s", "loop_wait=-1", "--force")
    expect(done.code == 1 and len(done.err.splitlines()) == 3 and "ttl" in done.err, done.err)
    for bad in ("ttl", "=5", "a..b=1", "x=["):
        expect(edit("-s", bad, "--force").code == 1, bad)
    equal(edit("-p", "pg_stat_statements.max=100", "-q", "--force").code, 0, "a parameter with a dot")
    equal(node.get("/config").json["postgresql"]["parameters"],
          {"max_connections": 100, "work_mem": "8MB", "pg_stat_statements.max": 100}, "in the document")  # fmt: skip
    equal(edit("-s", "postgresql.parameters=null", "-q", "--force").code, 0, "null removes")
    equal(edit("--apply", "-", "-q", "--force", stdin="ttl: 22\npostgresql: {use_slots: null}\n").code, 0, "--apply")
    equal(node.get("/config").json["postgresql"], {"use_pg_rewind": True}, "merged")
    path = world.path("new.yml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("ttl: 23\nloop_wait: 3\n")
    equal(edit("--replace", path, "-q", "--force").code, 0, "--replace")
    equal(node.get("/config").json, {"ttl": 23, "loop_wait": 3}, "replaced")
    for text in ("[1]", "a: [", ""):
        done = edit("--replace", "-", "--force", stdin=text)
        expect(done.code == 1 and done.err.startswith("Error: standard input"), f"{text}: {done.err}")
    expect("cannot read /nonexistent" in edit("--apply", "/nonexistent", "--force").err, "no such file")
    t = on_terminal(world, node, "edit-config", EDITOR="sed -i s/23/24/")
    t.answer("Apply these changes? [y/N]: ", "y")
    t.see("Configuration changed")
    equal(t.finish(), 0, "by hand")
    equal(node.get("/config").json["ttl"], 24, "edited")
    t = on_terminal(world, node, "edit-config", EDITOR="true")
    equal(t.finish(), 0, "unedited")
    expect("Not changed" in t.output, t.output)
    t = on_terminal(world, node, "edit-config", EDITOR="false")
    equal(t.finish(), 1, "the editor failed")
    t = on_terminal(world, node, "edit-config", EDITOR="sh -c 'echo a: [ >\"$0\"'")
    t.answer("Edit again? [y/N]: ", "n")
    equal(t.finish(), 1, "no YAML")
    expect(not [f for f in os.listdir("/tmp") if f.startswith("palisade-config-")], "no file is left")


def test_ctl_edit_race(world):
    """edit-config while somebody else writes: told, nothing lost"""
    node = world.start()
    node.tell("touch-config")
    done = ctl(world.build, node, "edit-config", "-s", "ttl=25", "-q", "--force")
    expect(done.code == 1 and "aborted due to concurrent changes" in done.err, done.err)


def test_ctl_reload(world):
    """reload: this node over its socket, the others by their URL; who cannot be reached fails"""
    node = world.start()
    done = ctl(world.build, node, "reload", "n1", "--force")
    expect(done.code == 0 and "Reload request received for member n1\n" in done.out, done.out + done.err)
    equal(node.minds_words().count("request reload"), 1, "once")
    done = ctl(world.build, node, "reload", "n9", "--force")
    expect(done.code == 1 and "n9 is not a member of cluster batman" in done.err, done.err)
    done = ctl(world.build, node, "reload", stdin="n\n")
    expect("Are you sure you want to reload members n1, n2, n3? [y/N]" in done.out and done.code == 1, done.out)


# ---- leave and join ----


def test_ctl_leave_and_join(world):
    """leave ends when PostgreSQL is stopped and another leads; again is no failure; join brings it back"""
    node = world.start()
    done = ctl(world.build, node, "leave")
    equal(done.code, 0, done.err)
    equal(done.out.splitlines()[-1], "n1 has left cluster batman: PostgreSQL is stopped, n3 leads", "leave")
    equal(ctl(world.build, node, "--cluster", "batman", "leave").code, 0, "again")
    done = ctl(world.build, node, "--cluster", "batman", "join", "--no-wait")
    equal((done.code, done.out), (0, "joining\n"), "join --no-wait")
    equal(ctl(world.build, node, "leave", "--timeout", "30s").code, 0, "leave")
    done = ctl(world.build, node, "join")
    expect(done.code == 0 and "n1 has joined cluster batman" in done.out, done.out)
    done = ctl(world.build, node, "leave", "-u", node.url())
    expect(done.code == 1 and "only over the local socket" in done.err, done.err)
    t = on_terminal(world, node, "leave")
    equal(t.finish(), 0, "on a terminal")
    expect("… 0." in t.output and "\r\033[Kn1 has left" in t.output, f"it says what it waits for: {t.output!r}")


def test_ctl_leave_deadline(world):
    """leave that does not end: a deadline, and what is in the way"""
    node = world.start()
    node.tell("mute 1")
    start = time.monotonic()
    done = ctl(world.build, node, "leave", "--timeout", "2")
    expect(1.9 < time.monotonic() - start < 4, "in time")
    expect(done.code == 1 and "postgres is running, the lock is ours" in done.err, done.err)


def test_ctl_leave_restarts(world):
    """leave goes on when the daemons are restarted beneath it, and asks a new mind again"""
    node = world.start()
    node.tell("mute 1")
    t = on_terminal(world, node, "leave")
    wait_for(lambda: "request leave" in node.minds_words(), 3, "leave to be asked")
    node.stop(node.mind)
    node.stop(node.apid)
    t.see("waiting for the daemons")
    node.begin()
    equal(t.finish(10), 0, "it ends well")
    expect("n1 has left cluster batman" in t.output, t.output)
    expect("request leave" in node.minds_words(), "the new mind was asked")


def test_ctl_join_before_the_mind(world):
    """join --no-wait, as a unit starts it, waits for a mind that is not there yet"""
    node = world.start(mind=False)
    t = on_terminal(world, node, "join", "--no-wait")
    t.see("waiting for the daemons", 8)
    node.start_mind()
    equal(t.finish(10), 0, "when it is")
    expect("request join" in node.minds_words(), "asked")


def test_ctl_leave_without_daemons(world):
    """leave while nothing answers: told after a while, not forever"""
    node = world.start()
    node.stop(node.mind)
    node.stop(node.apid)
    done = ctl(world.build, node, "leave", "--timeout", "2")
    expect(done.code == 1 and "Connection refused" in done.err, done.err)
    expect("PostgreSQL may still run here" in done.err, done.err)
    node.begin()


# ---- credentials ----


def test_ctl_authentication(world):
    """passwords: from --user, PALISADE_USER, or the node's own file; none is needed on the socket"""
    auth = "  authentication: {username: admin, password: s3cret}\n"
    node = world.start(restapi=auth)
    change = ["edit-config", "-s", "ttl=31", "-q", "--force"]
    done = ctl(world.build, node, *change, "-u", node.url())
    expect(done.code == 1 and "401" in done.err and "no auth header received" in done.err, done.err)
    done = ctl(world.build, node, *change, "-u", node.url(), "--user", "admin:wrong")
    expect(done.code == 1 and "not authenticated" in done.err, done.err)
    for i, (args, env) in enumerate(((["--user", "admin:s3cret"], {}), ([], {"PALISADE_USER": "admin:s3cret"}),
                                     (["-c", node.config], {}))):  # fmt: skip
        change[2] = f"ttl={40 + i}"
        done = ctl(world.build, node, *change, "-u", node.url(), *args, **env)
        equal((done.code, done.out), (0, "Configuration changed\n"), f"{args} {done.err}")
    change[2] = "ttl=50"
    equal(ctl(world.build, node, *change).code, 0, "over the socket")
    done = ctl(world.build, node, "switchover", "--force", "-u", node.url())
    expect(done.code == 1 and "401" in done.err, done.err)
    done = ctl(world.build, node, "flush", "switchover", "-u", node.url())
    expect(done.code == 1 and "401" in done.err, done.err)
    equal(ctl(world.build, node, "leave", "-u", node.url(), "--user", "admin:s3cret").code, 0, "leave")


def test_ctl_tls(world):
    """https: the CA, -k, and our own certificate"""
    tls = Tls(world)
    node = world.start(restapi=tls.restapi("required"), tls=tls)
    ours = ["--cert", tls.file("client.pem"), "--key", tls.file("client.key")]
    at = ["list", "-u", node.url()]
    equal(ctl(world.build, node, *at, "--cacert", tls.file("ca.pem"), *ours).code, 0, "with all")
    equal(ctl(world.build, node, *at, "-k", *ours).code, 0, "-k")
    done = ctl(world.build, node, *at, *ours)
    expect(done.code == 1 and "certificate" in done.err, done.err)
    equal(ctl(world.build, node, *at, "--cacert", tls.file("ca.pem")).code, 1, "no certificate of ours")
    done = ctl(world.build, node, *at, "--cacert", "/nonexistent", *ours)
    expect(done.code == 1 and "/nonexistent" in done.err, done.err)
    done = ctl(world.build, node, *at, "--cacert", tls.file("ca.pem"), "--cert", "/nonexistent")
    expect(done.code == 1 and done.err.startswith("Error: "), done.err)
