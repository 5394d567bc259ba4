"""Bend where the work is: in the sequencer's Add and context menus, and in that of a parameter."""

from __future__ import annotations

import bpy
from bpy.types import Context, Menu

from ..timeline.strips import active_bend_strip, find_curve, key_of


def draw_add(self: Menu, context: Context) -> None:
    """Add, Bend Strip."""
    self.layout.separator()
    self.layout.operator("bend.film_from_song", text="Film from Song", icon="SEQUENCE")
    self.layout.operator("bend.add_strip", text="Bend Strip", icon="IMAGE_DATA")


def draw_context(self: Menu, context: Context) -> None:
    """The context menu of a bend strip."""
    if active_bend_strip(context) is None:
        return
    self.layout.separator()
    self.layout.operator("bend.bake", icon="SOUND")
    self.layout.operator("bend.bake_all")
    self.layout.operator("bend.rebake")
    self.layout.operator("bend.generate", icon="RENDER_ANIMATION")
    self.layout.operator("bend.preview_frame", icon="RENDER_STILL")


def draw_parameter(self: Menu, context: Context) -> None:
    """The context menu of a parameter that has a curve."""
    strip, pressed = active_bend_strip(context), getattr(context, "property", None)
    key = key_of(strip, pressed[1]) if strip is not None and pressed else None
    if strip is None or key is None or find_curve(strip, key) is None:
        return
    self.layout.separator()
    self.layout.operator("bend.show_curve", icon="FCURVE").key = key


_MENUS = {
    "SEQUENCER_MT_add": draw_add,
    "SEQUENCER_MT_context_menu": draw_context,
    "UI_MT_button_context_menu": draw_parameter,
}


def register() -> None:
    """Put the entries in."""
    for name, draw in _MENUS.items():
        getattr(bpy.types, name).append(draw)


def unregister() -> None:
    """Take them out."""
    for name, draw in _MENUS.items():
        getattr(bpy.types, name).remove(draw)
