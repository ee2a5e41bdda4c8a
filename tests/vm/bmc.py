"""A BMC of our own behind QEMU's ipmi-bmc-extern: slow when it is told to be, and it remembers.

QEMU speaks OpenIPMI's protocol over a socket: bytes with an escape, ended by 0xa0 (a message) or
0xa1 (a command, which nobody needs here). A message is a number, net function, command, data and a
checksum. The countdown is kept, not enforced.
"""

import socket
import threading
import time

END, COMMAND, ESCAPE, MARK = 0xA0, 0xA1, 0xAA, 0x10
APP = 0x06
RESET, SET, GET = 0x22, 0x24, 0x25
DEVICE_ID = bytes([0, 0x20, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0])
NEEDED = {0x01: DEVICE_ID, 0x2E: b"\0", 0x2F: b"\0\0", 0x30: b"\0", 0x31: b"\0\0"}  # what ipmi_si asks for
UNSUPPORTED = b"\xc1"


class Bmc:
    def __init__(self, path, timer):
        self.timer = bytearray(timer)  # use, action, seconds before, flags, countdown low, high
        self.running = True
        self.hold = 0  # seconds by which the answer to a pet is late
        self.sets = []  # the data of each SET
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def devices(path):
        return ["-chardev", f"socket,id=bmc,path={path},reconnect=1", "-device", "ipmi-bmc-extern,id=bmc0,chardev=bmc",
                "-device", "isa-ipmi-kcs,bmc=bmc0"]  # fmt: skip

    def _serve(self):
        try:
            self._speak(self._listener.accept()[0])
        except OSError:
            pass  # the machine ended while it waited for an answer

    def _speak(self, link):
        message, escaped = bytearray(), False
        while True:
            for byte in link.recv(4096) or [None]:
                if byte is None:
                    return
                if byte in (END, COMMAND):
                    if byte == END:
                        link.sendall(self._answer(bytes(message)))
                    message.clear()
                elif byte == ESCAPE:
                    escaped = True
                else:
                    message.append(byte & ~MARK if escaped else byte)
                    escaped = False

    def _answer(self, message):
        number, function, command, data = message[0], message[1], message[2], message[3:-1]
        reply = bytes([number, function | 4, command]) + self._do(function >> 2, command, data)
        reply += bytes([-sum(reply) & 0xFF])
        out = bytearray()
        for byte in reply:
            out += bytes([ESCAPE, byte | MARK]) if byte in (END, COMMAND, ESCAPE) else bytes([byte])
        return bytes(out) + bytes([END])

    def _do(self, function, command, data):
        if function != APP:
            return UNSUPPORTED
        if command == SET:
            self.sets.append(bytes(data))
            self.timer, self.running = bytearray(data), False
            return b"\0"
        if command == RESET:
            time.sleep(self.hold)
            self.running = True
            return b"\0"
        if command == GET:
            countdown = bytes(self.timer[4:6])
            return bytes([0, self.timer[0] | (0x40 if self.running else 0), *self.timer[1:3], 0]) + countdown * 2
        return NEEDED.get(command, UNSUPPORTED)
