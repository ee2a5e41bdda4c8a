"""The image: one Debian tree that every node of every lab clones by overlayfs.

Built once by mmdebstrap and kept in the cache under a hash of what goes into it. It is built
in its own mount and pid namespace and its own cgroup, below a temporary name, so that a build
that is interrupted at any moment leaves neither mounts nor processes nor a half image in use.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import cgroup, host, paths, sources
from .cache import builder_lock, discard, prune
from .errors import LabError

RECIPE = "1"  # counts changes of the code below that change the image

# What a container has no use for, or a minute-long test does not want to meet.
MASKED = """
    apt-daily.timer apt-daily-upgrade.timer console-getty.service dev-hugepages.mount
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer getty.target
    modprobe@.service proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount
    sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount
    systemd-binfmt.service systemd-modules-load.service systemd-pstore.service
    systemd-remount-fs.service systemd-resolved.service systemd-sysusers.service
    systemd-timesyncd.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
""".split()
DISABLED = "etcd.service haproxy.service patroni.service pgbouncer.service postgresql.service".split()

NO_PAPER = "".join(
    f"path-exclude=/usr/share/{what}/*\n" for what in ("man", "locale", "doc", "info", "lintian")
)


class Image:
    """An image in the cache."""

    def __init__(self, path):
        self.path = Path(path)
        self.tree = self.path / "tree"

    @property
    def key(self):
        return self.path.name.split("-", 1)[1]

    def ready(self):
        return (self.path / "ready").exists()

    def packages(self):
        """Name and version of each package inside."""
        return (self.path / "ready").read_text()


def package_names():
    lines = (paths.IMAGE_DIR / "packages").read_text().splitlines()
    return [line for line in (raw.split("#")[0].strip() for raw in lines) if line]


def current():
    """The image that the present recipe asks for, built or not."""
    digest = hashlib.sha256()
    for part in (RECIPE, *package_names(), *sources.debian_sources(), *MASKED, *DISABLED):
        digest.update(part.encode() + b"\0")
    root = paths.IMAGE_DIR / "root"
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return Image(paths.CACHE / f"image-{digest.hexdigest()[:12]}")


def ensure(progress, rebuild=False):
    """Return the current image, building it if it is not in the cache.

    progress(text, fraction) is called as work goes on.
    """
    image = current()
    if image.ready() and not rebuild:
        os.utime(image.path)
        return image
    with builder_lock(lambda: progress("another lab is building it", None)):
        if rebuild or not image.ready():
            _build(image, progress)
            prune("image-????????????", keep=2)
    return image


def abandon_build():
    """End whatever builds an image or a layer at this moment, and remove what it has so far."""
    (cgroup.top() / "+image").remove()
    cgroup.remove_top()
    for half in paths.CACHE.glob("*.tmp"):
        discard(half)
    prune("image-????????????", keep=2)


def _build(image, progress):
    tmp = image.path.with_name(image.path.name + ".tmp")
    discard(tmp)
    tmp.mkdir()
    group = (cgroup.top() / "+image").create()
    try:
        _bootstrap(tmp / "tree", group, progress)
        _prepare(tmp / "tree")
        (tmp / "ready").write_text(_installed(tmp / "tree"))
        discard(image.path)
        tmp.rename(image.path)
    finally:
        group.remove()
        discard(tmp)


def _bootstrap(tree, group, progress):
    debs = paths.CACHE / "debs"
    debs.mkdir(exist_ok=True)
    archives = '"$1/var/cache/apt/archives"'
    # The paths are excluded only after the first packages are in: mmdebstrap would filter those
    # through a Perl tar reader, which takes longer than unpacking them and removing the files.
    command = [
        "mmdebstrap", "--verbose", "--mode=root", "--variant=minbase",
        f"--include={','.join(package_names())}",
        "--aptopt=Apt::Install-Recommends \"false\"",
        "--dpkgopt=force-unsafe-io",
        *(f"--aptopt={line}" for line in sources.proxy_options()),
        "--skip=essential/unlink,download/empty",
        f"--setup-hook=mkdir -p {archives} && mount --bind '{debs}' {archives}",
        "--essential-hook=printf '" + NO_PAPER.replace("\n", "\\n") + "' >\"$1/etc/dpkg/dpkg.cfg.d/lab\"",
        f"--customize-hook=umount {archives}",
        sources.SUITE, str(tree), "-",
    ]  # fmt: skip
    isolated = ["unshare", "-m", "-p", "-f", "--kill-child=KILL", "--mount-proc", "--propagation",
                "private", "--", *command]  # fmt: skip
    build = subprocess.Popen(
        group.born_here(isolated),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True,
        env=dict(os.environ, LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive"),
    )  # fmt: skip
    try:
        build.stdin.write("\n".join(sources.debian_sources()) + "\n")
        build.stdin.close()
        log = _follow(build.stdout, progress)
    except BaseException:
        group.kill()
        raise
    finally:
        build.wait()
    if build.returncode != 0:
        kept = paths.CACHE / "image-build.log"
        kept.write_text("".join(log))
        raise LabError("the image could not be built:\n" + "".join(log[-12:]) + f"(all in {kept})")


def _follow(lines, progress):
    """Turn mmdebstrap's chatter into progress; return all of it."""
    log = []
    fraction, done, total = 0.0, 0, 0
    stages = {
        "running apt-get update": 0.02,
        "downloading packages": 0.05,
        "extracting archives": 0.10,
        "installing essential": 0.15,
        "installing remaining": 0.25,
        "cleaning package lists": 0.99,
    }
    for line in lines:
        log.append(line)
        text = line.strip()
        counted = re.search(r"(\d+) newly installed", text)
        step = re.match(r"(Unpacking|Setting up|Get:\d+) (\S+)(.*)", text)
        if text.startswith("I: "):
            for stage, at in stages.items():
                if stage in text:
                    fraction, done, total = at, 0, 0
                    progress(stage, fraction)
        elif counted:
            done, total = 0, 2 * int(counted.group(1))
        elif step and not step.group(1).startswith("Get:"):
            done += 1
            at = fraction
            if total and fraction >= 0.25:
                at = fraction + (0.99 - fraction) * min(1, done / total)
            progress(f"{step.group(1).lower()} {step.group(2).split(':')[0]}", at)
        elif step:
            # Get:7 URL bookworm/main amd64 libc6 amd64 2.36-9 [2754 kB]
            words = step.group(3).split()
            progress(f"fetching {words[2] if len(words) > 4 else 'package lists'}", fraction)
    return log


