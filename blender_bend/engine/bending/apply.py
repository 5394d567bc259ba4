"""One bend on one tensor: operator, channels, mix, and the guard against numbers that are none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...core import catalogue, sites
from ...core.errors import BendError, Code
from .operators import FUNCTIONS, Moment


def apply(
    operator: str, x: Tensor, *, seed: int = 0, step: int = 0, site: str = "latent", **parameters: float | Tensor | str
) -> Tensor:
    """Apply an operator of the catalogue to a tensor.

    Parameters
    ----------
    operator : a name of ``core.catalogue``
    x : Tensor, shape (B, C, H, W), or (B, N, C) for operators that need no rows and columns
    seed, step, site : what randomness is drawn from
    **parameters : the operator's parameters (a number, or a Tensor of shape (B,)) and choices; what is not given has
        its default

    Returns
    -------
    Tensor of the shape and dtype of x; x itself is unchanged

    Raises
    ------
    BendError(OPERATOR_UNKNOWN), BendError(PARAMETER_INVALID), BendError(SITE_SHAPE), BendError(CHANNEL_MISSING)
    """
    described = catalogue.operator(operator)
    if x.ndim not in (3, 4) or (described.spatial and x.ndim != 4):
        raise BendError(
            Code.SITE_SHAPE,
            f"{described.label} does not work on a tensor of shape {list(x.shape)}.",
            "Choose a site whose tensors are pictures, such as latent, unet:mid_block or unet:up_blocks.1.",
        )
    arguments: dict[str, Any] = {choice.name: choice.default for choice in described.choices}
    arguments |= {parameter.name: parameter.default for parameter in described.parameters}
    for name, value in parameters.items():
        if name not in arguments:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"{described.label} has no parameter '{name}'.",
                f"It has: {', '.join(arguments)}.",
            )
        arguments[name] = value
    for choice in described.choices:
        if arguments[choice.name] not in choice.options:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"{described.label} has no {choice.name} '{arguments[choice.name]}'.",
                f"Choose one of: {', '.join(choice.options)}.",
            )
    for parameter in described.parameters:
        value = torch.as_tensor(arguments[parameter.name], dtype=torch.float32, device=x.device)
        arguments[parameter.name] = value.expand(x.shape[0]) if value.ndim == 0 else value
    function, moment = FUNCTIONS[operator], Moment(seed, step, site)
    if x.ndim == 3:  # tokens carry their channels last
        return function(x.transpose(1, 2), moment, **arguments).transpose(1, 2)
    return function(x, moment, **arguments)


def bend_tensor(x: Tensor, bend: dict[str, Any], *, seed: int, step: int) -> Tensor:
    """Apply a resolved bend: ``(1 - mix) x + mix f(x)`` on its channels.

    Parameters
    ----------
    x : Tensor, shape (B, C, H, W) or (B, N, C)
    bend : one of the bends of ``Job.resolve``

    Raises
    ------
    BendError(NON_FINITE) if the result has a value that is not a number; and the errors of ``apply``.
    """
    axis = 1 if x.ndim == 4 else x.ndim - 1
    channels = sites.parse_channels(bend["channels"], x.shape[axis])
    index = None if channels is None else torch.tensor(channels, device=x.device)
    part = x if index is None else x.index_select(axis, index)
    values = {name: value for name, value in bend["values"].items() if name != "mix"}
    bent = apply(bend["operator"], part, seed=seed, step=step, site=bend["site"], **values, **bend["choices"])
    mix = bend["values"]["mix"]
    if mix != 1.0:
        bent = (1.0 - mix) * part + mix * bent
    if not torch.isfinite(bent).all():
        raise BendError(
            Code.NON_FINITE,
            f"The bend '{bend['name']}' made numbers that are not finite.",
            "Lower its values or its mix.",
        )
    return bent if index is None else x.index_copy(axis, index, bent)
