"""The device that pictures are computed on."""

from __future__ import annotations

import torch

#: Kinds of devices whose memory is not the machine's own.
OFFLOADING = {"cuda", "xpu"}


def choose_device(wanted: str = "auto") -> str:
    """The device to render on: the named one, or the best there is (CUDA and ROCm, then MPS, then CPU)."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
