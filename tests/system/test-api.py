#!/usr/bin/python3
"""palisade-apid and palisadectl for real, with a stand-in for the mind that tells recorded scenes.

    test-api.py [--list] [--keep] [CASE]…

Needs no PostgreSQL, no etcd, no network but loopback; root only to become another user. The
programs are those of PALISADE_BUILD, or those ./check has built. Everything lives in temporary
folders; only processes started here are ended, by their pid.
"""

import argparse
import os
import signal
import sys
import time
import traceback

sys.dont_write_bytecode = True

import api_cases  # noqa: E402
import ctl_cases  # noqa: E402
from api_world import Skip, World, find_build  # noqa: E402

CASES = {f.__name__.removeprefix("test_"): f
         for module in (api_cases, ctl_cases) for name, f in vars(module).items()
         if name.startswith("test_")}  # fmt: skip


def run(name, build, keep):
    """passed, failed or skipped; one line tells."""
    world, start, error = World(build), time.monotonic(), None
    result, note = "passed", ""
    try:
        note = CASES[name](world) or ""
    except Skip as reason:
        result, note = "skipped", str(reason)
    except Exception:  # whatever goes wrong, the others still run
        result, error = "failed", traceback.format_exc()
    except KeyboardInterrupt:
        world.end()
        raise
    try:
        if result != "failed" or not keep:
            world.end()
    except Exception:
        result, error = "failed", (error or "") + traceback.format_exc()
    print(f"  {result:<8} {name:<34} {time.monotonic() - start:5.2f} s  {note}".rstrip(), flush=True)
    if error:
        print("    " + error.rstrip().replace("\n", "\n    "), flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="the cases, one a line")
    parser.add_argument("--keep", action="store_true", help="leave the folder of a failed case")
    parser.add_argument("case", nargs="*", help="only these")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.list:
        for name, f in CASES.items():
            print(f"{name:<34} {(f.__doc__ or '').strip()}")
        return 0
    for name in options.case:
        if name not in CASES:
            parser.error(f"no case {name}; see --list")
    build = find_build()
    os.umask(0o022)
    try:
        results = [run(name, build, options.keep) for name in options.case or CASES]
    except KeyboardInterrupt:
        return 130
    print(", ".join(f"{results.count(word)} {word}" for word in ("passed", "failed", "skipped")))
    return 1 if "failed" in results else 0


if __name__ == "__main__":
    sys.exit(main())
