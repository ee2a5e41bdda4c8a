"""A watchdog device for a node, which has no kernel of its own: a file by FUSE, bound to /dev/watchdog.

    python3 -m palisade_lab.fakedog MOUNTPOINT CGROUP MARKER

It does what a driver's device does: opening it starts the countdown, a write pets it, "V" before
the close disarms it, and when it expires the whole node is killed at once, marked so that the
supervisor boots it again. It lives outside of the node, as a BMC does. SIGUSR1: the node has no
power any more, and neither has the countdown. The protocol is the kernel's (linux/fuse.h).
"""

import errno
import os
import select
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, WRITE, STATFS, RELEASE, INIT, IOCTL = 1, 2, 3, 4, 14, 16, 17, 18, 26, 39
INTERRUPT, BATCH_FORGET = 36, 42
ROOT, FILE = 1, 2
DIRECT_IO = 1
GETSUPPORT, SETTIMEOUT, GETTIMEOUT, GETSTATUS, GETBOOTSTATUS = (
    0x80285700, 0xC0045706, 0x80045707, 0x80045701, 0x80045702)  # fmt: skip
OPTIONS = 0x8180  # settimeout, keepaliveping, magicclose
IDENTITY = b"lab watchdog"
DEFAULT_TIMEOUT = 60


def attributes(node):
    directory = node == ROOT
    mode = 0o40755 if directory else 0o100666
    return struct.pack("<QQQQQQIIIIIIIIII", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 2 if directory else 1, 0, 0, 0, 512, 0)


class Dog:
    def __init__(self, fuse, group, marker):
        self.fuse = fuse
        self.kill_file = Path(group) / "cgroup.kill"
        self.marker = Path(marker)
        self.timeout = DEFAULT_TIMEOUT
        self.expires = None  # not counting
        self.is_open = self.magic = False

    def pet(self):
        self.expires = time.monotonic() + self.timeout

    def disarm(self, *_):
        self.expires = None

    def expire(self):
        """Everything in the node ends at once; who finds the marker boots it again."""
        self.expires = None
        print(f"expired after {self.timeout} s: reset", flush=True)
        self.marker.write_text(f"{time.monotonic()}\n")
        self.kill_file.write_text("1")

    # One request, one answer: bytes, or a negative errno, or None for none ---------------------

    def do_init(self, node, body):
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 4, 3, 4096, 1, 1, 0, 0)

    def do_lookup(self, node, body):
        if node != ROOT or body.rstrip(b"\0") != b"watchdog":
            return -errno.ENOENT
        return struct.pack("<QQQQII", FILE, 0, 3600, 3600, 0, 0) + attributes(FILE)

    def do_getattr(self, node, body):
        return struct.pack("<QII", 3600, 0, 0) + attributes(node)

    def do_statfs(self, node, body):
        return struct.pack("<QQQQQIIII24x", 0, 0, 0, 1, 0, 512, 255, 512, 0)

    def do_open(self, node, body):
        if self.is_open:
            return -errno.EBUSY
        self.is_open, self.magic = True, False
        self.pet()
        return struct.pack("<QII", 0, DIRECT_IO, 0)

    def do_write(self, node, body):
        data = body[40:]
        self.magic = b"V" in data
        if self.expires is not None:
            self.pet()
        return struct.pack("<II", len(data), 0)

    def do_release(self, node, body):
        self.is_open = False
        if self.magic:
            self.disarm()
        return b""

    def do_ioctl(self, node, body):
        command, data = struct.unpack_from("<I", body, 12)[0], body[32:]
        if command == GETSUPPORT:
            answer = struct.pack("<II32s", OPTIONS, 0, IDENTITY)
        elif command == SETTIMEOUT:
            self.timeout = struct.unpack("<i", data[:4])[0]
            self.pet()
            answer = data[:4]
        elif command == GETTIMEOUT:
            answer = struct.pack("<i", self.timeout)
        elif command in (GETSTATUS, GETBOOTSTATUS):
            answer = struct.pack("<i", 0)
        else:
            return -errno.ENOTTY
        return struct.pack("<iIII", 0, 0, 0, 0) + answer

    def answer(self, request):
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        verbs = {INIT: self.do_init, LOOKUP: self.do_lookup, GETATTR: self.do_getattr, SETATTR: self.do_getattr,
                 OPEN: self.do_open, WRITE: self.do_write, STATFS: self.do_statfs,
                 RELEASE: self.do_release, IOCTL: self.do_ioctl}  # fmt: skip
        verb = verbs.get(opcode)
        reply = verb(node, request[40:]) if verb else -errno.ENOSYS
        failed = isinstance(reply, int)
        body = b"" if failed else reply
        try:
            os.write(self.fuse, struct.pack("<IiQ", 16 + len(body), reply if failed else 0, unique) + body)
        except FileNotFoundError:
            pass  # who asked is gone

    def run(self):
        while True:
            left = None if self.expires is None else max(0, self.expires - time.monotonic())
            ready, _, _ = select.select([self.fuse], [], [], left)
            if ready:
                try:
                    self.answer(os.read(self.fuse, 1 << 17))
                except (InterruptedError, FileNotFoundError):
                    pass  # the request was taken back
            elif self.expires is not None and time.monotonic() >= self.expires:
                self.expire()


def main():
    mountpoint, group, marker = sys.argv[1:4]
    fuse = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
    subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "fakedog", mountpoint], check=True, pass_fds=[fuse])
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(40))  # a piece of hardware is never late
    dog = Dog(fuse, group, marker)
    signal.signal(signal.SIGUSR1, dog.disarm)
    dog.run()


if __name__ == "__main__":
    main()
