"""The REST API, over TCP and over the Unix socket."""

import json
import os
import pwd
import re
import resource
import socket
import ssl
import subprocess
import threading
import time

from api_world import SCENES, Skip, Tls, equal, expect, read, wait_for

SCENE_NAMES = sorted(os.listdir(SCENES))
DCS_DOWN = {"failsafe_dcs_down": True, "dcs_down_no_failsafe": False}  # does the leader lead?


def start_scene(world, scene, role):
    node = world.start(scene, role, leads=role == "leader" and DCS_DOWN.get(scene, True))
    if scene in DCS_DOWN:
        node.tell("dcs-age 60")
    return node


# ---- health checks (J1 to J4) ----


def recorded_codes(scene, role):
    for line in read(SCENES, scene, "codes").splitlines():
        who, path, codes = line.split("\t")
        if who == role:
            for word in codes.split():
                method, code = word.split("=")
                # Patroni closes the connection where the DCS is silent; we say why.
                yield path, method, 503 if code == "-" else int(code)


def check_scene(world, scene, vias):
    n = 0
    for role in ("leader", "replica"):
        node = start_scene(world, scene, role)
        for via in vias:
            connection = node.connect(via)
            for path, method, code in recorded_codes(scene, role):
                connection.request(method, path)
                response = connection.getresponse()
                body = response.read()
                equal(response.status, code, f"{scene}: {method} {path} on the {role} over {via}")
                if method != "GET" or path.startswith(("/liveness", "/readiness")):
                    equal(body, b"", f"the body of {method} {path}")
                elif code == 503 and path in ("/replica", "/foo", "/primary"):
                    expect(json.loads(body)["patroni"]["scope"] == "batman", "a refused check tells the node, too")
                n += 1
            connection.close()
    return f"{n} answers"


def case_of_scene(scene):
    def case(world):
        return check_scene(world, scene, ("tcp", "unix") if scene == "running" else ("tcp",))

    case.__name__ = f"test_codes_{scene}"
    case.__doc__ = f"every recorded path and method of the scene {scene}"
    return case


for _scene in SCENE_NAMES:
    globals()[f"test_codes_{_scene}"] = case_of_scene(_scene)


def test_head_and_options_are_bare(world):
    """HEAD and OPTIONS answer with a status and nothing behind the headers"""
    node = world.start()
    for method in (b"HEAD", b"OPTIONS"):
        for path, code in ((b"/primary", b"200"), (b"/replica", b"503"), (b"/liveness", b"503"), (b"/", b"200")):
            found = node.raw(method + b" " + path + b" HTTP/1.0\r\n\r\n")
            expect(found.startswith(b"HTTP/1.") and found.split()[1] == code, f"{method} {path}: {found[:80]}")
            expect(found.endswith(b"\r\n\r\n") and found.count(b"\r\n\r\n") == 1, f"a body: {found!r}")


def test_queries_and_tags(world):
    """lag and tag_ queries decide, whatever their order and number"""
    node = world.start(role="replica", tags="tags:\n  zone: a b\n  weight: 5\n  nofailover: true\n")
    for path, code in {
        "/replica?tag_zone=a%20b": 200, "/replica?tag_zone=a+b": 200, "/replica?tag_zone=c": 503,
        "/replica?tag_weight=5&tag_zone=a+b": 200, "/replica?tag_weight=6": 503, "/replica?tag_nofailover=true": 200,
        "/replica?tag_none=x": 503, "/replica?lag=": 200, "/replica?lag=rubbish": 200, "/replica?lag=1kB": 200,
        "/health?tag_zone=c": 503, "/read-only?tag_zone=c": 503, "//replica": 200, "/replica/x/y": 200,
        "/replica?" + "&".join(f"a{i}=1" for i in range(60)): 200,
    }.items():  # fmt: skip
        equal(node.get(path).status, code, path[:60])
    node.write(tags="tags:\n  noloadbalance: true\n")
    node.apid.send_signal(1)
    wait_for(lambda: node.get("/replica").status == 503, 3, "noloadbalance to be in force after SIGHUP")
    equal(node.get("/health").status, 200, "/health")


