"""The text encoders of a model: what they read with, which of their layers the model takes, and how much fits."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...core.errors import BendError, Code
from ..host.devices import upload


@dataclass(frozen=True)
class TextEncoder:
    """A CLIP text encoder as a model uses it; called as transformers' own, it answers with the layer that counts.

    Parameters
    ----------
    layer : index into the hidden states; None for the last one as the network gives it
    normed : whether the network's last norm is applied to that layer
    device : where it computes, also while its weights wait elsewhere
    """

    tokenizer: Any
    network: Any
    device: torch.device
    layer: int | None = None
    normed: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its embeddings."""
        dtype: torch.dtype = self.network.dtype
        return dtype

    def tokens(self, text: str) -> int:
        """How many tokens a text is, without the marks of its beginning and end."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def length(self) -> int:
        """How many tokens it takes at once, with these marks."""
        return min(int(self.tokenizer.model_max_length), int(self.network.config.max_position_embeddings))

    def __call__(self, tokens: Tensor, attention_mask: Tensor | None = None, **asked: Any) -> SimpleNamespace:
        """Encode tokens of shape (B, N), which may be on the host.

        Without words to hide there is no mask, as in the stock pipelines.
        """
        mask = attention_mask
        if mask is not None:
            mask = None if bool(mask.all()) else upload(self._hiding(mask), self.device)
        found = self.network(upload(tokens, self.device), attention_mask=mask, output_hidden_states=True)
        hidden = found.last_hidden_state if self.layer is None else found.hidden_states[self.layer]
        if self.normed:
            # transformers 5 has dissolved the part that diffusers 0.42 still looks for it in
            hidden = getattr(self.network, "text_model", self.network).final_layer_norm(hidden)
        return SimpleNamespace(last_hidden_state=hidden, text_embeds=getattr(found, "text_embeds", None))

    def _hiding(self, mask: Tensor) -> Tensor:
        """A mask (B, N) of words to hide, as attention takes it: transformers would look at it on the device."""
        if self.network.config._attn_implementation != "sdpa":
            return mask
        length = mask.shape[1]
        earlier = torch.ones((length, length), dtype=torch.bool, device=mask.device).tril()
        return earlier & mask[:, None, None].bool()


@dataclass(frozen=True)
class LimitedEncoder:
    """A text encoder that reads a limited number of tokens, whatever the prompt's length.

    Parameters
    ----------
    most : tokens, with the marks of beginning and end
    """

    label: str
    tokenizer: Any
    most: int


def check_clip_skip(networks: list[Any], skip: int, taken: int) -> None:
    """Refuse to leave out more layers than a model's CLIP encoders have.

    Parameters
    ----------
    taken : which layer the model takes without that, counted from the end

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    most = min(network.config.num_hidden_layers for network in networks) - taken
    if skip > most:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"CLIP Skip {skip + 1} leaves no layers of this model's text encoder.",
            f"Use {most + 1} or less; 1 skips nothing.",
        )
