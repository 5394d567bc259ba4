"""A checkpoint in one file, as artists share them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch

from ...core import single_files
from ...core.errors import BendError, Code


def from_file(path: Path, dtype: torch.dtype) -> Any:
    """A checkpoint in one file, with the settings of the hub's model of its kind.

    Raises
    ------
    BendError(MODEL_INVALID), BendError(MODEL_MISSING) without these settings
    """
    kind = single_files.kind_of(path)
    settings = single_files.description(kind)
    if settings is None:
        raise BendError(
            Code.MODEL_MISSING,
            f"The settings of {kind.label} are not downloaded.",
            f"Download them: {kind.described_by}.",
            "bend.download_model",
        )
    pipeline = getattr(diffusers, kind.pipeline)
    return pipeline.from_single_file(
        str(path), config=str(settings), dtype=dtype, local_files_only=True, safety_checker=None
    )
