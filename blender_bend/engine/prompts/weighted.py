"""Embeddings of prompts with weights, and of prompts longer than CLIP reads at once, made by compel.

A prompt beyond CLIP's 75 tokens goes through it in chunks, which are cut at the last punctuation mark that fits, else
between words; their embeddings stand one after the other. A weight above 1 moves a word's embedding away from that of
the empty prompt, ``e + w (z - e)``; one below 1 also moves the whole prompt toward itself with that word hidden, so
that 0 takes it out. Source: github.com/damian0815/compel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...core.prompts.weights import Fragment, Parts, is_weighted, words
from ..families.text import TextEncoder

#: Tokens that mark the beginning and the end of a chunk.
MARKS = 2


def needed(encoders: Sequence[TextEncoder], parts: Parts) -> bool:
    """Whether a prompt is more than the stock pipeline takes."""
    if len(parts) > 1 or is_weighted(parts):
        return bool(encoders)
    return any(encoder.tokens(words(parts)) > encoder.length - MARKS for encoder in encoders)


@torch.no_grad()
def encode(encoders: Sequence[TextEncoder], parts: Parts) -> tuple[Tensor, Tensor | None]:
    """The embeddings of a prompt, and its pooled embedding from encoders that have one.

    The pooled embedding is that of the first chunk without weights.

    Returns
    -------
    shape (1, N, C), where N is the encoder's length times the number of chunks, and shape (1, P)
    """
    from .compel_provider import Provider  # compel imports pipelines that most prompts need not

    sides, pooled = [], None
    for encoder in encoders:
        provider = Provider(encoder)
        chunks = []
        for part in parts:
            told = [fragment for fragment in part if encoder.tokens(fragment.text)] or [Fragment("")]
            chunks.append(provider.weighted([(fragment.text, fragment.weight) for fragment in told]))
        sides.append(torch.cat(chunks, dim=1).to(device=encoder.device, dtype=encoder.dtype))
        if hasattr(encoder.network, "text_projection"):
            found = provider.pooled(words(parts))
            pooled = found if pooled is None else pooled
    return torch.cat(of_one_length(sides), dim=-1), pooled


def of_one_length(embeddings: Sequence[Tensor]) -> list[Tensor]:
    """Embeddings (1, N, C) with as many tokens each, by repeating them.

    Cross-attention to the same tokens twice is cross-attention to them once, so that a short prompt means the same
    beside a long one; filled up with empty prompts it would not.
    """
    longest = math.lcm(*(tensor.shape[1] for tensor in embeddings))
    return [tensor if tensor.shape[1] == longest else _repeated(tensor, longest) for tensor in embeddings]


def _repeated(tensor: Tensor, length: int) -> Tensor:
    return tensor.repeat(1, length // tensor.shape[1], 1)
