#!/usr/bin/python3
"""palisade-dcsd against a real etcd of three members, with a puppet in the mind's place.

    test-dcsd.py [--dcsd PROGRAM] [--puppet PROGRAM] [SCENARIO]…

Needs etcd and etcdctl (3.4), openssl for the TLS scenario, no root, no network but loopback.
Everything lives in a temporary folder; only processes started here are ended, by their pid.
"""

import argparse
import base64
import contextlib
import json
import os
import queue
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import dcsd_errors  # noqa: E402
from dcsd_gateway import Gateway, Names, in_namespaces  # noqa: E402

SECOND = 1_000_000
PREFIX = "/service/demo/"


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def free_ports(n):
    socks = [socket.socket() for _ in range(n)]
    for s in socks:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def wait_for(claim, timeout=10, what="something"):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = claim()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout} s in vain for {what}")


class Process:
    def __init__(self, args, log, **kwargs):
        self.log = open(log, "ab")
        self.popen = subprocess.Popen(args, stdout=self.log, stderr=self.log, **kwargs)

    def deliver(self, number):
        self.popen.send_signal(number)

    def end(self, number=signal.SIGKILL):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGCONT)
            self.popen.send_signal(number)
            self.popen.wait(10)
        self.log.close()
        return self.popen.returncode


class Etcd:
    """Three members on loopback."""

    def __init__(self, folder, tls=None, n=3, extra=(), advertised=None):
        self.folder, self.tls, self.n = folder, tls, n
        self.advertised = advertised  # what the member list names instead of our own address
        ports = free_ports(2 * n)
        self.clients, self.peers = ports[:n], ports[n:]
        self.scheme = "https" if tls else "http"
        self.members = [None] * n
        self.extra = list(extra)
        for i in range(n):
            self.start(i)
        wait_for(self.healthy, 20, "etcd")

    def url(self, i):
        return f"{self.scheme}://127.0.0.1:{self.clients[i]}"

    def start(self, i):
        cluster = ",".join(f"e{k}=http://127.0.0.1:{p}" for k, p in enumerate(self.peers))
        args = ["etcd", "--name", f"e{i}", "--data-dir", f"{self.folder}/e{i}",
                "--listen-client-urls", self.url(i), "--advertise-client-urls", self.advertised or self.url(i),
                "--listen-peer-urls", f"http://127.0.0.1:{self.peers[i]}",
                "--initial-advertise-peer-urls", f"http://127.0.0.1:{self.peers[i]}",
                "--initial-cluster", cluster, "--unsafe-no-fsync", "--logger", "zap"] + self.extra
        if self.tls:
            args += ["--cert-file", f"{self.tls}/server.pem", "--key-file", f"{self.tls}/server.key",
                     "--trusted-ca-file", f"{self.tls}/ca.pem", "--client-cert-auth"]
        args = [a for a in args if a != "--unsafe-no-fsync"]  # 3.4 has no such switch
        self.members[i] = Process(args, f"{self.folder}/e{i}.log")

    def ctl(self, *args, user=None, check=True):
        command = ["etcdctl", "--endpoints", ",".join(self.url(i) for i in range(self.n))]
        if self.tls:
            command += ["--cacert", f"{self.tls}/ca.pem", "--cert", f"{self.tls}/client.pem",
                        "--key", f"{self.tls}/client.key"]
        if user:
            command += ["--user", user]
        done = subprocess.run(command + list(args), capture_output=True, text=True, timeout=20,
                              env={**os.environ, "ETCDCTL_API": "3"})
        if check and done.returncode != 0:
            raise AssertionError(f"etcdctl {args}: {done.stderr}")
        return done.stdout

    def healthy(self):
        try:
            self.ctl("endpoint", "health")
            return True
        except AssertionError:
            return False

    def get(self, key, **kwargs):
        return self.ctl("get", "--print-value-only", PREFIX + key, **kwargs).strip()

    def get_full(self, key):
        found = json.loads(self.ctl("get", "-w", "json", PREFIX + key)).get("kvs")
        return found[0] if found else None

    def leader(self):
        """The number of the member that leads the raft group."""
        for line in self.ctl("endpoint", "status", "-w", "json", check=False).splitlines():
            for status in json.loads(line):
                s = status["Status"]
                if s["header"]["member_id"] == s["leader"]:
                    return [self.url(i) for i in range(self.n)].index(status["Endpoint"])
        return None

    def end(self):
        for m in self.members:
            if m:
                m.end()


class Dcsd:
    def __init__(self, options, folder, name, hosts, extra="", etcd_extra="", tags="", scheme="http",
                 ports_of=None, where=None):
        self.options, self.name = options, name
        self.runtime = f"{folder}/{name}"
        self.log = f"{folder}/{name}.log"
        os.makedirs(f"{self.runtime}/demo", exist_ok=True)
        self.config = f"{folder}/{name}.yml"
        self.text = (f"scope: demo\nname: {name}\nrestapi:\n  listen: 127.0.0.1:8008\n"
                     f"etcd3:\n  protocol: {scheme}\n  {where or 'hosts: [' + ', '.join(hosts) + ']'}\n{etcd_extra}"
                     f"{extra}{tags}postgresql:\n  listen: 127.0.0.1:5432\n  data_dir: /nowhere\n"
                     f"  authentication: {{replication: {{username: r, password: p}}}}\n")
        self.write(self.text)
        self.process = None
        self.start()

    def write(self, text):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.runtime}/demo/dcsd.sock")
        env = {**os.environ, "PALISADE_LOG_LEVEL": self.options.log_level,
               "ASAN_OPTIONS": "detect_leaks=1"}
        self.process = Process([self.options.dcsd, "--cluster", "demo", "--config", self.config,
                                "--runtime", self.runtime, "--mind-user", str(os.getuid())],
                               self.log, env=env)
        wait_for(lambda: os.path.exists(f"{self.runtime}/demo/dcsd.sock"), 10, "dcsd's socket")

    @property
    def pid(self):
        return self.process.popen.pid

    def kill(self):
        self.process.end(signal.SIGKILL)

    def alive(self):
        return self.process.popen.poll() is None

    def end(self):
        """Ends it as systemd does; a sanitizer's complaint shows in the exit code."""
        code = self.process.end(signal.SIGTERM)
        assert code in (0, -signal.SIGKILL), f"dcsd of {self.name} ended with {code}, see {self.log}"

    def pss(self):
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
        return 0

    def cpu(self):
        with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) / 1e9


