"""What the gallery shows in this Blender; no file keeps it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty
from bpy.types import Context, PropertyGroup

from . import library
from .library import Entry

#: Cells in a row, and rows of a page: what a window of 1080 lines shows.
ACROSS, DOWN = 5, 3
PAGE = ACROSS * DOWN


class BEND_PG_gallery(PropertyGroup):
    """What the gallery shows"""

    def _to_first_page(self, context: Context) -> None:
        self.page = 0

    kind: EnumProperty(name="Show", description="What the gallery shows", items=library.KINDS, update=_to_first_page)
    search: StringProperty(
        name="Search",
        description="Words of the name or the description",
        options={"TEXTEDIT_UPDATE", "SKIP_SAVE"},
        update=_to_first_page,
    )
    how: EnumProperty(
        name="A Click",
        description="What a click on a preset does",
        items=(
            ("add", "Add", "Add the bends after those that the strip has"),
            ("replace", "Replace", "Remove the bends of the strip with their curves first"),
        ),
    )
    page: IntProperty(name="Page", description="Page of the gallery", default=0, min=0, options={"SKIP_SAVE"})

    def shown(self) -> list[Entry]:
        """What is looked for, of the kind that is shown."""
        return [entry for entry in library.entries(self.kind) if entry.matches(self.search)]

    def pages(self) -> int:
        """How many pages there are, at least one."""
        return pages_of(self.shown())


def pages_of(shown: list[Entry]) -> int:
    """How many pages some entries fill, at least one."""
    return max(1, -(-len(shown) // PAGE))


def gallery_of(context: Context) -> Any:
    """What the gallery shows in this window manager."""
    return context.window_manager.bend_gallery


def register() -> None:
    """Let the window manager remember what the gallery shows."""
    bpy.types.WindowManager.bend_gallery = bpy.props.PointerProperty(type=BEND_PG_gallery)


def unregister() -> None:
    """Take it away."""
    del bpy.types.WindowManager.bend_gallery


CLASSES = (BEND_PG_gallery,)
