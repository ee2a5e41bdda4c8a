"""One function a command of the CLI, and the table of them with their arguments."""

import os
import shlex
import sys
import time

from . import client_command, host, image, net, options
from .cluster import Lab, names_of_labs
from .options import Options
from .show import clock, show_status


def _lab(args, out=None):
    return Lab(args.name, out)


def up(args, out):
    """Bring up a cluster: image, package, nodes, etcd, then Palisade (or Patroni) on each database node.

    Returns when a leader takes writes and every replica streams. The first run builds the image
    of the nodes (a minute or two); later ones boot from the cache in seconds.
    """
    mode = options.PATRONI if args.patroni else options.NONE if args.no_palisade else options.PALISADE
    debs = (args.deb or []) if mode == options.PALISADE else []
    opts = Options(nodes=args.nodes, ttl=args.ttl, loop_wait=args.loop_wait, retry_timeout=args.retry_timeout,
                   sync=args.sync, tls=args.tls, ipv6=args.ipv6, disk=args.disk, watchdog=args.watchdog,
                   mode=mode, debs=debs)  # fmt: skip
    opts.check()
    start = time.monotonic()
    lab = _lab(args, out)
    out.say(out.paint(f"palisade lab {args.name}", "bold") + f": {opts}")
    lab.up(opts)
    out.say(f"  up in {time.monotonic() - start:.1f} s")
    me = os.path.relpath(sys.argv[0]) + ("" if args.name == "main" else f" --name {args.name}")
    out.say()
    for what, why in (("status", "who leads, who follows"), ("client", "a writer that shows each outage"),
                      ("kill pg1", "power loss; `boot pg1` brings it back"), ("sh pg1", "a shell on a node"),
                      ("down", "leave nothing behind")):  # fmt: skip
        out.say(f"  {me} {what:<10} {out.paint(why, 'dim')}")


def status(args, out):
    """Show each node: power, etcd, role, faults; and where the address of the primary is."""
    show_status(_lab(args), out)


def list_labs(args, out):
    """List the labs of this machine."""
    for name in names_of_labs():
        lab = Lab(name)
        out.say(f"{name:<16} " + (str(lab.options) if lab.is_up() else "left over; lab down removes it"))


def sh(args, out):
    """Run a command in a node as root (one word: a line for the shell); no command: a login shell."""
    node = _lab(args).node(args.node)
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    command = ["bash", "-l"] if not words else ["sh", "-c", words[0]] if len(words) == 1 else words
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if interactive:
        # The node has terminals of its own: script opens one there and joins it to ours.
        command = ["script", "-qec", shlex.join(command), "/dev/null"]
    else:
        command = ["timeout", "--kill-after=5", str(args.timeout), *command]
    argv = node.enter(command, env={"TERM": os.environ.get("TERM", "dumb")})
    os.execvp(argv[0], argv)


def logs(args, out):
    """Read a node's journal from its disk, dead or alive; the rest goes to journalctl (-f, -u …)."""
    node = _lab(args).node(args.node)
    os.execvp("journalctl", ["journalctl", f"--root={node.root}", "--quiet", *args.words])


def kill(args, out):
    """Power loss: the cable goes dead, and with it every process at once. The disk stays."""
    at = _lab(args).node(args.node).kill()
    out.say(f"{args.node} lost power at {clock(at)}")


def boot(args, out):
    """Switch a node on."""
    with out.step(args.node) as step:
        _lab(args).node(args.node).boot()
        step.done("booted")


def reboot(args, out):
    """Reboot a node in an orderly way (systemctl reboot)."""
    with out.step(args.node) as step:
        _lab(args).node(args.node).reboot()
        step.done("rebooted")


def cut(args, out):
    """Drop a node's packets in the switch, silently.

    --from etcd     TCP 2379 and 2380 with every other host (its own member loses its peers)
    --from peers    everything but etcd with the other database nodes
    --from clients  everything with node `app` and this machine
    --from all      everything
    Cuts add up until `heal`. --one-way in drops what the node would receive, out what it sends.
    """
    _lab(args).node(args.node).cut(args.scope, args.one_way)
    out.say(f"{args.node} cut at {clock(time.time())}: {net.Cut(args.node, args.scope, args.one_way)}")


def heal(args, out):
    """Undo every cut of a node."""
    _lab(args).node(args.node).heal()
    out.say(f"{args.node} healed at {clock(time.time())}")


def freeze(args, out):
    """Stop a unit (or a whole node) between two instructions; its clocks go on."""
    _lab(args).node(args.node).freeze(args.unit, args.signal)
    out.say(f"{args.unit or 'everything'} of {args.node} stopped at {clock(time.time())}")


