"""From resolved frames to pictures: every denoising state once, alone or in batches of a constant size."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import PIL.Image
import torch
from torch import Tensor

from ...core.errors import BendError, Code
from ...core.job.resolved import Resolved
from ...core.job.sharing import first_step
from ...core.site_kinds import SiteKind
from ..bending import BendStack
from ..bending.channels import Study
from ..bending.verdicts import Verdicts
from ..families import Conditioning, Family, family_of
from ..families.family import settled, takes_generator
from ..families.tiles import at_work
from ..prompts.encoder import PromptEncoder
from ..sonic.condition import SoundConditioner
from .beginning import begin
from .bent_prompts import BentPrompts
from .edits import Inversions
from .prediction import Predictor
from .queue import Queue, of_one_length
from .reach import FURTHEST, reach
from .schedulers import branch, branch_generator
from .state import Inputs, State, bends_of
from .tree import Node, grow


class Sampler:
    """Renders resolved frames on one model.

    With a batch of 1, every picture is bit-equal to what it would be alone, and without active bends to what the plain
    diffusers pipeline makes with the same seed. With a larger batch, states in which a bend has acted are computed
    in batches of exactly that size, filled up if need be, so that a picture does not depend on its neighbours.

    Parameters
    ----------
    pipeline : a diffusers pipeline that Bend knows
    study : what is known about the model; None if nothing is asked of it
    """

    def __init__(self, pipeline: Any, study: Study | None = None) -> None:
        self.pipeline = pipeline
        self.family: Family = family_of(pipeline)
        self.prompts = PromptEncoder(self.family)
        self.bent_prompts = BentPrompts(self.family)
        self.inversions = Inversions(self.family)
        self.study = study
        self.conditioner: SoundConditioner | None = None
        self._verdicts = Verdicts()

    def render(
        self, frame: Resolved, inputs: Inputs | None = None, cancelled: Callable[[], bool] = lambda: False
    ) -> PIL.Image.Image:
        """Make the picture of one frame; see ``render_all``."""
        pictures: dict[str, PIL.Image.Image] = {}
        self.render_all({"": frame}, pictures.__setitem__, inputs, cancelled)
        return pictures[""]

    @torch.inference_mode()
    def render_all(
        self,
        frames: Mapping[str, Resolved],
        finished: Callable[[str, PIL.Image.Image], None],
        inputs: Inputs | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Make the pictures of frames of one job.

        Parameters
        ----------
        frames : what ``core.job.resolve`` gives, by frame key, in the order in which they are wanted
        finished : takes every picture as soon as it is there
        inputs : for frames that start from a picture, or with masks
        cancelled : asked before every denoising step

        Raises
        ------
        BendError(CANCELLED), and the errors of bends
        """
        if not frames:
            return
        self._verdicts.forget()
        try:
            self._work(frames, finished, inputs, cancelled)
        finally:
            self.pipeline.maybe_free_model_hooks()

    def _work(
        self,
        frames: Mapping[str, Resolved],
        finished: Callable[[str, PIL.Image.Image], None],
        inputs: Inputs | None,
        cancelled: Callable[[], bool],
    ) -> None:
        batch = next(iter(frames.values()))["batch"]
        queue = Queue(batch)
        for root in grow(frames):
            queue.add_root(root)
        while ready := queue.next():
            if cancelled():
                raise BendError(Code.CANCELLED, "Canceled.")
            nodes, states = ready
            begun = [
                self.begin_frame(node.frame, inputs, cancelled) if state is None else state
                for node, state in zip(nodes, states, strict=True)
            ]
            if nodes[0].segment.first == nodes[0].frame["steps"]:
                picture = self._finish(nodes[0].frame, begun[0], inputs)
                for key in nodes[0].pictures:
                    finished(key, picture)
                continue
            for together, told in of_one_length(nodes, begun):
                padding = batch - len(together) if nodes[0].segment.bent else 0
                filled = [*together, *together[-1:] * padding], [*told, *told[-1:] * padding]
                for node, state in zip(together, self.advance(*filled, inputs), strict=False):
                    queue.add(node, state, self._step(node.frame, state))

    @torch.inference_mode()
    def measure(self, frame: Resolved, inputs: Inputs | None = None) -> tuple[float, float]:
        """How long a denoising step and a decoding take on this machine, in seconds, by doing two steps of a frame."""
        node = grow({"": frame})[0]
        state = self.begin_frame(frame, inputs)
        seconds = 0.0
        for _ in range(2):  # the first also warms up
            began = time.perf_counter()
            if state.call < len(state.scheduler.timesteps):
                (state,) = self.advance([node], [state], inputs)
            self._settle()
            seconds = (time.perf_counter() - began) * len(state.scheduler.timesteps) / frame["steps"]
        self._verdicts.check_all()
        began = time.perf_counter()
        with at_work(self.pipeline.vae, frame):
            self.family.decode(state.latents)
        return seconds, time.perf_counter() - began

    def _settle(self) -> None:
        """Wait for the device."""
        if self.family.device.type in ("cuda", "mps"):
            getattr(torch, self.family.device.type).synchronize()

    def begin_frame(
        self, frame: Resolved, inputs: Inputs | None, cancelled: Callable[[], bool] = lambda: False
    ) -> State:
        """A frame before its first step."""
        state, bends = begin(self, frame, inputs, cancelled)
        self._verdicts.add(bends.verdict())
        return state

    @property
    def _predictor(self) -> Predictor:
        return Predictor(self.family, self.prompts, self.conditioner)

    def _told(self, frame: Resolved, state: State, stack: BendStack, inputs: Inputs | None) -> Conditioning:
        """What the network is told about a state at a step: its prompt, as bent text encoders read it if they are."""
        read_mask = None if inputs is None else inputs.mask
        bent = self.bent_prompts.encode(frame, stack, read_mask)
        return state.conditioning if bent is None else {**state.conditioning, **bent}

    def _step(self, frame: Resolved, state: State) -> int:
        """The denoising step that a state is before; PNDM and Heun call the network more often than there are steps."""
        return max(int(state.call * frame["steps"] // len(state.scheduler.timesteps)), first_step(frame))

    def advance(self, nodes: list[Node], states: list[State], inputs: Inputs | None) -> list[State]:
        """One call of the network for a batch of states, and a step of each one's scheduler."""
        frame, first = nodes[0].frame, states[0]
        step = self._step(frame, first)
        latents = torch.cat([state.latents for state in states])
        stack = self._stack([node.frame for node in nodes], step, latents, inputs)
        timestep = first.scheduler.timesteps[first.call]
        schedulers = [branch(state.scheduler) for state in states]
        if step > first.bent:
            latents = stack.bend_state(SiteKind.LATENT, latents, reach(schedulers[0], timestep))
        told = [self._told(node.frame, state, stack, inputs) for node, state in zip(nodes, states, strict=True)]
        source = None if first.lent is None else first.lent[first.call]
        prediction = self._predictor.predict(stack, frame, schedulers, latents, timestep, told, source)
        self._verdicts.add(stack.verdict())
        return [
            self._stepped(state, scheduler, step, latents[row : row + 1], prediction[row : row + 1])
            for row, (state, scheduler) in enumerate(zip(states, schedulers, strict=True))
        ]

    def _stepped(self, state: State, scheduler: Any, step: int, latents: Tensor, prediction: Tensor) -> State:
        """A state after its scheduler's step; its latent bends of the denoising step have acted."""
        timestep, generator = scheduler.timesteps[state.call], state.generator
        extra: dict[str, Any] = dict(settled(scheduler.__class__))
        if takes_generator(scheduler.__class__):
            generator = branch_generator(generator)
            extra["generator"] = generator
        after = self.family.step(scheduler, prediction, timestep, latents, **extra)
        # Some schedulers compute in float32; the pipelines mend this on MPS only, where it fails.
        after = after.to(latents.dtype)
        return replace(state, latents=after, scheduler=scheduler, generator=generator, call=state.call + 1, bent=step)

    def _finish(self, frame: Resolved, state: State, inputs: Inputs | None) -> PIL.Image.Image:
        """The bends of the finished latent and of the decoder, and the picture."""
        stack = self._stack([frame], frame["steps"], state.latents, inputs)
        latents = stack.bend_state(SiteKind.LATENT, state.latents, FURTHEST)
        try:
            with stack.hooked(self.family.networks), at_work(self.pipeline.vae, frame):
                picture = self.family.decode(latents)
        except BendError:
            self._check(stack)  # a picture without numbers may be the fault of a bend, which has a name
            raise
        self._check(stack)
        return picture

    def _check(self, stack: BendStack) -> None:
        """Make sure that all bends until now made finite numbers; else BendError(NON_FINITE)."""
        self._verdicts.add(stack.verdict())
        self._verdicts.check_all()

    def _stack(self, frames: list[Resolved], step: int, latents: Tensor, inputs: Inputs | None) -> BendStack:
        return bends_of(frames, step, latents, inputs, self.study)
