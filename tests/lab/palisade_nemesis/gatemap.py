"""The deadline in the kernel's own map behind a gate, read around every daemon.

The program that is attached to a leaf cgroup names its map; whoever may look programs up by id
(this machine's root) reads there what the kernel compares its clock with, packet by packet. No
daemon is asked, so the answer is true also when all of them are stopped, or lie.
"""

import ctypes
import os
import platform
import struct

NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
MAP_LOOKUP_ELEM, PROG_GET_FD_BY_ID, MAP_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, PROG_QUERY = 1, 13, 14, 15, 16
CGROUP_INET_EGRESS = 1
ATTR_SIZE = 144
# Of struct bpf_prog_info, which the kernel fills in as far as we give it room: nr_map_ids, map_ids.
INFO_SIZE, NR_MAP_IDS, MAP_IDS = 64, 52, 56
OPEN_FOR_EVER = 2**64 - 1

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command, fields):
    attr = ctypes.create_string_buffer(fields, ATTR_SIZE)
    result = _libc.syscall(NUMBERS[platform.machine()], command, attr, ATTR_SIZE)
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"bpf: {os.strerror(errno)}")
    return result, attr.raw


def _program_of(directory_fd):
    """The id of the one egress program of this very cgroup; 0: there is none."""
    ids = (ctypes.c_uint32 * 8)()
    query = struct.pack("=IIIIQI", directory_fd, CGROUP_INET_EGRESS, 0, 0, ctypes.addressof(ids), 8)
    _, answer = _bpf(PROG_QUERY, query)
    return ids[0] if struct.unpack_from("=I", answer, 24)[0] else 0


def _map_of(program_id):
    """A descriptor of the first map of a program."""
    fd, _ = _bpf(PROG_GET_FD_BY_ID, struct.pack("=I", program_id))
    try:
        ids = (ctypes.c_uint32 * 4)()
        info = ctypes.create_string_buffer(INFO_SIZE)
        struct.pack_into("=IQ", info, NR_MAP_IDS, 4, ctypes.addressof(ids))
        _bpf(OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, INFO_SIZE, ctypes.addressof(info)))
    finally:
        os.close(fd)
    return _bpf(MAP_GET_FD_BY_ID, struct.pack("=I", ids[0]))[0]


class GateMap:
    """The gate of one leaf cgroup. A fenced that lost its map puts another one there: seen here."""

    def __init__(self, path):
        self._directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._program = self._map = None

    def deadline(self):
        """Seconds since boot; inf: open without an end; None: no gate is attached."""
        program = _program_of(self._directory)
        if program != self._program:
            self._drop_map()
            self._map = _map_of(program) if program else None
            self._program = program
        if self._map is None:
            return None
        key, value = ctypes.c_uint32(0), ctypes.c_uint64(0)
        lookup = struct.pack("=IIQQQ", self._map, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
        _bpf(MAP_LOOKUP_ELEM, lookup)
        return float("inf") if value.value == OPEN_FOR_EVER else value.value / 1e9

    def _drop_map(self):
        if self._map is not None:
            os.close(self._map)
        self._map = None

    def close(self):
        self._drop_map()
        os.close(self._directory)
