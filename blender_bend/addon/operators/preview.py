"""Rendering the current frame only."""

from __future__ import annotations

from bpy.types import Context, Operator

from ..host import compat
from ..timeline.strips import frame_range, polled_bend_strip
from .generate import Generating
from .shared.shortcuts import Shortcut


class BEND_OT_preview_frame(Generating, Operator):
    """Render only the frame at the playhead"""

    bl_idname = "bend.preview_frame"
    bl_label = "Preview Frame"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if compat.sequencer_scene(context).frame_current not in frame_range(polled_bend_strip(context)):
            cls.poll_message_set("Move the playhead over the bend strip")
            return False
        return True

    def frames(self, context: Context) -> list[int]:
        return [compat.sequencer_scene(context).frame_current]


SHORTCUTS = (Shortcut("bend.preview_frame", "P"),)
CLASSES = (BEND_OT_preview_frame,)