def thaw(args, out):
    """Let a unit (or everything that was stopped in the node) go on."""
    _lab(args).node(args.node).thaw(args.unit)
    out.say(f"{args.unit or 'everything'} of {args.node} goes on at {clock(time.time())}")


def etcd_leader(args, out):
    """Tell which node's etcd leads; --move-away-from NODE has another member lead first."""
    lab = _lab(args)
    away = args.move_away_from
    leader = lab.etcd.move_leader_away(lab.node(away)) if away else lab.etcd.wait_leader()
    out.say(leader.name)


def build_image(args, out):
    """Build the nodes' image now, if it is not in the cache."""
    host.install_missing_tools(out.say)
    with out.step("image") as step:
        built = image.ensure(step, rebuild=args.rebuild)
        step.done(str(built.path))


def down(args, out):
    """End a lab: no process, mount, link or control group of it stays, whatever happened before."""
    names = names_of_labs() if args.all else [args.name]
    for name in names:
        start = time.monotonic()
        found = Lab(name).down()
        took = f" ({time.monotonic() - start:.1f} s)" if found else ""
        out.say(f"lab {name} is down{took}" if found else f"lab {name}: there was nothing")
    if args.all:
        image.abandon_build()


NODE = (["node"], {"metavar": "NODE", "help": "pg1 … pgN or app"})
UNIT = (["unit"], {"nargs": "?", "metavar": "UNIT", "help": "a unit of the node (default: everything)"})


def _words(metavar, help_text):
    return (["words"], {"nargs": "...", "metavar": metavar, "help": help_text})


def _flag(name, help_text):
    return ([name], {"action": "store_true", "help": help_text})


def _number(name, default, help_text):
    return ([name], {"type": int, "default": default, "metavar": "N", "help": f"{help_text} (default {default})"})


TABLE = {
    "up": (up, "bring up a cluster", [
        _number("--nodes", 3, "database nodes"),
        _number("--ttl", 10, "seconds that the leader's lease lasts"),
        _number("--loop-wait", 2, "seconds between two looks"),
        _number("--retry-timeout", 3, "seconds that etcd or Postgres may fail"),
        _flag("--sync", "synchronous_mode on"),
        _flag("--tls", "certificates for etcd and the REST API"),
        _flag("--ipv6", "an IPv6 address for the primary too, and Postgres on IPv6"),
        _flag("--disk", "the nodes' files on disk, not in memory (fsync then costs what it costs)"),
        _flag("--watchdog", "a watchdog device in each database node, which resets it"),
        (["--deb"], {"nargs": "+", "metavar": "FILE", "help": "Palisade's packages "
                     "(default: $PALISADE_DEB, or one built from this tree)"}),
        _flag("--no-palisade", "etcd only"),
        _flag("--patroni", "Debian's Patroni in Palisade's place, from the same configuration"),
    ]),
    "status": (status, "who leads, who follows, what is broken", []),
    "list": (list_labs, "the labs of this machine", []),
    "sh": (sh, "a shell or a command in a node", [
        _number("--timeout", 600, "seconds that a command without a terminal may take"),
        NODE, _words("CMD", "the command and its arguments")]),
    "logs": (logs, "a node's journal", [NODE, _words("ARG", "arguments of journalctl")]),
    "kill": (kill, "power loss", [NODE]),
    "boot": (boot, "switch on", [NODE]),
    "reboot": (reboot, "an orderly reboot", [NODE]),
    "cut": (cut, "partition a node", [
        NODE,
        (["--from"], {"dest": "scope", "choices": net.SCOPES, "default": "all", "help": "(default all)"}),
        (["--one-way"], {"choices": ("in", "out"), "default": "both", "help": "only this direction"}),
    ]),
    "heal": (heal, "undo a node's cuts", [NODE]),
    "freeze": (freeze, "stop a unit without ending it", [
        NODE, UNIT, (["--signal"], {"choices": ("freezer", "stop"), "default": "freezer",
                     "help": "cgroup freezer, or SIGSTOP to every process (default freezer)"})]),
    "thaw": (thaw, "let it go on", [NODE, UNIT]),
    "client": (client_command.client, "write numbered rows, show each outage", client_command.arguments()),
    "etcd-leader": (etcd_leader, "which member of etcd leads", [
        (["--move-away-from"], {"metavar": "NODE", "help": "have another member lead"})]),
    "image": (build_image, "build the nodes' image", [_flag("--rebuild", "even if it is in the cache")]),
    "down": (down, "leave nothing behind", [_flag("--all", "every lab of this machine, and a build that hangs")]),
}  # fmt: skip