def test_liveness_follows_the_beat(world):
    """/liveness fails when the mind has been silent for a ttl, and not before"""
    node = world.start(role="replica")
    equal(node.get("/liveness").status, 200, "with a beat")
    node.tell("beat 0")
    equal(node.get("/liveness").status, 200, "just after")  # the recorded ttl is 20 s: not waited for here


# ---- the permit ----


def test_permit_ends_by_itself(world):
    """after the permit /primary is 503 and nobody is told of a living primary, without any message"""
    node = world.start(leads=False)
    node.tell("permit 1")
    node.tell("leader 1")
    equal(node.get("/primary").status, 200, "while it runs")
    start = time.monotonic()
    wait_for(lambda: node.get("/primary").status == 503, 3, "the permit to end")
    expect(time.monotonic() - start < 1.2, "in time")
    equal(node.get("/leader").status, 503, "/leader")
    body = node.get("/patroni").json
    expect(body["role"] != "primary" and "xlog" not in body, f"/patroni afterwards: {body}")
    node.tell("permit 5")
    equal(node.get("/primary").status, 200, "the same epoch, renewed")
    node.tell("revoke")
    wait_for(lambda: node.get("/primary").status == 503, 1, "the revocation")
    node.tell("permit 5")
    equal(node.get("/primary").status, 503, "a revoked epoch never counts again")
    node.tell("new-permit 5")
    node.tell("leader 1")
    equal(node.get("/primary").status, 200, "the next epoch does")


def test_mind_gone(world):
    """without a mind: health as last known until the permit, changes refused, and all well after it is back"""
    node = world.start()
    node.tell("new-permit 2")
    node.stop_mind()
    equal(node.get("/primary").status, 200, "the permit outlives the mind")
    for method, path, body in (("POST", "/switchover", {"leader": "n1"}), ("PATCH", "/config", {"ttl": 25}),
                               ("POST", "/reload", None), ("GET", "/palisade/explain", None)):  # fmt: skip
        reply = node.ask(method, path, body)
        equal((reply.status, reply.text), (503, "the deciding daemon is not connected"), f"{method} {path}")
    equal(node.get("/palisade/status").json["mind"], False, "status tells")
    equal(node.get("/patroni").json["state"], "running", "/patroni is answered from memory")
    wait_for(lambda: node.get("/primary").status == 503, 3, "the permit to end")
    node.start_mind()
    wait_for(lambda: node.get("/palisade/status").json["mind"], 3, "the new mind")
    equal(node.ask("POST", "/reload").status, 202, "reload")


def test_no_mind_yet(world):
    """started without a mind it answers within seconds that it knows nothing"""
    node = world.start(mind=False)
    wait_for(node.answers, 10, "the doors to open at last")
    for path in ("/primary", "/replica", "/health", "/readiness", "/liveness", "/cluster", "/config", "/history"):
        equal(node.get(path, via="unix").status, 503, path)
    equal(node.get("/patroni", via="unix").status, 200, "/patroni")


# ---- bodies ----


def test_bodies(world):
    """/patroni, /cluster, /config, /history as recorded, over both doors"""
    for role in ("leader", "replica"):
        node = start_scene(world, "running", role)
        for via in ("tcp", "unix"):
            reply = node.get("/patroni", via=via)
            equal(reply.headers["content-type"], "application/json", "type")
            expect(reply.headers["server"].startswith("Palisade/"), "server")
            wanted = read(SCENES, "running", f"{role}.json").rstrip("\n")
            drop = re.compile(r'"postmaster_start_time": "[^"]*"|"replayed_timestamp": [^,}]*')
            equal(drop.sub("", reply.body), drop.sub("", wanted), f"/patroni on the {role}")
            equal(node.get("/cluster", via=via).body, read(SCENES, "running", "cluster.json").rstrip("\n"), "/cluster")
            equal(node.get("/", via=via).body, reply.body, "a health check has the same body")
    node = start_scene(world, "after_switchover", "leader")
    history = node.get("/history").json
    equal(len(history[0]), 5, "columns of /history")
    equal(node.get("/config").json["loop_wait"], 2, "/config")
    equal(node.get("/cluster?cached=1").status, 200, "cached")


def test_dcs_silent(world):
    """while the DCS is silent /cluster says so, and tells on request what it was"""
    node = start_scene(world, "failsafe_dcs_down", "replica")
    for path in ("/cluster", "/config", "/history"):
        reply = node.get(path)
        equal((reply.status, reply.text), (503, "the DCS is not accessible"), path)
    expect(node.get("/cluster?cached=1").json["members"], "as it was known last")
    expect("dcs_last_seen" in node.get("/patroni").json, "dcs_last_seen")