class Mind:
    """The puppet: sends commands, collects messages."""

    def __init__(self, options, dcsd):
        self.popen = subprocess.Popen([options.puppet, f"{dcsd.runtime}/demo/dcsd.sock", "demo"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.messages = []
        self.queue = queue.Queue()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.popen.stdout:
            m = json.loads(line)
            self.messages.append(m)
            self.queue.put(m)

    def send(self, *words):
        self.popen.stdin.write("\t".join(str(w) for w in words) + "\n")
        self.popen.stdin.flush()

    def all(self, kind, since=0):
        return [m for m in list(self.messages) if m["msg"] == kind and m["t"] >= since]

    def last(self, kind):
        found = self.all(kind)
        return found[-1] if found else None

    def wait(self, kind, claim=lambda m: True, timeout=10, since=0):
        def found():
            for m in self.all(kind, since):
                if claim(m):
                    return m
            return None
        return wait_for(found, timeout, f"{kind}; last: {self.messages[-1:]}")

    def up(self, timeout=10):
        self.wait("LINK", lambda m: m["state"] == "up", timeout)
        return self.wait("CLUSTER", timeout=timeout)

    def cluster(self, claim, timeout=10, since=0):
        return self.wait("CLUSTER", claim, timeout, since)

    def order(self, *words, timeout=15):
        since = now()
        self.send(*words)
        sent = self.wait("SENT", since=since)
        return self.wait("RESULT", lambda m: m["seq"] == sent["seq"], timeout, since)

    def bid(self, ttl=10000, within=3000):
        c = self.last("CLUSTER")
        return self.order("bid", c["sync_rev"], c["failover_rev"], c["config_rev"], ttl, within)

    def hold(self, epoch=0, interval=2000, ttl=10000, move=1):
        self.send("hold", epoch, interval, ttl, move)

    def lead(self, ttl=10000, interval=2000):
        """Wins the key and goes on holding it."""
        self.hold(0, interval, ttl)
        r = self.bid(ttl)
        assert r["outcome"] == "done", r
        self.hold(r["epoch"], interval, ttl)
        return r["epoch"]

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()
        self.popen.wait(10)


class World:
    """What one scenario uses; everything ends with it."""

    def __init__(self, options, name):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix=f"dcsd-{name}-")
        self.things = []

    def etcd(self, **kwargs):
        e = Etcd(self.folder, **kwargs)
        self.things.append(e)
        return e

    def dcsd(self, name, etcd, order=None, **kwargs):
        hosts = [f"127.0.0.1:{etcd.clients[i]}" for i in (order or range(etcd.n))]
        d = Dcsd(self.options, self.folder, name, hosts, scheme=etcd.scheme, **kwargs)
        self.things.append(d)
        return d

    def mind(self, dcsd, up=True):
        m = Mind(self.options, dcsd)
        self.things.append(m)
        if up:
            m.up()
        return m

    def end(self, keep):
        error = None
        for t in reversed(self.things):
            try:
                t.end()
            except AssertionError as e:
                error = e
        if not keep and not error:
            shutil.rmtree(self.folder, ignore_errors=True)
        if error:
            raise error


SCENARIOS = {}
NUMBERS = []


def scenario(f):
    SCENARIOS[f.__name__] = f
    return f


def note(text):
    NUMBERS.append(text)
    print(f"        {text}", flush=True)


def gaps(leases, key="sent"):
    at = [m[key] for m in leases]
    return [(b - a) / SECOND for a, b in zip(at, at[1:])]


# ---- the main path ----


@scenario
def bid_lease_release(w):
    """One node: the member key, a bid, confirmed renewals, records, a release."""
    e = w.etcd()
    d = w.dcsd("n1", e, tags="tags:\n  mytag: blue\n  clonefrom: false\n")
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "replica", 83886080)
    c = m.cluster(lambda c: "n1" in c["members"])
    raw = json.loads(c["members"]["n1"]["raw"])
    assert list(raw) == ["conn_url", "api_url", "state", "role", "version", "tags", "xlog_location",
                         "timeline"], list(raw)
    assert raw["tags"] == {"mytag": "blue"}, raw
    lease = c["members"]["n1"]["lease"]
    assert lease != 0

    r = m.bid()
    assert r["outcome"] == "done", r
    kv = e.get_full("leader")
    assert kv["create_revision"] == r["epoch"] and kv["lease"] == lease, kv
    first = m.wait("LEASE", since=r["t"])
    assert first["epoch"] == r["epoch"] and first["id"] == lease and first["ttl"] == 10 * SECOND
    assert first["sent"] <= r["t"]
    m.hold(r["epoch"], 2000)
    time.sleep(6.5)
    leases = m.all("LEASE")
    assert len(leases) >= 4, leases
    assert all(1.9 < g < 2.2 for g in gaps(leases)[1:]), gaps(leases)
    note(f"renewal cadence without faults: {[round(g, 3) for g in gaps(leases)]} s")
    assert m.bid()["outcome"] == "refused"

    epoch = r["epoch"]
    r = m.order("record", "initialize", epoch, 0, 3000, 2, 7711114259498795507)
    assert r["outcome"] == "done" and e.get("initialize") == "7711114259498795507", r
    r = m.order("record", "config", epoch, 0, 3000)
    assert r["outcome"] == "done", r
    assert json.loads(e.get("config")) == {"ttl": 10, "loop_wait": 2, "retry_timeout": 3,
                                           "maximum_lag_on_failover": 1048576}
    r = m.order("record", "config", epoch, 0, 3000, '{"ttl":30}')
    assert r["outcome"] == "refused", r
    c = m.cluster(lambda c: c["config_rev"])
    r = m.order("record", "config", 0, c["config_rev"], 3000, '{"ttl": 10, "x": {"y": "z"}}')
    assert r["outcome"] == "done" and e.get("config") == '{"ttl":10,"x":{"y":"z"}}', r
    r = m.order("record", "config", 0, "any", 3000, "[1]")
    assert r["outcome"] == "refused", r
    r = m.order("record", "status", epoch, "any", 3000, 5000)
    assert r["outcome"] == "done" and json.loads(e.get("status")) == \
        {"optime": 5000, "retain_slots": ["n1"]}, e.get("status")
    revision = e.get_full("status")["mod_revision"]
    r = m.order("record", "status", epoch, "any", 3000, 5000)
    assert r["outcome"] == "done" and e.get_full("status")["mod_revision"] == revision
    r = m.order("record", "sync", epoch, 0, 3000, "n1", "n3,n2", 0)
    assert r["outcome"] == "done" and e.get("sync") == \
        '{"leader":"n1","quorum":0,"sync_standby":"n2,n3"}', e.get("sync")
    c = m.cluster(lambda c: c["sync_rev"])
    r = m.order("record", "sync", epoch, c["sync_rev"], 3000)
    assert r["outcome"] == "done" and e.get_full("sync") is None
    r = m.order("record", "failover", epoch, "any", 3000)
    assert r["outcome"] == "done" and e.get("failover") == "{}"
    r = m.order("record", "history", epoch, "any", 3000, 1, 84159776)
    assert r["outcome"] == "done" and e.get("history") == \
        '[[1,84159776,"no recovery target specified"]]', e.get("history")
    m.cluster(lambda c: c["timeline"] == 2)
    r = m.order("record", "status", epoch + 1, "any", 3000, 1)
    assert r["outcome"] == "refused", r

    r = m.order("release", epoch, 6000, 3000)
    assert r["outcome"] == "done" and e.get_full("leader") is None
    assert json.loads(e.get("status")) == {"optime": 6000, "retain_slots": ["n1"]}
    assert e.get_full("members/n1") is not None
    r = m.order("release", epoch, 0, 3000)
    assert r["outcome"] == "refused", r


