"""What conditions a model on sound: projector and adapters together, and how sound and prompt guide it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .adapters import AudioAdapters
from .projector import AudioProjector


class Branch(NamedTuple):
    """What the UNet is told in one of the evaluations of a step."""

    prompt: bool
    sound: bool


_NOTHING, _PROMPT, _BOTH = Branch(False, False), Branch(True, False), Branch(True, True)


def _unchanged(difference: Tensor) -> Tensor:
    return difference


@dataclass(frozen=True)
class Guidance:
    """How strongly prompt and sound pull.

    Joint guidance is the published one: ``e(n, 0) + s (e(p, a) - e(n, 0))``, with the negative prompt n and the tokens
    of no sound 0. Separate guidance is ``e(n, 0) + t (e(p, 0) - e(n, 0)) + a (e(p, a) - e(p, 0))``; it is the joint one
    where t = a, and what has no part in the sum is not evaluated.

    Parameters
    ----------
    text : guidance scale of the prompt, or of both; at 1 and below joint guidance is off, as in diffusers
    sound : guidance scale of the sound; None for joint guidance
    """

    text: float
    sound: float | None = None

    @property
    def branches(self) -> tuple[Branch, ...]:
        """What must be evaluated, in the order of ``combine``; rows of a batch lie in this order too."""
        return tuple(branch for branch, _ in self._terms())

    def _terms(self) -> list[tuple[Branch, float]]:
        if self.sound is None:
            return [(_NOTHING, 1.0), (_BOTH, self.text)] if self.text > 1 else [(_BOTH, 1.0)]
        terms = [(_NOTHING, 1.0), (_PROMPT, self.text), (_BOTH, self.sound)]
        while terms[-1][1] == 0:
            terms.pop()
        followers: list[float | None] = [scale for _, scale in terms[1:]]
        return [term for term, after in zip(terms, [*followers, None], strict=True) if term[1] != after]

    def combine(self, predictions: Sequence[Tensor], change: Callable[[Tensor], Tensor] = _unchanged) -> Tensor:
        """The guided prediction from one for each branch; ``change`` may bend each of the differences."""
        guided = predictions[0]
        for before, after, (_, scale) in zip(predictions, predictions[1:], self._terms()[1:], strict=False):
            guided = guided + scale * change(after - before)
        return guided


@dataclass
class SoundConditioner:
    """A UNet's projector and adapters.

    Parameters
    ----------
    null : tokens of no sound, shape (1, 77, 768)
    device : where the UNet computes; None for where its weights are, which an offloaded model keeps elsewhere
    """

    unet: nn.Module
    projector: AudioProjector
    adapters: AudioAdapters
    null: Tensor = field(init=False)
    device: torch.device | None = None

    def __post_init__(self) -> None:
        place = self.device or next(self.unet.parameters()).device
        self.projector.to(place)
        self.adapters.to(place)
        self.null = self.projector.null()

    @torch.no_grad()
    def tokens(self, embeddings: Tensor) -> Tensor:
        """From CLAP's vectors (B, 1024) to tokens (B, 77, 768)."""
        return self.projector(embeddings.to(self.null))

    @contextmanager
    def rows(
        self,
        branches: Sequence[Branch],
        tokens: Tensor,
        scale: float | Tensor = 1.0,
        blocks: Mapping[str, float] | None = None,
    ) -> Iterator[None]:
        """Condition the UNet on sound while it is given a batch of B states for each branch, branch after branch.

        Parameters
        ----------
        tokens : shape (B, 77, 768)
        scale : of the adapters, one or (B,); with 0 no sound counts, not even the tokens of no sound
        """
        null = self.null.expand(len(tokens), -1, -1)
        context = torch.cat([tokens if branch.sound else null for branch in branches])
        strength = scale.repeat(len(branches)) if isinstance(scale, Tensor) else scale
        with self.adapters.applied(self.unet, context, strength, blocks):
            yield


def in_window(step: int, steps: int, window: tuple[float, float]) -> bool:
    """Whether a step lies in a step window, given as fractions of all steps."""
    return round(window[0] * steps) <= step < round(window[1] * steps)
