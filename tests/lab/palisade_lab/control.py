"""Talking to a lab's supervisor."""

import json
import os
import socket
import struct

from . import paths
from .errors import HopelessError, LabError


def socket_path(name):
    return paths.run_dir(name) / "control"


def bind(name):
    """The socket that a supervisor will listen on."""
    path = socket_path(name)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    os.chmod(path, 0o600)
    return listener


def connect(name):
    """(connection, the supervisor's pid), or an error when no such lab is running."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(10)
    try:
        connection.connect(str(socket_path(name)))
    except OSError:
        connection.close()
        raise HopelessError(f"lab {name} is not up (start it with: lab --name {name} up)") from None
    cred = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return connection, struct.unpack("3i", cred)[0]


def supervisor_pid(name):
    connection, pid = connect(name)
    connection.close()
    return pid


def ask(name, verb, **arguments):
    """Have the supervisor do something; its answer, or its refusal as an exception."""
    connection, _ = connect(name)
    with connection:
        connection.sendall(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
        with connection.makefile("r") as lines:
            line = lines.readline()
    if not line:
        raise LabError(f"lab {name} ended while it was asked to {verb}")
    reply = json.loads(line)
    if "error" in reply:
        raise LabError(reply["error"])
    return reply["ok"]
