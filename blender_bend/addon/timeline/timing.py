"""The time of a bend strip: where it lies, and the scene's frame rate."""

from __future__ import annotations

from dataclasses import dataclass

from bpy.types import ImageStrip, Scene

from ...core.timebase import FrameRate
from ..host import compat


@dataclass(frozen=True)
class Placement:
    """Where a bend strip lies on the timeline at one moment: read once, and passed on to all that asks for it.

    Parameters
    ----------
    start : frame of its first element, shown or trimmed away; curves and records count from it
    count : how many elements it has
    left, right : half-open range of the frames between its handles
    rate : of the scene
    """

    start: int
    count: int
    left: int
    right: int
    rate: FrameRate

    @classmethod
    def of(cls, strip: ImageStrip) -> Placement:
        """Where a strip lies now."""
        return cls(
            compat.content_start(strip),
            len(strip.elements),
            compat.left_handle(strip),
            compat.right_handle(strip),
            frame_rate(strip.id_data),
        )

    @property
    def elements(self) -> range:
        """The frames that the strip has elements for, shown or trimmed away."""
        return range(self.start, self.start + self.count)

    @property
    def frames(self) -> range:
        """The frames that the strip shows and has elements for."""
        return range(max(self.left, self.elements.start), min(self.right, self.elements.stop))

    @property
    def sound_frames(self) -> range:
        """The frames that the strip shows and that can have sound: Blender's mixdown cannot begin before frame 0."""
        return range(max(0, self.left), self.right)


def frame_rate(scene: Scene) -> FrameRate:
    """The scene's frame rate, as a fraction."""
    return FrameRate.from_blender(scene.render.fps, scene.render.fps_base)
