"""What a person sees: steps with live progress on a terminal, plain lines elsewhere."""

import itertools
import os
import re
import shutil
import sys
import threading
import time
from contextlib import contextmanager

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Quiet:
    """Says nothing: for programs that use the laboratory as a library."""

    def say(self, text):
        pass

    @contextmanager
    def step(self, title):
        yield _Step()


class Terminal:
    """Writes to a stream; colours and redraws only if it is a terminal."""

    NAME_WIDTH = 10

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.live and not os.environ.get("NO_COLOR")
        encoding = (getattr(self.stream, "encoding", None) or "").lower()
        self.fancy = encoding.startswith("utf")
        self._lock = threading.Lock()
        self.width = min(shutil.get_terminal_size((80, 24)).columns, 100) if self.live else 80

    def paint(self, text, *styles):
        if not self.colours or not styles:
            return text
        return f"\033[{';'.join(CODES[s] for s in styles)}m{text}\033[0m"

    def say(self, text=""):
        with self._lock:
            self._clear()
            print(text, file=self.stream, flush=True)

    @contextmanager
    def step(self, title):
        """One line of work: it moves while it lasts, and stays with a mark and its time."""
        start = time.monotonic()
        step = _Step()
        over = threading.Event()

        def tick():
            for turn in itertools.count():
                if over.wait(0.1 if self.live else 10):
                    return
                self._show(title, step, time.monotonic() - start, turn)

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield step
            mark, colour, text = "✓" if self.fancy else "+", "green", step.result
        except BaseException:
            mark, colour, text = "✗" if self.fancy else "x", "red", step.text
            raise
        finally:
            over.set()
            ticker.join()
            line = self._line(mark, title, text, f"{time.monotonic() - start:.1f} s")
            self.say(line.replace(mark, self.paint(mark, colour), 1))

    def _show(self, title, step, seconds, turn):
        """The line as it stands: redrawn on a terminal, else printed now and then."""
        spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if self.fancy else "|/-\\"
        mark = spinner[turn % len(spinner)] if self.live else "·" if self.fancy else "-"
        share = f"{step.fraction:4.0%} " if step.fraction is not None else ""
        line = self._line(mark, title, share + step.text, f"{seconds:.0f} s")
        with self._lock:
            self._clear()
            self.stream.write(self.paint(line, "dim") + ("" if self.live else "\n"))
            self.stream.flush()

    def _line(self, mark, title, text, right):
        room = self.width - self.NAME_WIDTH - len(right) - 7
        if len(text) > room:
            text = text[: room - 1] + ("…" if self.fancy else "~")
        return f"  {mark} {title:<{self.NAME_WIDTH}} {text:<{room}} {right}"

    def _clear(self):
        if self.live:
            self.stream.write("\r\033[K")

    def table(self, header, rows, indent=2):
        """Columns as wide as they need; a cell may be (text, style, …)."""
        cells = [[c if isinstance(c, tuple) else (c,) for c in row] for row in rows]
        widths = [
            max([len(title), *(len(row[i][0]) for row in cells)]) for i, title in enumerate(header)
        ]  # fmt: skip
        self.say(self._row([(title, "dim") for title in header], widths, indent))
        for row in cells:
            self.say(self._row(row, widths, indent))

    def _row(self, cells, widths, indent):
        parts = [self.paint(f"{cell[0]:<{width}}", *cell[1:]) for cell, width in zip(cells, widths)]
        text = " " * indent + "  ".join(parts)
        return re.sub(r"\s+$", "", text)


class _Step:
    """What step() hands out: call it to tell progress, done() to set the closing words."""

    def __init__(self):
        self.text = ""
        self.fraction = None
        self.result = ""

    def __call__(self, text, fraction=None):
        self.text, self.fraction = text, fraction

    def done(self, text):
        self.result = text
