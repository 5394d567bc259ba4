"""What a person does on the timeline, by script and in every Blender version."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[1]
MODULE = "bl_ext.user_default.blender_bend"


def sequencer(scene: Any) -> Any:
    """The context in which a scene's sequencer is edited: since 5.0 a choice of its own."""
    if hasattr(bpy.context, "sequencer_scene"):
        return bpy.context.temp_override(scene=scene, sequencer_scene=scene)
    return bpy.context.temp_override(scene=scene) if scene != bpy.context.scene else nullcontext()


def slide(strip: Any, frames: int) -> None:
    """Move a strip in time."""
    name = "content_start" if "content_start" in strip.bl_rna.properties else "frame_start"
    setattr(strip, name, getattr(strip, name) + frames)


def trim(strip: Any, first: int, last: int) -> None:
    """Let a strip begin at frame ``first`` and end before frame ``last``."""
    new = "left_handle" in strip.bl_rna.properties
    setattr(strip, "left_handle" if new else "frame_final_start", first)
    setattr(strip, "right_handle" if new else "frame_final_end", last)
