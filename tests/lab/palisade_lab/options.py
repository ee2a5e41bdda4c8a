"""What a lab is made of: the choices of `lab up`, kept beside the running lab."""

import json
from dataclasses import asdict, dataclass, field

from . import net, paths
from .errors import LabError

PALISADE, PATRONI, NONE = "palisade", "patroni", "none"
SUPERUSER_PASSWORD = "lab-secret"
MAX_NODES = 9


@dataclass
class Options:
    nodes: int = 3
    ttl: int = 10
    loop_wait: int = 2
    retry_timeout: int = 3
    sync: bool = False
    tls: bool = False
    ipv6: bool = False
    disk: bool = False
    watchdog: bool = False  # a device that resets the node, for each database node
    mode: str = PALISADE
    start: bool = True  # False: configured and installed, for a test that starts it itself
    debs: list = field(default_factory=list)  # none: $PALISADE_DEB, else built from this tree

    def check(self):
        if not 1 <= self.nodes <= MAX_NODES:
            raise LabError(f"--nodes {self.nodes}: 1 to {MAX_NODES} are possible")
        if self.mode not in (PALISADE, PATRONI, NONE):
            raise LabError(f"unknown mode {self.mode}")

    def __str__(self):
        what = {PALISADE: "Palisade", PATRONI: "Patroni", NONE: "etcd only"}[self.mode]
        extra = [word for word, on in (("sync", self.sync), ("TLS", self.tls), ("IPv6", self.ipv6),
                                       ("watchdogs", self.watchdog)) if on]
        nodes = f"{self.nodes} node{'s' if self.nodes > 1 else ''}"
        return ", ".join([nodes, what, f"ttl {self.ttl}/{self.loop_wait}/{self.retry_timeout}", *extra])

    @property
    def names(self):
        return net.node_names(self.nodes)

    @property
    def databases(self):
        return [name for name in self.names if name != net.APP]

    @property
    def members(self):
        return net.etcd_members(self.nodes)

    @property
    def scheme(self):
        return "https" if self.tls else "http"

    def save(self, name):
        (paths.run_dir(name) / "lab.json").write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, name):
        try:
            return cls(**json.loads((paths.run_dir(name) / "lab.json").read_text()))
        except FileNotFoundError:
            raise LabError(f"lab {name} is not up (start it with: lab --name {name} up)") from None

