"""What test-api.py uses: palisade-apid with a stand-in for the mind, clients, palisadectl."""

import base64
import contextlib
import errno
import http.client
import json
import os
import pty
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SCENES = os.path.join(ROOT, "tests", "unit", "api-scenes")
CLUSTER = "batman"


class Skip(Exception):
    """Something this case needs is not here."""


def find_build():
    """PALISADE_BUILD; or where ./check builds; or the tree itself."""
    given = os.environ.get("PALISADE_BUILD")
    check = os.environ.get("PALISADE_CHECK_DIR", os.path.join(ROOT, "build", "check"))
    for folder in [given] if given else [os.path.join(check, "gcc"), ROOT]:
        if os.path.exists(os.path.join(folder, "palisade-apid")):
            return os.path.abspath(folder)
    raise SystemExit("test-api: no build found: run ./check --only build, or set PALISADE_BUILD")


def expect(claim, what):
    if not claim:
        raise AssertionError(what)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


def wait_for(claim, timeout=5, what="something"):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = claim()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {timeout} s in vain for {what}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(self.path)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read().decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        """The body, or the message of an error page."""
        page = self.body.startswith("<!DOCTYPE") and "<p>Message: " in self.body
        return self.body.split("<p>Message: ")[1].split(".</p>")[0] if page else self.body


class World:
    """What one case starts; everything ends with it."""

    def __init__(self, build):
        self.build = build
        self.folder = tempfile.mkdtemp(prefix="palisade-api-")
        os.chmod(self.folder, 0o755)
        self.things = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *args, **kwargs):
        node = Node(self, *args, **kwargs)
        self.things.append(node)
        node.begin()
        return node

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def end(self):
        for thing in reversed(self.things):
            thing.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Node:
    """palisade-apid, and before it a mind that tells a recorded scene."""

    def __init__(self, world, scene="running", role="leader", leads=None, restapi="", tags="", mind=True, tls=None):
        self.world, self.scene, self.role = world, scene, role
        self.leads = role == "leader" if leads is None else leads
        self.runtime = tempfile.mkdtemp(dir=world.folder)
        os.chmod(self.runtime, 0o755)
        os.mkdir(os.path.join(self.runtime, CLUSTER), 0o755)
        self.port, self.tls, self.wants_mind = free_port(), tls, mind
        self.config = os.path.join(self.runtime, "node.yml")
        self.log = os.path.join(self.runtime, "apid.log")
        self.write(restapi, tags)
        self.apid = self.mind = None

    def write(self, restapi="", tags=""):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"scope: {CLUSTER}\nname: {'n1' if self.role == 'leader' else 'n2'}\n"
                    f"restapi:\n  listen: 127.0.0.1:{self.port}\n  connect_address: 127.0.0.1:{self.port}\n{restapi}"
                    "etcd3:\n  hosts: [127.0.0.1:2379]\n"
                    "postgresql:\n  listen: 127.0.0.1:5432\n  data_dir: /nonexistent\n"
                    f"  authentication: {{replication: {{username: r, password: p}}}}\n{tags}")  # fmt: skip

    def scope(self):
        return CLUSTER

    def socket(self, name):
        return os.path.join(self.runtime, CLUSTER, f"{name}.sock")

    def begin(self):
        self.start_apid()
        if self.wants_mind:
            self.start_mind()
            wait_for(self.answers, 5, "the API to answer")

    def start_apid(self):
        for name in ("apid", "api"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.socket(name))
        with open(self.log, "ab") as log:
            self.apid = subprocess.Popen([os.path.join(self.world.build, "palisade-apid"), "--cluster", CLUSTER,
                                          "--config", self.config, "--runtime", self.runtime,
                                          "--mind-user", str(os.getuid())],
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # fmt: skip
        wait_for(lambda: os.path.exists(self.socket("apid")), 5, f"palisade-apid ({self.log})")

    def start_mind(self):
        self.said = os.path.join(self.runtime, "mind.log")
        with open(self.said, "wb") as log:
            self.mind = subprocess.Popen([os.path.join(self.world.build, "tests", "unit", "mind-for-api"),
                                          self.socket("apid"), CLUSTER, os.path.join(SCENES, self.scene), self.role,
                                          str(int(self.leads))],
                                         stdin=subprocess.PIPE, stdout=log, stderr=log, text=True)  # fmt: skip
        wait_for(lambda: "ready" in self.minds_words(), 5, "the stand-in for the mind")

    def minds_words(self):
        return read(self.said)

    def tell(self, line):
        """A line to the mind; returns when it has been carried out."""
        word = f"ok {line.split()[0]}\n"
        before = self.minds_words().count(word)
        self.mind.stdin.write(line + "\n")
        self.mind.stdin.flush()
        wait_for(lambda: self.minds_words().count(word) > before, 5, line)
        time.sleep(0.02)  # the API reads it

    def answers(self):
        try:
            return self.get("/liveness", via="unix").status > 0
        except OSError:
            return False

    # ---- requests ----

    def url(self, host="127.0.0.1"):
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def connect(self, via="tcp", context=None):
        if via == "unix":
            return UnixConnection(self.socket("api"))
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context or self.tls.client())
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)

    def ask(self, method, path, body=None, via="tcp", auth=None, headers=None, context=None):
        headers = dict(headers or {})
        if auth:
            headers["Authorization"] = "Basic " + base64.b64encode(auth.encode()).decode()
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        with contextlib.closing(self.connect(via, context)) as c:
            c.request(method, path, body, headers)
            return Reply(c.getresponse())

    def get(self, path, **kwargs):
        return self.ask("GET", path, **kwargs)

    def raw(self, data, timeout=5, via="tcp"):
        """What comes back for these bytes until the other side closes, or is silent."""
        if via == "unix":
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.socket("api"))
        else:
            s = socket.create_connection(("127.0.0.1", self.port))
        found = b""
        with s:
            s.settimeout(timeout)
            with contextlib.suppress(OSError):
                s.sendall(data)
                while chunk := s.recv(65536):
                    found += chunk
        return found

    # ---- the end ----

    def stop(self, process):
        if process and process.poll() is None:
            process.kill()
        if process:
            process.wait(5)
            if process.stdin:
                with contextlib.suppress(OSError):
                    process.stdin.close()

    def stop_mind(self):
        self.stop(self.mind)
        self.mind = None

    def end(self):
        self.stop(self.mind)
        if self.apid and self.apid.poll() is None:
            self.apid.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.apid.wait(5)
        code = self.apid and self.apid.poll()
        self.stop(self.apid)
        # -9: the case itself has killed it.
        expect(code in (0, -9), f"palisade-apid ended with {code}: {read(self.log)}")


