"""Which build of torch suits this machine, where it comes from, and how much room it takes. Standard library only."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from .environment import AUDIO

#: What torch can be chosen for: name, label, words for the tooltip.
CHOICES = (
    ("auto", "Automatic", "Use this machine's hardware"),
    ("cuda", "CUDA", "NVIDIA GPU"),
    ("rocm", "ROCm", "AMD GPU, on Linux"),
    ("mps", "Metal", "Apple GPU"),
    ("cpu", "CPU", "Works everywhere, smallest download"),
)
NAMES = tuple(choice[0] for choice in CHOICES)

_INDEX = "https://download.pytorch.org/whl"
#: Builds of torch that PyPI does not have, by (accelerator, platform); for the others PyPI's own is right.
_BUILDS = {("cpu", "linux"): "cpu", ("cuda", "win32"): "cu130", ("rocm", "linux"): "rocm7.1"}

#: Room on disk while it is made, in bytes: the packages, what is being unpacked, and what was fetched. Estimates, added
#: up from the sizes of torch's wheels and what they bring.
_NEEDED = {"audio": 1.1e9, "cpu": 3.5e9, "mps": 2.5e9, "cuda": 16e9, "rocm": 32e9}


def detect(system: str = sys.platform, root: Path = Path("/")) -> str:
    """What this machine can compute pictures on, by the drivers that lie on it.

    Parameters
    ----------
    system : as ``sys.platform``
    root : the root of the file system
    """
    if system == "darwin":
        return "mps" if platform.machine() == "arm64" else "cpu"
    if (root / "proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        return "cuda"
    if system == "linux" and ((root / "opt/rocm").exists() or shutil.which("rocminfo")):
        return "rocm"
    return "cpu"


def build_of(accelerator: str, system: str = sys.platform) -> str:
    """The local version of torch's build, as ``cpu``; empty where PyPI's own is the right one."""
    return _BUILDS.get((accelerator, system), "")


def index_of(build: str) -> str:
    """Where a build is fetched from."""
    return f"{os.environ.get('BEND_TORCH_INDEX', _INDEX)}/{build}"


def needed_bytes(tier: str, accelerator: str) -> int:
    """How much room must be free to set a tier up."""
    return int(_NEEDED["audio" if tier == AUDIO else accelerator])
