"""What stands between palisade-dcsd and etcd in its tests: a gateway of another version, and a name server."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Gateway:
    """A proxy before one etcd that answers /version like another one, and serves the API under its prefix alone."""

    def __init__(self, port, upstream, server, cluster, prefix):
        self.upstream, self.server, self.cluster, self.prefix = upstream, server, cluster, prefix
        self.paths = set()  # of the API that were asked for
        self.listener = socket.create_server(("127.0.0.1", port))
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self.upstream)) as server:
            self.open += [client, server]
            threading.Thread(target=relay, args=(server, client), daemon=True).start()
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    more = client.recv(65536)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                length = LENGTH.search(head)
                size = int(length.group(1)) if length else 0
                while len(data) < size:
                    data += client.recv(65536)
                body, data = data[:size], data[size:]
                self.pass_on(client, server, head, body)

    def pass_on(self, client, server, head, body):
        method, path, rest = head.split(b" ", 2)
        if path == b"/version":
            answer(client, 200, f'{{"etcdserver":"{self.server}","etcdcluster":"{self.cluster}"}}')
        elif path.startswith(self.prefix.encode() + b"/"):
            path = b"/v3" + path[len(self.prefix):]
            self.paths.add(path.decode())
            server.sendall(b" ".join([method, path, rest]) + b"\r\n\r\n" + body)
        else:
            answer(client, 404, "404 page not found")

    def become(self, server, cluster, prefix):
        """Upgraded: what is open is closed, as by a restart."""
        self.server, self.cluster, self.prefix = server, cluster, prefix
        for s in self.open:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def end(self):
        self.listener.close()
        self.become("", "", "/nothing")


def relay(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


def answer(client, status, body):
    client.sendall(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                   f"{body}".encode())  # fmt: skip


# ---- names ----


def in_namespaces(scenario):
    """Runs a scenario of this program again where port 53, /etc/resolv.conf and the loopback are its own. True: it is there."""
    if os.environ.get("PALISADE_TEST_NAMESPACE") == scenario:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return True
    args = [a for a in sys.argv[1:] if a not in sys.modules["__main__"].SCENARIOS]
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    env = {**os.environ, "PALISADE_TEST_NAMESPACE": scenario}
    done = subprocess.run(["unshare", "--mount", "--net", *user, sys.executable, sys.argv[0], *args, scenario],
                          env=env, capture_output=True, text=True, timeout=300)  # fmt: skip
    for line in done.stdout.splitlines()[1:-1]:
        print(line, flush=True)
    if done.returncode != 0:
        raise AssertionError(f"in namespaces of its own: {done.stdout[-600:]} {done.stderr[-300:]}")
    return False


class Names:
    """A dnsmasq that knows some services, and nothing else."""

    def __init__(self, folder, process):
        self.folder, self.process_type, self.process = folder, process, None
        with open(f"{folder}/resolv.conf", "w", encoding="ascii") as f:
            f.write("nameserver 127.0.0.1\noptions timeout:1\n")
        subprocess.run(["mount", "--bind", f"{folder}/resolv.conf", "/etc/resolv.conf"], check=True)

    def start(self, services):
        """services: (service, target, port, priority)."""
        program = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"
        args = [f"--srv-host={service},{target},{port},{priority}" for service, target, port, priority in services]
        args += [f"--host-record={target},127.0.0.1" for target in sorted({target for _, target, _, _ in services})]
        self.process = self.process_type(
            [program, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
             "--local=/test/", "--listen-address=127.0.0.1", "--bind-interfaces", "--log-facility=-", "--pid-file=", *args],
            f"{self.folder}/dnsmasq.log")  # fmt: skip

    def end(self):
        if self.process:
            self.process.end()
        self.process = None
