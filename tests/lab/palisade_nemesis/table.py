"""The fault table: on a terminal, as Markdown, and two of them side by side."""

from collections import defaultdict

HEADER = ["fault", "n", "leader", "write gap", "replaced", "healed", "failed", "late", "overlap", "lost", "socket"]

LEGEND = (
    "write gap: between two acknowledgements through the virtual IP; replaced: until pid 1 had replaced",
    "what was hit; healed: from the end of the fault to the next acknowledgement, where writes waited for",
    "it; failed: writes; late, overlap, lost: acknowledgements, all clients but: socket: late ones on the",
    "old primary's own Unix socket, which no gate covers (told; a bar only for what the other clients see)",
)


def fold(results):
    """One row a fault, the worst of its rounds: {name: [Result as a dictionary, …]} in order."""
    by_name = defaultdict(list)
    for result in results:
        by_name[result["name"]].append(result)
    return by_name


def _span(values, unit=" s"):
    values = sorted(values)
    low, high = values[0], values[-1]
    return f"{high:.2f}{unit}" if high - low < 0.05 else f"{low:.2f}–{high:.2f}{unit}"


def _replaced(rounds):
    times = [seconds for r in rounds for seconds in r["replaced"].values()]
    return "never" if None in times else _span(times) if times else ""


def row(name, rounds):
    done = [r for r in rounds if not r.get("error")]
    if not done:
        return [name, str(len(rounds)), "did not end", "", "", "", "", "", "", "", ""]
    moved = sum(r["new"] != r["leader"] for r in done)
    leader = "stays" if not moved else "moves" if moved == len(done) else f"moves {moved}/{len(done)}"
    held = [r for r in done if r["bar"] != "ride" and r["new"] == r["leader"] and r["gap"] > 0.5]
    return [
        name, str(len(rounds)), leader, _span([r["gap"] for r in done]),
        _replaced(done), _span([r["healed"] for r in held]) if held else "",
        *(str(sum(r[key] for r in done)) for key in ("failed", "late", "overlaps", "lost", "late_socket")),
    ]  # fmt: skip


def show(out, results):
    rows = []
    for name, rounds in fold(results).items():
        cells = row(name, rounds)
        bad = any(r["broken"] or r.get("error") for r in rounds)
        rows.append([(cells[0], "red" if bad else "green"), *cells[1:]])
    out.say()
    out.table(HEADER, rows)
    out.say()
    for line in LEGEND:
        out.say(f"  {line}")


def markdown(results):
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * 3 + "--:|" * (len(HEADER) - 3)]
    notes = {}
    for name, rounds in fold(results).items():
        cells = row(name, rounds)
        note = rounds[0].get("note")
        if note:
            mark = notes.setdefault(note, len(notes) + 1)
            cells[0] += f" [{mark}]"
        lines.append("| " + " | ".join([f"`{name}`" + cells[0][len(name):], *cells[1:]]) + " |")
    lines += ["", *(f"[{mark}] {note}  " for note, mark in notes.items())]
    return "\n".join(lines).rstrip() + "\n"


def compare(out, one, other, titles):
    """The faults that both have: gap, late, overlap and lost of each."""
    ours, theirs = fold(one), fold(other)
    alias = {"stop:patroni": "stop:palisaded", "kill:patroni": "kill:palisaded", "freeze:patroni": "freeze:palisaded"}
    out.say(f"  left: {titles[0]}; right: {titles[1]}")
    columns = ["leader", "gap", "late", "over", "lost"]
    rows = []
    for name, rounds in theirs.items():
        left = ours.get(alias.get(name, name))
        if not left:
            continue
        def cells(name, rounds):
            full = row(name, rounds)
            return [full[2], full[3], full[7], full[8], full[9]]

        rows.append([name.replace("patroni", "the mind"), *cells(name, left), "|", *cells(name, rounds)])
    out.table(["fault", *columns, "", *columns], rows)
