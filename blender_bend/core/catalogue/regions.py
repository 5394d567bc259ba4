"""The regions of the picture that a bend can be kept to."""

from __future__ import annotations

from .terms import Parameter, Region, Unit

EVERYWHERE, MASK = "everywhere", "mask"


def _part(name: str, label: str, summary: str, default: float, low: float = 0.0, high: float = 1.0) -> Parameter:
    return Parameter(
        f"region_{name}", label, summary, None, default, (low, high), minimum=-10.0, maximum=10.0, unit=Unit.FACTOR
    )


_SOFTNESS = _part("softness", "Region Softness", "Width of the region's edge; 0 is sharp", 0.1)

REGIONS: tuple[Region, ...] = (
    Region(EVERYWHERE, "Everywhere", "The whole picture"),
    Region(
        "box",
        "Box",
        "Rectangle: a few rows, a few columns, or a corner",
        (
            _part("left", "Region Left", "Left edge: 0 is the left of the picture, 1 the right", 0.25),
            _part("right", "Region Right", "Right edge", 0.75),
            _part("bottom", "Region Bottom", "Lower edge: 0 is the bottom of the picture, 1 the top", 0.25),
            _part("top", "Region Top", "Upper edge", 0.75),
            _SOFTNESS,
        ),
    ),
    Region(
        "disc",
        "Disc",
        "Round spot that can move and grow",
        (
            _part("x", "Region X", "Center of the disc: 0 is the left of the picture, 1 the right", 0.5),
            _part("y", "Region Y", "Center of the disc: 0 is the bottom of the picture, 1 the top", 0.5),
            _part("radius", "Region Radius", "Radius as a fraction of the picture's shorter side", 0.3),
            _SOFTNESS,
        ),
    ),
    Region(
        "gradient",
        "Gradient",
        "Gradient from none of the bend on one side to all of it on the other",
        (
            Parameter(
                "region_angle",
                "Region Angle",
                "Direction in which the bend increases: 0 to the right, a quarter turn to the top",
                None,
                0.0,
                (-3.2, 3.2),
                unit=Unit.RADIAN,
            ),
            _part(
                "middle", "Region Middle", "Position of half the bend: 0 is the start of the picture, 1 the end", 0.5
            ),
            _part("width", "Region Width", "Width of the gradient", 1.0),
        ),
    ),
    Region(
        "scatter",
        "Scatter",
        "Scattered single cells, the same on every frame",
        (_part("share", "Region Share", "Fraction of the cells to bend", 0.25),),
    ),
    Region(MASK, "Mask", "Bright parts of another strip in the sequencer"),
)
