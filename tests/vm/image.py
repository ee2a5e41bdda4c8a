"""What a test's machine boots: Debian's kernel, busybox, a few modules, and the real petter."""

import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
TREE = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "lab"))

from palisade_lab import cache, package, paths  # noqa: E402

MODULES = ["softdog", "i6300esb", "i2c_i801", "lpc_ich", "iTCO_wdt", "ipmi_si", "ipmi_devintf",
           "ipmi_watchdog", "virtio_pci", "virtio_blk", "ext4", "crc32c_generic"]  # fmt: skip
HELPERS = ["mind", "keeper", "load"]
PACKAGES = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "depmod": "kmod",
            "cpio": "cpio", "mke2fs": "e2fsprogs", "gcc": "gcc"}  # fmt: skip


class Unable(Exception):
    """This machine cannot run the tests; the text says why."""


def run(*command, check=True, **how):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **how)
    if check and done.returncode != 0:
        raise Unable(f"{' '.join(str(word) for word in command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def install_missing():
    missing = [name for tool, name in PACKAGES.items() if not shutil.which(tool)]
    busybox = shutil.which("busybox")
    if busybox and run("ldd", busybox, check=False).strip():
        missing.append("busybox-static")
    if missing:
        run("apt-get", "update", "-q")
        run("apt-get", "install", "-q", "-y", "--no-install-recommends", *missing,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})  # fmt: skip


# ---- the kernel: unpacked, never installed ----


def uncompressed(vmlinuz, target):
    """A plain vmlinux boots in half the time: no decompression by an emulated processor."""
    data = vmlinuz.read_bytes()
    at = data.find(b"\xfd7zXZ\x00")
    if at < 0:
        raise Unable(f"{vmlinuz}: not packed by xz")
    kernel = lzma.LZMADecompressor().decompress(data[at:])
    if kernel[:4] != b"\x7fELF":
        raise Unable(f"{vmlinuz}: no kernel in it")
    target.write_bytes(kernel)


def newest_kernel():
    words = run("apt-cache", "depends", "linux-image-amd64").split()
    names = [w for w in words if w.startswith("linux-image-") and w != "linux-image-amd64"]
    if not names:
        raise Unable("apt knows no linux-image-amd64")
    return names[0]


def kernel():
    """The cached tree {vmlinux, lib/modules/…}; any that is there will do, so that no mirror is needed."""
    with cache.builder_lock(lambda: None):
        ready = sorted(paths.CACHE.glob("kernel-*/vmlinux"))
        if ready:
            return ready[-1].parent
        run("apt-get", "update", "-q")
        name = newest_kernel()
        with tempfile.TemporaryDirectory(dir=paths.CACHE) as work:
            os.chmod(work, 0o755)
            run("apt-get", "download", "-q", name, cwd=work)
            tree = Path(work) / "tree"
            run("dpkg-deb", "-x", next(Path(work).glob("*.deb")), tree)
            uncompressed(next(tree.glob("boot/vmlinuz-*")), tree / "vmlinux")
            target = paths.CACHE / name.replace("linux-image", "kernel")
            tree.rename(target)
    return target


# ---- what runs on it ----


def petter(build):
    """palisade-watchdogd: from a build, or from the package of this tree."""
    if build:
        return Path(build) / "palisade-watchdogd"
    deb = package.ensure(lambda text, share: None, lambda text: None)[0]
    target = paths.CACHE / "vm" / f"petter-{hashlib.sha256(Path(deb).read_bytes()).hexdigest()[:12]}"
    if not target.exists():
        with tempfile.TemporaryDirectory() as work:
            run("dpkg-deb", "-x", deb, work)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(next(Path(work).glob("usr/sbin/palisade-watchdogd")), target)
    return target


def compile_helpers(target):
    library = sorted(str(path) for part in ("base", "model", "wire") for path in (TREE / "lib" / part).glob("*.c"))
    for name in HELPERS:
        run("gcc", "-static", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-w", f"-I{TREE}/lib", "-o", target / name,
            HERE / f"{name}.c", *(library if name == "mind" else []))  # fmt: skip


def copy_libraries(program, root):
    for word in run("ldd", program).split():
        if word.startswith("/"):
            place = root / word.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(word, place)


def copy_modules(tree, root):
    version = next((tree / "lib/modules").iterdir()).name
    folder = root / "lib/modules" / version
    folder.mkdir(parents=True)
    for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        shutil.copy(tree / "lib/modules" / version / name, folder)
    if not (tree / "lib/modules" / version / "modules.dep").exists():
        run("depmod", "-b", tree, version)
    for module in MODULES:
        for line in run("modprobe", "-d", tree, "-S", version, "--show-depends", module).splitlines():
            if line.startswith("insmod "):
                source = Path(line.split()[1])
                place = root / source.relative_to(tree)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
    run("depmod", "-b", root, version)


def archive(root, target):
    with open(target, "wb") as out:
        names = subprocess.run(["find", ".", "-print0"], cwd=root, capture_output=True, check=True).stdout
        subprocess.run(["cpio", "-0", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=root, input=names,
                       stdout=out, check=True)  # fmt: skip


def build(work, binary):
    """(vmlinux, initramfs) for these tests, in the folder `work`."""
    tree = kernel()
    root = work / "root"
    for name in ("bin", "dev", "proc", "sys", "run", "tmp", "etc", "var/lib"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    for applet in run("busybox", "--list").split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    shutil.copy(HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\npalisade-wd:x:990:990::/:/bin/false\n")
    (root / "etc/group").write_text("root:x:0:\npalisade-wd:x:990:\n")
    compile_helpers(root / "bin")
    shutil.copy(binary, root / "bin/palisade-watchdogd")
    copy_libraries(binary, root)
    copy_modules(tree, root)
    archive(root, work / "base.cpio")
    return tree / "vmlinux", work / "base.cpio"


def with_script(work, base, name, script):
    """The initramfs of one case: cpio archives may follow one another."""
    folder = work / f"case-{name}"
    folder.mkdir()
    (folder / "case.sh").write_text(script)
    archive(folder, work / f"{name}.extra")
    target = work / f"{name}.cpio"
    target.write_bytes(base.read_bytes() + (work / f"{name}.extra").read_bytes())
    return target
