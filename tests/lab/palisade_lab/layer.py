"""A second layer over the image: Palisade's .deb installed by apt, as an administrator would.

Kept in the cache under a hash of the image and the packages. The installation runs in a clone
of the image with its own mount and pid namespace, so that an interrupted one leaves no mounts.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from . import cgroup, paths
from .cache import builder_lock, discard, prune
from .errors import LabError

# Runs as root of a clone; $1 = folder of the layer, $2 = the image's tree, rest = packages.
INSTALL = r"""
set -eu
layer=$1 image=$2
shift 2
mkdir -p "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay overlay -o "lowerdir=$image,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
root=$layer/root
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount --rbind /dev "$root/dev"
mkdir "$root/tmp/debs"
cp "$@" "$root/tmp/debs/"
# Units are enabled as the package says, but nothing is started in a tree that is not a system.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin
install='apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io /tmp/debs/*.deb'
if ! chroot "$root" sh -c "$install --no-download"; then
        echo 'lab: the image lacks a dependency, fetching it'
        cp /etc/resolv.conf "$root/etc/resolv.conf"
        chroot "$root" sh -c "apt-get update && $install && apt-get clean"
        rm -rf "$root/etc/resolv.conf" "$root"/var/lib/apt/lists/*_*
fi
rm -f "$root/usr/sbin/policy-rc.d"
"""


def key_of(image, debs):
    digest = hashlib.sha256(f"{image.key}\0{INSTALL}".encode())
    for deb in sorted(debs):
        digest.update(Path(deb).read_bytes())
    return digest.hexdigest()[:12]


def ensure(image, debs, progress):
    """The layer with these packages installed over the image; its `upper` is a lower directory."""
    debs = [Path(deb).resolve() for deb in debs]
    for deb in debs:
        if not deb.is_file():
            raise LabError(f"{deb}: no such package")
    layer = paths.CACHE / f"layer-{key_of(image, debs)}"
    if not layer.exists():
        with builder_lock(lambda: progress("another lab is building", None)):
            if not layer.exists():
                _install(layer, image, debs, progress)
                prune("layer-????????????", keep=4)
    os.utime(layer)
    return layer


def _install(layer, image, debs, progress):
    tmp = layer.with_name(layer.name + ".tmp")
    discard(tmp)
    tmp.mkdir()
    group = (cgroup.top() / "+image").create()
    isolated = ["unshare", "-m", "-p", "-f", "--kill-child=KILL", "--mount-proc", "--propagation", "private",
                "--", "sh", "-c", INSTALL, "install", tmp, image.tree, *debs]  # fmt: skip
    try:
        done = subprocess.Popen(
            group.born_here(isolated), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        log = []
        for line in done.stdout:
            log.append(line)
            if line.startswith(("Unpacking", "Setting up")):
                progress(line.strip().rstrip(" ."), None)
        if done.wait() != 0:
            raise LabError("the package does not install:\n" + "".join(log[-25:]))
        for part in ("work", "root"):
            shutil.rmtree(tmp / part)
        (tmp / "install.log").write_text("".join(log))
        tmp.rename(layer)
    finally:
        group.remove()
        discard(tmp)
