"""Trees in the cache: one builder at a time, no tree removed while a lab stands on it."""

import fcntl
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

from . import paths
from .errors import LabError


@contextmanager
def builder_lock(on_wait):
    """One builder at a time; on_wait() is called when somebody else is at it."""
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with open(paths.CACHE / "build.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def lab_lock(name):
    """No two ups or downs of the same lab at once: one byte of a common file for each name."""
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with open(paths.CACHE / "labs.lock", "a") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, crc32(name.encode()))
        except OSError:
            raise LabError(f"another command is bringing lab {name} up or down") from None
        yield


def hold(tree):
    """A descriptor; while any copy of it is open, nobody removes this tree."""
    fd = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def discard(tree):
    """Remove a tree unless a lab stands on it: renamed first, so that no half tree is ever used."""
    tree = Path(tree)
    if not tree.exists():
        return
    fd = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        grave = tree.with_name(f"dead-{os.getpid()}-{tree.name}")
        tree.rename(grave)
        shutil.rmtree(grave)
    except BlockingIOError:
        pass
    finally:
        os.close(fd)


def prune(pattern, keep):
    """Drop all but the last used trees of this kind, and what interrupted commands left."""
    trees = sorted(paths.CACHE.glob(pattern), key=lambda path: path.stat().st_mtime)
    for tree in trees[:-keep]:
        discard(tree)
    for grave in paths.CACHE.glob("dead-*"):
        shutil.rmtree(grave, ignore_errors=True)
