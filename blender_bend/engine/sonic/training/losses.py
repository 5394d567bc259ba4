"""What training makes small: stage 1 the distance to words and between classes, stage 2 the error about the noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def info_nce(anchors: Tensor, positives: Tensor, negatives: Tensor, temperature: float = 0.07) -> Tensor:
    """``-log(exp(s+ / t) / (exp(s+ / t) + sum exp(s- / t)))`` with cosines s, van den Oord et al. 2018.

    Parameters
    ----------
    anchors, positives : tokens, shape (B, 77, 768); a positive is another sound of the anchor's class
    negatives : tokens, shape (B, K, 77, 768), of other classes
    """
    anchor, positive, negative = (functional.normalize(x.mean(dim=-2), dim=-1) for x in (anchors, positives, negatives))
    near = (anchor * positive).sum(dim=-1, keepdim=True)
    far = (anchor[:, None] * negative).sum(dim=-1)
    logits = torch.cat([near, far], dim=1) / temperature
    return functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))


def token_weights(tokens: int, centre: float = 20.0, slope: float = 5.0) -> Tensor:
    """A falling sigmoid, since a caption's first tokens say most: shape (tokens,), ``1 / (1 + exp((k - k0) / b))``."""
    return torch.sigmoid((centre - torch.arange(tokens)) / slope)


def token_distance(tokens: Tensor, words: Tensor, weights: Tensor) -> Tensor:
    """``mean_k w_k |A_k - T_k|^2 / width`` between a sound's tokens and its caption's embeddings, both (B, 77, 768)."""
    return ((tokens - words).square().mean(dim=-1) * weights.to(tokens)).mean()


def denoising(prediction: Tensor, noise: Tensor, latents: Tensor, scheduler: object, timesteps: Tensor) -> Tensor:
    """The mean squared error of what the UNet was trained to say: the noise, or v."""
    kind = scheduler.config.prediction_type  # type: ignore[attr-defined]
    wanted = noise if kind == "epsilon" else scheduler.get_velocity(latents, noise, timesteps)  # type: ignore[attr-defined]
    return functional.mse_loss(prediction.float(), wanted.float())
