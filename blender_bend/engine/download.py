"""Downloading a model from the hub; only ever after the artist's click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core.errors import BendError, Code

FILES = ["*.json", "*.txt", "*.model", "*/*.safetensors"]


def download(model: str, phase: Callable[[str], None] = lambda _: None) -> Path:
    """Fetch a model's configurations and safetensors weights into the hub's own cache.

    Parameters
    ----------
    model : hub id, ``owner/name``

    Raises
    ------
    BendError(MODEL_MISSING) if the hub cannot be reached, does not have it, or asks for a token.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    phase(f"Downloading {model}")
    try:
        return Path(
            snapshot_download(
                model,
                allow_patterns=FILES,
                ignore_patterns=["*.fp16.*", "*.non_ema.*", "*/openvino*", "*/flax*", "safety_checker/*"],
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise BendError(
            Code.MODEL_MISSING,
            f"{model} could not be downloaded: {type(error).__name__}.",
            "Check the name, the connection, and whether the model asks for a licence.",
        ) from error
