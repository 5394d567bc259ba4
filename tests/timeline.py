"""What a person does on the timeline, by script and in every Blender version."""

from __future__ import annotations

from typing import Any


def slide(strip: Any, frames: int) -> None:
    """Move a strip in time."""
    name = "content_start" if "content_start" in strip.bl_rna.properties else "frame_start"
    setattr(strip, name, getattr(strip, name) + frames)


def trim(strip: Any, first: int, last: int) -> None:
    """Let a strip begin at frame ``first`` and end before frame ``last``."""
    new = "left_handle" in strip.bl_rna.properties
    setattr(strip, "left_handle" if new else "frame_final_start", first)
    setattr(strip, "right_handle" if new else "frame_final_end", last)
