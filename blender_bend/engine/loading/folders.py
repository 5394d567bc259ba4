"""A model folder, as diffusers writes it and the hub publishes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from ...core.checkpoints import weight_files
from ...core.errors import BendError, Code
from ...core.models import model_checks, model_files
from ...core.models.model_files import Listing
from ..host.confinement import refuse_code
from ..host.networks import load_network
from .failures import reason

_LIBRARIES = {"diffusers": diffusers, "transformers": transformers}


def from_folder(path: Path, dtype: torch.dtype, check: Callable[[], None] = lambda: None) -> Any:
    """The pipeline of a folder.

    Every part is loaded by its class in the table of layouts, each in the best variant of its weights that is whole.
    What else the pipeline could take (a safety checker, an image encoder) is left out.

    Parameters
    ----------
    check : called before every part; what it raises ends the loading

    Raises
    ------
    BendError if Bend can't bend it; and what diffusers raises, see ``failures.UNLOADABLE``
    """
    files = model_files.listing(path)
    layout = model_checks.check(f"the model in {path}", files)
    index = files.json(model_files.INDEX) or {}
    parts = {}
    for part in model_files.parts_in(index):
        check()
        parts[part] = load_part(path / part, index[part], files, dtype)
    check()
    _limit_tokenizers(parts)
    pipeline = getattr(diffusers, layout.pipeline)
    expected, settings = pipeline._get_signature_keys(pipeline)
    unchecked = {"requires_safety_checker": False} if "requires_safety_checker" in settings else {}
    return pipeline.from_pretrained(
        str(path), local_files_only=True, trust_remote_code=False, **dict.fromkeys(expected) | parts | unchecked
    )


def _limit_tokenizers(parts: dict[str, Any]) -> None:
    """Let no tokenizer give more tokens than its network takes: where none is told, transformers says 10**30."""
    for name, tokenizer in parts.items():
        network = parts.get(name.replace("tokenizer", "text_encoder"))
        most = getattr(getattr(network, "config", None), "max_position_embeddings", None)
        if name.startswith("tokenizer") and most is not None:
            tokenizer.model_max_length = min(int(tokenizer.model_max_length), int(most))


def load_part(folder: Path, pair: tuple[str, str], files: Listing, dtype: torch.dtype) -> Any:
    """One part: a network with its weights, a tokenizer or a scheduler.

    Raises
    ------
    BendError(MODEL_INVALID) if weights lack tensors or a vocabulary is damaged; and see ``failures.UNLOADABLE``
    """
    library, name = pair
    kind = getattr(_LIBRARIES[library], name)
    if weight_files.stem_of(folder.name):
        weights = files.weights(folder.name)
        return load_network(kind, folder, weights.files, dtype=dtype, variant=weights.variant or None)
    refuse_code()
    try:
        return kind.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:
        if type(error) is not Exception:  # the tokenizers library raises nothing narrower
            raise
        raise BendError(
            Code.MODEL_INVALID,
            f"The {folder.name} in {folder} can't be read: {reason(error)}.",
            "Download the model again, or choose another one.",
            "bend.open_preferences",
        ) from error
