"""A pretended accelerator: tensors that hold CPU data, but say that they are on ``cuda`` or ``mps``.

A function mode turns arguments that name the device into wrapping, and ``__torch_dispatch__`` sees every operation. As
a real device would, it refuses tensors of several devices, random generators of another device, and half-precision
FFTs; MPS also float64 and the operations that it lacks. It counts what makes the host wait: reads (``item``, ``bool``,
``nonzero``, ``.cpu()`` and their like) and uploads that are not in the background. A download in the background holds
NaN until an event that was recorded after it has been waited for.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import yaml
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

#: Operations whose result, or its shape, the host must wait for.
_READING = {
    f"aten.{name}.default"
    for name in ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "_unique2", "unique_dim")
}
#: Methods that bring numbers to the host.
_DOWNLOADS = {"__bool__", "__float__", "__int__", "__index__", "item", "tolist", "numpy"}
#: What brings tensors of a single number to the device by itself, where arithmetic takes them from the CPU.
_BRINGING = {"where", "copy_", "__setitem__"}
#: Keys of torch's table of kernels by which an operation works on every device, MPS among them.
_EVERYWHERE = {
    "MPS",
    "CompositeExplicitAutograd",
    "CompositeExplicitAutogradNonFunctional",
    "CompositeImplicitAutograd",
}
#: What the CPU does in the place of kernels that other devices have.
_OF_THE_CPU = ("_for_cpu", "mkldnn")
_WIDE = {torch.float64, torch.complex128}
_HALF = {torch.float16, torch.bfloat16, torch.complex32}


class MixedDevices(RuntimeError):
    """What torch says of tensors on several devices."""


@dataclass
class Records:
    """What was seen, by operation and the innermost line of code outside torch.

    Parameters
    ----------
    reads : the host waited for a number of the device
    answers : downloads in the background, for which it need not wait
    uploads : tensors brought to the device
    stalling : those of them that were not in the background
    wide : float64 on the device, which is slow, and which MPS lacks
    """

    reads: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    uploads: Counter[str] = field(default_factory=Counter)
    stalling: Counter[str] = field(default_factory=Counter)
    wide: Counter[str] = field(default_factory=Counter)

    def ours(self, name: str) -> Counter[str]:
        """Those of one kind that lines of Bend's own caused, not those of diffusers."""
        return Counter({what: count for what, count in getattr(self, name).items() if "@ bend " in what})


