"""Shortcuts, declared beside the operators that they run; they hold in the sequencer, and anyone can change them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import bpy

#: The keymap of the timeline and of the preview.
KEYMAP = "Video Sequence Editor"


@dataclass(frozen=True)
class Shortcut:
    """Shift, Alt and a letter.

    Parameters
    ----------
    operator : its bl_idname
    key : as Blender names it
    settings : of the operator's properties
    """

    operator: str
    key: str
    settings: dict[str, Any] = field(default_factory=dict)


_added: list[tuple[Any, Any]] = []


def register(shortcuts: Iterable[Shortcut]) -> None:
    """Enter shortcuts into the add-on's own key configuration; without an interface there may be none."""
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:
        return
    keymap = configuration.keymaps.new(name=KEYMAP, space_type="SEQUENCE_EDITOR")
    for shortcut in shortcuts:
        key: Any = shortcut.key
        item = keymap.keymap_items.new(shortcut.operator, key, "PRESS", shift=True, alt=True)
        for name, value in shortcut.settings.items():
            setattr(item.properties, name, value)
        _added.append((keymap, item))


def unregister() -> None:
    """Take them out."""
    while _added:
        keymap, item = _added.pop()
        keymap.keymap_items.remove(item)
