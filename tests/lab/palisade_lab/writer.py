"""The client program, palisade-writer: found in the build tree or compiled into the cache."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from . import host, paths
from .errors import LabError

NAME = "palisade-writer"


def find(say=lambda text: None):
    """The path of the compiled client; $PALISADE_WRITER, the build tree's, or one of our own."""
    sources = sorted(paths.LAB_DIR.glob("writer*.[ch]"))
    newest = max(path.stat().st_mtime for path in sources)
    built = [paths.LAB_DIR / NAME, paths.REPO_DIR / "build" / "tests" / "lab" / NAME]
    named = os.environ.get("PALISADE_WRITER")
    if named:
        return Path(named)
    for path in built:
        if os.access(path, os.X_OK) and path.stat().st_mtime >= newest:
            return path
    return _compile(sources, say)


def _compile(sources, say):
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    binary = paths.CACHE / f"writer-{digest}"
    if binary.exists():
        return binary
    if not shutil.which("cc") or not shutil.which("pg_config"):
        host.apt_install(["gcc", "libc6-dev", "libpq-dev"], say)
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    include = host.run(["pg_config", "--includedir"], timeout=10).stdout.strip()
    fresh = binary.with_name(f"{binary.name}.{os.getpid()}")
    units = [path for path in sources if path.suffix == ".c"]
    host.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{paths.REPO_DIR}/lib",
              f"-I{include}", *units, "-lpq", "-o", fresh], timeout=120)  # fmt: skip
    for old in paths.CACHE.glob("writer-????????????"):
        old.unlink(missing_ok=True)
    fresh.rename(binary)
    return binary


def install(node, say=lambda text: None):
    """Put the client into a node under the name of its content; return its path there."""
    binary = find(say).read_bytes()
    inside = f"/usr/local/bin/{NAME}-{hashlib.sha256(binary).hexdigest()[:8]}"
    if not Path(f"{node.root}{inside}").exists():
        node.write(inside, binary, mode=0o755)
    return inside


def start(node, arguments, password, realtime=False, **popen):
    """Run the client in a node; it is the very process that is returned, and dies with us.

    realtime: it hears what comes when it comes, however busy this machine is.
    """
    inside = install(node)
    command = node.enter([inside, *arguments], pid_namespace=False,
                         env={"PGPASSWORD": password, "TERM": os.environ.get("TERM", "dumb")})  # fmt: skip
    try:
        return subprocess.Popen(
            [*(["chrt", "--rr", "10"] if realtime else []),
             "setpriv", "--pdeathsig", "TERM", *[str(word) for word in command]],
            stdin=subprocess.DEVNULL, start_new_session=True, **popen,
        )  # fmt: skip
    except OSError as error:
        raise LabError(f"the client could not be started: {error}") from None
