"""Where frames begin in samples, exactly: what the product's frames of samples are compared with."""

from __future__ import annotations

from blender_bend.core.timebase import FrameRate


def first_sample(rate: FrameRate, frame: int, sample_rate: int) -> int:
    """The first sample that belongs to a frame, counted from the start of frame 0."""
    return -((-frame * sample_rate * rate.value.denominator) // rate.value.numerator)
