"""From a layer's tensors in a file to the changes of the model's layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ....core.bends.patterns import fits_end
from ...loras import Change, Dora, Full, Hadamard, Kronecker, LowRank, original
from .layer_names import LayerNames, Place
from .reading import Contents, Entry

#: What the names of matrices begin with, which have rows and columns.
_MATRICES = ("up", "down", "mid", "hada", "lokr")


class Unfit(Exception):
    """Why a layer of a file does not fit the model, in words, and which of its tensors it is, if it is one."""

    def __init__(self, why: str, role: str = "") -> None:
        super().__init__(why)
        self.role = role


class Built(NamedTuple):
    """One change of one tensor of the model."""

    place: Place
    layer: nn.Module
    tensor: str
    change: Change


def build(entry: Entry, places: tuple[Place, ...], names: LayerNames, contents: Contents) -> list[Built]:
    """The changes that a layer of a file makes.

    Raises
    ------
    Unfit
    """
    built = []
    for place in places:
        layer = names.networks[place.part].get_submodule(place.path)
        rows = sum(_base(names, other, "weight").shape[0] for other in places)
        for tensor, change in _changes(entry, place, _base(names, place, "weight"), rows, contents):
            base = _base(names, place, tensor)
            built.append(Built(place, layer, tensor, change.to(device=base.device, dtype=base.dtype)))
    return built


def _base(names: LayerNames, place: Place, tensor: str) -> Tensor:
    """A tensor of the model as it is without any LoRA."""
    layer = names.networks[place.part].get_submodule(place.path)
    base = original(layer, tensor)
    if not isinstance(base, Tensor):
        raise Unfit(f"the model's layer has no {tensor}")
    if not base.is_floating_point():
        raise Unfit("the model's layer is quantized")
    return base


def _changes(entry: Entry, place: Place, base: Tensor, rows: int, contents: Contents) -> Iterator[tuple[str, Change]]:
    """The changes of a layer's tensors.

    Parameters
    ----------
    base : the layer's weight
    rows : of the file's layer, which may hold several of the model's
    """
    parts = {role: tensor.to(base.device) for role, tensor in entry.parts.items()}
    shape = (rows, *base.shape[1:])
    for role, tensor in parts.items():
        if _is_of(role, _MATRICES):
            _check(tensor.ndim >= 2, role, tensor, ("rows", "columns"))
    if bias := {role for role in ("diff_bias", "up_bias") if role in parts}:
        scale = _scale(parts, place, contents, parts["up"].shape[1]) if "up_bias" in bias and "up" in parts else 1.0
        for role in bias:
            _check(parts[role].numel() == rows, role, parts[role], (rows,))
        flat = [parts[role].float().flatten() * (scale if role == "up_bias" else 1.0) for role in sorted(bias)]
        yield "bias", Full(torch.stack(flat).sum(0)[_rows(place, rows)])
    change = _of_weight(parts, shape, place, contents)
    if change is None:
        if not bias:
            raise Unfit(f"of its tensors there is only {', '.join(entry.parts)}")
        return
    magnitude = parts.get("dora", parts.get("magnitude"))
    if magnitude is not None:
        yield "weight", _dora(change, magnitude, "magnitude" in parts, place, shape)
    else:
        yield "weight", change


def _of_weight(parts: Mapping[str, Tensor], shape: tuple[int, ...], place: Place, contents: Contents) -> Change | None:
    """The change of a weight; None if the file's layer has none."""
    kinds = {"low rank": ("up", "down", "mid"), "LoHa": ("hada",), "LoKr": ("lokr",), "in full": ("diff",)}
    found = [kind for kind, heads in kinds.items() if any(_is_of(role, heads) for role in parts)]
    if len(found) > 1:
        raise Unfit(f"it is {' and '.join(found)} at once")
    if not found:
        return None
    if found[0] == "in full":
        _check(parts["diff"].numel() == math.prod(shape), "diff", parts["diff"], shape)
        return Full(parts["diff"].reshape(shape)[_rows(place, shape[0])])
    if found[0] == "LoKr":
        return _lokr(parts, shape, place, contents)
    if found[0] == "LoHa":
        first, second = (
            _factors(parts, f"hada_w{number}_a", f"hada_w{number}_b", f"hada_t{number}", shape) for number in (1, 2)
        )
        scale = _scale(parts, place, contents, first[0].shape[1])
        rows = _rows(place, shape[0])
        return Hadamard((first[0][rows], first[1]), (second[0][rows], second[1]), scale)
    up, down = _factors(parts, "up", "down", "mid", shape)
    return LowRank(up[_rows(place, shape[0])], down, _scale(parts, place, contents, up.shape[1]))


def _is_of(role: str, heads: tuple[str, ...]) -> bool:
    return role.split("_")[0] in heads and not role.endswith("_bias")


