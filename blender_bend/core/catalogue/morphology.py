"""Operators that grow, shrink, blur and outline what is there."""

from __future__ import annotations

from dataclasses import replace

from .terms import Choice, Operator, Parameter, Unit

FAMILY = "Shape"

_RADIUS = Parameter(
    "radius",
    label="Radius",
    summary="Reach in cells of the tensor (a latent cell is 8 pixels); values between whole numbers blend",
    neutral=0.0,
    default=1.0,
    soft=(0.0, 3.0),
    minimum=0.0,
    maximum=16.0,
    unit=Unit.CELL,
)
_RADIUS_ALONE = replace(_RADIUS, neutral=None, tighter={"vae": (0.5, 3.0)})  # at 0 nothing is left
_SPREAD = replace(_RADIUS, summary="Reach in cells of the tensor (a latent cell is 8 pixels)")
_WINDOW = Choice(
    "window",
    label="Window",
    summary="Centred on each cell; or even, as published: sides of 2, 4, 6, which shifts the picture by half a cell",
    options=("centred", "even"),
    default="centred",
)

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "dilate",
        label="Dilate",
        summary="Grows the strong parts: soft focus, bloom and blobs; early coloured balls take over the scene",
        parameters=(_RADIUS,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="DAFx24, dilation; a window of side 2r + 1, or 2r if even (published: r = 2); ends as in kornia 0.6",
        spatial=True,
    ),
    Operator(
        "erode",
        label="Erode",
        summary="Grows the weak parts: early things remain as outlines, later painted patches, late glow and blur",
        parameters=(_RADIUS,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="DAFx24, erosion; a window of side 2r + 1, or 2r if even (published: r = 2)",
        spatial=True,
    ),
    Operator(
        "open",
        label="Open",
        summary="Takes away peaks smaller than the radius: painted patches; on noise it shifts all colours, like Erode",
        parameters=(_RADIUS,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="Bend: erosion, then dilation by the reflected window",
        spatial=True,
    ),
    Operator(
        "close",
        label="Close",
        summary="Fills gaps smaller than the radius: things grow together; on noise it shifts all colours, like Dilate",
        parameters=(_RADIUS,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="Bend: dilation, then erosion by the reflected window",
        spatial=True,
    ),
    Operator(
        "gradient",
        label="Gradient",
        summary="Leaves only how much changes nearby: early no scene is left, late lines; mix it in, or normalise",
        parameters=(_RADIUS_ALONE,),
        choices=(_WINDOW,),
        family=FAMILY,
        source="DAFx24, gradient: dilation - erosion (published: an even window, r = 2)",
        spatial=True,
    ),
    Operator(
        "sobel",
        label="Sobel Edges",
        summary="Leaves only the edges: early the scene is lost, late dim outlines; mix it in or normalise after",
        parameters=(),
        family=FAMILY,
        source="DAFx24, sobel (normalised): sqrt(gx^2 + gy^2 + 1e-6)",
        spatial=True,
    ),
    Operator(
        "blur",
        label="Blur",
        summary="Washes out detail: early the scene melts into flat colour, late soft focus",
        parameters=(_SPREAD,),
        family=FAMILY,
        source="Bend: Gaussian, the radius is its sigma",
        spatial=True,
    ),
    Operator(
        "sharpen",
        label="Sharpen",
        summary="Strengthens detail: in the middle more texture, late crisp edges and grain; below 0 it softens",
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="How much of the detail is added",
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
