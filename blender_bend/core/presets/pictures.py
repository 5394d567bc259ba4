"""Where the small pictures of presets and operators lie that come with the extension."""

from __future__ import annotations

from pathlib import Path

from . import presets

FOLDER = presets.FOLDER / "pictures"
#: Width and height in pixels.
SIDE = 128
#: What all of them may take, in bytes.
LARGEST = 1_500_000


def of_preset(path: Path) -> Path:
    """The picture of a preset that comes with the extension."""
    return FOLDER / f"{path.stem}.jpg"


def of_operator(name: str) -> Path:
    """The picture of an operator."""
    return FOLDER / "operators" / f"{name}.jpg"
