"""The command line of the nemesis."""

import argparse
import fnmatch
import json
import random
import signal
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from palisade_lab import Lab, LabError, Options, Terminal
from palisade_lab.host import require_root

from . import equipment, safety, table, year
from .faults import UNITS, catalogue
from .operations import CATALOGUE
from .trial import Trial, keep

ESTIMATE = 30.0  # seconds that a fault may still take when the sample's time runs out


def parse(about, argv):
    parser = argparse.ArgumentParser(prog="nemesis", description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="every fault, one a line")
    parser.add_argument("--all", action="store_true", help="every fault, not a sample")
    parser.add_argument("--fault", action="append", metavar="NAME", help="this fault, or those of a pattern; repeatable")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")
    parser.add_argument("--seed", type=int, metavar="N", help="of the sample and of the order (default: by chance, told)")
    parser.add_argument("--minutes", type=float, metavar="N", help="for the sample (default 8), or the year (60)")
    parser.add_argument("--operations", action="store_true", help="a year of operations instead of faults; --fault: part of a name")
    parser.add_argument("--ttl", type=int, default=10)
    parser.add_argument("--loop-wait", type=int, default=2)
    parser.add_argument("--retry-timeout", type=int, default=3)
    parser.add_argument("--no-sync", action="store_true", help="synchronous_mode off: lost rows are told, no bar")
    parser.add_argument("--patroni", action="store_true", help="Debian's Patroni in the same lab, asynchronous")
    parser.add_argument("--json", metavar="FILE", help="what was measured")
    parser.add_argument("--markdown", metavar="FILE", help="the table, every fault a row")
    parser.add_argument("--logs", metavar="DIR", help="where the journals of a broken bar go")
    parser.add_argument("--name", default="nemesis", help="of the lab")
    parser.add_argument("--safety", metavar="FILE", help="a file of --json as the table of docs/SAFETY.md")
    parser.add_argument("--compare", nargs=2, metavar="FILE", help="two files of --json, side by side")
    args = parser.parse_args(argv)
    args.minutes = args.minutes or (60 if args.operations else 8)
    return args


def choose(faults, args, rng):
    """The faults in the order in which they are tried."""
    if args.fault:
        chosen = [f for f in faults if any(fnmatch.fnmatchcase(f.name, pattern) for pattern in args.fault)]
        if not chosen:
            raise LabError(f"no fault is called {' or '.join(args.fault)} (see --list)")
        return chosen * args.rounds
    if args.all:
        return faults * args.rounds
    stops = [f for f in faults if f.tags >= {"single", "stop"}]
    rest = [f for f in faults if f not in stops]
    # Pairs are most of the list and alike: one in three drawn is a pair.
    pairs = [f for f in rest if "pair" in f.tags]
    others = [f for f in rest if "pair" not in f.tags]
    rng.shuffle(pairs)
    rng.shuffle(others)
    mixed = []
    while pairs or others:
        mixed += [group.pop() for group in (others, others, pairs) if group]
    return stops + mixed


class Run:
    def __init__(self, args, out):
        self.args, self.out = args, out
        self.results = []
        self.logs = Path(args.logs or tempfile.mkdtemp(prefix="palisade-nemesis-"))
        self.lab = Lab(args.name, out=out)
        self.options = Options(ttl=args.ttl, loop_wait=args.loop_wait, retry_timeout=args.retry_timeout,
                               sync=not args.no_sync and not args.patroni, mode="patroni" if args.patroni else "palisade")  # fmt: skip

    def up(self):
        self.lab.up(self.options, equipment.prepare([] if self.args.patroni else UNITS.values()))

    def run(self, chosen, end):
        with self.lab:
            self.up()
            for i, fault in enumerate(chosen):
                if time.monotonic() > end:
                    self.out.say(f"  the time is up: {len(chosen) - i} faults were left out")
                    break
                self._one(fault)
                self.save()

    def _one(self, fault):
        try:
            with self.out.step("") as step:
                step(fault.name, None)
                result = asdict(Trial(self.lab, fault, self.args.patroni).run())
                step.done(self._words(result))
        except (LabError, OSError, StopIteration) as error:
            result = {"name": fault.name, "note": fault.note, "bar": fault.bar, "broken": [str(error)], "error": str(error)}
        self.results.append(result)
        if result["broken"]:
            for words in result["broken"]:
                self.out.say(f"      {self.out.paint('broken', 'red')}: {words}")
            self._collect(fault)
        if result.get("error") or result.get("wrecked"):
            self._anew()

    @staticmethod
    def _words(r):
        who = f"{r['leader']} → {r['new']}" if r["new"] != r["leader"] else "leader stays"
        return f"{r['name']:<26} {who:<12} gap {r['gap']:5.2f}  failed {r['failed']}"

    def _collect(self, fault):
        folder = self.logs / f"{len(self.results):03d}-{fault.name.replace('/', '-')}"
        keep(self.lab, self.out, folder, self.results[-1], "-3min")

    def _anew(self):
        self.out.say("      a new cluster for the next fault")
        self.lab.down()
        self.up()

    def save(self):
        table.save(self.args, self.options, self.results)


def main(about, argv=None):
    args = parse(about, argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out = Terminal()
    out.width = max(out.width, 100)
    try:
        if args.safety:
            print(safety.table(json.loads(Path(args.safety).read_text())["results"]), end="")
            return 0
        if args.compare:
            documents = [json.loads(Path(name).read_text()) for name in args.compare]
            table.compare(out, *(d["results"] for d in documents), [d["options"] for d in documents])
            return 0
        if args.operations:
            return _operations(args, out)
        faults = catalogue(args.patroni)
        if args.list:
            for fault in faults:
                print(f"{fault.name:<26} {fault.bar:<5} {fault.what}")
            return 0
        return _run(args, out, faults)
    except LabError as error:
        out.say(f"nemesis: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _operations(args, out):
    if args.list:
        for op in CATALOGUE:
            print(f"{op.name:<43} {op.bar}")
        return 0
    require_root()
    return year.run(args, out)


def _run(args, out, faults):
    require_root()
    seed = args.seed if args.seed is not None else random.randrange(10000)
    chosen = choose(faults, args, random.Random(seed))
    sampled = not args.all and not args.fault
    start = time.monotonic()
    end = start + args.minutes * 60 - ESTIMATE if sampled else float("inf")
    run = Run(args, out)
    out.say(out.paint("nemesis", "bold") + f": {run.options}" + (f", seed {seed}" if sampled else f", {len(chosen)} faults"))
    run.run(chosen, end)
    table.show(out, run.results)
    broken = [r for r in run.results if r["broken"]]
    for r in broken:
        out.say(out.paint("failed", "red") + f"  {r['name']}: {'; '.join(r['broken'])}")
    out.say(f"{len(run.results) - len(broken)} passed, {len(broken)} failed, 0 skipped")
    return 1 if broken and not args.patroni else 0