@scenario
def two_race(w):
    """Two nodes bid for one key, and claim one cluster, many times."""
    e = w.etcd()
    minds = [w.mind(w.dcsd(f"n{i}", e)) for i in range(2)]
    for i, m in enumerate(minds):
        m.hold(0)
        m.send("publish", f"n{i}", "running", "replica", 1)
        m.cluster(lambda c, i=i: f"n{i}" in c["members"])
    wins = [0, 0]
    for _ in range(20):
        before = now()
        for m in minds:
            c = m.last("CLUSTER")
            m.send("bid", c["sync_rev"], c["failover_rev"], c["config_rev"], 10000, 3000)
        results = [m.wait("RESULT", since=before) for m in minds]
        outcomes = sorted(r["outcome"] for r in results)
        assert outcomes == ["done", "refused"], results
        winner = [r["outcome"] for r in results].index("done")
        wins[winner] += 1
        epoch = results[winner]["epoch"]
        assert minds[winner].wait("LEASE", since=before)["epoch"] == epoch
        assert not minds[1 - winner].all("LEASE", before)
        assert minds[winner].order("release", epoch, 0, 3000)["outcome"] == "done"
        for m in minds:
            m.cluster(lambda c: c["leader"] == "", since=before)
    note(f"20 races: {wins[0]} to {wins[1]}, never two winners")
    for _ in range(10):
        before = now()
        for m in minds:
            m.send("record", "initialize", 0, 0, 3000, 1)
        results = [m.wait("RESULT", since=before) for m in minds]
        assert sorted(r["outcome"] for r in results) == ["done", "refused"], results
        for m in minds:
            m.cluster(lambda c: c["initialize"] == 1, since=before)
        c = minds[0].last("CLUSTER")
        r = minds[0].order("record", "initialize", 0, c["initialize_rev"], 3000, 0)
        assert r["outcome"] == "done", r
        for m in minds:
            m.cluster(lambda c: c["initialize"] == 0, since=r["t"] - SECOND // 2)
        time.sleep(0.1)


@scenario
def watch_latency(w):
    """How long a change takes to the mind."""
    e = w.etcd()
    a, b = w.mind(w.dcsd("a", e)), w.mind(w.dcsd("b", e, order=[1, 2, 0]))
    a.hold(0)
    took = []
    for _ in range(20):
        r = a.bid()
        assert r["outcome"] == "done"
        b.cluster(lambda c, e=r["epoch"]: c["epoch"] == e)
        a.order("release", r["epoch"], 0, 3000)
        sent = a.last("SENT")["t"]
        seen = b.cluster(lambda c: c["leader"] == "", since=sent)
        took.append((seen["t"] - sent) / 1000)
    took.sort()
    note(f"RELEASE sent here to CLUSTER there: median {took[10]:.1f} ms, worst {took[-1]:.1f} ms")
    assert took[10] < 50
    # an expired lease
    epoch = a.lead(ttl=3000, interval=900)
    a.send("unhold")
    last = a.wait("LEASE", lambda m: m["epoch"] == epoch)
    time.sleep(1)
    last = a.all("LEASE")[-1]
    gone = b.cluster(lambda c: c["leader"] == "", since=last["sent"] + 2 * SECOND)
    note(f"unheld lease of 3 s: key gone {(gone['t'] - last['sent']) / SECOND:.2f} s after the last "
         "renewal was sent")


# ---- faults of etcd ----


def endpoint_index(e, link):
    return [e.url(i) for i in range(e.n)].index(link["endpoint"])


def worst_gap(m, since, until=None):
    """The longest time between confirmed renewals' `sent`, the open end included."""
    leases = [x for x in m.all("LEASE") if x["t"] >= since]
    sent = [x["sent"] for x in leases] + [until or now()]
    return max((b - a) / SECOND for a, b in zip(sent, sent[1:]))


@scenario
def member_stopped(w):
    """SIGSTOP of the etcd member in use, leader of the raft group or not; then its SIGCONT."""
    e = w.etcd()
    m = w.mind(w.dcsd("n1", e))
    epoch = m.lead()
    for _ in range(3):
        time.sleep(2.5)
        i = endpoint_index(e, m.last("LINK"))
        led = e.leader() == i
        before = now()
        e.members[i].deliver(signal.SIGSTOP)
        moved = m.wait("LINK", lambda l, i=i: l["endpoint"] != e.url(i), 8, since=before)
        time.sleep(6)
        gap = worst_gap(m, before - 3 * SECOND)
        note(f"SIGSTOP of our etcd member ({'leader' if led else 'follower'}): moved after "
             f"{(moved['t'] - before) / SECOND:.2f} s, worst gap of renewals {gap:.2f} s")
        assert gap < (5.5 if led else 3.3), gap
        # the watch goes on elsewhere
        k = (i + 1) % 3
        value = str(random.random())
        subprocess.run(["etcdctl", "--endpoints", e.url(k), "put", PREFIX + "status",
                        '{"optime":%d}' % before], env={**os.environ, "ETCDCTL_API": "3"},
                       capture_output=True, check=True, timeout=20)
        m.cluster(lambda c: c["optime"] == before, 3, since=before)
        e.members[i].deliver(signal.SIGCONT)
        wait_for(e.healthy, 20, "etcd's health")
    assert all(x["epoch"] == epoch for x in m.all("LEASE")[1:])
    assert m.all("LINK")[-1]["state"] == "up"
    assert not [l for l in m.all("LINK") if l["state"] == "down"], "the link went down meanwhile"


@scenario
def member_lost(w):
    """SIGKILL of the etcd member in use; and of its follower role on the way back."""
    e = w.etcd()
    m = w.mind(w.dcsd("n1", e))
    m.lead()
    for _ in range(2):
        time.sleep(2.5)
        i = endpoint_index(e, m.last("LINK"))
        led = e.leader() == i
        before = now()
        e.members[i].end()
        m.wait("LINK", lambda l, i=i: l["endpoint"] != e.url(i), 8, since=before)
        time.sleep(5)
        gap = worst_gap(m, before - 3 * SECOND)
        note(f"SIGKILL of our etcd member ({'leader' if led else 'follower'}): worst gap of renewals "
             f"{gap:.2f} s")
        assert gap < (5.5 if led else 2.6), gap
        e.start(i)
        wait_for(e.healthy, 20, "etcd's health")
    assert not [l for l in m.all("LINK") if l["state"] == "down"]


@scenario
def leader_deposed(w):
    """
    The raft leader is our endpoint, stops for 5 s, and goes on: its late answers must confirm
    nothing. Every LEASE must be true: the key must still be there at sent + ttl. With the long
    interval a keepalive waits in the stopped member and is answered by it afterwards.
    """
    e = w.etcd()
    for trial, interval in enumerate((2000, 12000, 12000, 12000)):
        lead = e.leader()
        d = w.dcsd(f"n{trial}", e, order=[lead])
        # only this endpoint: no member list to flee to
        d.kill()
        d.write(d.text.replace("etcd3:\n", "etcd3:\n  use_proxies: true\n"))
        d.start()
        m = w.mind(d)
        epoch = m.lead()
        m.hold(epoch, interval)
        m.wait("LEASE", since=now())
        time.sleep(0.2 if interval == 2000 else 0)
        before = now()
        e.members[lead].deliver(signal.SIGSTOP)
        if interval > 2000:  # a renewal is due at once
            m.hold(0, interval)
            m.hold(epoch, interval)
        time.sleep(5)
        m.send("unhold")
        e.members[lead].deliver(signal.SIGCONT)
        time.sleep(0.2 if interval > 2000 else 2)
        last = m.all("LEASE")[-1]
        gone = wait_for(lambda: e.get_full("leader") is None and now(), 20, "the key's end")
        note(f"leader deposed by 5 s of SIGSTOP, interval {interval} ms: last counted renewal sent "
             f"{(last['sent'] - before) / SECOND:+.2f} s from the stop, key gone "
             f"{(gone - last['sent']) / SECOND:.2f} s after it")
        assert gone >= last["sent"] + last["ttl"], "a renewal was counted that renewed nothing"
        m.end()
        d.end()


@scenario
def all_down_and_back(w):
    """Every member stops: the link goes down; they come back: up again, no LEASE in between."""
    e = w.etcd()
    d = w.dcsd("n1", e)
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "replica", 1)
    epoch = m.lead()
    time.sleep(2.5)
    before = now()
    for x in e.members:
        x.end()
    down = m.wait("LINK", lambda l: l["state"] == "down", 10, since=before)
    note(f"all etcd members killed: link down after {(down['t'] - before) / SECOND:.2f} s "
         f"({down['reason'][-60:]})")
    r = m.order("record", "status", epoch, "any", 1500, 77)
    assert r["outcome"] in ("refused", "unknown"), r
    time.sleep(3)
    assert len(m.all("LEASE", since=before + SECOND)) == 0
    for i in range(3):
        e.start(i)
    back = m.wait("LINK", lambda l: l["state"] == "up", 20, since=down["t"])
    wait_for(e.healthy, 20, "etcd's health")
    m.wait("LEASE", since=back["t"] - SECOND, timeout=10)
    m.cluster(lambda c: "n1" in c["members"], since=0)
    with open(d.log, encoding="utf-8") as f:
        lines = f.read()
    assert lines.count("etcd cannot be reached") == 1 and lines.count("etcd is back") == 1, lines