def test_quiet_cluster(world):
    """a cluster where nothing happens for longer than a ttl is known all the same, while the mind looks"""
    node = world.start(role="replica")
    equal(node.ask("PATCH", "/config", {"ttl": 3, "loop_wait": 1, "retry_timeout": 1}).status, 200, "a short ttl")
    time.sleep(3.5)
    for path in ("/cluster", "/async", "/config"):
        equal(node.get(path).status, 200, path)
    node.tell("beat 0")
    wait_for(lambda: node.get("/cluster").status == 503, 5, "what a hung mind knew to grow old")


def names_and_types(text):
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))


def test_metrics(world):
    """/metrics: every family of Patroni's with its type, ours beside it, in the text format"""
    for role in ("leader", "replica"):
        node = start_scene(world, "running", role)
        reply = node.get("/metrics")
        expect(reply.status == 200 and reply.headers["content-type"].startswith("text/plain"), "status and type")
        wanted, found = names_and_types(read(SCENES, "running", f"{role}.metrics")), names_and_types(reply.body)
        for name, kind in wanted.items():
            equal(found.get(name), kind, name)
        expect(any(name.startswith("palisade_") for name in found), "our own")
        for line in reply.body.splitlines():
            expect(re.fullmatch(r'# .+|[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.eEinfNa]+', line), line)
        expect(reply.body.endswith("\n"), "the last line ends")
    return f"{len(found)} families"


# ---- configuration ----


def test_config(world):
    """PATCH merges, PUT replaces, what cannot be is refused with a line each"""
    node = world.start()
    reply = node.ask("PATCH", "/config", {"ttl": 25, "postgresql": {"parameters": {"work_mem": "8MB"}}})
    equal((reply.status, reply.json["ttl"]), (200, 25), "PATCH")
    equal(reply.json["postgresql"]["parameters"], {"max_connections": 100, "work_mem": "8MB"}, "merged")
    wait_for(lambda: node.get("/config").json == reply.json, 2, "GET to show it")
    again = node.ask("PATCH", "/config", {"ttl": 25}, via="unix")
    equal((again.status, again.json), (200, reply.json), "nothing new")
    equal(node.minds_words().count("request config"), 1, "and the mind was not asked")
    reply = node.ask("PATCH", "/config", {"ttl": None})
    expect("ttl" not in reply.json, "null removes")
    reply = node.ask("PATCH", "/config", {"ttl": "soon", "loop_wait": -1})
    equal(reply.status, 400, "what cannot be")
    expect("ttl" in reply.body and "loop_wait" in reply.body and len(reply.body.splitlines()) == 2, reply.body)
    reply = node.ask("PUT", "/config", {"loop_wait": 3})
    equal((reply.status, reply.json), (200, {"loop_wait": 3}), "PUT")
    node.tell("touch-config")
    reply = node.ask("PATCH", "/config", {"ttl": 26})
    equal((reply.status, reply.text), (409, "Conflict"), "somebody else was faster")


