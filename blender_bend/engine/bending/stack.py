"""The bend stack of one frame on one model: which bends act at which site and step, and the hooks that carry them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from ...core import sites
from ...core.errors import BendError, Code
from .bend import bend_tensor


class BendStack:
    """The active bends of one frame.

    ``step`` is the denoising step under way; the sampler advances it, the hooks read it.

    Parameters
    ----------
    bends : the bends of ``Job.resolve``
    seed : the frame's seed
    """

    def __init__(self, bends: list[dict[str, Any]], seed: int) -> None:
        self.bends = bends
        self.seed = seed
        self.step = 0

    def bend_state(self, kind: str, x: Tensor) -> Tensor:
        """Apply the bends of a state site (``noise`` or ``latent``) whose window holds the current step."""
        for bend in self.bends:
            if bend["site"] == kind:
                x = self._bend(bend, x)
        return x

    def _bend(self, bend: dict[str, Any], x: Tensor) -> Tensor:
        first, last = bend["steps"]
        return bend_tensor(x, bend, seed=self.seed, step=self.step) if first <= self.step < last else x

    @contextmanager
    def hooked(self, modules: dict[str, nn.Module], steps: int) -> Iterator[None]:
        """Put the bends of module sites in place, and take every one away again.

        Parameters
        ----------
        modules : the model's networks by site kind: ``{"unet": ...}``
        steps : number of denoising steps; a window after the last step acts at the last one

        Raises
        ------
        BendError(SITE_UNKNOWN) if a site names no module of this model.
        """
        handles = []
        try:
            for bend in self.bends:
                site = sites.parse(bend["site"])
                if site.kind not in sites.MODULE_KINDS:
                    continue
                if site.kind not in modules:
                    raise BendError(Code.SITE_UNKNOWN, f"This model has no {site.kind}.", "Choose another site.")
                first, last = bend["steps"]
                bend = {**bend, "steps": [min(first, steps - 1), last]}
                named = dict(modules[site.kind].named_modules())
                spoken = (path for path, part in named.items() if path and not isinstance(part, nn.ModuleList))
                for path in site.matches(spoken):
                    handles.append(named[path].register_forward_hook(self._hook(bend)))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook(self, bend: dict[str, Any]) -> Any:
        def hook(module: nn.Module, arguments: Any, output: Any) -> Any:
            return _with_tensor(output, lambda x: self._bend(bend, x))

        return hook


def _with_tensor(output: Any, change: Any) -> Any:
    """A module's output with its (first) tensor changed: a tensor, a tuple of it and skips, or a diffusers output."""
    if isinstance(output, Tensor):
        return change(output)
    if isinstance(output, tuple) and output and isinstance(output[0], Tensor):
        return (change(output[0]), *output[1:])
    if isinstance(getattr(output, "sample", None), Tensor):
        return type(output)(**{**output, "sample": change(output.sample)})
    raise BendError(
        Code.SITE_SHAPE,
        "A bend sits on a part of the network that gives no tensor.",
        "Choose a block, resnet, attention or convolution.",
    )