def _factors(
    parts: Mapping[str, Tensor], up_role: str, down_role: str, middle_role: str, shape: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """The two matrices of a product, (outputs, ranks) and (ranks, the rest); Tucker's middle goes into the second."""
    missing = [role for role in (up_role, down_role) if role not in parts]
    if missing:
        raise Unfit(f"its {' and '.join(missing)} is missing")
    up, down = parts[up_role].float(), parts[down_role].float()
    if middle_role in parts:
        middle = parts[middle_role].float()
        if middle_role != "mid":
            up = up.flatten(1).T  # LyCORIS: (ranks, outputs)
        up, down = up.flatten(1), down.flatten(1)
        fits = middle.ndim >= 2 and middle.shape[0] == up.shape[1] and middle.shape[1] == down.shape[0]
        _check(fits, middle_role, middle, (up.shape[1], down.shape[0]))
        down = torch.einsum("ij...,jr->ir...", middle.double().cpu(), down.double().cpu()).to(up)
    up, down = up.flatten(1), down.flatten(1)
    _check(up.shape[0] == shape[0], up_role, up, (shape[0], "ranks"))
    _check(down.shape[1] == math.prod(shape[1:]), down_role, down, ("ranks", *shape[1:]))
    if up.shape[1] != down.shape[0]:
        raise Unfit(f"its {up_role} has {up.shape[1]} ranks and its {down_role} {down.shape[0]}")
    return up, down


def _lokr(parts: Mapping[str, Tensor], shape: tuple[int, ...], place: Place, contents: Contents) -> Change:
    """LoKr, whose two matrices may be products themselves; alpha counts only if one of them is."""
    matrices, rank = [], 0
    for number in (1, 2):
        whole, up, down = (f"lokr_w{number}{end}" for end in ("", "_a", "_b"))
        if whole in parts:
            matrices.append(parts[whole].float())
            continue
        if up not in parts or down not in parts:
            raise Unfit(f"its {whole} is missing")
        one, two = parts[up].double().cpu(), parts[down].double().cpu()
        if number == 2 and "lokr_t2" in parts:
            middle = parts["lokr_t2"]
            fits = one.ndim == two.ndim == 2 and tuple(middle.shape[:2]) == (one.shape[0], two.shape[0])
            _check(fits, "lokr_t2", middle, (one.shape[0], two.shape[0]))
            product = torch.einsum("ij...,jr,ip->pr...", parts["lokr_t2"].double().cpu(), two, one)
        else:
            _check(one.ndim == 2 and one.shape[1] == two.shape[0], down, two, (one.shape[-1], "inputs"))
            product = (one @ two.flatten(1)).reshape(one.shape[0], *two.shape[1:])
        rank = rank or two.shape[0]
        matrices.append(product.to(parts[up].device, torch.float32))
    first, second = matrices
    fits = first.ndim == 2 and second.ndim >= 2 and first.shape[0] * second.shape[0] == shape[0]
    _check(fits and first.numel() * second.numel() == math.prod(shape), "lokr_w2", second, shape)
    change = Kronecker(first, second, _scale(parts, place, contents, rank) if rank else 1.0)
    if place.rows is None and not place.swapped:
        return change
    whole_change = change.delta(torch.empty(shape, device="meta"))
    return Full(whole_change[_rows(place, shape[0])])


def _dora(change: Change, magnitude: Tensor, of_peft: bool, place: Place, shape: tuple[int, ...]) -> Change:
    """DoRA; peft's lengths are those of the outputs, LyCORIS' are those of the axis along which they lie."""
    if len(shape) < 2:
        raise Unfit("it is DoRA, and the model's layer has no rows and columns")
    by_output = of_peft or (magnitude.ndim > 0 and magnitude.shape[0] == shape[0] and magnitude.numel() == shape[0])
    _check(
        magnitude.numel() == (shape[0] if by_output else shape[1]), "dora", magnitude, (shape[0 if by_output else 1],)
    )
    if by_output:
        return Dora(change, magnitude.flatten()[_rows(place, shape[0])], True)
    if place.rows is not None:
        raise Unfit("its DoRA lengths are those of several layers together, one for each input")
    return Dora(change, magnitude, False)


def _rows(place: Place, rows: int) -> Tensor:
    """The rows of the file's layer that are a place's."""
    first, last = place.rows or (0, rows)
    chosen = torch.arange(first, last)
    return torch.cat(chosen.chunk(2)[::-1]) if place.swapped else chosen


def _scale(parts: Mapping[str, Tensor], place: Place, contents: Contents, rank: int) -> float:
    """Alpha by rank: the layer's own alpha, else what diffusers wrote about the part, else 1."""
    if rank == 0:
        raise Unfit("it has no rank")
    if "alpha" in parts:
        if parts["alpha"].numel() != 1:
            raise Unfit("its alpha is not one number")
        return float(parts["alpha"].flatten()[0]) / rank
    told = {
        name.removeprefix(f"{place.part}."): value
        for name, value in contents.settings.items()
        if name.startswith(f"{place.part}.")
    }
    alpha = _told_alpha(told, place.path)
    if alpha is None:
        return 1.0
    return alpha / (math.sqrt(rank) if told.get("use_rslora") else rank)


def _told_alpha(told: Mapping[str, Any], path: str) -> float | None:
    """The alpha of a layer in peft's settings: that of the first pattern that the end of its path fits."""
    listed = told.get("alpha_pattern")
    for text, alpha in listed.items() if isinstance(listed, dict) else ():
        fits = fits_end(text, path)
        if fits is None:
            raise Unfit(f"its alpha is told by a pattern that Bend doesn't read, {text[:80]!r}")
        if fits and isinstance(alpha, int | float):
            return float(alpha)
    alpha = told.get("lora_alpha")
    return float(alpha) if isinstance(alpha, int | float) else None


def _check(fits: bool, role: str, tensor: Tensor, wanted: tuple[Any, ...]) -> None:
    if not fits:
        found, asked = (" × ".join(map(str, shape)) or "one number" for shape in (tensor.shape, wanted))
        raise Unfit(f"it is {found}, and this model takes {asked}", role)
