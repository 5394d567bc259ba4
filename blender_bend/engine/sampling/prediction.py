"""What the network says about a batch of states at a step: guidance, sound, lent layout and bends included."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...core.job.resolved import Resolved
from ...core.site_kinds import SiteKind
from ..bending import BendStack
from ..families import Conditioning, Family
from ..prompts.encoder import PromptEncoder, Reading
from ..sonic.condition import Branch, Guidance, SoundConditioner
from .edits import SOURCE, beside_source


def guidance_of(family: Family, frame: Resolved) -> Guidance:
    """How prompt and sound of a frame guide; models that take their guidance as an input are not asked twice."""
    text = frame["guidance"] if family.is_guided(frame["guidance"]) else 1.0
    separate = frame["sound"]["guidance"] if "sound" in frame else None
    return Guidance(text if separate is None else frame["guidance"], separate)


def encoded(family: Family, prompts: PromptEncoder, frame: Resolved) -> Conditioning:
    """The embeddings of a frame's prompt, and of its negative prompt if that guides."""
    guided = any(not branch.prompt for branch in guidance_of(family, frame).branches)
    return prompts.encode(frame["prompt"], frame["negative"], guided, frame["blending"], Reading.of(frame))


@dataclass(frozen=True)
class Predictor:
    """Asks the network of a model.

    Parameters
    ----------
    prompts : what the picture is told whose layout is kept
    conditioner : for frames with sound
    """

    family: Family
    prompts: PromptEncoder
    conditioner: SoundConditioner | None = None

    def predict(
        self,
        stack: BendStack,
        frame: Resolved,
        schedulers: list[Any],
        latents: Tensor,
        timestep: Tensor,
        conditionings: list[Conditioning],
        source: Tensor | None,
    ) -> Tensor:
        """What the network says about every state, guidance and bends included; ``source`` lends its layout."""
        family, guidance, size = self.family, guidance_of(self.family, frame), frame["size"]
        branches = guidance.branches
        rows = _rows(conditionings, family.rowed)
        rows["prompt_embeds"] = stack.bend_state(SiteKind.TEXT, rows["prompt_embeds"])
        if len(branches) > 1 or not branches[0].prompt:
            negative = _rows(conditionings, [f"negative_{name}" for name in family.rowed])
            rows |= {
                name: torch.cat([rows[name] if b.prompt else negative[f"negative_{name}"] for b in branches])
                for name in family.rowed
            }
        x = latents
        if hasattr(schedulers[0], "scale_model_input"):
            each = zip(schedulers, latents.split(1), strict=True)
            x = torch.cat([scheduler.scale_model_input(row, timestep) for scheduler, row in each])
        x = torch.cat([x] * len(branches))
        with ExitStack() as around:
            if source is not None:
                kept = beside_source(family, frame, stack.step, x, rows, source, self.prompts)
                x, rows = around.enter_context(kept)
                around.enter_context(self._sounding(frame, stack.step, rows, (SOURCE, *branches)))
            else:
                around.enter_context(self._sounding(frame, stack.step, rows, branches))
            around.enter_context(stack.hooked(family.networks))
            prediction = family.predict(x, timestep, rows, frame["guidance"], size)
        if source is not None:
            prediction = prediction[1:]
        if len(branches) > 1:
            change = functools.partial(stack.bend_state, SiteKind.GUIDANCE)
            prediction = guidance.combine(prediction.chunk(len(branches)), change)
        else:
            prediction = stack.bend_state(SiteKind.GUIDANCE, prediction)
        return stack.bend_state(SiteKind.PREDICTION, prediction)

    def _sounding(
        self, frame: Resolved, step: int, rows: Conditioning, branches: tuple[Branch, ...]
    ) -> AbstractContextManager[None]:
        """Condition the network on the frame's sound for one call, if it counts at this step."""
        sound = frame.get("sound")
        if sound is None or not sound["steps"][0] <= step < sound["steps"][1]:
            return nullcontext()
        assert self.conditioner is not None
        return self.conditioner.rows(branches, rows["sound"], sound["scale"], sound["blocks"])


def _rows(conditionings: list[Conditioning], rowed: Any) -> Conditioning:
    """The conditionings of a batch, one below the other; what is not ``rowed`` is the same for all."""
    first = conditionings[0]
    shared = {name: tensor for name, tensor in first.items() if not name.startswith("negative_")}
    return {**shared, **{name: torch.cat([rows[name] for rows in conditionings]) for name in rowed}}
