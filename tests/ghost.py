"""A pretended accelerator: tensors that hold CPU data, but say that they are on ``cuda`` or ``mps``.

A function mode turns arguments that name the device into wrapping, and ``__torch_dispatch__`` sees every operation. As
a real device would, it refuses tensors of several devices, random generators of another device, and half-precision
FFTs; MPS also float64 and the operations that it lacks. It counts what makes the host wait: reads (``item``, ``bool``,
``nonzero``, ``.cpu()`` and their like) and uploads that are not in the background. A download in the background holds
NaN until an event that was recorded after it has been waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import ghost_tensors
import torch
from ghost_rules import BRINGING, DOWNLOADS, MixedDevices, Records, place
from ghost_tensors import Accelerator, Ghost, now
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

__all__ = ["Accelerator", "Ghost", "MixedDevices", "Records", "pretended"]


def _is_single(value: Any) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, Ghost) and value.ndim == 0


class _Pretend(TorchFunctionMode):
    """Turns what names the device into wrapping and unwrapping."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        accelerator, name = now(), getattr(func, "__name__", "")
        kwargs = dict(kwargs or {})
        if func is Tensor.to:
            return self._moved(accelerator, *args, **kwargs)
        if name == "pin_memory":
            return args[0]
        if name in BRINGING and any(isinstance(arg, Ghost) for arg in args):
            # Tensors of a single number may be on the CPU; Python's numbers are made on the device.
            for _ in filter(_is_single, args[1:]):
                accelerator.note("uploads", name)
                accelerator.note("stalling", name)
        if name in ("cpu", *DOWNLOADS) and args and isinstance(args[0], Ghost):
            if getattr(args[0], "fallen", False):
                return func(args[0].held, *args[1:], **kwargs)
            accelerator.note("reads", name)
            return args[0].held.clone() if name == "cpu" else func(args[0].held)
        if accelerator.is_named_by(kwargs.get("device")):
            generator = kwargs.get("generator")
            if isinstance(generator, torch.Generator):
                raise RuntimeError(f"Expected a generator of '{accelerator.kind}' but found 'cpu' @ {place()}")
            del kwargs["device"]
            if name in ("tensor", "as_tensor"):
                accelerator.note("uploads", name)
                accelerator.note("stalling", name)
            made = func(*args, **kwargs)
            return tree_map(lambda leaf: accelerator.up(leaf) if isinstance(leaf, Tensor) else leaf, made)
        return func(*args, **kwargs)

    @staticmethod
    def _moved(accelerator: Accelerator, x: Tensor, *places: Any, **named: Any) -> Tensor:
        device, background = named.pop("device", None), named.pop("non_blocking", False)
        for told in places:
            if isinstance(told, Tensor):
                device, named["dtype"] = told.device, told.dtype
            elif isinstance(told, torch.device | str):
                device = told
            elif isinstance(told, torch.dtype):
                named["dtype"] = told
            elif isinstance(told, bool):
                background = told
        if isinstance(x, Ghost) and getattr(x, "fallen", False):
            x = x.held
        if accelerator.is_named_by(device) and not isinstance(x, Ghost):
            if named.get("dtype") is not None:
                x = x.to(dtype=named["dtype"])
            if x.numel():
                accelerator.note("uploads", "to")
                if not background:
                    accelerator.note("stalling", "to")
            parameter = isinstance(x, nn.Parameter)
            x = accelerator.up(x)
            x = nn.Parameter(x, requires_grad=False) if parameter else x
        elif device is not None and torch.device(device).type == "cpu" and isinstance(x, Ghost):
            late = background and accelerator.kind == "cuda"
            accelerator.note("answers" if late else "reads", "to cpu")
            x = accelerator.download(x) if late else x.held.clone()
        named = {name: value for name, value in named.items() if value is not None}
        return x.to(**named) if named else x


@contextmanager
def pretended(kind: str = "cuda") -> Iterator[Accelerator]:
    """Pretend that there is an accelerator, ``cuda`` or ``mps``, for as long as this lasts."""
    assert not ghost_tensors.current
    accelerator = Accelerator(kind)
    ghost_tensors.current.append(accelerator)
    waiting: Callable[..., None] = lambda *_, **__: None  # noqa: E731
    # Weights that change their kind or device are new ones then: the kind of a wrapper is fixed.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with ExitStack() as stack:
            for place, name, stand_in in (
                (torch.cuda, "Event", accelerator.event),
                (torch.cuda, "current_stream", waiting),
                (torch.cuda, "synchronize", waiting),
                (torch.cuda, "empty_cache", waiting),
                (torch.mps, "synchronize", waiting),
                (torch.mps, "empty_cache", waiting),
            ):
                stack.enter_context(patch.object(place, name, stand_in))
            stack.enter_context(_Pretend())
            yield accelerator
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
        ghost_tensors.current.clear()