class Tls:
    """A CA, a server certificate, and two clients: one of this CA, one of another."""

    def __init__(self, world):
        if not shutil.which("openssl"):
            raise Skip("no openssl here")
        self.folder = world.path("tls")
        os.mkdir(self.folder)
        self.ca("ca")
        self.ca("other")
        self.sign("server", "ca", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        self.sign("client", "ca", "subjectAltName=DNS:client")
        self.sign("stranger", "other", "subjectAltName=DNS:client")

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.folder)

    def ca(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")  # fmt: skip

    def sign(self, name, ca, extension):
        with open(self.file(f"{name}.ext"), "w", encoding="utf-8") as f:
            f.write(extension + "\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key",
                     "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")  # fmt: skip

    def file(self, name):
        return os.path.join(self.folder, name)

    def restapi(self, verify=None):
        text = f"  certfile: {self.file('server.pem')}\n  keyfile: {self.file('server.key')}\n"
        if verify:
            text += f"  cafile: {self.file('ca.pem')}\n  verify_client: {verify}\n"
        return text

    def client(self, name=None):
        context = ssl.create_default_context(cafile=self.file("ca.pem"))
        if name:
            context.load_cert_chain(self.file(f"{name}.pem"), self.file(f"{name}.key"))
        return context


# ---- palisadectl ----


class Done:
    def __init__(self, code, out, err=""):
        self.code, self.out, self.err = code, out, err


def environment(node, **more):
    keep = {k: v for k, v in os.environ.items() if not k.startswith("PALISADE_")}
    if node:
        keep["PALISADE_RUNTIME_DIR"] = node.runtime
    return {**keep, "TZ": "UTC", "LC_ALL": "C.UTF-8", **more}


def ctl(build, node, *args, stdin="", timeout=30, **env):
    """Without a terminal."""
    done = subprocess.run([os.path.join(build, "palisadectl"), *args], input=stdin, capture_output=True, text=True,
                          timeout=timeout, env=environment(node, **env))  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


class Terminal:
    """palisadectl on a terminal of 80 columns; what it prints, and answers to what it asks."""

    def __init__(self, build, node, *args, **env):
        self.output = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            try:
                os.execve(os.path.join(build, "palisadectl"), ["palisadectl", *args],
                          environment(node, TERM="xterm", **env))  # fmt: skip
            finally:
                os._exit(126)
        self.pid, self.code = pid, None

    def see(self, text, timeout=5):
        """Waits until that was printed."""
        end = time.monotonic() + timeout
        while text not in self.output:
            if not self.read(end - time.monotonic()):
                raise AssertionError(f"waited in vain for {text!r} in {self.output!r}")

    def read(self, timeout):
        if timeout <= 0 or not select.select([self.fd], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError as e:
            if e.errno != errno.EIO:  # the other end was closed
                raise
            return False
        self.output += data.decode()
        return bool(data)

    def answer(self, question, line):
        self.see(question)
        os.write(self.fd, line.encode() + b"\n")
        self.output = self.output.split(question, 1)[1]

    def press(self, key):
        os.write(self.fd, key)

    def finish(self, timeout=10):
        """Its exit code."""
        end = time.monotonic() + timeout
        while self.read(end - time.monotonic()):
            pass
        while self.code is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            else:
                time.sleep(0.01)
        expect(self.code is not None, f"it does not end: {self.output!r}")
        return self.code

    def end(self):
        if self.code is None:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.pid, 9)
                os.waitpid(self.pid, 0)
        os.close(self.fd)
