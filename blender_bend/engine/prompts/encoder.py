"""From prompts to embeddings: each prompt is encoded once, two are blended in a line or along a circle."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...core.files.caches import PROMPT_BYTES
from ...core.job.resolved import Resolved
from ...core.prompts.embeddings import replaced
from ...core.prompts.schedule import Blend, Blending
from ...core.prompts.weights import Parts, literal, read, words
from ..families import Conditioning, Family
from ..host.bounded import Bounded, tensors_bytes
from ..loading.embeddings import tokens_of
from . import weighted
from .weighted import of_one_length


@dataclass(frozen=True)
class Reading:
    """How prompts are read; all of it is part of the frame key.

    Parameters
    ----------
    weights : whether brackets are weights
    clip_skip : how many of CLIP's last layers are left out
    embeddings : names of textual inversion files, each with its fingerprint
    """

    weights: bool = False
    clip_skip: int = 0
    embeddings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, frame: Resolved) -> Reading:
        """How a resolved frame's prompts are read."""
        return cls(frame.get("weights", False), frame.get("clip_skip", 0), frame.get("embeddings", ()))


PLAIN = Reading()


class PromptEncoder:
    """The text side of a model, with the embeddings of the latest prompts kept.

    Parameters
    ----------
    family : the model
    most : bytes of embeddings that are kept
    """

    def __init__(self, family: Family, most: int = PROMPT_BYTES) -> None:
        self.family = family
        self.kept: Bounded[Conditioning] = Bounded(most, tensors_bytes)

    def encode(
        self,
        blend: Blend,
        negative: str,
        guided: bool,
        blending: str = Blending.LINEAR,
        reading: Reading = PLAIN,
    ) -> Conditioning:
        """Embeddings of one row, by name; prompt and negative prompt have as many tokens.

        Parameters
        ----------
        blend : one or two pairs of prompt and share
        negative : the negative prompt, used if ``guided``
        blending : ``linear`` or ``spherical``
        """
        parts = [self._one(prompt, negative, guided, reading) for prompt, _ in blend]
        shares = [share for _, share in blend]
        if len(parts) == 1:
            return parts[0]
        for name in _SIDES & parts[0].keys():
            for part, tensor in zip(parts, of_one_length([part[name] for part in parts]), strict=True):
                part[name] = tensor
        if blending == Blending.SPHERICAL and len(parts) == 2:
            first, second = parts
            return {name: slerp(first[name], second[name], shares[1]) for name in first}
        return {
            name: torch.stack([part[name] * share for part, share in zip(parts, shares, strict=True)]).sum(dim=0)
            for name in parts[0]
        }

    def _one(self, prompt: str, negative: str, guided: bool, reading: Reading) -> Conditioning:
        key = (prompt, negative, guided, reading)

        def make() -> Conditioning:
            return self._encoded(self.parts(prompt, reading), self.parts(negative, reading), guided, reading)

        return dict(self.kept.get(key, make))

    def parts(self, prompt: str, reading: Reading) -> Parts:
        """A prompt as it is read, with the tokens of embeddings in the place of their names."""
        files = dict(reading.embeddings)
        if files:
            tokenizer = self.family.text_encoders()[0].tokenizer
            prompt = replaced(prompt, files, lambda name: " ".join(tokens_of(tokenizer, files[name])))
        return read(prompt) if reading.weights else literal(prompt)

    def _encoded(self, prompt: Parts, negative: Parts, guided: bool, reading: Reading) -> Conditioning:
        """As the stock pipeline encodes, but for sides that have weights or are too long for it."""
        sides = {"": (prompt, self.family.text_encoders(reading.clip_skip))}
        if guided:
            sides["negative_"] = (negative, self.family.text_encoders())  # as stock: no layer is left out of it
        beyond = {name: side for name, side in sides.items() if weighted.needed(side[1], side[0])}
        plain = {name: "" if name in beyond else words(parts) for name, (parts, _) in sides.items()}
        found = self.family.encode_prompt(plain[""], plain.get("negative_", ""), guided, reading.clip_skip)
        for name, (parts, encoders) in beyond.items():
            found[f"{name}prompt_embeds"], pooled = weighted.encode(encoders, parts)
            if pooled is not None:
                found[f"{name}pooled_prompt_embeds"] = pooled
        names = sorted(_SIDES & found.keys())
        return found | dict(zip(names, of_one_length([found[name] for name in names]), strict=True))


#: The embeddings that lie along the tokens.
_SIDES = {"prompt_embeds", "negative_prompt_embeds"}


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
