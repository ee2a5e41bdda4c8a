"""What a person sees: steps with live progress on a terminal, plain lines elsewhere."""

import os
import re
import shutil
import sys
import time
from contextlib import contextmanager

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Quiet:
    """Says nothing: for programs that use the laboratory as a library."""

    def say(self, text):
        pass

    @contextmanager
    def step(self, title):
        yield _Step(lambda *_: None)


class Terminal:
    """Writes to a stream; colours and redraws only if it is a terminal."""

    NAME_WIDTH = 10

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.live and not os.environ.get("NO_COLOR")
        encoding = (getattr(self.stream, "encoding", None) or "").lower()
        self.fancy = encoding.startswith("utf")
        self.width = min(shutil.get_terminal_size((80, 24)).columns, 100) if self.live else 80

    def paint(self, text, *styles):
        if not self.colours or not styles:
            return text
        return f"\033[{';'.join(CODES[s] for s in styles)}m{text}\033[0m"

    def say(self, text=""):
        self._clear()
        print(text, file=self.stream, flush=True)

    @contextmanager
    def step(self, title):
        """One line of work: it moves while it lasts, and stays with a mark and its time."""
        start = time.monotonic()
        shown = [start]

        def progress(text, fraction):
            now = time.monotonic()
            every = 0.1 if self.live else 10
            if now - shown[0] < every:
                return
            shown[0] = now
            share = f"{fraction:4.0%} " if fraction is not None else ""
            line = self._line("·", title, f"{share}{text}", f"{now - start:.0f} s")
            if self.live:
                self._clear()
                self.stream.write(self.paint(line, "dim") + "\r")
                self.stream.flush()
            else:
                print(line, file=self.stream, flush=True)

        step = _Step(progress)
        try:
            yield step
        except BaseException:
            self._finish("✗" if self.fancy else "x", "red", title, step.last, start)
            raise
        self._finish("✓" if self.fancy else "+", "green", title, step.result, start)

    def _finish(self, mark, colour, title, text, start):
        line = self._line(mark, title, text, f"{time.monotonic() - start:.1f} s")
        self.say(line.replace(mark, self.paint(mark, colour), 1))

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

    def __init__(self, progress):
        self._progress = progress
        self.last = ""
        self.result = ""

    def __call__(self, text, fraction=None):
        self.last = text
        self._progress(text, fraction)

    def done(self, text):
        self.result = self.last = text
