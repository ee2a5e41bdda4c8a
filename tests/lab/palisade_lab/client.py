"""A client that writes numbered rows from node `app`, as tests and people use it.

    with lab.client(via="vip") as client:          # returns once a row is acknowledged
        lab.leader().kill()
        outage = client.wait_outage()              # the next one that ends
    client.report.missing                          # after the table was read back
"""

import json
import signal
import subprocess
import threading
from dataclasses import dataclass

from . import net, writer
from .errors import HopelessError, LabError
from .options import SUPERUSER_PASSWORD
from .wait import wait_for

WAYS = ("vip", "haproxy", "libpq")


def conninfo(lab, via):
    """The connection string of each way to the primary; anything else is one itself."""
    common = "user=postgres dbname=postgres"
    if via == "vip":
        return f"host={net.VIP_V4} port=5432 {common}"
    if via == "haproxy":
        return f"host={net.APP} port=5000 {common}"
    if via == "libpq":
        return f"host={','.join(lab.options.databases)} port=5432 target_session_attrs=read-write {common}"
    return via


@dataclass(frozen=True)
class Outage:
    """Between two acknowledged writes, when longer than the client's threshold."""

    seconds: float
    began: float  # seconds since the epoch
    ended: float
    attempts: int
    error: str

    def __str__(self):
        return f"{self.seconds:.2f} s, {self.attempts} attempts failed: {self.error}"


@dataclass(frozen=True)
class Report:
    """What the client knows in the end. Counts are rows."""

    verified: bool
    sent: int
    acknowledged: int
    missing: int
    failed: int
    refused: int
    refused_present: int
    unknown: int
    unknown_present: int
    outages: int
    longest: float
    total: float
    slowest: float
    missing_ids: list
    error: str


class Client:
    def __init__(self, lab, via="vip", interval=10, threshold=200, defaults=False, first_timeout=30, extra=(),
                 node=None, realtime=False):
        self.lab = lab
        self._node = node or lab.app  # where it runs
        self._realtime = realtime
        self.outages = []  # those that ended, as they end
        self.events = []  # everything that the client tells, as dictionaries
        self.report = None  # set by stop()
        self._first_timeout = first_timeout
        self._arguments = [
            "--output", "json", "--create", "--interval", str(interval), "--threshold", str(threshold),
            *(["--defaults"] if defaults else []), *extra, conninfo(lab, via),
        ]  # fmt: skip
        self._process = None
        self._reader = None

    def __enter__(self):
        self._process = writer.start(
            self._node, self._arguments, SUPERUSER_PASSWORD, self._realtime,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.wait_event("first", timeout=self._first_timeout)
        except LabError:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # While it runs --------------------------------------------------------------------------

    def count(self, event):
        return sum(1 for seen in list(self.events) if seen["event"] == event)

    def wait_event(self, event, timeout=30, after=0):
        """Wait for an event beyond the first `after` of its kind; return it."""
        def seen():
            found = [entry for entry in list(self.events) if entry["event"] == event]
            if len(found) > after:
                return found[after]
            if self._process.poll() is not None and not self._reader.is_alive():
                raise HopelessError(f"the client ended: {self._process.stderr.read().strip()}")
            return None

        return wait_for(seen, timeout, f"the client's event {event!r}", every=0.02)

    def wait_outage(self, timeout=90, after=0):
        """Wait until an outage (beyond the first `after` ones) has ended; return it."""
        return wait_for(lambda: self.outages[after:][:1], timeout, "an outage to end", every=0.02)[0]

    @property
    def run(self):
        """What tells its rows in the table from another run's."""
        return self.wait_event("start")["run"]

    @property
    def acknowledged(self):
        """How many rows it was promised so far, a fifth of a second ago at the most."""
        seen = [entry["acknowledged"] for entry in list(self.events) if entry["event"] == "progress"]
        return seen[-1] if seen else 0

    def go_on(self, rows, timeout=60):
        """Wait until it was promised so many rows more."""
        end = self.acknowledged + rows
        wait_for(lambda: self.acknowledged >= end, timeout, f"the client to be promised {rows} more rows")

    def after_fault(self, after=0, timeout=90):
        """Once writes go on after a fault: the outage (beyond the first `after`), None if none was noticed."""
        wait_for(lambda: self.outages[after:] or not self.stalled(), timeout, "writes to go on")
        self.go_on(50, timeout)
        return (self.outages[after:] or [None])[0]

    def stalled(self):
        """Whether writes stand still at this moment."""
        return self.count("stalled") > self.count("outage")

    # Its end --------------------------------------------------------------------------------

    def stop(self, timeout=120):
        """Have it read the table back; return its Report. Calling again returns the same."""
        if self.report is None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise LabError(f"the client did not end within {timeout:g} s") from None
            self._reader.join(timeout=10)
            summary = next((e for e in self.events if e["event"] == "summary"), None)
            if summary is None:
                raise LabError(f"the client failed: {self._process.stderr.read().strip()}")
            fields = Report.__dataclass_fields__
            self.report = Report(**{key: value for key, value in summary.items() if key in fields})
        return self.report

    def _read(self):
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event["event"] == "outage":
                self.outages.append(
                    Outage(event["seconds"], event["from"], event["to"], event["attempts"], event["error"])
                )
            self.events.append(event)
