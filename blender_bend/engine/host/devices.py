"""The device that pictures are computed on, and ways to and from it on which the host does not wait."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

#: Kinds of devices whose memory is not the machine's own.
OFFLOADING = {"cuda", "xpu"}


def choose_device(wanted: str = "auto") -> str:
    """The device to render on: the named one, or the best there is (CUDA and ROCm, then MPS, then CPU)."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def upload(x: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; CUDA and ROCm fetch it without first finishing what they are at.

    They do so from pinned memory only. MPS shares its memory with the processor, and has little to wait for.
    """
    if x.device == device or device.type != "cuda":
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


class Answer:
    """A tensor on its way from the device, read once it has arrived.

    On CUDA and ROCm reading waits for what the device had been given when the answer was asked for, and for nothing
    that it has been given since. Elsewhere it waits for everything.

    Parameters
    ----------
    x : a small tensor; it must not be changed
    """

    def __init__(self, x: Tensor) -> None:
        self._arrived: Any = None
        self._x = x
        if x.device.type == "cuda":
            self._x = x.to("cpu", non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record(torch.cuda.current_stream(x.device))

    @property
    def stalls(self) -> bool:
        """Whether reading it would let the device run idle."""
        return self._arrived is None and self._x.device.type != "cpu"

    @property
    def is_here(self) -> bool:
        """Whether there is nothing to wait for."""
        return self._arrived is None and self._x.device.type == "cpu"

    def read(self) -> Tensor:
        """The tensor on the host."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._x.to("cpu")
