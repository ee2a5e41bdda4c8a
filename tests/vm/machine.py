"""One virtual machine: QEMU, its serial line and its events, each with the host's clock beside it."""

import json
import re
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

QEMU = "qemu-system-x86_64"
# The clock and its interrupts come from the HPET: a TSC calibrated on a busy host runs fast or slow.
APPEND = ("console=ttyS0 panic=0 quiet mitigations=off no_timer_check tsc=unstable clocksource=hpet nolapic_timer "
          "random.trust_cpu=on nmi_watchdog=0")  # fmt: skip
BMC = ["-device", "ipmi-bmc-sim,id=bmc0", "-device", "isa-ipmi-kcs,bmc=bmc0"]
TCO = ["-global", "ICH9-LPC.noreboot=false"]
ESB = ["-device", "i6300esb"]
AT = re.compile(r"^@(\d+\.\d+) (.*)")


def accelerator(kernel):
    """kvm where this kernel boots on it, as far as it can without a root; that there is a /dev/kvm says nothing."""
    try:
        told = subprocess.run([QEMU, "-accel", "kvm", "-cpu", "max", "-M", "q35", "-m", "256", "-nodefaults", "-display",
                               "none", "-no-reboot", "-serial", "stdio", "-kernel", str(kernel), "-append",
                               f"{APPEND} panic=-1"], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=15).stdout  # fmt: skip
    except subprocess.TimeoutExpired:
        return "tcg"
    return "kvm" if b"Unable to mount root" in told else "tcg"


@dataclass
class Line:
    host: float  # monotonic, of the host
    text: str
    guest: float = None  # CLOCK_BOOTTIME of the machine, where the line begins with it


@dataclass(eq=False)
class Machine:
    name: str
    kernel: Path
    initramfs: Path
    work: Path
    devices: list = field(default_factory=list)
    accel: str = "tcg"
    reboots: bool = False  # a reset boots it again; else it ends QEMU
    memory: int = 256
    panic: int = 0

    def start(self):
        self.lines, self.events, self._ended = [], [], False
        self._new = threading.Condition()
        disk = self.work / f"{self.name}.disk"
        subprocess.run(["mke2fs", "-q", "-t", "ext4", disk, "4M"], check=True, capture_output=True)
        path = str(self.work / f"{self.name}.qmp")
        command = ["setpriv", "--pdeathsig", "KILL",  # no machine without its test
                   QEMU, "-nodefaults", "-display", "none", "-nic", "none", "-M", "q35", "-m", str(self.memory),
                   "-cpu", "max", "-accel", self.accel, "-kernel", str(self.kernel), "-initrd", str(self.initramfs),
                   "-append", APPEND, "-serial", "stdio", "-qmp", f"unix:{path},server=on,wait=off",
                   "-drive", f"file={disk},if=virtio,format=raw,cache=writethrough",
                   *([] if self.reboots else ["-no-reboot"]), *self.devices]  # fmt: skip
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)  # fmt: skip
        threading.Thread(target=self._read_serial, daemon=True).start()
        threading.Thread(target=self._read_events, args=(path,), daemon=True).start()

    def _add(self, what, where):
        with self._new:
            where.append(what)
            self._new.notify_all()

    def _read_serial(self):
        for raw in self.process.stdout:
            now = time.monotonic()
            text = raw.decode("utf-8", "replace").rstrip("\r\n")
            match = AT.match(text)
            self._add(Line(now, text, float(match[1]) if match else None), self.lines)
        with self._new:
            self._ended = True
            self._new.notify_all()

    def _read_events(self, path):
        link = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                link.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.qmp = link
        link.sendall(b'{"execute":"qmp_capabilities"}\n')
        try:
            for text in link.makefile("r"):
                now = time.monotonic()
                message = json.loads(text)
                if "event" in message:
                    self._add((now, message["event"], message.get("data", {})), self.events)
        except OSError:
            pass

    def wait(self, found, timeout, what):
        """The first true answer of found(); the machine's end or the time-out is a failure."""
        end = time.monotonic() + timeout
        with self._new:
            while True:
                answer = found()
                if answer:
                    return answer
                if time.monotonic() >= end:
                    raise AssertionError(f"{what}: not within {timeout} s")
                self._new.wait(min(0.2, end - time.monotonic()))

    def line(self, pattern, timeout=150, after=0):
        """The first line from index `after` on that matches, as (index, match, Line)."""
        wanted = re.compile(pattern)

        def found():
            for i in range(after, len(self.lines)):
                match = wanted.search(self.lines[i].text)
                if match:
                    return i, match, self.lines[i]
            if self._ended:
                raise AssertionError(f"the machine ended before a line {pattern!r}")
            return None

        return self.wait(found, timeout, f"a line {pattern!r}")

    def was_reset(self):
        """When, on the host's clock: QEMU's word that its watchdog fired, or that the guest was reset."""
        for when, event, data in list(self.events):
            if event in ("WATCHDOG", "RESET") or (event, data.get("reason")) == ("SHUTDOWN", "guest-reset"):
                return when
        return None

    def reset(self, timeout=60):
        def found():
            if not self.was_reset() and any(event == "SHUTDOWN" for _, event, _ in self.events):
                raise AssertionError("it was shut down in order, not reset")
            return self.was_reset()

        return self.wait(found, timeout, "a reset")

    def clock(self, host):
        """The guest's boot clock at an instant of the host's: the fastest line tells the difference."""
        return host - min(entry.host - entry.guest for entry in self.lines
                          if entry.guest is not None and entry.host <= host)  # fmt: skip

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def transcript(self):
        start = self.lines[0].host if self.lines else 0
        rows = [(entry.host, entry.text) for entry in self.lines]
        rows += [(when, f"QMP {event} {data}") for when, event, data in self.events]
        return "".join(f"{when - start:9.3f} {text}\n" for when, text in sorted(rows))
