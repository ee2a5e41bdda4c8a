"""Where the laboratory keeps its things."""

import os
from pathlib import Path

LAB_DIR = Path(__file__).resolve().parent.parent
REPO_DIR = LAB_DIR.parent.parent
TEMPLATES = LAB_DIR / "templates"
IMAGE_DIR = LAB_DIR / "image"

# Survives: the image, the package layers, downloaded packages, the compiled writer.
CACHE = Path(os.environ.get("PALISADE_LAB_CACHE", "/var/cache/palisade-lab"))

# Lives as long as a lab does: one folder per lab, removed by `down`.
RUN = Path("/run/palisade-lab")

# Inside the supervisor's own mount namespace, where /run is a tmpfs of the lab.
NODES_INSIDE = Path("/run/lab")


def run_dir(name):
    return RUN / name


def disk_dir(name):
    """Upper directories of a lab started with --disk."""
    return CACHE / "disk" / name
