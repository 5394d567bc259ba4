"""One frame on one page: what the sampler must equal bit for bit, without shared states and without batches."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import PIL.Image
import torch
from torch import Tensor

from ...core.job.resolved import Resolved
from ...core.job.sharing import first_step
from ...core.site_kinds import SiteKind
from ..bending import BendStack
from ..families import Conditioning
from ..families.family import settled, takes_generator
from ..families.tiles import at_work
from .beginning import begin
from .edits import SOURCE, beside_source
from .prediction import guidance_of
from .reach import FURTHEST, reach
from .state import Inputs, bends_of

if TYPE_CHECKING:
    from .sampler import Sampler


@torch.inference_mode()
def render_plain(model: Sampler, frame: Resolved, inputs: Inputs | None = None) -> PIL.Image.Image:
    """The picture of one frame.

    Parameters
    ----------
    model : a sampler, whose model is asked and whose ``render`` makes the same picture
    """
    x = denoise_plain(model, frame, inputs)
    bends = bends_of([frame], frame["steps"], x, inputs, model.study)
    x = bends.bend_state(SiteKind.LATENT, x, FURTHEST)
    with bends.hooked(model.family.networks), at_work(model.pipeline.vae, frame):
        return model.family.decode(x)


@torch.inference_mode()
def denoise_plain(model: Sampler, frame: Resolved, inputs: Inputs | None = None) -> Tensor:
    """The finished latent of one frame, before the bends of that moment: shape (1, C, h, w)."""
    state, _ = begin(model, frame, inputs)
    x, scheduler, bent = state.latents, state.scheduler, -1
    told: dict[str, Any] = dict(settled(scheduler.__class__))
    if takes_generator(scheduler.__class__):
        told["generator"] = state.generator
    calls = len(scheduler.timesteps)
    for call in range(state.call, calls):
        t, step = scheduler.timesteps[call], max(call * frame["steps"] // calls, first_step(frame))
        bends = bends_of([frame], step, x, inputs, model.study)
        if step > bent:  # PNDM and Heun call the network more often than there are steps
            x, bent = bends.bend_state(SiteKind.LATENT, x, reach(scheduler, t)), step
        scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        reread = model.bent_prompts.encode(frame, bends, None if inputs is None else inputs.mask)
        conditioning = state.conditioning | (reread or {})
        source = None if state.lent is None else state.lent[call]
        noise = _predict(model, frame, bends, scaled, t, conditioning, source)
        x = model.family.step(scheduler, noise, t, x, **told).to(x.dtype)
    return x


def _predict(
    model: Sampler, frame: Resolved, bends: BendStack, x: Tensor, t: Tensor, said: Conditioning, source: Tensor | None
) -> Tensor:
    """What the network says: ``e(n) + s (e(p) - e(n))`` with guidance s, prompt p and negative prompt n."""
    family, sound, guidance = model.family, frame.get("sound"), guidance_of(model.family, frame)
    said = said | {"prompt_embeds": bends.bend_state(SiteKind.TEXT, said["prompt_embeds"])}
    branches, size = guidance.branches, frame["size"]
    rows = {name: tensor for name, tensor in said.items() if not name.startswith("negative_")}
    for name in family.rowed:
        rows[name] = torch.cat([said[name if branch.prompt else f"negative_{name}"] for branch in branches])
    x = torch.cat([x] * len(branches))
    with ExitStack() as around:
        if source is not None:
            x, rows = around.enter_context(beside_source(family, frame, bends.step, x, rows, source, model.prompts))
        if sound is not None and sound["steps"][0] <= bends.step < sound["steps"][1]:
            assert model.conditioner is not None
            told = branches if source is None else (SOURCE, *branches)
            around.enter_context(model.conditioner.rows(told, said["sound"], sound["scale"], sound["blocks"]))
        around.enter_context(bends.hooked(family.networks))
        parts = family.predict(x, t, rows, frame["guidance"], size)[-len(branches) :].split(1)
    bend = functools.partial(bends.bend_state, SiteKind.GUIDANCE)
    return bends.bend_state(SiteKind.PREDICTION, guidance.combine(parts, bend) if len(parts) > 1 else bend(parts[0]))
