"""One network of diffusers or transformers from its folder, with every one of its tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ...core.errors import BendError, Code


def load_network(kind: Any, folder: Path, dtype: torch.dtype, variant: str = "") -> Any:
    """Load a network.

    Parameters
    ----------
    kind : its class
    variant : the variant of its weights; empty for full precision

    Raises
    ------
    BendError(MODEL_INVALID) if its weights lack tensors, which the libraries would fill with chance; and what they
    raise, see ``failures.UNLOADABLE``
    """
    network, told = kind.from_pretrained(
        str(folder),
        dtype=dtype,
        variant=variant or None,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    missing = sorted(told["missing_keys"])
    if missing:
        more = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
        raise BendError(
            Code.MODEL_INVALID,
            f"The weights in {folder} are not complete: {missing[0]}{more} missing.",
            "Download the model again, or choose another one.",
            "bend.open_preferences",
        )
    return network
