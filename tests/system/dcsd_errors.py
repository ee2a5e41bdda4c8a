"""Every class of etcd's errors at every request that palisade-dcsd makes: of a bid, a renewal, a record, its member
key, a release, a watch and a login. A gateway before a real etcd answers instead of it, or after it."""

import base64
import contextlib
import http.client
import json
import re
import socket
import threading
import time
from dataclasses import dataclass

from dcsd_gateway import LENGTH, Gateway, answer

SECOND = 1_000_000
PREFIX = "/service/demo/"
PAGE = "<html>a proxy's page</html>"


@dataclass(frozen=True)
class Error:
    name: str
    status: int = 0  # 0: the connection ends without an answer
    body: str = ""
    after: bool = False  # it was carried out
    only: str = ""  # the path it can come from
    stale: bool = False  # a member that is behind: the answer's raft term is older


def grpc(text, code):
    return json.dumps({"error": text, "message": text, "code": code})


ERRORS = [
    Error("no answer"),
    Error("no answer, carried out", after=True),
    Error("no JSON", 200, PAGE),
    Error("no JSON, carried out", 200, PAGE, after=True),
    Error("bad gateway", 502, PAGE),
    Error("bad gateway, carried out", 502, PAGE, after=True),
    Error("no such path", 404, PAGE),
    Error("no leader", 503, grpc("etcdserver: no leader", 14)),
    Error("timed out", 503, grpc("etcdserver: request timed out", 14)),
    Error("timed out, carried out", 503, grpc("etcdserver: request timed out", 14), after=True),
    Error("leader changed, carried out", 503, grpc("etcdserver: leader changed", 14), after=True),
    Error("cancelled, carried out", 408, grpc("context canceled", 1), after=True),
    Error("too many requests", 429, grpc("etcdserver: too many requests", 8)),
    Error("invalid token", 401, grpc("etcdserver: invalid auth token", 16)),
    Error("old auth store", 400, grpc("etcdserver: revision of auth store is old", 3)),
    Error("permission denied", 403, grpc("etcdserver: permission denied", 7)),
    Error("lease not found", 404, grpc("etcdserver: requested lease not found", 5)),
    Error("compacted", 400, grpc("etcdserver: mvcc: required revision has been compacted", 11)),
    Error("no space", 429, grpc("etcdserver: mvcc: database space exceeded", 8)),
    Error("some refusal", 400, grpc("etcdserver: duplicate key given in txn request", 3)),
    Error("behind the others", after=True, stale=True),
]  # fmt: skip


def boottime():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class Meddler(Gateway):
    """The gateway of etcd 3.4, of which one request can meet an error."""

    def __init__(self, port, upstream):
        self.lock = threading.Lock()
        self.asked = []  # the API's paths, in order
        self.armed = []  # [how many requests pass first, a path or "", the error]
        self.met = []
        self.watches = []
        super().__init__(port, upstream, "3.4.23", "3.4.0", "/v3")

    def arm(self, error, skip=0, path=""):
        with self.lock:
            self.armed.append([skip, path, error])
            self.asked = []

    def disarm(self):
        """Whether the error was met by then."""
        with self.lock:
            left, self.armed = self.armed, []
            return not left

    def _error_for(self, path):
        with self.lock:
            self.asked.append(path)
            for one in self.armed:
                if one[1] and one[1] != path:
                    continue
                if one[0] > 0:
                    one[0] -= 1
                    return None
                self.armed.remove(one)
                return one[2]
        return None

    def pass_on(self, client, server, head, body):
        method, path, rest = head.split(b" ", 2)
        name = path.decode()
        error = self._error_for(name) if method == b"POST" else None
        if error is None:
            if name == "/v3/watch":
                self.watches.append(client)
            super().pass_on(client, server, head, body)
            return
        done = self._carry_out(head, body, name) if error.after else b""
        if error.stale:
            done = re.sub(rb'"raft_term":"(\d+)"', lambda m: b'"raft_term":"%d"' % (int(m.group(1)) - 1), done)
            answer(client, 200, done.decode())
        elif error.status:
            answer(client, error.status, error.body)
        else:
            client.shutdown(socket.SHUT_RDWR)

    def _carry_out(self, head, body, path):
        """etcd does it; its answer is ours."""
        if path == "/v3/watch":
            return b'{"result":{"header":{"raft_term":"2"},"created":true}}'
        with socket.create_connection(("127.0.0.1", self.upstream)) as server:
            server.sendall(re.sub(rb"\r\nConnection:[^\r]*", b"", head, flags=re.I) + b"\r\nConnection: close\r\n\r\n" + body)
            data = b""
            while more := server.recv(65536):
                data += more
        head, _, found = data.partition(b"\r\n\r\n")
        if b"chunked" in head.lower():
            found = b"".join(re.findall(rb"[0-9a-f]+\r\n(.*?)\r\n", found, re.S))
        length = LENGTH.search(head)
        return found[: int(length.group(1))] if length else found

    def tell_watches(self, document):
        """Into every watch that is open, as a chunk of its own."""
        text = json.dumps(document) + "\n"
        for client in self.watches:
            with contextlib.suppress(OSError):
                client.sendall(f"{len(text):x}\r\n{text}\r\n".encode())
        self.watches = []

    def end_watches(self):
        for client in self.watches:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self.watches = []


