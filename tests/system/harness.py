"""Cases on real clusters: registered in order, run in one lab a module, told one line each."""

import re
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

from control import Control  # noqa: E402
from palisade_lab import Lab, LabError, Options, Terminal, wait_for  # noqa: E402

__all__ = ["Case", "Lab", "LabError", "Options", "Skipped", "Suite", "expect", "healthy", "wait_for"]


TURN = re.compile(r" ([a-z-]+)\[(\d+)\]: turn: a callback (used|was blocked for) ([0-9.]+) ms")
TURN_MAX = 10.0  # ms, of CPU and in system calls that wait


class Skipped(Exception):
    """This machine cannot show it; the text says why."""


def expect(claim, what):
    if not claim:
        raise LabError(f"not so: {what}")


def healthy(lab, timeout=90):
    """One writable leader, every other node that is on streams from it; returns the leader."""
    for node in lab.databases:
        if not node.pid1():
            node.boot()
    leader = lab.wait_leader(timeout)
    lab.wait_replicas(len(lab.databases) - 1, timeout)
    expect(len(lab.primaries()) == 1, "exactly one node says that it is the primary")
    return lab.leader() or leader


@dataclass
class Case:
    name: str
    what: str
    run: object


class Suite:
    """
    The cases of one module, and the lab they share. begin(lab) starts what the lab itself does not. lacks()
    says what this machine has not that all of them need; then they are skipped.
    """

    def __init__(self, name, options, begin=None, logs=(), lacks=None):
        self.name = name
        self.options = options
        self.logs = logs  # files on the nodes that tell about a failure, besides the journal
        self.begin = begin or (lambda lab: None)
        self.lacks = lacks or (lambda: None)
        self.cases = []

    def case(self, function):
        what = (function.__doc__ or function.__name__).strip().splitlines()[0]
        self.cases.append(Case(function.__name__, what, function))
        return function


class Runner:
    def __init__(self, out, logs, only=None, keep=False):
        self.out = out
        self.logs = Path(logs)
        self.only = only
        self.keep = keep
        self.passed, self.failed, self.skipped = [], [], []  # the last two with the reason
        self.begun = set()
        self.control = Control()
        self.turns = {}  # (program, what) -> the worst callback of each of its processes, in ms

    def run(self, suite):
        cases = [c for c in suite.cases if not self.only or self.only in f"{suite.name}.{c.name}"]
        if not cases:
            return
        self.out.say(self.out.paint(f"{suite.name}", "bold") + f": {suite.options}")
        lacking = suite.lacks()
        if lacking:
            self.skipped += [f"{suite.name}.{case.name}: {lacking}" for case in cases]
            self.out.say(f"      skipped: {lacking}")
            return
        lab = Lab(f"sys-{suite.name}"[:16], out=self.out)
        try:
            lab.up(suite.options)
            suite.begin(lab)
            for case in cases:
                self._one(suite, lab, case)
            self._note_turns(lab)
        except LabError as error:
            self.out.say(f"  the lab of {suite.name} failed: {error}")
            self.failed += [f"{suite.name}.{c.name}: the lab: {error}" for c in cases
                            if f"{suite.name}.{c.name}" not in self.begun] or [f"{suite.name}: {error}"]  # fmt: skip
            self._collect(suite, lab, "lab")
        finally:
            if not self.keep:
                lab.down()

    def _one(self, suite, lab, case):
        full = f"{suite.name}.{case.name}"
        self.begun.add(full)
        try:
            with self.out.step(case.name) as step:
                step(case.what, None)
                step.done(case.run(lab) or case.what)
            self.passed.append(full)
        except Skipped as why:
            self.skipped.append(f"{full}: {why}")
            self.out.say(f"      skipped: {why}")
        except Exception as error:  # a case may fail in any way; the others still run
            self.failed.append(f"{full}: {error}")
            self.out.say(f"      {error}")
            if not isinstance(error, LabError):
                self.out.say(traceback.format_exc())
            self._collect(suite, lab, case.name)
            self._mend(suite, lab)

    def _collect(self, suite, lab, name):
        folder = self.logs / f"{suite.name}.{name}"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for node in lab.nodes:
                (folder / f"{node.name}.log").write_text(node.journal("-o", "short-precise"))
                for path in suite.logs:
                    if Path(f"{node.root}{path}").exists():
                        (folder / f"{node.name}-{Path(path).name}").write_text(node.read(path))
        except (LabError, OSError):
            pass
        self.out.say(f"      journals: {folder}")

    def _mend(self, suite, lab):
        """The next case gets a working cluster: this one healed, or a new one."""
        try:
            for node in lab.databases:
                node.heal()
                node.thaw()
            healthy(lab, 30)
        except (LabError, OSError):
            self.out.say("      the cluster does not recover: a new lab for the next case")
            lab.down()
            lab.up(suite.options)
            suite.begin(lab)

    def _note_turns(self, lab):
        """What the daemons told of their own callbacks (lib/io/turn.h)."""
        for node in lab.databases:
            told = node.sh("journalctl -o short -g 'turn: a callback' | cat", check=False).stdout
            worst = {}  # each process tells of what is worse than before: the last counts
            for program, pid, what, ms in TURN.findall(told):
                worst[program, "CPU" if what == "used" else "blocked", pid] = float(ms)
            for (program, what, _), ms in worst.items():
                self.turns.setdefault((program, what), []).append(ms)

    def _judge_turns(self):
        """
        What a test stops or freezes within a callback looks as if a system call had kept it waiting: there one
        process alone is told and does not fail. Of CPU nothing is taken by a stop; but what the machine itself
        added to the control's work counts for one process alone. Two of them show what is ours.
        """
        excess = self.control.excess()
        self.out.say(f"of CPU this machine added up to {excess:.1f} ms to a piece of work that is always the same")
        for (program, what), all_ms in sorted(self.turns.items()):
            longest, *others = sorted(all_ms, reverse=True)
            again = f", in another process {others[0]:.1f} ms" if others else ""
            self.out.say(f"longest callback of {program}: {longest:.1f} ms {what}{again}")
            counts = max(others[0] if others else 0, longest - excess if what == "CPU" else 0)
            if counts > TURN_MAX:
                self.failed.append(f"a callback of {program} took {longest:.1f} ms ({what}), {TURN_MAX} at the most")

    def summary(self):
        self._judge_turns()
        for what in self.failed:
            self.out.say(self.out.paint("failed", "red") + f"  {what}")
        for what in self.skipped:
            self.out.say(self.out.paint("skipped", "yellow") + f" {what}")
        self.out.say(f"{len(self.passed)} passed, {len(self.failed)} failed, {len(self.skipped)} skipped")
        return 1 if self.failed else 0


def timed(function):
    start = time.monotonic()
    result = function()
    return result, time.monotonic() - start


def terminal():
    return Terminal()
