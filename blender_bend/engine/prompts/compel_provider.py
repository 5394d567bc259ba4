"""compel's embeddings of weighted prompts, computed without making a GPU wait.

compel keeps tokens and weights on the device, and looks at them there; here they stay on the host, and go to the device
in the background. So a prompt can be read within a denoising step, as a bend of LoRA weights asks. The numbers are
compel's, to the last bit.
"""

from __future__ import annotations

from typing import Any

import torch
from compel import EmbeddingsProvider, SplitLongTextMode
from torch import Tensor

from ..families.text import TextEncoder
from ..host.devices import upload

#: Where compel keeps its tokens.
_HOST = "cpu"


class Provider(EmbeddingsProvider):
    """What compel makes of prompts for one encoder.

    Parameters
    ----------
    encoder : takes tokens on the host and answers on its device
    """

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__(
            encoder.tokenizer,
            encoder,
            truncate=False,
            device=_HOST,
            model_max_length=encoder.length,
            split_long_text_mode=SplitLongTextMode.PHRASES,
        )

    def weighted(self, fragments: list[tuple[str, float]]) -> Tensor:
        """The embeddings of fragments with weights, shape (1, N, C)."""
        texts, weights = [text for text, _ in fragments], [weight for _, weight in fragments]
        found: Tensor = self.get_embeddings_for_weighted_prompt_fragments([texts], [weights], device=_HOST)
        return found

    def pooled(self, prompt: str) -> Tensor:
        """The pooled embedding of a prompt, shape (1, P)."""
        found: Tensor = self.get_pooled_embeddings([prompt], device=_HOST)
        return found

    def build_weighted_embedding_tensor(
        self, token_ids: Tensor, per_token_weights: Tensor, attention_mask: Tensor | None = None, device: Any = None
    ) -> Tensor:
        """``e + w (z - e)`` where a weight is not 1, chunk by chunk; whether there is one is known on the host."""
        masks = torch.ones_like(token_ids) if attention_mask is None else attention_mask
        chunks = []
        parts = zip(
            *(whole.split(self.max_token_count) for whole in (token_ids, per_token_weights, masks)), strict=True
        )
        for tokens, weights, mask in parts:
            z: Tensor = self._encode_token_ids_to_embeddings(tokens[None], mask[None])
            if bool((weights != 1).any()):
                there, empty = upload(weights, z.device)[:, None].expand(z.shape), self.empty_z
                z = torch.where(there == 1, z, empty + (z - empty) * there)
            chunks.append(z)
        return torch.cat(chunks, dim=1)

    @classmethod
    def apply_embedding_weights(cls, embeddings: Tensor, per_embedding_weights: list[float], normalize: bool) -> Tensor:
        """The sum of embeddings (1, n, N, C) by their shares."""
        shares = upload(torch.tensor(per_embedding_weights, dtype=embeddings.dtype), embeddings.device)
        if normalize:
            shares = shares / shares.sum()
        return (embeddings * shares[:, None, None]).sum(dim=1)