class Accelerator:
    """The device that is pretended while ``pretended`` lasts."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.device = torch.device(kind, 0)
        self._watching: list[Records] = []
        self._underway: list[tuple[Tensor, Tensor]] = []
        #: Called when the host waits for an event.
        self.waited: Callable[[], None] = lambda: None

    @contextmanager
    def watched(self) -> Iterator[Records]:
        """What happens while this lasts."""
        records = Records()
        self._watching.append(records)
        try:
            yield records
        finally:
            # By identity: two empty records are equal.
            self._watching = [other for other in self._watching if other is not records]

    def note(self, kind: str, operation: str) -> None:
        if self._watching:
            what = f"{operation} @ {_place()}"
            for records in self._watching:
                getattr(records, kind)[what] += 1

    def is_named_by(self, device: Any) -> bool:
        """Whether an argument means this device."""
        return isinstance(device, str | torch.device) and torch.device(device).type == self.kind

    def up(self, tensor: Tensor) -> Ghost:
        """A tensor on the device."""
        return tensor if isinstance(tensor, Ghost) else Ghost(tensor.detach())

    def send(self, module: nn.Module) -> nn.Module:
        """A module with its weights on the device."""
        for part in module.modules():
            for name, parameter in part._parameters.items():
                if parameter is not None:
                    part._parameters[name] = nn.Parameter(self.up(parameter.data), requires_grad=False)
            for name, buffer in part._buffers.items():
                if buffer is not None:
                    part._buffers[name] = self.up(buffer)
        return module

    def send_pipeline(self, pipeline: Any) -> Any:
        """A diffusers pipeline with all of its networks on the device."""
        for part in pipeline.components.values():
            if isinstance(part, nn.Module):
                self.send(part)
        return pipeline

    def download(self, tensor: Ghost) -> Tensor:
        """A copy on its way to the host."""
        host = torch.full_like(tensor.held, float("nan") if tensor.is_floating_point() else 1)
        self._underway.append((host, tensor.held.clone()))
        return host

    def event(self, *_: Any, **__: Any) -> _Event:
        """In place of ``torch.cuda.Event``."""
        return _Event(self)


class _Event:
    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self._before: list[tuple[Tensor, Tensor]] = []

    def record(self, stream: None) -> None:
        self._before, self._accelerator._underway = self._accelerator._underway, []

    def synchronize(self) -> None:
        self._accelerator.waited()
        for host, number in self._before:
            host.copy_(number)


def _place() -> str:
    frame = sys._getframe(2)
    while frame.f_back is not None:
        file = frame.f_code.co_filename
        if file != __file__ and not any(part in file for part in ("/torch/", "contextlib.py", "functools.py")):
            break
        frame = frame.f_back
    file = frame.f_code.co_filename
    if "blender_bend/" in file:
        return f"bend {file.split('blender_bend/')[-1]}:{frame.f_lineno}"
    return f"{file.split('site-packages/')[-1]}:{frame.f_lineno}"


@functools.cache
def _lacking_on_mps() -> frozenset[str]:
    """The operations without a kernel for MPS, by torch's own table."""
    table = Path(torch.__file__).parents[1] / "torchgen/packaged/ATen/native/native_functions.yaml"
    entries = {entry["func"].split("(")[0]: entry for entry in yaml.load(table.read_text(), yaml.CSafeLoader)}
    lacking = set()
    for name, entry in entries.items():
        kernels = entries[entry["structured_delegate"]] if "structured_delegate" in entry else entry
        found = {part.strip() for keys in kernels.get("dispatch", {}) for part in keys.split(",")}
        if found and not found & _EVERYWHERE and not any(part in name for part in _OF_THE_CPU):
            lacking.add(f"aten.{name}" if "." in name else f"aten.{name}.default")
    return frozenset(lacking)


_pretended: Accelerator | None = None


def _now() -> Accelerator:
    assert _pretended is not None, "a tensor of the pretended device is used after it has gone"
    return _pretended


