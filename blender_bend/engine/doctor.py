"""Is the engine's environment fit? Answers without importing torch."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

AUDIO = ("numpy", "scipy", "librosa", "soundfile")
DIFFUSION = ("torch", "diffusers", "transformers", "safetensors", "pillow")


def examine() -> dict[str, Any]:
    """What is installed.

    Returns
    -------
    python, platform, packages (version by name, None if missing), audio and diffusion (whether each tier is complete)
    """
    packages = {name: _version(name) for name in (*AUDIO, *DIFFUSION)}
    return {
        "python": sys.version.split()[0],
        "executable": sys.executable,
        "platform": platform.platform(),
        "packages": packages,
        "audio": all(packages[name] for name in AUDIO),
        "diffusion": all(packages[name] for name in DIFFUSION),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
