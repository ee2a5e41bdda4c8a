"""The other site of a planned change of sites: a copy of the leader on node `app`, which becomes the remote primary.

A PostgreSQL by itself, made by pg_basebackup and fed by the leader, not a second cluster of Palisade: what it
leaves out is that cluster's own failover and demotion. Its superuser and its settings are the leader's.
"""

from palisade_lab import LabError, wait_for
from palisade_lab.options import SUPERUSER_PASSWORD

from . import history
from .trial import LOG, WHO_AND_WHERE

HOME = "/var/lib/postgresql/remote"
BIN = "/usr/lib/postgresql/15/bin"
PORT = 5432
RECEIVED = "select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"  # of a standby
SLOT = "year"
NAME = "remote"
# What the leader's own configuration says of the leader alone.
SETTINGS = {"listen_addresses": "*", "port": PORT, "unix_socket_directories": "/var/run/postgresql", "cluster_name": NAME,
            "hba_file": f"{HOME}/pg_hba.conf", "ident_file": f"{HOME}/pg_ident.conf", "synchronous_standby_names": "",
            "primary_slot_name": ""}  # fmt: skip


class Remote:
    """Made and started on entering, fed by the leader; nothing of it is left afterwards."""

    def __init__(self, lab, leader):
        self.lab, self.node, self.source = lab, lab.app, leader
        self.host = self.node.address.v4
        self.runs = []  # (run, its acknowledgements) of each client that wrote to it

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    def _make(self):
        self._remove()
        self._as_postgres(["env", "PGPASSWORD=replicator-secret", f"{BIN}/pg_basebackup", "-h", self.source.address.v4,
                           "-U", "replicator", "-D", HOME, "-X", "stream", "-c", "fast", "-R"], 180)  # fmt: skip
        self.start()
        self.psql(f"select pg_create_physical_replication_slot('{SLOT}')")
        wait_for(lambda: self.psql("select status from pg_stat_wal_receiver") == "streaming", 30, "the remote one to be fed")

    def _remove(self):
        self._as_postgres(["sh", "-c", f"{BIN}/pg_ctl -D {HOME} -m immediate -s stop; rm -rf {HOME}"], 60, check=False)

    def _as_postgres(self, argv, timeout, check=True):
        return self.node.sh(argv, timeout, check, user="postgres").stdout

    # Its server -----------------------------------------------------------------------------

    def start(self):
        settings = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        self._as_postgres([f"{BIN}/pg_ctl", "-D", HOME, "-w", "-s", "-l", f"{HOME}/log", "-o", settings, "start"], 90)

    def stop(self):
        """In order: what follows it gets all of its WAL. Where that ends."""
        self._as_postgres([f"{BIN}/pg_ctl", "-D", HOME, "-m", "fast", "-w", "-s", "stop"], 90)
        for line in self._as_postgres([f"{BIN}/pg_controldata", HOME], 10).splitlines():
            if line.startswith("Latest checkpoint location:"):
                return line.split()[-1]
        raise LabError("pg_controldata tells no checkpoint")

    def promote(self):
        self.psql("select pg_promote()", 60)

    def psql(self, sql, timeout=10):
        return self.node.psql(sql, timeout)

    def position(self):
        return self.psql(RECEIVED)

    def followers(self):
        return self.psql("select application_name from pg_stat_replication where state = 'streaming'").split()

    # Its clients ----------------------------------------------------------------------------

    def takes_writes(self, rows):
        """A client of its own is promised so many; they are kept for the judge."""
        extra = ["--table", f"nemesis_{NAME}", "--log", LOG.format(NAME), "--returning", WHO_AND_WHERE, "--verify-timeout", "0"]
        via = f"host={self.host} port={PORT} user=postgres dbname=postgres password={SUPERUSER_PASSWORD}"
        with self.lab.client(via=via, interval=20, extra=extra, realtime=True) as client:
            client.go_on(rows)
        self.runs.append((client.run, history.parse_log(self.node.read(LOG.format(NAME)), True)))


def positions(nodes):
    """{name: how far it has WAL}, of standbys."""
    return {node.name: node.psql(RECEIVED) for node in nodes}


def reaches(lsn, other):
    """Whether an LSN, in PostgreSQL's words, is at or beyond another."""
    return _number(lsn) >= _number(other)


def _number(lsn):
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16)
