"""Who leads, who follows: asked of the nodes themselves, around any cut."""

from concurrent.futures import ThreadPoolExecutor

from . import net
from .errors import LabError
from .wait import wait_for

LEADER_KEY = "/service/main/leader"
ROLES = {"master": "primary", "primary": "primary", "standby_leader": "standby leader"}


class Members:
    """Part of Lab."""

    def primaries(self):
        """Every node whose REST API says that it is the primary. More than one is an alarm."""
        def is_primary(node):
            try:
                return node.rest("/primary", "OPTIONS", timeout=1.0)[0] == 200
            except (OSError, LabError):
                return False

        return [node for node, yes in self.ask_all(self.databases, is_primary) if yes]

    def leader(self):
        """The primary, or None. Of two that claim it, the one that etcd knows."""
        primaries = self.primaries()
        if len(primaries) > 1:
            holder = self.etcd.get(LEADER_KEY)
            primaries = [node for node in primaries if node.name == holder]
        return primaries[0] if primaries else None

    def replicas(self):
        """The database nodes that are on and not the primary."""
        primary = {node.name for node in self.primaries()}
        return [node for node in self.databases if node.pid1() and node.name not in primary]

    def cluster(self):
        """GET /cluster of whichever node answers."""
        for node in self.databases:
            try:
                code, body = node.rest("/cluster")
            except (OSError, LabError):
                continue
            if code == 200 and isinstance(body, dict):
                return body
        raise LabError("no node answers GET /cluster")

    def wait_leader(self, timeout=60, other_than=None):
        """Wait for a primary (not this one) whose server takes writes; return its node."""
        avoid = getattr(other_than, "name", other_than)

        def writable():
            node = self.leader()
            if node and node.name != avoid and node.psql("select pg_is_in_recovery()") == "f":
                return node
            return None

        return wait_for(writable, timeout, "a leader that takes writes", every=0.1)

    def wait_replicas(self, count, timeout=120):
        """Wait until so many standbys stream from the leader. A pg_basebackup streams, too, under the same name, and
        replays nothing."""
        names = ", ".join(f"'{node.name}'" for node in self.databases)
        sql = ("select count(*) from pg_stat_replication where state = 'streaming' and replay_lsn is not null and "
               f"application_name in ({names})")

        def streaming():
            leader = self.leader()
            return leader and int(leader.psql(sql)) >= count

        wait_for(streaming, timeout, f"{count} streaming replicas", every=0.2)

    def vip_holders(self, address=net.VIP_V4):
        """The nodes that carry the address of the primary at this moment."""
        def carries(node):
            try:
                return address in node.sh(["ip", "-o", "address", "show", "to", address], timeout=3).stdout
            except LabError:
                return False

        return [node for node, yes in self.ask_all(self.databases, carries) if yes]

    def report(self):
        """One dictionary a node: all that `lab status` shows."""
        state = self.state()
        etcd_leader = self.etcd.leader()
        vip = {node.name for node in self.vip_holders()}

        def look(node):
            row = {"name": node.name, **state["nodes"][node.name]}
            row["cuts"] = [str(net.Cut(**cut)) for cut in state["cuts"] if cut["node"] == node.name]
            row["frozen"] = node.frozen()
            row["vip"] = node.name in vip
            row["etcd"] = ""
            if node.name in self.options.members and row["state"] == "up":
                row["etcd"] = "member" if self.etcd.status(node) else "no answer"
                if etcd_leader and etcd_leader.name == node.name:
                    row["etcd"] = "leader"
            row["database"] = self._database(node)
            return row

        return [row for _, row in self.ask_all(self.nodes, look)]

    @staticmethod
    def _database(node):
        """Role, state and timeline as the node's own API tells them; {} if it does not."""
        if node.name == net.APP or not node.pid1():
            return {}
        try:
            body = node.rest("/patroni", timeout=1.0)[1]
        except (OSError, LabError):
            return {}
        if not isinstance(body, dict):
            return {}
        role = body.get("role", "")
        return {
            "role": ROLES.get(role, role),
            "state": body.get("state", ""),
            "timeline": body.get("timeline"),
            "replicas": len(body.get("replication") or []),
        }

    @staticmethod
    def ask_all(nodes, question):
        """[(node, its answer)], all asked at once; the first exception is passed on."""
        pool = ThreadPoolExecutor(max_workers=len(nodes))
        wait = True
        try:
            return list(zip(nodes, pool.map(question, nodes)))
        except KeyboardInterrupt:
            wait = False  # the lab is about to end, and with it the questions
            raise
        finally:
            pool.shutdown(wait)
