"""The lab's etcd, asked through its JSON gateway."""

import base64

from .errors import LabError
from .wait import wait_for

PORT = 2379


class Etcd:
    def __init__(self, lab):
        self.lab = lab

    def members(self):
        return [self.lab.node(name) for name in self.lab.options.members]

    def status(self, node, timeout=1.0):
        """A member's own answer, or None when it does not answer."""
        try:
            code, body = node.http("POST", "/v3/maintenance/status", PORT, {}, timeout)
        except (OSError, LabError):
            return None
        return body if code == 200 else None

    def healthy(self, node, timeout=2.0):
        """Whether a linearizable read through this member works."""
        try:
            code, _ = self.range(node, "lab", timeout)
        except (OSError, LabError):
            return False
        return code == 200

    def range(self, node, key, timeout=2.0):
        body = {"key": base64.b64encode(key.encode()).decode()}
        return node.http("POST", "/v3/kv/range", PORT, body, timeout)

    def get(self, key):
        """The value of a key as text, None if there is none; any member may answer."""
        for node in self.members():
            try:
                code, body = self.range(node, key)
            except (OSError, LabError):
                continue
            if code == 200:
                kvs = body.get("kvs", [])
                return base64.b64decode(kvs[0].get("value", "")).decode() if kvs else None
        raise LabError("no member of etcd answers")

    def wait_healthy(self, timeout=60):
        def all_well():
            return all(self.healthy(node) for node in self.members())

        wait_for(all_well, timeout, "etcd to be healthy on " + ", ".join(self.lab.options.members), every=0.2)

    def leader(self):
        """The node whose member leads, or None. A deposed one that is cut off does not count."""
        claims = []
        for node in self.members():
            status = self.status(node)
            if status and status.get("leader") == status["header"]["member_id"]:
                claims.append((int(status.get("raftTerm", 0)), node))
        return max(claims, key=lambda claim: claim[0])[1] if claims else None

    def wait_leader(self, timeout=15):
        return wait_for(self.leader, timeout, "a member of etcd to lead", every=0.1)

    def move_leader_away(self, node, timeout=15):
        """Have another member lead, if this node's does; return the node that leads."""
        def elsewhere():
            leader = self.leader()
            return leader if leader and leader.name != node.name else None

        leader = self.wait_leader(timeout)
        if leader.name != node.name:
            return leader
        own = self.status(leader)["header"]["member_id"]
        for other in self.members():
            status = self.status(other)
            if status and status["header"]["member_id"] != own and self.healthy(other):
                body = {"targetID": status["header"]["member_id"]}
                leader.http("POST", "/v3/maintenance/transfer-leadership", PORT, body, 5.0)
                return wait_for(elsewhere, timeout, f"etcd's leader to move away from {node.name}")
        raise LabError("no other healthy member of etcd could lead")