class Ghost(Tensor):
    """A tensor that says that it is on the device; its numbers are ``held`` on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Ghost:
        with torch.inference_mode(False):  # views of weights must have a version counter
            made: Ghost = Tensor._make_wrapper_subclass(
                cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype
            )
        made.held = held
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cpu") if getattr(self, "fallen", False) else _now().device

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return self.device.type == "cuda"

    @property
    def is_mps(self) -> bool:  # type: ignore[override]
        return self.device.type == "mps"

    @property
    def is_cpu(self) -> bool:  # type: ignore[override]
        return self.device.type == "cpu"

    @property
    def data(self) -> Tensor:  # type: ignore[override]
        return self.held if self.device.type == "cpu" else Ghost(self.held)

    @data.setter
    def data(self, value: Tensor) -> None:
        # A parameter may be given numbers of another device; it is of that device then.
        self.held = value.held if isinstance(value, Ghost) else value
        self.fallen = not isinstance(value, Ghost)

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Ghost({tuple(self.shape)}, {self.dtype})"

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return torch._C._disabled_torch_function_impl(func, types, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        accelerator, name = _now(), str(func)
        if name == "aten._has_compatible_shallow_copy_type.default":
            return False
        kwargs = {key: value for key, value in (kwargs or {}).items() if key != "device"}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        _refuse(accelerator, name, args, tensors)
        masked = name.startswith("aten.index") and any(
            leaf.dtype == torch.bool for leaf in tree_leaves(args[1:2]) if isinstance(leaf, Tensor)
        )
        if masked or name in _READING:
            accelerator.note("reads", name.removeprefix("aten."))
        out = func(*tree_map(_held, args), **tree_map(_held, kwargs))
        if name == "aten._local_scalar_dense.default":
            return out
        if func._schema.is_mutable and name.split(".")[1].endswith("_"):
            return args[0]
        return tree_map(lambda leaf: Ghost(leaf) if isinstance(leaf, Tensor) else leaf, out)


def _held(leaf: Any) -> Any:
    return leaf.held if isinstance(leaf, Ghost) else leaf


def _refuse(accelerator: Accelerator, name: str, args: Any, tensors: list[Tensor]) -> None:
    """Fail as the device would; note what is slow there."""
    elsewhere = [t for t in tensors if not isinstance(t, Ghost) or getattr(t, "fallen", False)]
    if name == "aten.copy_.default":
        background = len(args) > 2 and args[2]
        if not isinstance(args[0], Ghost):
            accelerator.note("answers" if background else "reads", "copy_")
        elif any(t.ndim for t in elsewhere):
            accelerator.note("uploads", "copy_")
            if not background:
                accelerator.note("stalling", "copy_")
    elif name.startswith(("aten.index.", "aten.index_put")) and isinstance(args[0], Ghost):
        if elsewhere:  # indices may be on the CPU
            accelerator.note("uploads", name)
            accelerator.note("stalling", name)
    elif any(t.ndim for t in elsewhere) and name != "aten._to_copy.default":
        raise MixedDevices(f"Expected all tensors to be on the same device: {name} @ {_place()}")
    kinds = {t.dtype for t in tensors if isinstance(t, Ghost)}
    if kinds & _WIDE or (name == "aten._to_copy.default" and not elsewhere and kinds & _WIDE):
        accelerator.note("wide", name)
        if accelerator.kind == "mps":
            raise TypeError(f"Cannot convert a MPS Tensor to float64 dtype: {name} @ {_place()}")
    if "_fft_" in name and kinds & _HALF:
        raise RuntimeError(f"Unsupported dtype of an FFT: {name} {kinds} @ {_place()}")
    if accelerator.kind == "mps" and name in _lacking_on_mps():
        raise NotImplementedError(f"{name} is not implemented for the MPS device @ {_place()}")


def _is_single(value: Any) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, Ghost) and value.ndim == 0


class _Pretend(TorchFunctionMode):
    """Turns what names the device into wrapping and unwrapping."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        accelerator, name = _now(), getattr(func, "__name__", "")
        kwargs = dict(kwargs or {})
        if func is Tensor.to:
            return self._moved(accelerator, *args, **kwargs)
        if name == "pin_memory":
            return args[0]
        if name in _BRINGING and any(isinstance(arg, Ghost) for arg in args):
            # Tensors of a single number may be on the CPU; Python's numbers are made on the device.
            for _ in filter(_is_single, args[1:]):
                accelerator.note("uploads", name)
                accelerator.note("stalling", name)
        if name in ("cpu", *_DOWNLOADS) and args and isinstance(args[0], Ghost):
            if getattr(args[0], "fallen", False):
                return func(args[0].held, *args[1:], **kwargs)
            accelerator.note("reads", name)
            return args[0].held.clone() if name == "cpu" else func(args[0].held)
        if accelerator.is_named_by(kwargs.get("device")):
            generator = kwargs.get("generator")
            if isinstance(generator, torch.Generator):
                raise RuntimeError(f"Expected a generator of '{accelerator.kind}' but found 'cpu' @ {_place()}")
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
        for place in places:
            if isinstance(place, Tensor):
                device, named["dtype"] = place.device, place.dtype
            elif isinstance(place, torch.device | str):
                device = place
            elif isinstance(place, torch.dtype):
                named["dtype"] = place
            elif isinstance(place, bool):
                background = place
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
    global _pretended
    assert _pretended is None
    _pretended = Accelerator(kind)
    waiting: Callable[..., None] = lambda *_, **__: None  # noqa: E731
    # Weights that change their kind or device are new ones then: the kind of a wrapper is fixed.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with ExitStack() as stack:
            for place, name, stand_in in (
                (torch.cuda, "Event", _pretended.event),
                (torch.cuda, "current_stream", waiting),
                (torch.cuda, "synchronize", waiting),
                (torch.cuda, "empty_cache", waiting),
                (torch.mps, "synchronize", waiting),
                (torch.mps, "empty_cache", waiting),
            ):
                stack.enter_context(patch.object(place, name, stand_in))
            stack.enter_context(_Pretend())
            yield _pretended
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
        _pretended = None