class Store:
    """etcd itself, asked without a program in between."""

    def __init__(self, port, login=None):
        self.port, self.token = port, ""
        if login:
            self.token = self.ask("/v3/auth/authenticate", {"name": login[0], "password": login[1]})["token"]

    def ask(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", path, json.dumps(body), {"authorization": self.token} if self.token else {})
        text = connection.getresponse().read()
        connection.close()
        return json.loads(text)

    def get(self, key):
        """(value, create_revision), or None."""
        found = self.ask("/v3/kv/range", {"key": base64.b64encode((PREFIX + key).encode()).decode()}).get("kvs")
        return (base64.b64decode(found[0].get("value", "")).decode(), int(found[0]["create_revision"])) if found else None

    def put(self, key, value):
        """The revision."""
        body = {name: base64.b64encode(text.encode()).decode() for name, text in (("key", PREFIX + key), ("value", value))}
        return int(self.ask("/v3/kv/put", body)["header"]["revision"])


class Cycle:
    """A bid, a renewal, a record, another member key, a release: what came of each is what etcd holds."""

    def __init__(self, store, mind, interval=300):
        self.store, self.mind, self.interval = store, mind, interval
        self.number = self.begun = self.written = 0

    def hold(self, epoch):
        self.mind.hold(epoch, self.interval, 3000)

    def wait(self, claim, what, timeout=12):
        end = time.monotonic() + timeout
        while not claim():
            assert time.monotonic() < end, f"waited {timeout} s in vain for {what}"
            time.sleep(0.01)

    def leader(self):
        """The epoch, or 0."""
        found = self.store.get("leader")
        return found[1] if found else 0

    def run(self):
        self.number += 1
        epoch = self.bid()
        if epoch:
            self.renew(epoch)
            self.record(epoch)
        self.publish()
        self.release(epoch)

    def bid(self):
        self.hold(0)
        r = self.mind.bid(3000, 1500)
        epoch = self.leader()
        if r["outcome"] == "done":
            assert epoch == r["epoch"], f"it says that it leads: {r}, {epoch}"
        elif r["outcome"] == "refused":
            assert r["text"] and epoch <= self.begun, f"it says that it does not: {r}, {epoch}"
        return epoch

    def renew(self, epoch):
        """A proof comes, and is one; where the key was lost, none does, and etcd's own lease ends it."""
        since = boottime()
        seen = []

        def proved():
            self.hold(epoch)
            seen[:] = [m for m in self.mind.all("LEASE", since) if m["epoch"] == epoch]
            return seen or not self.leader()

        self.wait(proved, f"a renewal of epoch {epoch}")
        for m in seen:
            assert m["sent"] + m["ttl"] <= m["t"] + 3 * SECOND, m

    def record(self, epoch):
        number = 1000 + self.number
        r = self.mind.order("record", "status", epoch, "any", 1500, number)
        found = self.store.get("status")
        there = found and json.loads(found[0]).get("optime") == number
        if r["outcome"] == "done":
            assert there, r
        elif r["outcome"] == "refused":
            assert not there and r["text"], r

    def publish(self):
        self.mind.send("publish", "n1", "running", "replica", 1000 + self.number)

        def stands():
            self.hold(0)
            found = self.store.get("members/n1")
            return found and f'"xlog_location":{1000 + self.number}' in found[0]

        self.wait(stands, "the member key")

    def release(self, epoch):
        for _ in range(6):
            there = self.leader()
            if not there:
                return
            r = self.mind.order("release", epoch or there, 6000 + self.number, 1500)
            if r["outcome"] == "done":
                assert not self.leader(), r
            elif r["outcome"] == "refused":
                assert r["text"], r
        self.wait(lambda: not self.leader(), "the key to end with its lease")

    def well(self):
        """The link is up, and what others write is seen."""
        self.wait(lambda: self.mind.last("LINK")["state"] == "up", "the link to be up")
        since = boottime()
        self.written += 1
        self.store.put("history", f'[[1,{self.written},"x"]]')
        self.wait(lambda: self.mind.all("CLUSTER", since), "the watch to tell")

    def meets(self, gate, error, skip=0, path=""):
        """True: the error was met."""
        self.begun = self.store.put("nothing", "")
        gate.arm(error, skip, path)
        try:
            self.run()
        except AssertionError as why:
            raise AssertionError(f"{error.name} at request {skip + 1} {path or gate.asked}: {why}") from None
        met = gate.disarm()
        self.well()
        return met


def world(w, free_ports, auth=False):
    port, = free_ports(1)
    e = w.etcd(n=1, advertised=f"http://127.0.0.1:{port}")
    if auth:
        for args in (["user", "add", "root:root"], ["user", "grant-role", "root", "root"], ["auth", "enable"]):
            e.ctl(*args)
    gate = Meddler(port, e.clients[0])
    w.things.append(gate)
    extra = "  username: root\n  password: root\n" if auth else ""
    m = w.mind(w.dcsd("n1", e, where=f"host: 127.0.0.1:{port}", etcd_extra=extra))
    cycle = Cycle(Store(e.clients[0], ("root", "root") if auth else None), m)
    cycle.run()
    return gate, cycle


def at_every_request(w, free_ports):
    """Each error at each request of a cycle; (errors that were met, requests)."""
    gate, cycle = world(w, free_ports)
    met = requests = 0
    for error in ERRORS:
        skip = 0
        while cycle.meets(gate, error, skip):
            met += 1
            skip += 1
        requests = max(requests, skip)
    return met, requests


def at_the_login(w, free_ports):
    """A token that is invalid, and the login that mends it meets each error."""
    gate, cycle = world(w, free_ports, auth=True)
    invalid = next(error for error in ERRORS if error.name == "invalid token")
    met = 0
    for error in ERRORS:
        for path in ("/v3/lease/keepalive", "/v3/kv/range", "/v3/kv/txn", "/v3/kv/put"):
            gate.arm(error, 0, "/v3/auth/authenticate")
            met += cycle.meets(gate, invalid, 0, path)
    return met


def of_the_watch(w, free_ports):
    """What is read before a watch, its first answer, and what may come instead of an event."""
    gate, cycle = world(w, free_ports)
    cycle.hold(0)
    met = 0
    for error in ERRORS:
        for path in ("/v3/kv/range", "/v3/watch"):
            # The reading before it may have told what was written last; a watch that ends before it has begun
            # to answer is asked for again by libcurl itself.
            cycle.wait(lambda: gate.watches, "a watch to be open")
            cycle.well()
            gate.arm(error, 0, path)
            gate.end_watches()
            cycle.wait(lambda: not gate.armed, f"{path} to be asked for")
            cycle.well()
            met += 1
    streamed = [{"error": {"grpc_code": code, "http_code": http, "message": text}} for text, code, http in (
        ("etcdserver: mvcc: required revision has been compacted", 11, 400), ("etcdserver: no leader", 14, 503),
        ("etcdserver: invalid auth token", 16, 401), ("something", 2, 500))]  # fmt: skip
    streamed += [{"result": {"canceled": True, "cancel_reason": "compacted", "compact_revision": "7"}}, [], 7]
    for document in streamed:
        cycle.wait(lambda: gate.watches, "a watch to be open")
        cycle.well()
        gate.tell_watches(document)
        cycle.well()
        met += 1
    return met
