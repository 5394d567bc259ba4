"""Pictures and colors as icons in the interface; they load while they are drawn, and need no GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy.utils.previews

#: Width and height of a color, in pixels.
_SIDE = 16

_icons: Any = None


def collection() -> Any:
    global _icons
    if _icons is None:
        _icons = bpy.utils.previews.new()
    return _icons


def of_picture(path: Path) -> int:
    """The number of the icon that shows a picture in a file; a file that has changed is read again."""
    try:
        state = path.stat()
    except OSError:
        return 0
    name = f"{path}:{state.st_mtime_ns}:{state.st_size}"
    icons = collection()
    if name not in icons:
        icons.load(name, str(path), "IMAGE")
    return int(icons[name].icon_id)


def of_color(color: tuple[float, float, float]) -> int:
    """The number of an icon in one color."""
    name = f"color:{color}"
    icons = collection()
    if name not in icons:
        icon = icons.new(name)
        icon.icon_size = (_SIDE, _SIDE)
        inner = range(3, _SIDE - 3)
        pixels: list[float] = []
        for row in range(_SIDE):
            for column in range(_SIDE):
                pixels += (*color, 1.0) if row in inner and column in inner else (0.0, 0.0, 0.0, 0.0)
        icon.icon_pixels_float = pixels
    return int(icons[name].icon_id)


def register() -> None:
    """Nothing is loaded before it is drawn."""


def unregister() -> None:
    """Forget every icon."""
    global _icons
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
        _icons = None
