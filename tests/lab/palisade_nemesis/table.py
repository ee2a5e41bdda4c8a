"""The fault table: on a terminal, as Markdown, and two of them side by side."""

import json
from collections import defaultdict
from pathlib import Path

HEADER = ["fault", "n", "leader", "gap", "back", "healed", "fail", "late", "over", "both", "lost", "sock"]
LONG_HEADER = ["fault", "rounds", "leader", "write gap, s", "replaced after, s", "healed after, s", "failed writes", "late",
               "overlap", "two open, s", "lost", "late, Unix socket"]  # fmt: skip
LEGEND = (
    "The worst of n rounds, in seconds: gap between two acknowledgements through the virtual IP; back:",
    "until pid 1 had replaced what was hit; healed: from the end of the fault to the next acknowledgement,",
    "where writes waited for it. fail: writes refused or unanswered. late, over(lap), lost: acknowledgements.",
    "both: how long two servers were writable behind open gates. sock: late acknowledgements on the old",
    "primary's own Unix socket, which no gate covers (told, no bar).",
)
ALIASES = {"stop:patroni": "stop:palisaded", "kill:patroni": "kill:palisaded", "freeze:patroni": "freeze:palisaded"}


def fold(results):
    """{name: [Result as a dictionary, …]} in order."""
    by_name = defaultdict(list)
    for result in results:
        by_name[result["name"]].append(result)
    return by_name


def _worst(values):
    return f"{max(values):.2f}"


def _span(values):
    low, high = min(values), max(values)
    return f"{high:.2f}" if high - low < 0.05 else f"{low:.2f}–{high:.2f}"


def row(name, rounds, amount=_worst):
    """The cells of a fault; amount: how the seconds of several rounds are told."""
    done = [r for r in rounds if not r.get("error")]
    if not done:
        return [name, str(len(rounds)), "did not end", *[""] * (len(HEADER) - 3)]
    moved = sum(r["new"] != r["leader"] for r in done)
    replaced = [seconds for r in done for seconds in r["replaced"].values()]
    waited = [r["healed"] for r in done if r["bar"] == "heal" and r["gap"] > 1 and r["healed"] > 0.1]
    both = sum(r["both_open"] for r in done)
    return [
        name, str(len(rounds)),
        "stays" if not moved else "moves" if moved == len(done) else f"{moved} move",
        amount([r["gap"] for r in done]),
        "never" if None in replaced else amount(replaced) if replaced else "",
        amount(waited) if waited else "",
        *(str(sum(r[key] for r in done)) for key in ("failed", "late", "overlaps")),
        f"{both:.1f}" if both else "0",
        *(str(sum(r[key] for r in done)) for key in ("lost", "late_socket")),
    ]  # fmt: skip


def _mark(rounds, notes):
    """The number of a fault's note, which is kept in `notes`."""
    note = rounds[0].get("note")
    return f" [{notes.setdefault(note, len(notes) + 1)}]" if note else ""


def show(out, results):
    rows, notes = [], {}
    for name, rounds in fold(results).items():
        cells = row(name, rounds)
        cells[0] += _mark(rounds, notes)
        bad = any(r["broken"] or r.get("error") for r in rounds)
        rows.append([(cells[0], "red" if bad else "green"), *cells[1:]])
    out.say()
    out.table(HEADER, rows)
    out.say()
    for line in [*LEGEND, *(f"[{mark}] {note}" for note, mark in notes.items())]:
        out.say(f"  {line}")


def markdown(results):
    lines = ["| " + " | ".join(LONG_HEADER) + " |", "|---|--:|---|" + "--:|" * (len(LONG_HEADER) - 3)]
    notes = {}
    for name, rounds in fold(results).items():
        cells = row(f"`{name}`", rounds, _span)
        cells[0] += _mark(rounds, notes)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"[{mark}] {note}  " for note, mark in notes.items())]
    return "\n".join(lines).rstrip() + "\n"


def save(args, options, results, text=markdown):
    """What --json and --markdown ask for."""
    if args.json:
        Path(args.json).write_text(json.dumps({"options": str(options), "results": results}, indent=1) + "\n")
    if args.markdown:
        Path(args.markdown).write_text(text(results))


def compare(out, one, other, titles):
    """The faults that both have: gap, late, overlap and lost of each."""
    ours, theirs = fold(one), fold(other)
    rows = []
    for name, rounds in theirs.items():
        left = ours.get(ALIASES.get(name, name))
        if left:
            pair = [row(name, r) for r in (left, rounds)]
            cells = [[full[3], *full[7:11]] for full in pair]
            rows.append([name.replace("patroni", "the mind"), *cells[0], "|", *cells[1]])
    columns = ["gap", "late", "over", "both", "lost"]
    out.say(f"  left: {titles[0]}; right: {titles[1]}")
    out.table(["fault", *columns, "", *columns], rows)
    out.say()
    for line in LEGEND:
        out.say(f"  {line}")
