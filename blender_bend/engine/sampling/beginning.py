"""How frames begin: in noise, over a picture at some noise level, or along a picture whose layout they keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...core.job.resolved import Resolved
from ...core.job.sharing import first_step
from ...core.site_kinds import SiteKind
from ..bending import BendStack
from ..families import Conditioning, Family
from ..families.tiles import at_work
from ..sonic.inversion import ddim_of
from ..sonic.projector import blend
from .edits import NOTHING, is_edit
from .noise import starting_noise
from .prediction import encoded
from .schedulers import prepare
from .state import Inputs, State, bends_of

if TYPE_CHECKING:
    from .sampler import Sampler


def begin(
    model: Sampler, frame: Resolved, inputs: Inputs | None, cancelled: Callable[[], bool] = lambda: False
) -> tuple[State, BendStack]:
    """A frame before its first step, and the bends that have acted on it.

    Parameters
    ----------
    model : a sampler, whose model is asked
    cancelled : asked before every step of an inversion
    """
    scheduler = prepare(model.family, frame)
    noise, generator = starting_noise(model.family, frame)
    bends = bends_of([frame], 0, noise, inputs, model.study)
    noise = bends.bend_state(SiteKind.NOISE, noise)
    conditioning = encoded(model.family, model.prompts, frame)
    if "sound" in frame:
        assert inputs is not None and model.conditioner is not None
        width = model.conditioner.projector.embedding
        sound = blend([(inputs.vector(digest, width), share) for digest, share in frame["sound"]["vectors"]])
        conditioning = {**conditioning, "sound": model.conditioner.tokens(sound)}
    beginning = Beginning(model.family, frame, scheduler, generator, noise, conditioning)
    if frame["source"] is None:
        return beginning.from_noise(), bends
    assert inputs is not None
    if not is_edit(frame):
        return beginning.over_picture(inputs), bends
    trajectory = model.inversions.of(frame, inputs.source, cancelled)
    model.prompts.encode(NOTHING, "", False)  # what the source is told; better now than within a step
    return beginning.beside_source(trajectory, lambda noise: bends.bend_state(SiteKind.NOISE, noise)), bends


@dataclass(frozen=True)
class Beginning:
    """A frame before its first step, as far as that is the same whatever it starts from.

    Parameters
    ----------
    scheduler : the frame's own, before its first step
    generator : for what the scheduler draws
    noise : of unit variance, bent
    """

    family: Family
    frame: Resolved
    scheduler: Any
    generator: torch.Generator
    noise: Tensor
    conditioning: Conditioning

    def from_noise(self) -> State:
        """In noise alone."""
        latents = self.noise if self.family.flow else self.noise * self.scheduler.init_noise_sigma
        return self._state(latents, 0)

    def over_picture(self, inputs: Inputs) -> State:
        """Over the frame's picture, at the noise level of the step that it starts with."""
        frame, scheduler = self.frame, self.scheduler
        with at_work(self.family.pipeline.vae, frame):
            picture = self.family.encode_picture(inputs.source(frame), frame["size"])
        call = first_step(frame) * scheduler.order
        if first_step(frame) == frame["steps"]:
            return self._state(picture, len(scheduler.timesteps))
        if hasattr(scheduler, "set_begin_index"):  # DDIM and PNDM go by the timestep alone
            scheduler.set_begin_index(call)
        timestep = scheduler.timesteps[call : call + 1]
        if hasattr(scheduler, "scale_noise"):
            return self._state(scheduler.scale_noise(picture, timestep, self.noise), call)
        return self._state(scheduler.add_noise(picture, self.noise, timestep), call)

    def beside_source(self, trajectory: Mapping[int, Tensor], bend: Callable[[Tensor], Tensor]) -> State:
        """In the noise that a picture was inverted to, whose layout is lent at every step.

        Parameters
        ----------
        trajectory : the picture's latents by timestep
        bend : bends that noise
        """
        frame = self.frame
        scheduler = ddim_of(self.family, frame["steps"], prediction=frame.get("prediction"))
        lent = [trajectory[timestep] for timestep in scheduler.timesteps.tolist()]
        return State(bend(lent[0]), scheduler, self.generator, self.conditioning, 0, lent=lent)

    def _state(self, latents: Tensor, call: int) -> State:
        return State(latents, self.scheduler, self.generator, self.conditioning, call)
