"""The machine that carries the lab: its tools, and commands with deadlines."""

import os
import shutil
import signal
import subprocess

from .errors import CommandError, DeadlineError, LabError

# tool -> the Debian package that has it
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "openssl": "openssl",
}


def require_root():
    if os.geteuid() != 0:
        raise LabError("the lab boots systems and makes namespaces: run it as root (sudo)")


def install_missing_tools(say):
    """Install what the lab needs and the machine lacks; say(text) tells about it."""
    # A root shell without sbin in its PATH is common after a plain su.
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    missing = sorted({pkg for tool, pkg in TOOLS.items() if not shutil.which(tool)})
    if not missing:
        return
    apt_install(missing, say)


def apt_install(packages, say):
    """Install packages on this machine, telling about it."""
    if not shutil.which("apt-get"):
        raise LabError(f"these packages are missing: {' '.join(packages)}")
    say(f"installing with apt: {' '.join(packages)}")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages]
    try:
        run(install, timeout=600, env=env)
    except CommandError:
        run(["apt-get", "update", "-qq"], timeout=300, env=env)
        run(install, timeout=600, env=env)


def run(argv, timeout, check=True, stdin=None, env=None, cwd=None):
    """Run a command and return its CompletedProcess, output as text, stderr apart.

    Nothing outlives the deadline: the command and all it started are killed.
    """
    argv = [str(a) for a in argv]
    proc = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=env,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        out, err = proc.communicate(stdin, timeout=timeout)
    except BaseException as error:
        try:
            os.killpg(proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        proc.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise DeadlineError(f"{short(argv)}: no end within {timeout:g} s") from None
        raise
    if check and proc.returncode != 0:
        raise CommandError(short(argv), proc.returncode, err or out)
    return subprocess.CompletedProcess(argv, proc.returncode, out, err)


def short(argv, width=100):
    text = " ".join(argv)
    return text if len(text) <= width else text[: width - 1] + "…"
