"""One operator on one tensor: its arguments checked, tokens laid out, neutral rows left as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...core import catalogue
from ...core.catalogue import Operator
from ...core.errors import BendError, Code
from ..host.devices import upload
from .operators import FUNCTIONS, ON_HOST, Direction, Moment
from .precision import narrowed, widened

#: Rows and columns of the picture that tokens stand for.
Grid = tuple[int, int]


def apply(
    operator: str,
    x: Tensor,
    /,
    *,
    seed: int = 0,
    step: int = 0,
    site: str = "latent",
    grid: Grid | None = None,
    directions: Direction | None = None,
    **parameters: float | Tensor | str,
) -> Tensor:
    """Apply an operator of the catalogue to a tensor.

    Parameters
    ----------
    operator : a name of ``core.catalogue``
    x : Tensor, shape (B, C, H, W); or (B, N, C), tokens; or (B, C), one value a channel
    seed, step, site : what randomness is drawn from
    grid : rows and columns of the picture that the tokens stand for; operators that need rows and columns need it
    directions : the learned directions of the site, for the operator that follows one
    **parameters : the operator's parameters (a number, or a Tensor of shape (B,)) and choices; what is not given has
        its default (one may be called x, as the tensor is given by position). Tensors are best on the CPU: of those on
        a device, some must be read

    Returns
    -------
    Tensor of the shape and dtype of x; x itself is unchanged. A row whose parameters are neutral is x bit for bit. Half
    precision is computed in float32, and what is beyond its range becomes its largest number.

    Raises
    ------
    BendError(OPERATOR_UNKNOWN), BendError(PARAMETER_INVALID), BendError(SITE_SHAPE), BendError(CHANNEL_MISSING)
    """
    described = catalogue.operator(operator)
    arguments = arguments_of(described, parameters, x.shape[0])
    on_host = {name: value.cpu() if isinstance(value, Tensor) else value for name, value in arguments.items()}
    neutral = neutral_rows(described, on_host)
    if neutral is not None and bool(neutral.all()):
        return x.clone()
    on_device = {name: upload(v, x.device) if isinstance(v, Tensor) else v for name, v in arguments.items()}
    moment = Moment(seed, step, site, directions)
    return kept_where(neutral, x, narrowed(operate(described, widened(x), moment, on_host, on_device, grid), x.dtype))


def operate(
    described: Operator,
    x: Tensor,
    moment: Moment,
    on_host: Mapping[str, Any],
    on_device: Mapping[str, Any],
    grid: Grid | None,
) -> Tensor:
    """An operator's function on a tensor, whatever its values.

    Parameters
    ----------
    x : as for ``apply``, but no half precision
    on_host, on_device : all arguments, their tensors of shape (B,) on the CPU and on the device of x
    """
    wanted = ON_HOST[described.name]
    arguments = {name: (on_host if name in wanted else on_device)[name] for name in on_host}
    return _lay_back(FUNCTIONS[described.name](_lay_out(described, x, grid), moment, **arguments), x)


def kept_where(neutral: Tensor | None, x: Tensor, bent: Tensor) -> Tensor:
    """What was bent, but x itself in its neutral rows."""
    if neutral is None or not bool(neutral.any()):
        return bent
    return torch.where(upload(neutral, x.device).reshape(-1, *([1] * (x.ndim - 1))), x, bent)


def arguments_of(described: Operator, given: Mapping[str, float | Tensor | str], rows: int) -> dict[str, Any]:
    """All arguments of an operator, checked: choices, and parameters as tensors of a value a row.

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    arguments: dict[str, Any] = {choice.name: choice.default for choice in described.choices}
    arguments |= {parameter.name: parameter.default for parameter in described.parameters}
    for name, value in given.items():
        if name not in arguments:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"{described.label} has no parameter '{name}'.",
                f"It has: {', '.join(arguments)}.",
            )
        arguments[name] = value
    for choice in described.choices:
        if not choice.allows(arguments[choice.name]):
            raise BendError(
                Code.PARAMETER_INVALID,
                f"{described.label} has no {choice.name} '{arguments[choice.name]}'.",
                f"Choose one of: {', '.join(choice.options)}.",
            )
    for parameter in described.parameters:
        value = torch.as_tensor(arguments[parameter.name], dtype=torch.float32)
        arguments[parameter.name] = value.expand(rows) if value.ndim == 0 else value
    return arguments


def neutral_rows(described: Operator, arguments: Mapping[str, Any]) -> Tensor | None:
    """For each batch row whether its values are neutral; None for an operator without neutral values."""
    deciding = [parameter for parameter in described.parameters if parameter.neutral is not None]
    if not deciding:
        return None
    return torch.stack([arguments[parameter.name] == parameter.neutral for parameter in deciding]).all(dim=0)


def _lay_out(described: Operator, x: Tensor, grid: Grid | None) -> Tensor:
    """The tensor with its channels second, as operators take it."""
    if x.ndim == 4:
        return x
    if x.ndim == 3:
        channels_first = x.transpose(1, 2)
        if not described.spatial:
            return channels_first
        if grid is not None and grid[0] * grid[1] == x.shape[1]:
            return channels_first.reshape(x.shape[0], x.shape[2], *grid)
    if x.ndim == 2 and not described.spatial:
        return x.unsqueeze(2)
    raise BendError(
        Code.SITE_SHAPE,
        f"{described.label} doesn't work on a tensor of shape {list(x.shape)}.",
        "Choose a site with rows and columns, such as latent, unet:mid_block or unet:up_blocks.1.",
    )


def _lay_back(bent: Tensor, x: Tensor) -> Tensor:
    if x.ndim == 3:
        return bent.flatten(2).transpose(1, 2)
    return bent.squeeze(2) if x.ndim == 2 else bent