def test_config_bodies(world):
    """bodies that are none: 400, 411, 413, as Patroni's pages"""
    node = world.start()
    for body in ("", "{}", "[]", "[1]", "5", "null", '"x"', "{", '{"ttl": }', "\0", '{"ttl": 20} x', "{" * 100000):
        equal(node.ask("PATCH", "/config", body).status, 400, f"PATCH {body[:20]!r}")
    deep = '{"a":' * 500 + "1" + "}" * 500
    equal(node.ask("PATCH", "/config", deep).status, 400, "deep")
    found = node.raw(b"PATCH /config HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    expect(found.split()[1] == b"411" and b"Message: Length Required." in found, f"411: {found[:200]}")
    reply = node.ask("PATCH", "/config", json.dumps({"x": "y" * 500000}))
    equal(reply.status, 413, "larger than the DCS takes")
    equal(node.ask("PATCH", "/config", {"ttl": 27}).status, 200, "and it goes on")


# ---- switchover and failover ----


def refused(node, path, body, status, text, **kwargs):
    reply = node.ask("POST", path, body, **kwargs)
    equal((reply.status, reply.text), (status, text), f"POST {path} {body}")


def test_switchover_texts(world):
    """POST /switchover: each refusal with Patroni's status and words, then one that happens"""
    node = world.start()
    later = "2035-01-01T12:00:00+00:00"
    refused(node, "/switchover", {"candidate": "n2"}, 400, "Switchover could be performed only from a specific leader")
    refused(node, "/switchover", {"leader": "n1", "candidate": "n1"}, 400, "Switchover target and source are the same")
    refused(node, "/switchover", {"leader": "n2"}, 412, "leader name does not match")
    refused(node, "/switchover", {"leader": "n1", "candidate": "zz"}, 412, "candidate does not exists")
    refused(node, "/switchover", {"leader": "n1", "scheduled_at": "soon"}, 422,
            "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601")  # fmt: skip
    refused(node, "/switchover", {"leader": "n1", "scheduled_at": "2035-01-01T12:00"}, 400,
            "Timezone information is mandatory for the scheduled switchover")  # fmt: skip
    refused(node, "/switchover", {"leader": "n1", "scheduled_at": "2001-01-01T12:00Z"}, 422,
            "Cannot schedule switchover in the past")  # fmt: skip
    reply = node.ask("POST", "/switchover", {"leader": "n" * 300})
    expect(reply.status == 400 and "a member's name has at most" in reply.text, reply.text)
    for body in ("", "{}", "x"):
        equal(node.ask("POST", "/switchover", body).status, 400, f"body {body!r}")
    refused(node, "/switchover", {"leader": "n1", "scheduled_at": later}, 202, "Switchover scheduled")
    wait_for(lambda: "scheduled_switchover" in node.get("/cluster").json, 2, "/cluster to show it")
    equal(node.get("/cluster").json["scheduled_switchover"], {"at": later, "from": "n1"}, "as scheduled")
    reply = node.ask("DELETE", "/switchover")
    equal((reply.status, reply.text), (200, "scheduled switchover deleted"), "DELETE")
    reply = node.ask("DELETE", "/switchover")
    equal((reply.status, reply.text), (404, "no switchover is scheduled"), "DELETE again")
    refused(node, "/switchover", {"leader": "n1", "member": "n3"}, 200, 'Successfully switched over to "n3"')


def test_failover_texts(world):
    """POST /failover likewise; and both in a paused and in a synchronous cluster"""
    node = world.start()
    refused(node, "/failover", {"leader": ""}, 400, "Failover could be performed only to a specific candidate")
    refused(node, "/failover", {"candidate": "n2", "scheduled_at": "2035-01-01T12:00Z"}, 400,
            "Failover can't be scheduled")  # fmt: skip
    refused(node, "/failover", {"candidate": "zz"}, 412, "candidate does not exists")
    refused(node, "/failover", {"candidate": "n2"}, 200, 'Successfully failed over to "n2"', via="unix")
    paused = world.start("paused")
    refused(paused, "/switchover", {"leader": "n1"}, 400,
            "Switchover is possible only to a specific candidate in a paused state")  # fmt: skip
    refused(paused, "/switchover", {"leader": "n1", "scheduled_at": "soon"}, 400,
            "Can't schedule switchover in the paused state")  # fmt: skip


def test_reload_and_methods(world):
    """POST /reload; what is not supported: 501"""
    node = world.start()
    reply = node.ask("POST", "/reload")
    equal((reply.status, reply.text), (202, "reload scheduled"), "reload")
    for method, path in (("POST", "/nothing"), ("PUT", "/patroni"), ("DELETE", "/config"), ("BREW", "/coffee")):
        reply = node.ask(method, path, "{}")
        expect(reply.status == 501 and "Server does not support this operation" in reply.body, f"{method} {path}")
        equal(reply.text, f"Unsupported method ('{method}')", "message")
    equal(node.ask("POST", "/failsafe", {"name": "n1"}).status, 502, "failsafe mode is off")


# ---- who may ----


def test_basic_authentication(world):
    """what changes something wants the password over TCP; reading does not, nor the local socket"""
    node = world.start(restapi="  authentication: {username: admin, password: s3cret}\n")
    equal(node.get("/config").status, 200, "reading is open")
    for method, path, body in (("PATCH", "/config", {"ttl": 21}), ("PUT", "/config", {"ttl": 21}),
                               ("POST", "/switchover", {"leader": "n1"}), ("POST", "/failover", {"candidate": "n2"}),
                               ("DELETE", "/switchover", None), ("POST", "/reload", None), ("POST", "/leave", None),
                               ("POST", "/join", None), ("POST", "/failsafe", {"name": "x"})):  # fmt: skip
        for auth, text in ((None, "no auth header received"), ("admin:wrong", "not authenticated"),
                           ("admin:s3cretx", "not authenticated"), (":", "not authenticated")):  # fmt: skip
            reply = node.ask(method, path, body, auth=auth)
            equal((reply.status, reply.text), (401, text), f"{method} {path} as {auth}")
            equal(reply.headers["www-authenticate"], 'Basic realm="Patroni"', "the header")
    for header in ("Basic", "Basic !!!", "Bearer x", "Basic " + "QQ" * 2000, ""):
        equal(node.ask("POST", "/reload", headers={"Authorization": header}).status, 401, f"'{header[:20]}'")
    equal(node.ask("PATCH", "/config", {"ttl": 22}, auth="admin:s3cret").status, 200, "with the password")
    equal(node.ask("PATCH", "/config", {"ttl": 23}, via="unix").status, 200, "over the socket")
    expect("request leave" not in node.minds_words(), "and the mind heard of no refused one")


def test_allowlist(world):
    """restapi.allowlist: others get 403, but may read"""
    node = world.start(restapi="  allowlist: [10.9.8.7, 192.0.2.0/24]\n")
    reply = node.ask("PATCH", "/config", {"ttl": 21})
    equal((reply.status, reply.text), (403, "Access is denied"), "from elsewhere")
    equal(node.get("/config").status, 200, "reading")
    equal(node.ask("PATCH", "/config", {"ttl": 21}, via="unix").status, 200, "over the socket")
    node.write(restapi="  allowlist: [127.0.0.0/8]\n")
    node.apid.send_signal(1)
    wait_for(lambda: node.ask("PATCH", "/config", {"ttl": 21}).status == 200, 3, "the new list after SIGHUP")


def test_leave_needs_more_than_a_port(world):
    """/leave and /join: over the socket, or with a password; never to whoever reaches the port"""
    node = world.start()
    for path in ("/leave", "/join"):
        reply = node.ask("POST", path)
        equal((reply.status, reply.text), (403, "only over the local socket, or with authentication"), path)
    equal(node.ask("POST", "/leave", via="unix").status, 202, "leave")
    wait_for(lambda: node.get("/palisade/status").json["left"], 3, "it to have left")
    equal(node.ask("POST", "/join", via="unix").status, 200, "join")


def test_postgres_user_is_refused(world):
    """the user PostgreSQL runs as has no say over the socket"""
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise Skip("no user postgres here") from None
    if os.getuid() != 0:
        raise Skip("not root")
    node = world.start()
    os.chmod(node.socket("api"), 0o666)
    code = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
            "s.sendall(b'GET /config HTTP/1.0\\r\\n\\r\\n')\nprint(s.recv(4096).split()[1].decode())")  # fmt: skip
    done = subprocess.run(["/usr/bin/python3", "-c", code, node.socket("api")], capture_output=True, text=True,
                          user=user.pw_uid, group=user.pw_gid, extra_groups=[], timeout=10)  # fmt: skip
    equal(done.stdout.strip(), "403", f"as postgres ({done.stderr})")


