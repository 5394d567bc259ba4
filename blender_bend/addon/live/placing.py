"""Where a strip's picture lies in the preview, in the pixels of the scene's frame around its middle."""

from __future__ import annotations

import math

from bpy.types import ImageStrip

from ..timeline import strips

Point = tuple[float, float]


def corners(strip: ImageStrip, size: tuple[int, int]) -> tuple[Point, Point, Point, Point]:
    """The corners of a picture: those of its own left bottom, right bottom, left top and right top.

    Parameters
    ----------
    size : width and height of the strip's frames; a draft is drawn as large as its frame would be
    """
    transform, zoom = strip.transform, strips.zoom_for(strip, size)
    scale_x, scale_y = transform.scale_x * zoom, transform.scale_y * zoom
    cosine, sine = math.cos(transform.rotation), math.sin(transform.rotation)
    # Blender scales and turns around the origin, a place of the picture as large as its file, and mirrors at the end.
    pivot_x, pivot_y = (transform.origin[0] - 0.5) * size[0], (transform.origin[1] - 0.5) * size[1]
    mirror_x, mirror_y = -1 if strip.use_flip_x else 1, -1 if strip.use_flip_y else 1

    def placed(right: float, top: float) -> Point:
        x, y = (right * size[0] / 2 - pivot_x) * scale_x, (top * size[1] / 2 - pivot_y) * scale_y
        return (
            mirror_x * (cosine * x - sine * y + pivot_x + transform.offset_x),
            mirror_y * (sine * x + cosine * y + pivot_y + transform.offset_y),
        )

    return placed(-1, -1), placed(1, -1), placed(-1, 1), placed(1, 1)
