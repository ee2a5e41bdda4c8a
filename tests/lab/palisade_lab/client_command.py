"""`lab client`: the writer with its words on the user's terminal."""

import signal

from . import writer
from .client import WAYS, conninfo
from .cluster import Lab
from .options import SUPERUSER_PASSWORD

# option of the writer -> (type, help)
PASSED_ON = {
    "--interval": (float, "milliseconds between two rows (default 10)"),
    "--seconds": (float, "stop after so long (default: at Ctrl-C)"),
    "--threshold": (float, "milliseconds; a longer gap is an outage (default 200)"),
    "--connect-timeout": (float, "milliseconds for an attempt to connect (default 500)"),
    "--statement-timeout": (float, "milliseconds for an answer (default 2000)"),
    "--table": (str, "(default palisade_writer)"),
}


def arguments():
    passed_on = [([option], {"type": kind, "metavar": "X", "help": text}) for option, (kind, text) in PASSED_ON.items()]
    return [
        (["--via"], {"default": "vip", "metavar": "WAY",
                     "help": f"{', '.join(WAYS)} or a connection string (default vip)"}),
        *passed_on,
        (["--defaults"], {"action": "store_true", "help": "a client with libpq's defaults, without limits"}),
        (["--json"], {"metavar": "FILE", "help": "the summary as JSON"}),
        (["--log"], {"metavar": "FILE", "help": "id and time of each acknowledged row"}),
        (["--quiet"], {"action": "store_true", "help": "the summary only"}),
    ]  # fmt: skip


def client(args, out):
    """Write numbered rows from node `app` and show each outage; Ctrl-C reads the table back.

    An outage is the time between the last acknowledged write before it and the first after.
    Ways: vip = the address that follows the primary, haproxy = app:5000, libpq = a list of all
    servers with target_session_attrs=read-write.
    Exit status: 0 nothing is missing, 1 acknowledged rows are missing, 3 could not be verified.
    """
    lab = Lab(args.name, out)
    words, files = ["--create"], []
    for option in PASSED_ON:
        value = getattr(args, option[2:].replace("-", "_"))
        if value is not None:
            words += [option, str(value)]
    for option in ("defaults", "quiet"):
        words += [f"--{option}"] if getattr(args, option) else []
    for option in ("json", "log"):
        path = getattr(args, option)
        if path:
            # The writer sees another file system: it gets the descriptor.
            files.append(open(path, "w"))
            words += [f"--{option}", f"fd:{files[-1].fileno()}"]
    words.append(conninfo(lab, args.via))
    process = writer.start(lab.app, words, SUPERUSER_PASSWORD, pass_fds=[file.fileno() for file in files])

    def forward(number, _frame):
        process.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, forward)
    status = process.wait()
    return status if status >= 0 else 128 - status
