"""The regions of the picture that a bend can be kept to."""

from __future__ import annotations

from .terms import Parameter, Region, Unit

EVERYWHERE = "everywhere"


def _part(name: str, label: str, summary: str, default: float, low: float = 0.0, high: float = 1.0) -> Parameter:
    return Parameter(
        f"region_{name}", label, summary, None, default, (low, high), minimum=-10.0, maximum=10.0, unit=Unit.FACTOR
    )


_SOFTNESS = _part("softness", "Region Softness", "How wide the edge of the region is; 0 is sharp", 0.1)

REGIONS: tuple[Region, ...] = (
    Region(EVERYWHERE, "Everywhere", "The whole picture"),
    Region(
        "box",
        "Box",
        "A box: a few rows, a few columns, or a corner",
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
        "A round spot that can wander and grow",
        (
            _part("x", "Region X", "Where the middle is: 0 is the left of the picture, 1 the right", 0.5),
            _part("y", "Region Y", "Where the middle is: 0 is the bottom of the picture, 1 the top", 0.5),
            _part("radius", "Region Radius", "In parts of the picture's shorter side", 0.3),
            _SOFTNESS,
        ),
    ),
    Region(
        "gradient",
        "Gradient",
        "From nothing on one side to all on the other",
        (
            Parameter(
                "region_angle",
                "Region Angle",
                "Where the bend grows to: 0 to the right, a quarter turn to the top",
                None,
                0.0,
                (-3.2, 3.2),
                unit=Unit.RADIAN,
            ),
            _part("middle", "Region Middle", "Where half of the bend is reached: 0 begins, 1 ends the picture", 0.5),
            _part("width", "Region Width", "How long the way from nothing to all is", 1.0),
        ),
    ),
    Region(
        "scatter",
        "Scatter",
        "Single cells here and there, the same on every frame",
        (_part("share", "Region Share", "How many of the cells are bent", 0.25),),
    ),
    Region("mask", "Mask", "Where a picture or another strip of the sequencer is bright"),
)
