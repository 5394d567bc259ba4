"""Measuring how fast this machine computes in each precision: one convolution and one matrix product of a real model.

Names and flags of processors say little: 16 bit was 66 times slower than 32 bit on one that has AVX2 only, and 1.9
times as fast on another of the same maker. The result is kept, and measured again when what it depends on changes.
"""

from __future__ import annotations

import functools
import logging
import math
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import torch
from torch import Tensor, nn

from ...core.files.whole import replacing
from ...core.precision import Precision
from ...core.resources import speeds
from ...core.resources.speeds import BATCH, Speeds
from .devices import choose_device
from .memory import is_out_of_memory

log = logging.getLogger(__name__)

#: The commonest layers of Stable Diffusion's UNet: its first level's convolution, and its third level's feed-forward.
CHANNELS, SIDE, WIDTH, TOKENS = 320, 32, 1280, 256
#: Rows of a picture: with the prompt and without.
ROWS = 2
#: A precision that is so many times slower on a small size is not measured any further.
HOPELESS = 4.0
RUNS = 4
#: Environment variables that choose instruction sets.
VARIABLES = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR")
#: How far a result may be from that in float32, of its largest number: bfloat16 has three digits.
TOLERANCE = 0.05


def default_folder() -> Path:
    """Where speeds are kept if nobody says where: the user's cache."""
    return Path.home() / ".cache" / "bend" / "studies"


def of_this_machine(
    device: str = "auto", folder: Path | None = None, phase: Callable[[str], None] = lambda _: None
) -> Speeds:
    """The speeds of this machine, measured if they are not known.

    Parameters
    ----------
    device : ``auto`` or a torch device name
    folder : where they are kept; None for the user's cache
    phase : called with words before measuring
    """
    folder = folder or default_folder()
    chosen = choose_device(device)
    machine = describe(chosen)
    known = speeds.kept(folder, device, machine)
    if known is not None:
        return known
    phase("Measuring this machine's speed")
    measured = measure(chosen, machine)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(speeds.file_in(folder, device)) as file:
            file.write(measured.to_json().encode())
    except OSError as error:
        log.warning("the speeds could not be kept: %s", error)
    return measured


def describe(device: str) -> dict[str, str]:
    """What the speeds of a machine depend on."""
    kind = torch.device(device).type
    return {
        "device": device,
        "name": _name(kind, device),
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
        **{name: os.environ.get(name, "") for name in VARIABLES},
    }


def _name(kind: str, device: str) -> str:
    if kind == "cuda":
        return torch.cuda.get_device_name(device)
    return _processor()


@functools.cache
def _processor() -> str:
    """The processor's name as its maker writes it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def total_memory(device: str) -> int:
    """Bytes of a device's memory, or of the machine's."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return int(psutil.virtual_memory().total)


def free_memory(device: str) -> int:
    """Bytes of it that are free now."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


class Work:
    """The two layers in one precision, with something to work on.

    Parameters
    ----------
    side : of the convolution's maps
    pictures : how many are computed at once
    """

    def __init__(self, device: str, dtype: torch.dtype, side: int, pictures: int = 1) -> None:
        chance = torch.Generator().manual_seed(1)
        shapes = ((ROWS * pictures, CHANNELS, side, side), (ROWS * pictures, TOKENS * side // SIDE, WIDTH))
        self.maps, self.tokens = (torch.randn(shape, generator=chance) for shape in shapes)
        self.layers: tuple[nn.Module, nn.Module] = (
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.Linear(WIDTH, WIDTH),
        )
        with torch.no_grad():
            for layer in self.layers:
                for weight in layer.parameters():
                    weight.copy_(torch.randn(weight.shape, generator=chance) / 50)
        self.device, self.wanted = device, self._run()
        self.maps, self.tokens = self.maps.to(device, dtype), self.tokens.to(device, dtype)
        for layer in self.layers:
            layer.to(device, dtype)
        if dtype != torch.float32:  # as models are loaded
            self.layers[0].to(memory_format=torch.channels_last)

    def _run(self) -> list[Tensor]:
        return [layer(x) for layer, x in zip(self.layers, (self.maps, self.tokens), strict=True)]

    def seconds(self, runs: int) -> float:
        """The quickest of some runs after a first one; infinite if this precision gives no or wrong results."""
        try:
            made = [value.float().cpu() for value in self._run()]
            for value, wanted in zip(made, self.wanted, strict=True):
                if not bool((value - wanted).abs().max() < TOLERANCE * wanted.abs().max()):
                    return math.inf
            return min(self.once() for _ in range(runs))
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            log.info("not on this device: %s", error)
            return math.inf

    def once(self) -> float:
        synchronize(self.device)
        began = time.perf_counter()
        self._run()
        synchronize(self.device)
        return time.perf_counter() - began


def synchronize(device: str) -> None:
    """Wait for a device."""
    kind = torch.device(device).type
    if kind in ("cuda", "mps"):
        getattr(torch, kind).synchronize()


@torch.inference_mode()
def measure(device: str, machine: dict[str, str] | None = None) -> Speeds:
    """Measure, which takes a second or two."""
    machine, began = machine or describe(device), time.perf_counter()
    seconds: dict[str, float] = {}
    batched: dict[str, float] = dict.fromkeys(Precision, 1.0)
    small = Work(device, torch.float32, SIDE // 4).seconds(RUNS)
    for precision in Precision:
        dtype = getattr(torch, precision)
        if precision != Precision.FLOAT32:
            slower = Work(device, dtype, SIDE // 4).seconds(1) / small
            if not slower < HOPELESS:
                seconds[precision] = slower * seconds[Precision.FLOAT32]
                continue
        seconds[precision] = Work(device, dtype, SIDE).seconds(RUNS)
        if torch.device(device).type != "cpu":
            together = Work(device, dtype, SIDE, BATCH).seconds(RUNS)
            batched[precision] = BATCH * seconds[precision] / together if math.isfinite(together) else 1.0
    found = Speeds(machine, torch.device(device).type, machine["name"], seconds, batched, total_memory(device))
    log.info("speeds, measured in %.1f s: %s", time.perf_counter() - began, found)
    return found