# ---- TLS ----


def shakes(node, context):
    try:
        return node.get("/primary", context=context).status
    except (ssl.SSLError, ConnectionError, OSError):
        return None


def test_tls(world):
    """TLS: the certificate is shown, plain text is not served, garbage harms nobody"""
    tls = Tls(world)
    node = world.start(restapi=tls.restapi(), tls=tls)
    equal(shakes(node, tls.client()), 200, "with the CA")
    equal(shakes(node, ssl.create_default_context()), None, "a client that does not know the CA refuses")
    old = tls.client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    equal(shakes(node, old), 200, "TLS 1.2")
    expect(b"200" not in node.raw(b"GET /primary HTTP/1.0\r\n\r\n", 1), "plain text")
    node.raw(os.urandom(4000), 1)
    equal(node.get("/primary", via="unix").status, 200, "the socket speaks plainly")
    with socket.create_connection(("127.0.0.1", node.port)):  # never says hello
        equal(shakes(node, tls.client()), 200, "beside a client that does not speak")
    equal(node.ask("PATCH", "/config", {"ttl": 21}).status, 200, "no client certificate is asked for")
    tls.sign("server", "ca", "subjectAltName=IP:127.0.0.1")
    serial = tls_serial(node, tls)
    with socket.create_connection(("127.0.0.1", node.port), 5) as early:
        equal(node.get("/primary").status, 200, "the early one has been accepted, too")
        node.apid.send_signal(1)
        wait_for(lambda: tls_serial(node, tls) != serial, 3, "the renewed certificate after SIGHUP")
        with tls.client().wrap_socket(early, server_hostname="127.0.0.1") as t:
            t.sendall(b"GET /primary HTTP/1.0\r\n\r\n")
            expect(b" 200 " in t.recv(4096), "who came before the reload is served, too")