@scenario
def refused_everywhere(w):
    """Started before etcd: down first, up when it comes."""
    ports = free_ports(2)
    d = Dcsd(w.options, w.folder, "n1", [f"127.0.0.1:{p}" for p in ports])
    w.things.append(d)
    m = w.mind(d, up=False)
    down = m.wait("LINK", lambda l: l["state"] == "down", 10)
    assert "refused" in down["reason"].lower() or "connect" in down["reason"].lower(), down
    r = m.order("record", "status", 0, "any", 500, 1)
    assert r["outcome"] == "refused", r


# ---- login and TLS ----


@scenario
def authentication(w):
    """User and password, a token that expires, a password that changes."""
    e = w.etcd(extra=["--auth-token-ttl", "2"])
    e.ctl("user", "add", "root:secret")
    e.ctl("user", "grant-role", "root", "root", check=False)
    e.ctl("role", "add", "palisade")
    e.ctl("role", "grant-permission", "palisade", "--prefix=true", "readwrite", "/service/")
    e.ctl("user", "add", "node:pass")
    e.ctl("user", "grant-role", "node", "palisade")
    e.ctl("auth", "enable")
    d = w.dcsd("n1", e, etcd_extra="  username: node\n  password: pass\n")
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "replica", 1)
    m.cluster(lambda c: "n1" in c["members"])
    epoch = m.lead()
    time.sleep(5)
    # idle beyond the token's life, then writes of the request lane
    r = m.order("record", "status", epoch, "any", 3000, 5)
    assert r["outcome"] == "done", r
    assert worst_gap(m, 0) < 3.2, worst_gap(m, 0)
    # a change of the auth store makes every token old
    before = now()
    e.ctl("user", "add", "other:x", user="root:secret")
    r = m.order("record", "status", epoch, "any", 3000, 6)
    assert r["outcome"] == "done", r
    time.sleep(4.5)
    assert worst_gap(m, before - 2 * SECOND) < 3.2
    note(f"authentication: tokens of 2 s, worst gap of renewals {worst_gap(m, 0):.2f} s")
    assert not [l for l in m.all("LINK") if l["state"] == "down"]
    wrong = w.dcsd("n2", e, etcd_extra="  username: node\n  password: wrong\n")
    m2 = w.mind(wrong, up=False)
    down = m2.wait("LINK", lambda l: l["state"] == "down", 15)
    assert "authentication failed" in down["reason"], down


