"""The apt sources that the image is built from: the machine's own, Debian's entries only.

A machine that uses a mirror, a snapshot or a proxy goes on using it for the image.
"""

import re
from pathlib import Path

from .host import run

SUITE = "bookworm"
SUITES = {SUITE, f"{SUITE}-updates", f"{SUITE}-security"}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FALLBACK = [
    f"deb [signed-by={KEYRING}] http://deb.debian.org/debian {SUITE} main",
    f"deb [signed-by={KEYRING}] http://deb.debian.org/debian {SUITE}-updates main",
    f"deb [signed-by={KEYRING}] http://deb.debian.org/debian-security {SUITE}-security main",
]


def debian_sources(etc_apt="/etc/apt"):
    """One-line entries (`deb [options] URI SUITE main`), sorted, for this suite of Debian."""
    etc_apt = Path(etc_apt)
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    entries = set()
    for path in files:
        if not path.is_file():
            continue
        text = path.read_text(errors="replace")
        if path.suffix == ".sources":
            entries.update(_from_deb822(text))
        elif path.suffix == ".list":
            entries.update(_from_classic(text))
    if not any(f" {SUITE} main" in entry for entry in entries):
        return FALLBACK
    return sorted(entries)


def proxy_options():
    """The machine's apt proxies, as apt.conf lines."""
    dump = run(["apt-config", "dump"], timeout=10).stdout
    return [line for line in dump.splitlines() if re.match(r"Acquire::https?::Proxy\b.*\"\S+\"", line)]


def _entry(uri, suite, components, signed_by):
    """The line for one source, or None if it is not Debian's."""
    ours = re.search(r"/debian(-security)?(/|$)", uri) or "debian-archive" in (signed_by or "")
    if not ours or suite not in SUITES or "main" not in components:
        return None
    keyring = signed_by if signed_by and signed_by.startswith("/") else KEYRING
    return f"deb [signed-by={keyring}] {uri} {suite} main"


def _from_classic(text):
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if not match:
            continue
        options, uri, suite, components = match.groups()
        signed = re.search(r"signed-by=(\S+)", options or "")
        entry = _entry(uri, suite, components.split(), signed and signed.group(1))
        if entry:
            yield entry


def _from_deb822(text):
    for stanza in re.split(r"\n\s*\n", text):
        # A line that begins with a blank continues the one before it.
        stanza = re.sub(r"^#.*\n?", "", stanza, flags=re.M)
        fields = {
            key.lower(): " ".join(value.split())
            for key, value in re.findall(r"^([\w-]+):((?:.*)(?:\n[ \t].*)*)", stanza, flags=re.M)
        }
        if "deb" not in fields.get("types", "").split() or fields.get("enabled") == "no":
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                components = fields.get("components", "").split()
                entry = _entry(uri, suite, components, fields.get("signed-by"))
                if entry:
                    yield entry