def tls_serial(node, tls):
    with socket.create_connection(("127.0.0.1", node.port), 5) as s, \
            tls.client().wrap_socket(s, server_hostname="127.0.0.1") as t:  # fmt: skip
        return t.getpeercert()["serialNumber"]


def test_tls_verify_client(world):
    """verify_client: required refuses the handshake, optional only what changes something"""
    tls = Tls(world)
    node = world.start(restapi=tls.restapi("required"), tls=tls)
    equal(shakes(node, tls.client("client")), 200, "our certificate")
    equal(shakes(node, tls.client()), None, "none")
    equal(shakes(node, tls.client("stranger")), None, "another CA's")
    equal(node.ask("POST", "/reload", context=tls.client("client")).status, 202, "may change something")
    node = world.start(restapi=tls.restapi("optional"), tls=tls)
    equal(shakes(node, tls.client()), 200, "none is needed to read")
    reply = node.ask("PATCH", "/config", {"ttl": 21}, context=tls.client())
    equal((reply.status, reply.text), (403, "client certificate required"), "but to change")
    equal(node.ask("PATCH", "/config", {"ttl": 21}, context=tls.client("client")).status, 200, "with one")
    equal(shakes(node, tls.client("stranger")) in (None, 200), True, "another CA's may read at most")
    try:
        status = node.ask("PATCH", "/config", {"ttl": 22}, context=tls.client("stranger")).status
    except OSError:
        status = None
    expect(status in (None, 403), f"another CA's changes nothing: {status}")


# ---- bad clients ----