def make_tls(folder):
    os.makedirs(folder)

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca",
            "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        with open(f"{folder}/ext", "w", encoding="ascii") as f:
            f.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n"
                    "extendedKeyUsage=serverAuth,clientAuth\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", f"{name}.pem")
    return folder


@scenario
def tls(w):
    """TLS with client certificates: connects, verifies, fails over; memory and CPU with it."""
    folder = make_tls(f"{w.folder}/tls")
    e = w.etcd(tls=folder)
    files = f"  cacert: {folder}/ca.pem\n  cert: {folder}/client.pem\n  key: {folder}/client.key\n"
    d = w.dcsd("n1", e, etcd_extra=files)
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "replica", 1)
    m.cluster(lambda c: "n1" in c["members"])
    m.lead()
    time.sleep(2.5)
    i = endpoint_index(e, m.last("LINK"))
    before = now()
    e.members[i].deliver(signal.SIGSTOP)
    time.sleep(6)
    e.members[i].deliver(signal.SIGCONT)
    note(f"TLS, SIGSTOP of our etcd member: worst gap of renewals "
         f"{worst_gap(m, before - 3 * SECOND):.2f} s")
    assert worst_gap(m, before - 3 * SECOND) < 5.5
    measure_idle(w, d, "leader, TLS, 10/2/3")
    other = make_tls(f"{w.folder}/other")
    bad = w.dcsd("n2", e, etcd_extra=files.replace(f"{folder}/ca.pem", f"{other}/ca.pem"))
    down = w.mind(bad, up=False).wait("LINK", lambda l: l["state"] == "down", 10)
    assert "certificate" in down["reason"].lower() or "SSL" in down["reason"], down


def measure_idle(w, d, what):
    seconds = w.options.idle
    if seconds == 0:
        return
    time.sleep(2)
    before, started = d.cpu(), time.monotonic()
    time.sleep(seconds)
    used = (d.cpu() - before) / (time.monotonic() - started)
    note(f"idle ({what}): {used * 100:.4f} % of a core over {seconds} s, PSS {d.pss() / 1024:.2f} MiB")


@scenario
def idle(w):
    """Memory and CPU of a leader and of a member without TLS."""
    e = w.etcd()
    d, d2 = w.dcsd("n1", e), w.dcsd("n2", e)
    m, m2 = w.mind(d), w.mind(d2)
    m2.hold(0)
    m2.send("publish", "n2", "running", "replica", 1)
    m.hold(0)
    m.send("publish", "n1", "running", "primary", 1)
    m.lead()
    measure_idle(w, d, "leader, plain, 10/2/3")
    measure_idle(w, d2, "member, plain, 10/2/3")


# ---- peers ----


class Peer(threading.Thread):
    """A REST API that answers a text, or accepts and says nothing."""

    def __init__(self, body, status="200 OK"):
        super().__init__(daemon=True)
        self.body, self.status = body, status
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]
        self.kept = []
        self.requests = []
        self.start()

    def url(self):
        return f"http://127.0.0.1:{self.port}/patroni"

    def run(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            self.kept.append(s)
            if self.body is None:
                continue
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            while True:
                got = s.recv(65536)
                if not got:
                    return
                self.requests.append(got)
                body = self.body() if callable(self.body) else self.body
                if isinstance(body, bytes):
                    s.sendall(body)
                    s.close()
                    return
                s.sendall(f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                          .encode())
        except OSError:
            pass

    def end(self):
        self.socket.close()
        for s in self.kept:
            s.close()


@scenario
def peers(w):
    """Peers are asked in parallel; one that hangs delays neither the others' news nor renewals."""
    e = w.etcd()
    d = w.dcsd("n1", e, extra="ctl:\n  authentication: {username: u, password: p}\n")
    m = w.mind(d)
    m.lead()
    standby = Peer('{"role":"replica","xlog":{"received_location":100,"replayed_location":90},'
                   '"timeline":3}', "503 Service Unavailable")
    primary = Peer('{"role":"primary","xlog":{"location":200},"timeline":4}')
    nonsense = Peer("<html>")
    hung = Peer(None)
    w.things += [standby, primary, nonsense, hung]
    before = now()
    for _ in range(3):
        m.send("ask", 3000, "s", standby.url(), "p", primary.url(), "x", nonsense.url(),
               "h", hung.url(), "gone", "http://127.0.0.1:1/patroni")
    m.send("ask", 3000, "s", standby.url(), "p", primary.url())
    quick = m.wait("PEERS", lambda p: len(p["peers"]) == 2, since=before)
    assert quick["t"] - before < SECOND, "the quick asking waited"
    time.sleep(3.5)
    answers = m.all("PEERS", before)
    assert len(answers) == 4, answers
    slow = answers[-1]
    assert 2.9 * SECOND < slow["t"] - before < 3.4 * SECOND, slow
    p = slow["peers"]
    assert p["s"] == {"answered": True, "primary": False, "lsn": 100, "timeline": 3}, p
    assert p["p"]["primary"] and p["p"]["lsn"] == 200 and p["p"]["timeline"] == 4, p
    assert not p["x"]["answered"] and not p["h"]["answered"] and not p["gone"]["answered"], p
    assert b"Authorization: Basic dTpw" in standby.requests[0], standby.requests[0]
    time.sleep(2)
    assert worst_gap(m, before - 2 * SECOND) < 2.3, worst_gap(m, before - 2 * SECOND)
    note(f"peers that hang: worst gap of renewals {worst_gap(m, before - 2 * SECOND):.2f} s")


# ---- restarts, ttl ----


@scenario
def restart_adopts(w):
    """dcsd is killed while its node leads: the new one finds the lease, and the epoch goes on."""
    e = w.etcd()
    d = w.dcsd("n1", e)
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "primary", 1)
    m.cluster(lambda c: "n1" in c["members"])
    epoch = m.lead()
    time.sleep(2.5)
    last = m.last("LEASE")
    d.kill()
    m.wait("CLOSED")
    before = now()
    d.start()
    m = w.mind(d)
    m.hold(epoch)
    m.send("publish", "n1", "running", "primary", 1)
    lease = m.wait("LEASE", lambda l: l["epoch"] == epoch, 5)
    assert lease["id"] == last["id"], (lease, last)
    note(f"killed and started again: first LEASE {(lease['t'] - before) / SECOND:.2f} s after the "
         "start, same lease")
    time.sleep(1)
    assert e.get_full("members/n1")["lease"] == lease["id"]

    # A mind that does not lead: the key is not kept alive for it.
    d.kill()
    d.start()
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "replica", 1)
    gone = m.cluster(lambda c: c["leader"] == "", 15)
    assert "n1" in gone["members"] and gone["members"]["n1"]["lease"] != lease["id"], gone
    assert not m.all("LEASE")


