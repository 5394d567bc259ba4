"""A model folder, as diffusers writes it and the hub publishes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline

from ...core import model_files


def from_folder(path: Path, dtype: torch.dtype) -> Any:
    """The pipeline of a folder.

    Raises
    ------
    what diffusers raises, see ``failures.UNLOADABLE``
    """
    parts = json.loads((path / model_files.INDEX).read_text(encoding="utf-8"))
    # Parts that a folder names as missing, such as SD3 without its T5, must be named again.
    left_out = {name: None for name, part in parts.items() if name == "safety_checker" or part == [None, None]}
    return DiffusionPipeline.from_pretrained(
        str(path),
        dtype=dtype,
        variant=model_files.variant(path),
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        **left_out,
    )
