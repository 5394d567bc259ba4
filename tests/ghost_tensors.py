"""Tensors that hold CPU data, but say that they are on an accelerator, and the device that keeps count of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from ghost_rules import HALF, WIDE, MixedDevices, Operation, Records, described, place
from torch import Tensor, nn


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
            what = f"{operation} @ {place()}"
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


#: The device that is pretended at the moment.
current: list[Accelerator] = []


def now() -> Accelerator:
    """The device that is pretended at the moment."""
    assert current, "a tensor of the pretended device is used after it has gone"
    return current[-1]


class Ghost(Tensor):
    """A tensor that says that it is on the device; its numbers are ``held`` on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor, requires_grad: bool = False) -> Ghost:
        # accelerate makes a parameter anew from its class, as if that were nn.Parameter
        held = held.held if isinstance(held, Ghost) else held
        with torch.inference_mode(False):  # views of weights must have a version counter
            made: Ghost = Tensor._make_wrapper_subclass(
                cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype
            )
        made.held = held
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cpu") if getattr(self, "fallen", False) else now().device

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
        accelerator, operation = now(), described(func)
        if operation.name == "aten._has_compatible_shallow_copy_type.default":
            return False
        kwargs = {key: value for key, value in kwargs.items() if key != "device"} if kwargs else {}
        tensors = [*_tensors(args), *_tensors(kwargs.values())]
        _refuse(accelerator, operation, args, tensors)
        masked = operation.indexes and any(leaf.dtype == torch.bool for leaf in _tensors(args[1:2]))
        if masked or operation.reads:
            accelerator.note("reads", operation.name.removeprefix("aten."))
        out = func(*map(_held, args), **{key: _held(value) for key, value in kwargs.items()})
        if operation.is_number:
            return out
        if operation.moves and out.dtype in WIDE:
            _note_wide(accelerator, operation.name)
        return args[0] if operation.in_place else _ghosts(out)


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """The tensors among some arguments and their lists."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _held(value: Any) -> Any:
    if isinstance(value, Ghost):
        return value.held
    return [_held(part) for part in value] if isinstance(value, list | tuple) else value


def _ghosts(out: Any) -> Any:
    if isinstance(out, Tensor):
        return Ghost(out)
    return type(out)(map(_ghosts, out)) if isinstance(out, list | tuple) else out


def _refuse(accelerator: Accelerator, operation: Operation, args: Any, tensors: list[Tensor]) -> None:
    """Fail as the device would; note what is slow there."""
    name = operation.name
    elsewhere = [t for t in tensors if not isinstance(t, Ghost) or getattr(t, "fallen", False)]
    if operation.copies:
        background = len(args) > 2 and args[2]
        if not isinstance(args[0], Ghost):
            accelerator.note("answers" if background else "reads", "copy_")
        elif any(t.ndim for t in elsewhere):
            accelerator.note("uploads", "copy_")
            if not background:
                accelerator.note("stalling", "copy_")
    elif operation.indexes and name.startswith(("aten.index.", "aten.index_put")) and isinstance(args[0], Ghost):
        if elsewhere:  # indices may be on the CPU
            accelerator.note("uploads", name)
            accelerator.note("stalling", name)
    elif not operation.moves and any(t.ndim for t in elsewhere):
        raise MixedDevices(f"Expected all tensors to be on the same device: {name} @ {place()}")
    kinds = {t.dtype for t in tensors if isinstance(t, Ghost)}
    if kinds & WIDE:
        _note_wide(accelerator, name)
    if operation.is_fft and kinds & HALF:
        raise RuntimeError(f"Unsupported dtype of an FFT: {name} {kinds} @ {place()}")
    if accelerator.kind == "mps" and not operation.on_mps:
        raise NotImplementedError(f"{name} is not implemented for the MPS device @ {place()}")


def _note_wide(accelerator: Accelerator, name: str) -> None:
    accelerator.note("wide", name)
    if accelerator.kind == "mps":
        raise TypeError(f"Cannot convert a MPS Tensor to float64 dtype: {name} @ {place()}")
