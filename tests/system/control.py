"""What this machine adds to a callback's CPU time by itself: the same piece of work, again and again, beside the cases.

A thread's CPU clock runs on while a machine below takes the processor away, and while the kernel serves an
interrupt. So some of the work takes longer than the rest by what no program can help.
"""

import select
import statistics
import subprocess
import sys
import time

WORK = 2.0  # ms, about
PAUSE = 0.05  # s


class Control:
    """A process of its own, from now to excess()."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-B", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)  # fmt: skip

    def excess(self):
        """By how many ms the longest piece of work was longer than the usual one."""
        told, _ = self.process.communicate(timeout=30)
        return float(told)


def work(n):
    begun = time.thread_time()
    x = 0
    for i in range(n):
        x ^= i
    return (time.thread_time() - begun) * 1000


def main():
    n = max(1, int(100000 * WORK / statistics.median(work(100000) for _ in range(9))))
    took = []
    try:
        while not select.select([sys.stdin], [], [], PAUSE)[0]:  # until its end
            took.append(work(n))
    except KeyboardInterrupt:
        pass
    took = took or [0.0]
    print(max(took) - statistics.median(took))


if __name__ == "__main__":
    main()