def test_oversized(world):
    """requests beyond every ceiling: 413, 431 or closed, and the next one is served"""
    node = world.start()
    found = node.raw(b"PATCH /config HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 2)
    expect(found.split()[1:2] == [b"413"], f"announced: {found[:60]}")
    for length in (b"-1", b"x", b"18446744073709551616", b"1e3"):
        found = node.raw(b"PATCH /config HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n{}", 2)
        expect(found.split()[1:2] in ([b"413"], [b"400"], []), f"length {length}: {found[:60]}")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    found = node.raw(b"PATCH /config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 40, 2)
    expect(b" 200 " not in found, "chunks without end")
    found = node.raw(b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 2)
    expect(found.split()[1:2] in ([b"414"], [b"431"], [b"413"], []), f"path: {found[:60]}")
    for n in (120, 200, 1000):  # more than are kept in memory: closed, and at once
        start = time.monotonic()
        query = b"&".join(b"a=%d" % i for i in range(n))
        found = node.raw(b"GET /replica?" + query + b" HTTP/1.1\r\nHost: x\r\n\r\n", 3)
        expect(found.split()[1:2] in ([b"431"], []) and time.monotonic() - start < 1, f"{n} parameters: {found[:60]}")
    found = node.raw(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 50000 + b"\r\n", 2)
    expect(found.split()[1:2] in ([b"431"], [b"413"], []), f"headers: {found[:60]}")
    equal(node.get("/primary").status, 200, "afterwards")


def test_garbled(world):
    """bytes that are no HTTP: an error or a closed connection, and the next one is served"""
    node = world.start()
    for data in (b"\r\n\r\n", b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00", os.urandom(5000), b"GET /%zz%00%ff HTTP/1.0\r\n\r\n",
                 b"GET /replica?%=&=&&a=%0 HTTP/1.0\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET http://x/primary HTTP/1.0\r\n\r\n", b"get /primary HTTP/1.0\r\n\r\n",
                 b"POST /switchover HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):  # fmt: skip
        node.raw(data, 0.3)
        node.raw(data, 0.3, via="unix")
    equal(node.get("/primary").status, 200, "afterwards")
    found = node.raw(b"GET /primary HTTP/1.1\r\nHost: x\r\n\r\n" * 20 + b"GET / HTTP/1.0\r\n\r\n", 2)
    equal(found.count(b"HTTP/1.1 200") + found.count(b"HTTP/1.0 200"), 21, "pipelined")


def test_half_sent(world):
    """clients that stop in the middle of a request, or do not read, hold up nobody"""
    node = world.start()
    halves = [b"G", b"GET /prim", b"PATCH /config HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"ttl\"",
              b"PATCH /config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"]  # fmt: skip
    held = []
    for half in halves * 10:
        s = socket.create_connection(("127.0.0.1", node.port))
        s.sendall(half)
        held.append(s)
    for _ in range(10):  # asks much, reads nothing
        s = socket.create_connection(("127.0.0.1", node.port))
        s.setblocking(False)
        try:
            while s.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100):
                pass
        except BlockingIOError:
            pass
        held.append(s)
    worst = 0
    for _ in range(50):
        start = time.monotonic()
        equal(node.get("/primary").status, 200, "beside them")
        worst = max(worst, time.monotonic() - start)
    for s in held:
        s.close()
    expect(worst < 0.5, f"an answer took {worst:.3f} s")
    equal(node.ask("PATCH", "/config", {"ttl": 21}).status, 200, "afterwards")
    return f"slowest answer {worst * 1000:.1f} ms"


def test_many_idle_connections(world):
    """thousands of silent connections: the newest request is served, the longest silent give way"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(6000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 200), hard))
    node = world.start()
    held, worst = [], 0
    for i in range(wanted):
        s = socket.socket()
        s.settimeout(5)
        s.connect(("127.0.0.1", node.port))
        held.append(s)
        if i % 500 == 0:
            start = time.monotonic()
            equal(node.get("/primary").status, 200, f"beside {i} idle ones")
            worst = max(worst, time.monotonic() - start)
    start = time.monotonic()
    equal(node.get("/primary").status, 200, "beside all")
    equal(node.get("/primary", via="unix").status, 200, "and over the socket")
    worst = max(worst, time.monotonic() - start)
    for s in held:
        s.close()
    expect(worst < 1, f"an answer took {worst:.3f} s")
    wait_for(lambda: int(re.search(r"palisade_api_connections\S* (\d+)", node.get("/metrics").body)[1]) < 10, 5,
             "the connections to be forgotten")  # fmt: skip
    return f"{wanted} idle, slowest answer {worst * 1000:.1f} ms"


def test_at_once(world):
    """many requests at once, of all kinds: each gets its own answer"""
    node = world.start()
    wrong = []

    def client(k):
        try:
            c = node.connect("unix" if k % 3 == 0 else "tcp")
            for i in range(30):
                path, code = (("/primary", 200), ("/replica", 503), ("/patroni", 200), ("/cluster", 200))[(i + k) % 4]
                c.request("GET", path)
                r = c.getresponse()
                r.read()
                if r.status != code:
                    wrong.append((path, r.status))
            c.close()
        except OSError as e:
            wrong.append(e)

    threads = [threading.Thread(target=client, args=(k,)) for k in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    equal(wrong, [], "answers")


def test_restart_is_quick(world):
    """apid killed and started again answers on the same port at once"""
    node = world.start()
    for _ in range(3):
        node.stop(node.mind)
        node.stop(node.apid)
        start = time.monotonic()
        node.begin()
        equal(node.get("/primary").status, 200, "again")
    return f"{(time.monotonic() - start) * 1000:.0f} ms"


def test_headers(world):
    """http_extra_headers and server_tokens"""
    node = world.start(restapi="  server_tokens: productonly\n  http_extra_headers: {X-Frame-Options: DENY}\n")
    for path in ("/primary", "/patroni", "/config"):
        reply = node.get(path)
        equal((reply.headers["server"], reply.headers["x-frame-options"]), ("Palisade", "DENY"), path)
