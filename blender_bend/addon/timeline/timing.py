"""The time of a bend strip: the scene's frame rate, and the frames that have sound."""

from __future__ import annotations

from bpy.types import ImageStrip, Scene

from ...core.timebase import FrameRate
from ..host import compat


def frame_rate(scene: Scene) -> FrameRate:
    """The scene's frame rate, as a fraction."""
    return FrameRate.from_blender(scene.render.fps, scene.render.fps_base)


def heard_frames(strip: ImageStrip) -> range:
    """The frames that a bend strip shows and that can have sound: Blender's mixdown cannot begin before frame 0."""
    return range(max(0, compat.left_handle(strip)), compat.right_handle(strip))
