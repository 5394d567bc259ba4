"""Operators that follow what a network has learned; what each is for stands in ``core.catalogue.directions``."""

from __future__ import annotations

from torch import Tensor

from ....core.errors import BendError, Code
from .registry import Moment, operator, per_row


@operator("add_direction")
def add_direction(x: Tensor, moment: Moment, amount: Tensor, direction: str) -> Tensor:
    """x + amount * sigma_k * v_k: the k-th principal component of the site's tensors, and its standard deviation.

    Raises
    ------
    BendError(SITE_SHAPE) if the site has no directions: they are of whole layers of the denoiser.
    """
    if moment.direction is None:
        raise BendError(
            Code.SITE_SHAPE,
            f"{moment.site} has no learned directions.",
            "Choose a layer of the network, such as unet:mid_block, and all its channels.",
        )
    return x + per_row(amount, x) * moment.direction(int(direction), x).to(x.dtype)
