"""The places within a network where a bend can sit: modules that give a tensor, and the UNet's skip connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ...core.bends.sites import Site
from ...core.errors import BendError, Code
from ...core.site_kinds import SiteKind
from .apply import Grid

#: From a tensor, and the picture's rows and columns if it is tokens, to the bent tensor.
Change = Callable[[Tensor, "Grid | None"], Tensor]

SKIPS = "skips"

_known: WeakKeyDictionary[nn.Module, list[str]] = WeakKeyDictionary()
_by_path: WeakKeyDictionary[nn.Module, dict[str, nn.Module]] = WeakKeyDictionary()
_matched: WeakKeyDictionary[nn.Module, dict[str, list[str]]] = WeakKeyDictionary()


def places(kind: str, network: nn.Module) -> list[str]:
    """Every place within a network, by path.

    Lists of modules are never called and so are none; of an autoencoder only the decoder bends pictures.
    """
    if network not in _known:
        paths = [
            path
            for path, module in _modules(network).items()
            if not isinstance(module, nn.ModuleList | nn.ModuleDict)
            and (kind != SiteKind.VAE or path.startswith(("decoder", "post_quant_conv")))
        ]
        _known[network] = paths + [f"{SKIPS}.{number}" for number in range(len(_skip_owners(network)))]
    return _known[network]


def _modules(network: nn.Module) -> dict[str, nn.Module]:
    if network not in _by_path:
        # Without the network itself, which would keep its own entry alive, and without what LoRA files lay over layers.
        named = ((path, module) for path, module in network.named_modules() if path)
        _by_path[network] = {path: module for path, module in named if "parametrizations" not in path.split(".")}
    return _by_path[network]


def matching(site: Site, network: nn.Module) -> list[str]:
    """The paths within a network that a site names; remembered, since every step asks again.

    Raises
    ------
    BendError(SITE_UNKNOWN) if there is none
    """
    known = _matched.setdefault(network, {})
    if str(site) not in known:
        known[str(site)] = site.matches(places(site.kind, network))
    return known[str(site)]


def _skip_owners(network: nn.Module) -> list[tuple[nn.Module, int]]:
    """For every skip connection of a UNet, in the order of the way down: the block it leads into, and its place."""
    blocks = list(getattr(network, "up_blocks", []))
    if not blocks or not all(hasattr(block, "resnets") for block in blocks):
        return []
    return [(block, place) for block in reversed(blocks) for place in range(len(block.resnets))]


def watch(network: nn.Module, path: str, size: Grid, change: Change, required: bool = True) -> RemovableHandle:
    """Let a function change the tensor that passes at a place.

    Parameters
    ----------
    size : rows and columns of the latent, from which those of tokens follow
    required : whether it is a failure that no tensor passes there
    """
    kind, _, number = path.partition(".")
    if kind == SKIPS and number.isdecimal():
        block, place = _skip_owners(network)[int(number)]
        return block.register_forward_pre_hook(_skip_hook(place, size, change), with_kwargs=True)
    module = _modules(network)[path]

    def hook(module: nn.Module, arguments: Any, output: Any) -> Any:
        try:
            return with_tensor(module, output, size, change)
        except BendError as error:
            if required or error.code != Code.SITE_SHAPE:
                raise
            return None

    return module.register_forward_hook(hook)


def _skip_hook(place: int, size: Grid, change: Change) -> Callable[..., Any]:
    def hook(module: nn.Module, arguments: Any, named: dict[str, Any]) -> Any:
        skips = list(named["res_hidden_states_tuple"])
        skips[place] = change(skips[place], grid_of(skips[place], size))
        return arguments, {**named, "res_hidden_states_tuple": tuple(skips)}

    return hook


def with_tensor(module: nn.Module, output: Any, size: Grid, change: Change) -> Any:
    """A module's output with its picture changed.

    The output is a tensor, a diffusers output, or a tuple, such as a block's picture and skips, or text and picture
    of a transformer block.
    """
    if isinstance(output, Tensor):
        return change(output, grid_of(output, size))
    if isinstance(output, tuple):
        chosen = _picture_among(module, output, size)
        if chosen is not None:
            parts: list[Any] = list(output)
            parts[chosen] = change(parts[chosen], grid_of(parts[chosen], size))
            return tuple(parts)
    if isinstance(getattr(output, "sample", None), Tensor):
        return type(output)(**{**output, "sample": change(output.sample, grid_of(output.sample, size))})
    raise BendError(
        Code.SITE_SHAPE,
        "A bend is on a part of the network that outputs no tensor.",
        "Choose a block, resnet, attention or convolution.",
    )


def _picture_among(module: nn.Module, parts: tuple[Any, ...], size: Grid) -> int | None:
    """Which part of a tuple is the picture: tokens that fill the grid come before words, else the first tensor.

    Where words happen to be as many as the picture's tokens, blocks give the picture last and attentions first.
    """
    tensors = [index for index, part in enumerate(parts) if isinstance(part, Tensor)]
    pictures = [index for index in tensors if grid_of(parts[index], size) is not None]
    if len(pictures) > 1 and all(parts[index].ndim == 3 for index in pictures) and "Block" in type(module).__name__:
        return pictures[-1]
    return next(iter(pictures or tensors), None)


def grid_of(x: Tensor, size: Grid) -> Grid | None:
    """The rows and columns that a tensor stands for: its own, or those of the level whose cells are as many."""
    if x.ndim == 4:
        return x.shape[2], x.shape[3]
    rows, columns = size
    while x.ndim == 3 and rows * columns >= x.shape[1] > 0:
        if rows * columns == x.shape[1]:
            return rows, columns
        if rows * columns == 1:
            break
        rows, columns = (rows + 1) // 2, (columns + 1) // 2  # as a UNet halves odd sides
    return None