@scenario
def lease_revoked(w):
    """The lease is revoked by hand: a leader is told and the key is never made anew."""
    e = w.etcd()
    d = w.dcsd("n1", e)
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "primary", 1)
    m.cluster(lambda c: "n1" in c["members"])
    epoch = m.lead()
    time.sleep(1)
    lease = m.last("LEASE")["id"]
    before = now()
    e.ctl("lease", "revoke", f"{lease:x}")
    m.cluster(lambda c: c["leader"] == "", since=before)
    told = m.wait("LINK", lambda l: "lease is gone" in l["reason"], since=before)
    c = m.cluster(lambda c: c["members"].get("n1", {}).get("lease", lease) != lease, since=before)
    assert told and c["leader"] == ""
    time.sleep(4)
    assert e.get_full("leader") is None
    assert not m.all("LEASE", before)
    m.hold(0)
    r = m.bid()
    assert r["outcome"] == "done" and r["epoch"] > epoch, r
    # deleted by hand: the lease lives, the key does not
    m.hold(r["epoch"])
    m.wait("LEASE", lambda l: l["epoch"] == r["epoch"])
    before = now()
    e.ctl("del", PREFIX + "leader")
    m.wait("LINK", lambda l: "leader key" in l["reason"], since=before)
    time.sleep(3)
    assert e.get_full("leader") is None and not m.all("LEASE", before + SECOND // 2)


@scenario
def ttl_change(w):
    """ttl 10 to 20 and to 5: the keys move to a new lease, the epoch stays."""
    e = w.etcd()
    d = w.dcsd("n1", e)
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "primary", 1)
    m.cluster(lambda c: "n1" in c["members"])
    epoch = m.lead()
    m.wait("LEASE", since=now())
    for ttl in (20, 5):
        old = m.last("LEASE")["id"]
        m.hold(epoch, 2000, ttl * 1000, 0)
        held = m.wait("LEASE", since=now() + SECOND // 2)
        assert held["id"] == old and held["ttl"] == min(ttl, 10 if ttl == 20 else 20) * SECOND, held
        before = now()
        m.hold(epoch, 2000, ttl * 1000, 1)
        new = m.wait("LEASE", lambda l, o=old: l["id"] != o, since=before)
        assert new["epoch"] == epoch and new["ttl"] == ttl * SECOND, new
        c = m.cluster(lambda c, i=new["id"]: c["leader_lease"] == i and
                      c["members"]["n1"]["lease"] == i, since=before)
        assert c["epoch"] == epoch
    assert worst_gap(m, 0) < 2.5, worst_gap(m, 0)
    note(f"ttl changed twice while leading: worst gap of renewals {worst_gap(m, 0):.2f} s")


@scenario
def small_ttl(w):
    """3/1/1: renewals each 0.58 s; our etcd member stops."""
    e = w.etcd()
    e.ctl("put", PREFIX + "config", '{"ttl":3,"loop_wait":1,"retry_timeout":1}')
    m = w.mind(w.dcsd("n1", e))
    m.lead(ttl=3000, interval=917)
    time.sleep(3)
    lead = e.leader()
    i = endpoint_index(e, m.last("LINK"))
    if i == lead:
        e.ctl("move-leader", f"{member_id(e, (i + 1) % 3):x}", check=False)
        time.sleep(1)
    before = now()
    e.members[i].deliver(signal.SIGSTOP)
    time.sleep(4)
    gap = worst_gap(m, before - 2 * SECOND)
    e.members[i].deliver(signal.SIGCONT)
    note(f"3/1/1, SIGSTOP of our follower: worst gap of renewals {gap:.2f} s")
    assert gap < 1.6, gap


def member_id(e, i):
    for member in json.loads(e.ctl("member", "list", "-w", "json"))["members"]:
        if member["clientURLs"] == [e.url(i)]:
            return member["ID"]
    return 0


# ---- foreign bytes ----


def header(term=5, revision=10):
    return {"cluster_id": "77", "member_id": "1", "revision": str(revision), "raft_term": str(term)}


def fake_etcd(rng, garbage):
    """Answers like etcd, with rubbish in between."""
    def b64(s):
        return base64.b64encode(s.encode()).decode()

    def answer():
        if rng.random() < garbage:
            kind = rng.randrange(6)
            if kind == 0:
                return rng.randbytes(rng.randrange(400))
            body = json.dumps(rng.choice([
                [], {}, 3, None, {"header": 3}, {"header": header(), "kvs": 4},
                {"header": header(), "kvs": [{"key": "!!"}]},
                {"header": header(), "kvs": [{"key": b64("/service/demo/leader"), "value": "=="}]},
                {"result": {"header": header(), "events": [{"type": "DELETE"}]}},
                {"result": {"header": header(), "ID": "x", "TTL": "-4"}},
                {"header": header(), "ID": "99999999999999999999", "TTL": {}},
                {"error": {"grpc_code": 14}}, {"error": "etcdserver: requested lease not found"},
                {"members": [{"clientURLs": ["unix://x", 4, "http://"]}]},
                {"header": header(2)}, {"header": header(), "succeeded": "maybe"},
                {"header": header(), "kvs": [{"key": b64("/service/demo/members/" + "x" * 300),
                                              "value": b64("{}"), "mod_revision": "5"}]},
                {"header": header(), "kvs": [{"key": b64(f"/service/demo/members/m{i}"),
                                              "value": b64('{"tags":[]}'), "mod_revision": "5"}
                                             for i in range(90)]},
                {"etcdserver": "3.4.23", "etcdcluster": "3.4.0"}]))
            if kind == 1:
                body = body[:rng.randrange(len(body) + 1)]
            if kind == 2:
                body = "[" * rng.randrange(5000)
            if kind == 3:
                return f"HTTP/1.1 {rng.choice([200, 404, 500, 99, 100])} x\r\n\r\n{body}\n".encode()
            return body
        return json.dumps(rng.choice([
            {"etcdserver": "3.4.23", "etcdcluster": "3.4.0"},
            {"header": header(), "kvs": [], "count": "0"},
            {"result": {"header": header(), "created": True}},
            {"header": header(), "ID": "7587", "TTL": "10"},
            {"result": {"header": header(), "ID": "7587", "TTL": "10"}},
            {"header": header(), "succeeded": True}]))
    return answer


@scenario
def garbage(w):
    """A fake endpoint: more than a thousand answers of rubbish, also as streams; nothing breaks."""
    rng = random.Random(w.options.seed)
    fakes = [Peer(fake_etcd(rng, 0.6)) for _ in range(2)]
    w.things += fakes
    d = Dcsd(w.options, w.folder, "n1", [f"127.0.0.1:{f.port}" for f in fakes],
             etcd_extra="  use_proxies: true\n")
    w.things.append(d)
    m = w.mind(d, up=False)
    m.hold(0, 200, 3000)
    m.send("publish", "n1", "running", "replica", 1)
    end = time.monotonic() + 90
    while sum(len(f.requests) for f in fakes) < 1500 and time.monotonic() < end:
        m.send("bid", 0, 0, 0, 3000, 300)
        m.send("record", "status", 0, "any", 300, 1)
        m.send("release", 3, 7, 300)
        m.send("ask", 300, "x", fakes[0].url(), "y", fakes[1].url())
        time.sleep(0.05)
        assert d.alive(), f"dcsd died, see {d.log}"
    n = sum(len(f.requests) for f in fakes)
    note(f"{n} requests answered mostly with rubbish, {len(m.messages)} messages to the mind")
    assert n >= 1000, n
    assert d.alive()


@scenario
def huge(w):
    """A prefix beyond every ceiling: cut with one log line each, no crash."""
    e = w.etcd()
    for i in range(60):
        e.ctl("put", f"{PREFIX}members/m{i:02}",
              json.dumps({"conn_url": "postgres://h/", "api_url": "http://h/patroni",
                          "state": "running", "role": "replica", "filler": "x" * 3000}))
    e.ctl("put", f"{PREFIX}status", json.dumps({"optime": 1, "slots": {f"s{i}": i
                                                                     for i in range(100)}}))
    e.ctl("put", f"{PREFIX}failover", "m1:m2")
    e.ctl("put", f"{PREFIX}config", "not json")
    d = w.dcsd("n1", e)
    m = w.mind(d)
    c = m.last("CLUSTER")
    assert len(c["members"]) == 48 and c["slots"] == 64 and c["config_rev"] == 0, c
    m.hold(0)
    assert m.bid()["outcome"] == "done"
    with open(d.log, encoding="utf-8") as f:
        lines = f.read()
    assert lines.count("left out: members beyond") == 1, lines


@scenario
def reload(w):
    """SIGHUP: a new tag is published; a wrong file changes nothing."""
    e = w.etcd()
    d = w.dcsd("n1", e)
    m = w.mind(d)
    m.hold(0)
    m.send("publish", "n1", "running", "replica", 1)
    m.cluster(lambda c: "n1" in c["members"])
    d.write(d.text + "tags:\n  nofailover: true\n")
    d.process.deliver(signal.SIGHUP)
    m.cluster(lambda c: '"nofailover":true' in c["members"].get("n1", {}).get("raw", ""))
    d.write("nonsense: [")
    d.process.deliver(signal.SIGHUP)
    time.sleep(0.5)
    r = m.bid()
    assert r["outcome"] == "done", r


# ---- every error at every request ----


@scenario
def errors_at_every_request(w):
    """Each class of etcd's errors at each request of a bid, a renewal, a record, the member key and a release."""
    note("{} errors met, at {} requests".format(*dcsd_errors.at_every_request(w, free_ports)))


@scenario
def errors_at_the_login(w):
    """A token becomes invalid, and the login that mends it meets each class."""
    note(f"{dcsd_errors.at_the_login(w, free_ports)} logins met an error")


@scenario
def errors_of_the_watch(w):
    """The read before it, its beginning, and what comes in the stream instead of an event."""
    note(f"{dcsd_errors.of_the_watch(w, free_ports)} errors met")


# ---- other gateways, and where etcd is ----


@scenario
def old_gateways(w):
    """etcd 3.3 and 3.2 by their prefixes, upgraded under way; what is too old is refused with the reason."""
    port, = free_ports(1)
    e = w.etcd(n=1, advertised=f"http://127.0.0.1:{port}")
    gate = Gateway(port, e.clients[0], "3.2.32", "3.2.0", "/v3alpha")
    w.things.append(gate)
    d = w.dcsd("n1", e, where=f"host: 127.0.0.1:{port}")
    m = w.mind(d)
    epoch = m.lead(10000, 1000)

    def renewed(since):
        def hold_and_look():
            m.hold(epoch, 1000, 10000)
            return [lease for lease in m.all("LEASE") if lease["epoch"] == epoch and lease["sent"] > since]
        wait_for(hold_and_look, 10, "a renewal")

    used = {"/v3/kv/range", "/v3/kv/txn", "/v3/lease/grant", "/v3/lease/keepalive", "/v3/watch", "/v3/cluster/member/list"}
    for server, cluster, prefix in (("3.2.32", "3.2.0", "/v3alpha"), ("3.3.27", "3.3.0", "/v3beta"),
                                    ("3.4.23", "3.4.0", "/v3")):  # fmt: skip
        used -= gate.paths
        gate.paths.clear()
        gate.become(server, cluster, prefix)
        since = now()
        renewed(since)
        wait_for(lambda: "/v3/watch" in gate.paths, 15, "the watch")
        e.ctl("put", PREFIX + "history", f'[["{prefix}"]]')
        m.cluster(lambda c: True, since=now() - SECOND)
        assert m.last("LINK")["endpoint"] == f"http://127.0.0.1:{port}", "it goes by the gateway"
        note(f"{server}: {prefix}, {len(gate.paths)} paths of the API were used")
    used -= gate.paths
    assert not used, f"not asked for: {used}"
    assert e.get("leader") == "n1", "one lease through all of it"
    log = open(d.log, encoding="utf-8").read()
    for prefix in ("/v3alpha", "/v3beta", "/v3"):
        assert f"its gateway is {prefix}\n" in log, log[-600:]
    with_login = "  username: root\n  password: root\n"
    for name, server, cluster, etcd_extra, why in (
            ("old", "3.0.17", "3.0.0", "", "this etcd is too old: 3.1 at least is needed"),
            ("login", "3.2.32", "3.2.0", with_login, "too old for a user name and password by HTTP: 3.3"),
            ("other", "nginx", "", "", "this is not etcd")):  # fmt: skip
        gate.become(server, cluster, "/v3alpha")
        refused = w.mind(w.dcsd(name, e, where=f"host: 127.0.0.1:{port}", etcd_extra=etcd_extra), up=False)
        refused.wait("LINK", lambda link, why=why: why in link.get("reason", ""), 10)
        assert not refused.all("CLUSTER")


@scenario
def old_gateway_login(w):
    """name and password by the gateway of 3.3: the token goes with every request."""
    port, = free_ports(1)
    e = w.etcd(n=1, advertised=f"http://127.0.0.1:{port}")
    for args in (["user", "add", "root:root"], ["user", "grant-role", "root", "root"], ["auth", "enable"]):
        e.ctl(*args)
    gate = Gateway(port, e.clients[0], "3.3.27", "3.3.0", "/v3beta")
    w.things.append(gate)
    m = w.mind(w.dcsd("n1", e, where=f"host: 127.0.0.1:{port}", etcd_extra="  username: root\n  password: root\n"))
    m.lead()
    assert "/v3/auth/authenticate" in gate.paths
    assert e.get("leader", user="root:root") == "n1"


@scenario
def srv(w):
    """etcd3.srv: by DNS, in the order of the services and of RFC 2782; asked again when nobody answers there."""
    if not in_namespaces("srv"):
        return
    os.environ["PALISADE_TURN_LIMIT"] = "1"
    e = w.etcd()
    names = Names(w.folder, Process)
    w.things.append(names)

    def three(service, etcd, first):
        return [(service, f"e{i}.lab.test", etcd.clients[i], 10 if i == first else 20) for i in range(3)]

    services = three("_etcd-client._tcp.lab.test", e, 1) + three("_etcd-client-blue._tcp.lab.test", e, 2)
    services += [("_etcd._tcp.lab.test", "wrong.lab.test", 1, 0), ("_etcd-client-ssl._tcp.void.test", ".", 1, 0)]
    services += [("_etcd-server._tcp.peers.test", "e0.lab.test", port, i) for i, port in enumerate((1, e.peers[2]))]

    # No name server yet; then one that hangs; then one that knows.
    first = w.dcsd("n1", e, where="srv: lab.test")
    m = w.mind(first, up=False)
    m.wait("LINK", lambda link: "DNS names no etcd (_etcd-client._tcp.lab.test" in link.get("reason", ""), 10)
    names.start(services)
    names.process.deliver(signal.SIGSTOP)
    time.sleep(3)
    for _ in range(5):
        m.hold()  # it is not in the way of anything
        time.sleep(0.1)
    names.process.deliver(signal.SIGCONT)
    begun = time.monotonic()
    m.up(40)
    note(f"DNS back: connected after {time.monotonic() - begun:.1f} s")

    def said(d, text):
        wait_for(lambda: text in open(d.log, encoding="utf-8").read(), 10, f"{text!r} in {d.log}")

    said(first, f"DNS names etcd at http://e1.lab.test:{e.clients[1]} and elsewhere")
    said(first, f"at http://e1.lab.test:{e.clients[1]}: its gateway is /v3")
    assert m.last("LINK")["endpoint"] in [e.url(i) for i in range(3)], "the member list counts from then on"
    blue = w.dcsd("n2", e, where="srv_domain: lab.test\n  srv_suffix: blue")
    w.mind(blue)
    said(blue, f"DNS names etcd at http://e2.lab.test:{e.clients[2]}")
    peers = w.dcsd("n3", e, where="discovery_srv: peers.test")
    w.mind(peers)
    said(peers, "DNS names etcd at http://127.0.0.1:")
    nobody = w.mind(w.dcsd("n4", e, where="srv: void.test"), up=False)
    nobody.wait("LINK", lambda link: "DNS names no etcd" in link.get("reason", ""), 15)

    # Another etcd elsewhere, and DNS says so.
    e.end()
    os.makedirs(f"{w.folder}/second")
    other = Etcd(f"{w.folder}/second")
    w.things.append(other)
    names.end()
    names.start(three("_etcd-client._tcp.lab.test", other, 0))
    begun = time.monotonic()
    m.wait("LINK", lambda link: link["state"] == "up" and link["endpoint"].endswith(f":{other.clients[0]}"), 60)
    note(f"etcd moved: connected to the new one after {time.monotonic() - begun:.1f} s")
    turns = [line for line in open(first.log, encoding="utf-8") if "turn: a callback was blocked" in line]
    assert not [line for line in turns if float(line.split("blocked for ")[1].split()[0]) > 10], turns


def find_build():
    """PALISADE_BUILD; or where ./check builds; or the tree itself."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    check = os.environ.get("PALISADE_CHECK_DIR", os.path.join(root, "build", "check"))
    given = os.environ.get("PALISADE_BUILD", os.path.join(check, "gcc"))
    return given if os.path.exists(os.path.join(given, "palisade-dcsd")) else root


def main():
    build = find_build()
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--dcsd", default=os.environ.get("PALISADE_DCSD", f"{build}/palisade-dcsd"))
    p.add_argument("--puppet", default=os.environ.get("MIND_PUPPET", f"{build}/tests/system/mind-puppet"))
    p.add_argument("--log-level", default="INFO")
    p.add_argument("--keep", action="store_true", help="keep the folders")
    p.add_argument("--idle", type=int, default=0, help="seconds to measure an idle daemon for")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("scenario", nargs="*", help=" ".join(SCENARIOS))
    options = p.parse_args()
    options.dcsd, options.puppet = os.path.abspath(options.dcsd), os.path.abspath(options.puppet)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failed = []
    for name in options.scenario or SCENARIOS:
        print(f"    {name}", flush=True)
        w = World(options, name)
        ok = False
        try:
            SCENARIOS[name](w)
            ok = True
        except (KeyboardInterrupt, SystemExit):
            w.end(False)
            raise
        except Exception as error:  # whatever goes wrong, the others still run
            print(f"FAIL {name}: {error}\n        logs: {w.folder}", flush=True)
        try:
            w.end(options.keep or not ok)
        except AssertionError as error:
            print(f"FAIL {name}: {error}", flush=True)
            ok = False
        if not ok:
            failed.append(name)
    if failed:
        print("FAILED: " + " ".join(failed))
    print(f"{len(options.scenario or SCENARIOS) - len(failed)} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
