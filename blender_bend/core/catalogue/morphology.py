"""Operators that grow, shrink, blur and outline what is there."""

from __future__ import annotations

from dataclasses import replace

from .terms import Choice, Operator, Parameter, Unit

FAMILY = "Shape"

_RADIUS = Parameter(
    "radius",
    label="Radius",
    summary="Radius in cells of the tensor (a latent cell is 8 pixels); fractions blend",
    neutral=0.0,
    default=1.0,
    soft=(0.0, 3.0),
    minimum=0.0,
    maximum=16.0,
    unit=Unit.CELL,
)
_RADIUS_ALONE = replace(_RADIUS, neutral=None, tighter={"vae": (0.5, 3.0)})  # at 0 nothing is left
_SPREAD = replace(_RADIUS, summary="Radius in cells of the tensor (a latent cell is 8 pixels)")
_WINDOW = Choice(
    "window",
    label="Window",
    summary="Centered on each cell, or even sides of 2, 4, 6 as published, which shift the picture by half a cell",
    options=("centred", "even"),
    default="centred",
)

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "dilate",
        label="Dilate",
        summary="Grow the strong parts: soft focus, bloom and blobs; early, colored balls take over the scene",
        parameters=(_RADIUS,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="DAFx24, dilation; a window of side 2r + 1, or 2r if even (published: r = 2); ends as in kornia 0.6",
        spatial=True,
    ),
    Operator(
        "erode",
        label="Erode",
        summary="Grow the weak parts: early, objects remain as outlines; later painted patches, late glow and blur",
        parameters=(_RADIUS,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="DAFx24, erosion; a window of side 2r + 1, or 2r if even (published: r = 2)",
        spatial=True,
    ),
    Operator(
        "open",
        label="Open",
        summary="Remove peaks smaller than the radius, giving painted patches; on noise it shifts all colors, "
        "like Erode",
        parameters=(_RADIUS,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="Bend: erosion, then dilation by the reflected window",
        spatial=True,
    ),
    Operator(
        "close",
        label="Close",
        summary="Fill gaps smaller than the radius, merging objects; on noise it shifts all colors, like Dilate",
        parameters=(_RADIUS,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="Bend: dilation, then erosion by the reflected window",
        spatial=True,
    ),
    Operator(
        "gradient",
        label="Gradient",
        summary="Keep only local changes: early the scene disappears, late lines stay; use a low mix, or normalize",
        parameters=(_RADIUS_ALONE,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="DAFx24, gradient: dilation - erosion (published: an even window, r = 2)",
        spatial=True,
    ),
    Operator(
        "sobel",
        label="Sobel Edges",
        summary="Keep only the edges: early the scene is lost, late dim outlines; use a low mix, or normalize after",
        parameters=(),
        family=FAMILY,
        source="DAFx24, sobel (normalized): sqrt(gx^2 + gy^2 + 1e-6)",
        spatial=True,
    ),
    Operator(
        "blur",
        label="Blur",
        summary="Wash out detail: early the scene melts into flat color, late soft focus",
        parameters=(_SPREAD,),
        family=FAMILY,
        source="Bend: Gaussian, the radius is its sigma",
        spatial=True,
    ),
    Operator(
        "sharpen",
        label="Sharpen",
        summary="Strengthen detail: midway more texture, late crisp edges and grain; negative values soften",
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="Amount of detail to add",
                neutral=0.0,
                default=0.5,
                soft=(-1.0, 3.0),
                unit=Unit.FACTOR,
            ),
            replace(_SPREAD, neutral=None, summary="Size of the detail, in cells of the tensor"),
        ),
        family=FAMILY,
        source="Bend: unsharp mask, x + amount (x - blur(x))",
        spatial=True,
    ),
)
