"""Sockets inside another network namespace, from this process."""

import ctypes
import os
import socket
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def inside(pid, function):
    """Call function in the network namespace of process pid and return its result.

    A thread goes there (setns moves threads, not processes) and ends; a socket that it makes
    belongs to that namespace for as long as it lives.
    """
    result = []

    def work():
        try:
            fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _libc.setns(fd, CLONE_NEWNET) != 0:
                    errno = ctypes.get_errno()
                    raise OSError(errno, os.strerror(errno))
            finally:
                os.close(fd)
            result.append(function())
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


def dial(pid, address, port, timeout):
    """A TCP connection from there."""
    return inside(pid, lambda: socket.create_connection((address, port), timeout))


def open_socket(pid, kind):
    """An unconnected IPv4 socket there."""
    return inside(pid, lambda: socket.socket(socket.AF_INET, kind))
