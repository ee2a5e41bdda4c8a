"""The command line of the laboratory: arguments in, calls of Lab and Node, words out."""

import argparse
import inspect
import os
import signal
import sys

from . import commands
from .errors import DeadlineError, LabError
from .host import require_root
from .term import Terminal

ABOUT = """\
A laboratory of real hosts: whole Debian 12 systems with systemd, PostgreSQL, etcd and Palisade,
booted as containers inside private namespaces of this machine. No daemon, no left-overs.
"""

EXAMPLES = """\
a first round:
  lab up --deb ../palisade_1.0_amd64.deb     three nodes, etcd on each, HAProxy and client on `app`
  lab client --seconds 60 &                  write numbered rows, show each outage
  lab kill pg1 ; lab status ; lab boot pg1   power loss, who leads now, power on
  lab cut pg2 --from etcd ; lab heal pg2     a partition
  lab down                                   leave nothing behind

files: the image is kept in $PALISADE_LAB_CACHE (default /var/cache/palisade-lab); `down` leaves
only that. exit status: 0 done, 1 failed, 2 wrong usage, 3 not in time (client: see its --help).
"""


def build_parser():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="lab", description=ABOUT, epilog=EXAMPLES, formatter_class=raw)
    parser.add_argument("--name", default=os.environ.get("PALISADE_LAB", "main"), metavar="NAME",
                        help="which lab; several run side by side (default: $PALISADE_LAB or main)")  # fmt: skip
    verbs = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (function, help_text, arguments) in commands.TABLE.items():
        description = inspect.cleandoc(function.__doc__)
        verb = verbs.add_parser(name, help=help_text, description=description, formatter_class=raw)
        for flags, settings in arguments:
            verb.add_argument(*flags, **settings)
        verb.set_defaults(function=function)
    return parser


def main(argv=None):
    out = Terminal()
    arguments = build_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        require_root()
        return arguments.function(arguments, out) or 0
    except DeadlineError as error:
        return _complain(out, error, 3)
    except LabError as error:
        return _complain(out, error, 1)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130


def _complain(out, error, status):
    out.stream.flush()
    print(f"lab: {error}", file=sys.stderr)
    return status
