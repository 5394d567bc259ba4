"""Operators that mix the channels; what each is for stands in ``core.catalogue.channels``."""

from __future__ import annotations

import torch
from torch import Tensor

from ....core.errors import BendError, Code
from .registry import Moment, operator, per_row


@operator("rotate_channels")
def rotate_channels(x: Tensor, moment: Moment, angle: Tensor, plane: str) -> Tensor:
    """Rotate the plane of two channels: y_a = cos x_a - sin x_b, y_b = sin x_a + cos x_b.

    Parameters
    ----------
    angle : shape (B,), radians
    plane : two different channel numbers below C, written ``"a-b"``

    Raises
    ------
    BendError(CHANNEL_MISSING) if the site has fewer channels than the plane names.

    Source: Dzwonczyk, Cella & Ban, DAFx24, rotation R1 (plane 1-2) and R4 (0-1).
    """
    first, second = (int(channel) for channel in plane.split("-"))
    if max(first, second) >= x.shape[1]:
        raise BendError(
            Code.CHANNEL_MISSING,
            f"Plane {plane} needs more than the {x.shape[1]} channels of this site.",
            "Choose another plane or site.",
        )
    cosine = per_row(torch.cos(angle), x)[:, 0]
    sine = per_row(torch.sin(angle), x)[:, 0]
    y = x.clone()
    y[:, first] = cosine * x[:, first] - sine * x[:, second]
    y[:, second] = sine * x[:, first] + cosine * x[:, second]
    return y
