"""Palisade's own package, built from this tree and kept in the cache under a hash of it."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import host, paths
from .cache import builder_lock, prune
from .errors import LabError

BUILDERS = ["dpkg-dev", "debhelper", "fakeroot"]


def _files():
    """What the package is built from: everything that git knows or would know of."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=paths.REPO_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0 and listed.stdout:
        names = sorted(set(listed.stdout.split("\0")) - {""})
    else:  # unpacked from a tarball
        names = sorted(str(p.relative_to(paths.REPO_DIR)) for p in paths.REPO_DIR.rglob("*") if p.is_file())
    return [name for name in names if (paths.REPO_DIR / name).exists()]


def _built_from(names):
    """The tests and the prose are not in the package: a change of theirs needs no new one."""
    outside = ("tests/", ".ci/", "demo", "check", "README", "CHANGELOG")
    return [name for name in names if not name.startswith(outside) or name.endswith(".mk")]


def _key(names):
    digest = hashlib.sha256()
    for name in _built_from(names):
        path = paths.REPO_DIR / name
        data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:12]


def install_build_dependencies(say):
    """What debian/control asks for, as far as it is missing."""
    if not shutil.which("dpkg-checkbuilddeps"):
        host.apt_install(BUILDERS, say)
    done = host.run(["dpkg-checkbuilddeps"], 30, check=False, cwd=paths.REPO_DIR)
    if done.returncode == 0:
        return
    say("installing with apt: what the package is built with")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = ["apt-get", "build-dep", "-qq", "-y", "--no-install-recommends", f"{paths.REPO_DIR}/"]
    if host.run(command, 900, check=False, env=env).returncode != 0:
        host.run(["apt-get", "update", "-qq"], 300, env=env)
        host.run(command, 900, env=env)


def ensure(step, say):
    """[the .deb of this tree], built if it is not in the cache."""
    names = _files()
    folder = paths.CACHE / f"deb-{_key(names)}"
    if not folder.exists():
        install_build_dependencies(say)
        with builder_lock(lambda: step("another one is building", None)):
            if not folder.exists():
                _build(names, folder, step)
                prune("deb-????????????", keep=4)
    os.utime(folder)
    return [str(deb) for deb in sorted(folder.glob("palisade_*.deb"))]


def _build(names, folder, step):
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.CACHE, prefix="build-") as tmp:
        tree = Path(tmp) / "palisade"
        for name in names:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(paths.REPO_DIR / name, tree / name, follow_symlinks=False)
        step("dpkg-buildpackage", None)
        env = dict(os.environ, DEB_BUILD_OPTIONS=f"nocheck parallel={os.cpu_count()}", LC_ALL="C.UTF-8")
        env.pop("MAKEFLAGS", None)
        done = host.run(["dpkg-buildpackage", "-b", "-us", "-uc"], 900, check=False, env=env, cwd=tree)
        debs = sorted(Path(tmp).glob("palisade_*.deb"))
        if done.returncode != 0 or not debs:
            tail = (done.stdout + done.stderr).splitlines()[-30:]
            raise LabError("the package does not build:\n" + "\n".join(tail))
        result = Path(tmp) / "result"
        result.mkdir()
        for pattern in ("palisade_*", "palisade-dbgsym_*"):  # lintian reads them all, by way of .changes
            for path in Path(tmp).glob(pattern):
                shutil.copy2(path, result)
        result.rename(folder)
