"""Prompts as text encoders read them while the weights of their LoRA files are bent.

The prompt is read once for a frame. In the steps in which a bend of LoRA weights acts, the network is told what the
bent text encoders make of it instead; the bend draws what is random in it as at its first step. So the text's half
follows the same window as the network's, and states are shared as for every other bend.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from contextlib import ExitStack

from ...core.bends import sites
from ...core.files.caches import PROMPT_BYTES
from ...core.job.resolved import Resolved, ResolvedBend
from ...core.site_kinds import WEIGHT_KINDS
from ..bending import BendStack
from ..bending.stack import ReadMask
from ..bending.weights import moves
from ..families import Conditioning, Family
from ..prompts.encoder import PromptEncoder
from .prediction import encoded

#: How many different bent states are remembered, each with its prompts: those of a batch, and of stills.
_MOST = 64


class BentPrompts:
    """The embeddings of prompts under bent text encoders, each encoded once for a value of the bends.

    Parameters
    ----------
    family : the model
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self._known: OrderedDict[str, PromptEncoder] = OrderedDict()

    def encode(self, frame: Resolved, under_way: BendStack, read_mask: ReadMask | None = None) -> Conditioning | None:
        """What bent text encoders make of a frame's prompt at a step; None if no bend moves them.

        Parameters
        ----------
        under_way : the bends of the step, whose verdict also tells whether what these made is finite

        Raises
        ------
        the errors of ``BendStack``
        """
        acting = [bend for bend in frame["bends"] if self._acts(bend, under_way.step)]
        if not acting:
            return None
        values = [{name: value for name, value in bend.items() if name not in ("name", "steps")} for bend in acting]
        key = json.dumps([values, [bend["steps"][0] for bend in acting], frame["steps"], frame["seed"]])
        encoder = self._known.pop(key, None) or PromptEncoder(self.family, PROMPT_BYTES // _MOST)
        self._known[key] = encoder
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        with ExitStack() as around:
            stacks = [
                BendStack(
                    [[bend]], seed=frame["seed"], step=bend["steps"][0], steps=frame["steps"], read_mask=read_mask
                )
                for bend in acting
            ]
            for stack in stacks:
                around.enter_context(stack.hooked(self.family.readers))
            conditioning = encoded(self.family, encoder, frame)
        for stack in stacks:
            under_way.tell_of(stack)
        return conditioning

    def _acts(self, bend: ResolvedBend, step: int) -> bool:
        """Whether a bend acts at a step, on the weights of a LoRA that changes a text encoder."""
        if not bend["steps"][0] <= step < bend["steps"][1]:
            return False
        site = sites.parse(bend["site"])
        return site.kind in WEIGHT_KINDS and moves(self.family.readers.values(), site)
