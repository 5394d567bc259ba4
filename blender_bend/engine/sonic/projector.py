"""The audio projector: from CLAP's vector of a sound to 77 tokens, as many as a prompt has."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: ``official``: every attention layer reads the convolutions' output, so that only the last layer counts. The published
#: files were trained so. ``stacked``: every layer reads the one before, for new training.
VARIANTS = ("official", "stacked")


class SelfAttention(nn.Module):
    """Attention of the tokens among themselves, without an output projection."""

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.to_q_adapter = nn.Linear(width, inner, bias=False)
        self.to_k_adapter = nn.Linear(width, inner, bias=False)
        self.to_v_adapter = nn.Linear(width, inner, bias=False)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """From (B, tokens, width) to (B, tokens, inner)."""
        parts = (self.to_q_adapter(x), self.to_k_adapter(x), self.to_v_adapter(x))
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class AudioProjector(nn.Module):
    """SonicDiffusion's projector with the residual (``audio_projector_res``); names are those of its files.

    Parameters
    ----------
    variant : see ``VARIANTS``; both have the same weights
    embedding : length of CLAP's vector
    tokens : how many tokens come out
    width : of each token
    inner : of the attention
    """

    def __init__(
        self,
        variant: str = "official",
        embedding: int = 1024,
        tokens: int = 77,
        width: int = 768,
        inner: int = 320,
        heads: int = 8,
        layers: int = 4,
    ) -> None:
        super().__init__()
        self.variant, self.embedding, self.tokens, self.width = variant, embedding, tokens, width
        # After the stride of 3 up and 4 down; 1024 become 768.
        head = (3 * embedding + 14 - 17) // 4 + 1

        def convolution(inside: int) -> nn.Module:
            return nn.Conv1d(inside, tokens, 17, padding=8)

        self.audio_emb_projection = nn.Sequential(
            convolution(1),
            nn.GELU(),
            convolution(tokens),
            nn.GELU(),
            nn.LayerNorm((tokens, embedding)),
            convolution(tokens),
            nn.GELU(),
            nn.LayerNorm((tokens, embedding)),
            nn.ConvTranspose1d(tokens, tokens, 17, stride=3, padding=7),
            nn.GELU(),
            nn.LayerNorm((tokens, 3 * embedding)),
            nn.GELU(),
            nn.Conv1d(tokens, tokens, 17, stride=4, padding=7),
            nn.Dropout(0.0),
        )
        self.cross_attention = nn.ModuleList(SelfAttention(head, inner, heads) for _ in range(layers))
        self.between_attention = nn.ModuleList(
            nn.Sequential(nn.Linear(inner, inner), nn.GELU(), nn.Linear(inner, head)) for _ in range(layers)
        )
        self.to_out_adapter = nn.Sequential(nn.Linear(head, width))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Make tokens.

        Parameters
        ----------
        embeddings : shape (B, 1024); zeros stand for no sound

        Returns
        -------
        shape (B, 77, 768)
        """
        x = self.audio_emb_projection(embeddings[:, None])
        layers = list(zip(self.cross_attention, self.between_attention, strict=True))
        for attention, between in layers if self.variant == "stacked" else layers[-1:]:
            x = between(attention(x)) + x
        return self.to_out_adapter(x)

    @torch.no_grad()
    def null(self) -> Tensor:
        """The tokens of no sound, shape (1, 77, 768): what the projector makes of zeros, not zeros themselves."""
        some = next(self.parameters())
        return self(torch.zeros(1, self.embedding, dtype=some.dtype, device=some.device))


def blend(parts: list[tuple[Tensor, float]]) -> Tensor:
    """Several of CLAP's vectors by their shares, of length 1 again; one alone is left as it is."""
    if len(parts) == 1:
        return parts[0][0]
    return functional.normalize(torch.stack([vector * share for vector, share in parts]).sum(dim=0), dim=-1)
