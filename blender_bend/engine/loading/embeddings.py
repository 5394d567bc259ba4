"""Textual inversion embeddings in the text encoders of a pipeline.

Each vector becomes a token whose name holds the file's fingerprint: files never get in each other's way, and what was
read once can stay while prompts change.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized

from ...core.checkpoints.safetensors_file import contents
from ...core.errors import BendError, Code
from ...core.job.job import Embedding
from ...core.models.references import file_fingerprint
from ..families import family_of
from ..families.text import TextEncoder
from ..host.alignment import align
from .failures import reason

#: The names in files for Stable Diffusion XL, in the order of its encoders.
_OF_XL = ("clip_l", "clip_g")
#: Widths of published text encoders, for saying what a file was made for.
_MADE_FOR = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 1280: "the second encoder of SDXL"}


def add_embeddings(pipeline: Any, embeddings: Sequence[Embedding]) -> None:
    """Give a pipeline's text encoders the tokens of embeddings that they don't have yet.

    Raises
    ------
    BendError(MODEL_INVALID) naming the file that is no embedding, or one of another kind of model, or another file
    than the job was made for
    """
    encoders = family_of(pipeline).text_encoders()
    for embedding in embeddings:
        if not encoders:
            raise _unfit(
                embedding, "this kind of model doesn't support embeddings", "Embeddings work with SD 1.x, 2.x and SDXL."
            )
        if all(tokens_of(encoder.tokenizer, embedding.fingerprint) for encoder in encoders):
            continue
        if any(is_parametrized(encoder.network.get_input_embeddings()) for encoder in encoders):
            hint = "Use either the embedding or that LoRA."
            raise _unfit(embedding, "a LoRA on this strip changes the token table it would be added to", hint)
        for encoder, vectors in zip(encoders, _vectors(embedding, encoders), strict=True):
            _add(encoder, embedding.fingerprint, vectors)


def has_embeddings(pipeline: Any, embeddings: Sequence[Embedding]) -> bool:
    """Whether there is nothing to add."""
    encoders = family_of(pipeline).text_encoders() if embeddings else []
    return all(tokens_of(encoder.tokenizer, found.fingerprint) for encoder in encoders for found in embeddings)


def tokens_of(tokenizer: Any, fingerprint: str) -> list[str]:
    """The tokens that a file's vectors became; empty if it was not read."""
    known = tokenizer.added_tokens_encoder
    names: list[str] = []
    while (name := _name(fingerprint, len(names))) in known:
        names.append(name)
    return names


def _name(fingerprint: str, index: int) -> str:
    return f"<{fingerprint[:24]}-{index}->"


def _vectors(embedding: Embedding, encoders: Sequence[TextEncoder]) -> list[Tensor]:
    """The vectors (N, width) of a file for every encoder."""
    path = Path(embedding.path)
    try:
        contents(path)  # a header that would take gigabytes is refused here
        found = load_file(path)
        if file_fingerprint(path) != embedding.fingerprint:
            raise BendError(
                Code.MODEL_INVALID,
                f"{path} has changed since the job was created.",
                "Generate again; if a file was damaged, download it again.",
                "bend.open_preferences",
            )
    except (OSError, SafetensorError, ValueError) as error:
        raise _unfit(
            embedding, f"its file can't be read: {reason(error)}", "Download the file again as .safetensors."
        ) from error
    if set(found) == set(_OF_XL):
        sides = [found[name] for name in _OF_XL]
    elif len(found) == 1:
        sides = list(found.values())
    else:
        raise _unfit(
            embedding,
            f"its file has {len(found)} tensors and isn't a textual inversion",
            "A LoRA belongs in the strip's LoRA panel, a model in its Model field.",
        )
    sides = [side[None] if side.dim() == 1 else side for side in sides]
    for side in sides:
        if side.dim() != 2 or not side.is_floating_point() or 0 in side.shape or not side.float().isfinite().all():
            raise _unfit(embedding, "its file has no usable vectors", "Download the file again.")
    if len({len(side) for side in sides}) > 1:
        counts = _listed([len(side) for side in sides])
        raise _unfit(
            embedding, f"its file is damaged: it has {counts} vectors for SDXL's two encoders", "Download it again."
        )
    widths = [encoder.network.get_input_embeddings().weight.shape[1] for encoder in encoders]
    given = [side.shape[1] for side in sides]
    if given != widths:
        wanted = f"This model takes vectors of {_listed(widths)}."
        raise _unfit(embedding, f"it was made for {_made_for(given)}", wanted)
    return sides


def _made_for(widths: list[int]) -> str:
    if len(widths) == len(_OF_XL):
        return f"SDXL (vectors of {_listed(widths)})"
    known = _MADE_FOR.get(widths[0])
    return f"{known} (vectors of {widths[0]})" if known else f"another model (vectors of {widths[0]})"


def _listed(widths: list[int]) -> str:
    return " and ".join(str(width) for width in widths)


def _add(encoder: TextEncoder, fingerprint: str, vectors: Tensor) -> None:
    """Append tokens for vectors, as diffusers' ``load_textual_inversion`` does."""
    names = [_name(fingerprint, index) for index in range(len(vectors))]
    encoder.tokenizer.add_tokens(names)
    rows = max(len(encoder.tokenizer), encoder.network.get_input_embeddings().num_embeddings)
    encoder.network.resize_token_embeddings(rows, mean_resizing=False)
    _tell_end(encoder.network, encoder.tokenizer.eos_token_id)
    table = encoder.network.get_input_embeddings().weight
    with torch.no_grad():
        for name, vector in zip(names, vectors, strict=True):
            table[encoder.tokenizer.convert_tokens_to_ids(name)] = vector.to(table)
    align(encoder.network.get_input_embeddings())


def _tell_end(network: Any, token: int) -> None:
    """Published encoders say that 2 ends a prompt. transformers then looks for the highest number: it was the end."""
    for part in (network.config, network, getattr(network, "text_model", None)):
        if part is not None and getattr(part, "eos_token_id", None) == 2:
            part.eos_token_id = token


def _unfit(embedding: Embedding, why: str, hint: str) -> BendError:
    return BendError(
        Code.MODEL_INVALID,
        f"The embedding '{embedding.name}' can't be used with this model: {why}.",
        hint,
        "bend.open_preferences",
    )
