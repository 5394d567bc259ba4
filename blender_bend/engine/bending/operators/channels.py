"""Operators that mix the channels; what each is for stands in ``core.catalogue.channels``."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ....core.catalogue.channels import SIX_PLANES
from ....core.errors import BendError, Code
from ...host.devices import upload
from .matrices import drawn_matrix, read_matrix, spectral_norm, walsh
from .registry import Moment, operator, per_row, rows_and_columns

GROUP = 4


def turn(y: Tensor, first: int, second: int, angle: Tensor, groups: int = 1) -> None:
    """Rotate a plane of channels in place, in each of some groups: y_a = cos x_a - sin x_b, y_b = sin x_a + cos x_b."""
    stop = y.shape[1] if groups == 1 else groups * GROUP
    step = y.shape[1] if groups == 1 else GROUP
    a, b = y[:, first:stop:step], y[:, second:stop:step]
    cosine, sine = per_row(torch.cos(angle), a), per_row(torch.sin(angle), a)
    a[:], b[:] = cosine * a - sine * b, sine * a + cosine * b


def full_groups(x: Tensor) -> int:
    """How many full groups of four channels there are.

    Raises
    ------
    BendError(CHANNEL_MISSING) if there is none.
    """
    if x.shape[1] < GROUP:
        raise channel_missing("A group of four", x)
    return x.shape[1] // GROUP


def channel_missing(what: str, x: Tensor) -> BendError:
    return BendError(
        Code.CHANNEL_MISSING,
        f"{what} needs more channels: this site has {x.shape[1]}.",
        "Choose another site, or other channels.",
    )


@operator("rotate_channels")
def rotate_channels(x: Tensor, moment: Moment, angle: Tensor, plane: str, repeat: str) -> Tensor:
    """Rotate the plane of two channels: y_a = cos x_a - sin x_b, y_b = sin x_a + cos x_b.

    Parameters
    ----------
    angle : shape (B,), radians
    plane : two different channel numbers below C, written ``"a-b"``; ``"b-a"`` turns the other way
    repeat : ``"every four"`` turns every full group of four channels alike, and the plane lies within 0 to 3

    Raises
    ------
    BendError(CHANNEL_MISSING) if the site has fewer channels than the plane names.

    Source: Dzwonczyk, Cella & Ban, DAFx24, rotations R1 (plane 1-2), R2 (2-0), R3 (3-0) and R4 (0-1).
    """
    first, second = (int(channel) for channel in plane.split("-"))
    groups = full_groups(x) if repeat == "every four" else 1
    if max(first, second) >= (GROUP if repeat == "every four" else x.shape[1]):
        raise channel_missing(f"Plane {plane}", x)
    y = x.clone()
    turn(y, first, second, angle, groups)
    return y


@operator("six_plane_rotation")
def six_plane_rotation(x: Tensor, moment: Moment, **angles: Tensor) -> Tensor:
    """The product G01 G02 G03 G12 G13 G23 of rotations on every full group of four channels; the rest stays.

    Raises
    ------
    BendError(CHANNEL_MISSING) if the site has fewer than four channels.

    Source: JAES25, ``six_plane_rotation``.
    """
    y, groups = x.clone(), full_groups(x)
    for first, second in reversed(SIX_PLANES):  # the last factor of a product acts first
        turn(y, first, second, angles[f"angle_{first}{second}"], groups)
    return y


@operator("channel_matrix")
def channel_matrix(x: Tensor, moment: Moment, amount: Tensor, form: str, matrix: str, variation: str) -> Tensor:
    """y[o] = sum_c M[o, c] x[c] with M = I + amount A / ||A|| (spectral norm), or raw (1 - amount) I + amount A.

    Parameters
    ----------
    form : ``"normalised"`` or ``"raw"``
    matrix : C * C numbers row by row; empty for N(0, 1) drawn from the moment and the variation

    Raises
    ------
    BendError(PARAMETER_INVALID) if the numbers cannot be read or are not C * C.

    Source: JAES25, ``tensor_multiply`` (raw, amount 1), which has no normalisation.
    """
    channels = x.shape[1]
    a = read_matrix(matrix, channels) if matrix.strip() else drawn_matrix(channels, moment, variation)
    if form == "normalised":
        norm = spectral_norm(matrix, channels, moment if not matrix.strip() else None, variation)
        a = a / max(norm, torch.finfo(torch.float32).tiny)
    flat, a = x.flatten(2).contiguous(), upload(a, x.device).to(x.dtype)
    mixed = torch.stack([a @ row for row in flat])  # rows alike in any batch
    kept = 1.0 if form == "normalised" else per_row(1 - amount, flat)
    return (kept * flat + per_row(amount, flat) * mixed).reshape(x.shape)


@operator("reflect")
def reflect(x: Tensor, moment: Moment, channel: str) -> Tensor:
    """The sign of one channel turned.

    Raises
    ------
    BendError(CHANNEL_MISSING)

    Source: DAFx24, ``reflect``.
    """
    if int(channel) >= x.shape[1]:
        raise channel_missing(f"Channel {channel}", x)
    y = x.clone()
    y[:, int(channel)] = -x[:, int(channel)]
    return y


@operator("hadamard")
def hadamard(x: Tensor, moment: Moment, form: str) -> Tensor:
    """The Hadamard matrix (Sylvester's order) on the channels, or on the rows.

    Channels that are no power of two are taken in neighbouring blocks of the largest power of two that divides their
    number; an odd number stays as it is.

    Parameters
    ----------
    form : ``"orthogonal"``, divided by the root of the block; ``"raw"``, all of 1 and -1; ``"raw rows"``: raw over the
        rows, with the result laid out as [C, W, H], so that the picture is transposed

    Raises
    ------
    BendError(SITE_SHAPE) for ``"raw rows"`` on anything but a square whose side is a power of two.

    Source: DAFx24, ``hadamard1`` (raw) and ``hadamard2`` (raw rows).
    """
    if form == "raw rows":
        height, width = rows_and_columns(x, "Hadamard over rows")
        if height != width or height & (height - 1):
            raise BendError(
                Code.SITE_SHAPE,
                f"Hadamard over rows needs a square whose side is a power of two, not {height} rows of {width}.",
                "Render 256, 512 or 1024 pixels square, or choose another form.",
            )
        return walsh(x.transpose(2, 3).clone(memory_format=torch.contiguous_format))
    block = x.shape[1] & -x.shape[1]
    blocks = x.flatten(2).unflatten(1, (-1, block)).transpose(2, 3)
    mixed = walsh(blocks) / (math.sqrt(block) if form == "orthogonal" else 1.0)
    return mixed.transpose(2, 3).reshape(x.shape)


@operator("permute_channels")
def permute_channels(x: Tensor, moment: Moment, variation: str) -> Tensor:
    """Every channel in the place of another: one cycle through all of them, drawn from the moment."""
    order = torch.randperm(x.shape[1], generator=moment.generator(variation))
    source = torch.empty_like(order)
    source[order] = order.roll(1)
    return x.index_select(1, upload(source, x.device))


@operator("roll_channels")
def roll_channels(x: Tensor, moment: Moment, shift: Tensor) -> Tensor:
    """y[c] = x[c - shift], round the end; between whole numbers the two neighbours are blended."""
    channels = x.shape[1]
    flat = x.flatten(2)
    whole = torch.floor(shift)
    share = per_row(shift - whole, flat)
    source = torch.arange(channels, device=x.device) - whole.long().unsqueeze(1)

    def rolled(source: Tensor) -> Tensor:
        return flat.gather(1, (source % channels).unsqueeze(2).expand_as(flat))

    return ((1 - share) * rolled(source) + share * rolled(source - 1)).reshape(x.shape)
