"""From prompts to embeddings: each prompt is encoded once, two are blended in a line or along a circle."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .families import Conditioning, Family


class PromptEncoder:
    """The text side of a model, with every prompt's embeddings kept.

    Parameters
    ----------
    family : the model
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self._known: dict[tuple[str, str, bool], Conditioning] = {}

    def encode(self, blend: list[list[Any]], negative: str, guided: bool, blending: str = "linear") -> Conditioning:
        """Embeddings of one row, by name.

        Parameters
        ----------
        blend : one or two pairs of prompt and share
        negative : the negative prompt, used if ``guided``
        blending : ``linear`` or ``spherical``
        """
        parts = [(self._one(prompt, negative, guided), share) for prompt, share in blend]
        if len(parts) == 1:
            return parts[0][0]
        if blending == "spherical" and len(parts) == 2:
            (first, _), (second, share) = parts
            return {name: slerp(first[name], second[name], share) for name in first}
        return {name: torch.stack([part[name] * share for part, share in parts]).sum(dim=0) for name in parts[0][0]}

    def _one(self, prompt: str, negative: str, guided: bool) -> Conditioning:
        key = (prompt, negative, guided)
        if key not in self._known:
            self._known[key] = self.family.encode_prompt(prompt, negative, guided)
        return self._known[key]


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """From one vector to another along the circle between them, with the length going over evenly.

    The vectors lie along the last axis. Where they point the same way, or one is zero, the way is a straight line.

    Parameters
    ----------
    share : 0 is the first, 1 the second
    """
    one, two = first.float(), second.float()
    lengths = one.norm(dim=-1, keepdim=True), two.norm(dim=-1, keepdim=True)
    directions = [vector / length.clamp_min(1e-12) for vector, length in zip((one, two), lengths, strict=True)]
    angle = (directions[0] * directions[1]).sum(dim=-1, keepdim=True).clamp(-1, 1).acos()
    sine = angle.sin()
    turned = (((1 - share) * angle).sin() * directions[0] + (share * angle).sin() * directions[1]) / sine
    curved = turned * ((1 - share) * lengths[0] + share * lengths[1])
    straight = (sine < 1e-4) | (lengths[0] == 0) | (lengths[1] == 0)
    return torch.where(straight, (1 - share) * one + share * two, curved).to(first.dtype)
