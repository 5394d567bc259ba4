"""What a real accelerator refuses, and what makes the host wait for one: the rules that ``ghost`` plays by."""

from __future__ import annotations

import functools
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml

#: Methods that bring numbers to the host.
DOWNLOADS = {"__bool__", "__float__", "__int__", "__index__", "item", "tolist", "numpy"}
#: What brings tensors of a single number to the device by itself, where arithmetic takes them from the CPU.
BRINGING = {"where", "copy_", "__setitem__"}
#: Numbers that are slow on accelerators, and that MPS lacks.
WIDE = {torch.float64, torch.complex128}
#: Numbers of which no FFT is to be had.
HALF = {torch.float16, torch.bfloat16, torch.complex32}

#: Operations whose result, or its shape, the host must wait for.
_READING = {
    f"aten.{name}.default"
    for name in ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "_unique2", "unique_dim")
}
#: Keys of torch's table of kernels by which an operation works on every device, MPS among them.
_EVERYWHERE = {
    "MPS",
    "CompositeExplicitAutograd",
    "CompositeExplicitAutogradNonFunctional",
    "CompositeImplicitAutograd",
}
#: What the CPU does in the place of kernels that other devices have.
_OF_THE_CPU = ("_for_cpu", "mkldnn")
_HERE = str(Path(__file__).with_name("ghost"))


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


@dataclass(frozen=True)
class Operation:
    """What the rules ask of an operation of torch.

    Parameters
    ----------
    reads : whether the host waits for its result
    indexes : whether it takes indices, which may be on the CPU; a mask among them is counted by the host
    in_place : whether it changes its first tensor and returns it
    """

    name: str
    reads: bool
    indexes: bool
    in_place: bool
    is_fft: bool
    copies: bool
    moves: bool
    is_number: bool
    on_mps: bool


@functools.cache
def described(func: Any) -> Operation:
    """An operation, looked at once."""
    name = str(func)
    return Operation(
        name,
        reads=name in _READING,
        indexes=name.startswith("aten.index"),
        in_place=func._schema.is_mutable and name.split(".")[1].endswith("_"),
        is_fft="_fft_" in name,
        copies=name == "aten.copy_.default",
        moves=name == "aten._to_copy.default",
        is_number=name == "aten._local_scalar_dense.default",
        on_mps=name not in _lacking_on_mps(),
    )


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


def place() -> str:
    """The innermost line of code under way that is neither torch's nor the pretended device's."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_HERE) and not any(
            part in file for part in ("/torch/", "contextlib.py", "functools.py")
        ):
            break
        frame = frame.f_back
    file = frame.f_code.co_filename
    if "blender_bend/" in file:
        return f"bend {file.split('blender_bend/')[-1]}:{frame.f_lineno}"
    return f"{file.split('site-packages/')[-1]}:{frame.f_lineno}"