def _prepare(tree):
    """Turn the fresh tree into a lab node's: our files, our choice of units, no leftovers."""
    shutil.copytree(paths.IMAGE_DIR / "root", tree, dirs_exist_ok=True)
    systemctl = ["systemctl", f"--root={tree}", "--quiet"]
    host.run([*systemctl, "disable", *DISABLED], timeout=30)
    host.run([*systemctl, "mask", *MASKED], timeout=30)
    host.run([*systemctl, "enable", "lab-net.service"], timeout=30)
    host.run([*systemctl, "set-default", "multi-user.target"], timeout=30)
    # Debian's packages make a database and a member on installing; each node makes its own.
    for leftover in ("etc/postgresql/15/main", "var/lib/postgresql/15/main", "var/lib/etcd/default"):
        shutil.rmtree(tree / leftover, ignore_errors=True)
    for paper in ("man", "locale", "doc", "info", "lintian"):
        shutil.rmtree(tree / "usr/share" / paper, ignore_errors=True)
    (tree / "etc/resolv.conf").unlink(missing_ok=True)
    (tree / "etc/machine-id").write_text("")


def _installed(tree):
    show = ["dpkg-query", f"--admindir={tree}/var/lib/dpkg", "-W"]
    return host.run(show, timeout=30).stdout
