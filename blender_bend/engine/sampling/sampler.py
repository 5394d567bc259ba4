"""From resolved frames to pictures: every denoising state once, alone or in batches of a constant size."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from typing import Any

import PIL.Image
import torch
from torch import Tensor

from ...core.errors import BendError, Code
from ...core.plan import first_step
from ...core.resolve import Resolved
from ..bending import BendStack
from ..bending.channels import Study
from ..bending.verdicts import Verdicts
from ..conditioning import PromptEncoder, Reading
from ..families import Conditioning, Family, family_of
from ..families.family import settled, takes_generator
from ..sonic.condition import Branch, Guidance, Hearing
from ..sonic.inversion import ddim_of
from ..sonic.projector import blend
from ..tiles import at_work
from .bent_prompts import BentPrompts
from .edits import NOTHING, SOURCE, Inversions, beside_source, is_edit
from .noise import starting_noise
from .queue import Queue, of_one_length
from .schedulers import branch, branch_generator, prepare
from .state import Inputs, State
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
        self.hearing: Hearing | None = None
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
        frames : what ``core.resolve`` gives, by frame key, in the order in which they are wanted
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
        for root in reversed(grow(frames)):
            queue.add_root(root)
        while ready := queue.next():
            if cancelled():
                raise BendError(Code.CANCELLED, "Cancelled.")
            nodes, states = ready
            begun = [
                self._begin(node.frame, inputs, cancelled) if state is None else state
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
                for node, state in zip(together, self._advance(*filled, inputs), strict=False):
                    queue.add(node, state, self._step(node.frame, state))

    def denoise(self, frame: Resolved) -> Tensor:
        """The finished latent of a frame that starts from noise, before the bends of that moment and its decoding."""
        node, state = grow({"": frame})[0], self._begin(frame, None)
        while (step := self._step(frame, state)) < frame["steps"]:
            while node.segment.last <= step:
                (node,) = node.children.values()
            (state,) = self._advance([node], [state], None)
        self._verdicts.hear_all()
        return state.latents

    @torch.inference_mode()
    def measure(self, frame: Resolved, inputs: Inputs | None = None) -> tuple[float, float]:
        """How long a denoising step and a decoding take on this machine, in seconds, by doing two steps of a frame."""
        node = grow({"": frame})[0]
        state = self._begin(frame, inputs)
        seconds = 0.0
        for _ in range(2):  # the first also warms up
            began = time.perf_counter()
            if state.call < len(state.scheduler.timesteps):
                (state,) = self._advance([node], [state], inputs)
            self._settle()
            seconds = (time.perf_counter() - began) * len(state.scheduler.timesteps) / frame["steps"]
        self._verdicts.hear_all()
        began = time.perf_counter()
        with at_work(self.pipeline.vae, frame):
            self.family.decode(state.latents)
        return seconds, time.perf_counter() - began

    def _settle(self) -> None:
        """Wait for the device."""
        if self.family.device.type in ("cuda", "mps"):
            getattr(torch, self.family.device.type).synchronize()

    def _begin(self, frame: Resolved, inputs: Inputs | None, cancelled: Callable[[], bool] = lambda: False) -> State:
        """A frame before its first step."""
        size, steps = (frame["size"][0], frame["size"][1]), frame["steps"]
        scheduler = prepare(self.family, frame)
        noise, generator = starting_noise(self.family, frame)
        stack = self._stack([frame], 0, noise, inputs)
        noise = stack.bend_state("noise", noise)
        self._verdicts.add(stack.verdict())
        conditioning = self._encode(self.prompts, frame)
        if "sound" in frame:
            assert inputs is not None and self.hearing is not None
            heard = blend([(inputs.vector(digest), share) for digest, share in frame["sound"]["vectors"]])
            conditioning = {**conditioning, "sound": self.hearing.tokens(heard)}
        if frame["source"] is None:
            latents = noise if self.family.flow else noise * scheduler.init_noise_sigma
            return State(latents, scheduler, generator, conditioning, 0)
        assert inputs is not None
        if is_edit(frame):
            trajectory = self.inversions.of(frame, inputs.source, cancelled)
            self.prompts.encode(NOTHING, "", False)  # what the source is told; better now than within a step
            scheduler = ddim_of(self.family, steps, prediction=frame.get("prediction"))
            lent = [trajectory[timestep] for timestep in scheduler.timesteps.tolist()]
            noise = stack.bend_state("noise", lent[0])
            self._verdicts.add(stack.verdict())
            return State(noise, scheduler, generator, conditioning, 0, lent=lent)
        with at_work(self.pipeline.vae, frame):
            picture = self.family.encode_picture(inputs.source(frame), size)
        call = frame["source"]["start"] * scheduler.order
        if frame["source"]["start"] == steps:
            return State(picture, scheduler, generator, conditioning, len(scheduler.timesteps))
        if hasattr(scheduler, "set_begin_index"):  # DDIM and PNDM go by the timestep alone
            scheduler.set_begin_index(call)
        timestep = scheduler.timesteps[call : call + 1]
        if hasattr(scheduler, "scale_noise"):
            latents = scheduler.scale_noise(picture, timestep, noise)
        else:
            latents = scheduler.add_noise(picture, noise, timestep)
        return State(latents, scheduler, generator, conditioning, call)

    def _encode(self, encoder: PromptEncoder, frame: Resolved) -> Conditioning:
        """The embeddings of a frame's prompt."""
        guided = any(not branch.prompt for branch in self._guidance(frame).branches)
        return encoder.encode(frame["prompt"], frame["negative"], guided, frame["blending"], Reading.of(frame))

    def _told(self, frame: Resolved, state: State, stack: BendStack, inputs: Inputs | None) -> Conditioning:
        """What the network is told about a state at a step: its prompt, as bent text encoders read it if they are."""
        read_mask = None if inputs is None else inputs.mask
        bent = self.bent_prompts.encode(frame, self._encode, stack, read_mask)
        return state.conditioning if bent is None else {**state.conditioning, **bent}

    def _guidance(self, frame: Resolved) -> Guidance:
        """How prompt and sound of a frame guide; models that take their guidance as an input are not asked twice."""
        text = frame["guidance"] if self.family.is_guided(frame["guidance"]) else 1.0
        separate = frame["sound"]["guidance"] if "sound" in frame else None
        return Guidance(text if separate is None else frame["guidance"], separate)

    def _step(self, frame: Resolved, state: State) -> int:
        """The denoising step that a state is before; PNDM and Heun call the network more often than there are steps."""
        return max(int(state.call * frame["steps"] // len(state.scheduler.timesteps)), first_step(frame))

    def _advance(self, nodes: list[Node], states: list[State], inputs: Inputs | None) -> list[State]:
        """One call of the network for a batch of states, and a step of each one's scheduler."""
        frame, first = nodes[0].frame, states[0]
        step = self._step(frame, first)
        latents = torch.cat([state.latents for state in states])
        stack = self._stack([node.frame for node in nodes], step, latents, inputs)
        if step > first.bent:
            latents = stack.bend_state("latent", latents)
        timestep = first.scheduler.timesteps[first.call]
        schedulers = [branch(state.scheduler) for state in states]
        told = [self._told(node.frame, state, stack, inputs) for node, state in zip(nodes, states, strict=True)]
        source = None if first.lent is None else first.lent[first.call]
        prediction = self._predict(stack, frame, schedulers, latents, timestep, told, source)
        self._verdicts.add(stack.verdict())
        return [
            self._stepped(state, scheduler, step, latents[row : row + 1], prediction[row : row + 1])
            for row, (state, scheduler) in enumerate(zip(states, schedulers, strict=True))
        ]

    def _predict(
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
        family, guidance, size = self.family, self._guidance(frame), (frame["size"][0], frame["size"][1])
        branches = guidance.branches
        rows = _rows(conditionings, family.rowed)
        rows["prompt_embeds"] = stack.bend_state("text", rows["prompt_embeds"])
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
                around.enter_context(self._heard(frame, stack.step, rows, (SOURCE, *branches)))
            else:
                around.enter_context(self._heard(frame, stack.step, rows, branches))
            around.enter_context(stack.hooked(family.networks))
            prediction = family.predict(x, timestep, rows, frame["guidance"], size)
        if source is not None:
            prediction = prediction[1:]
        if len(branches) > 1:
            change = functools.partial(stack.bend_state, "guidance")
            prediction = guidance.combine(prediction.chunk(len(branches)), change)
        else:
            prediction = stack.bend_state("guidance", prediction)
        return stack.bend_state("prediction", prediction)

    def _heard(
        self, frame: Resolved, step: int, rows: Conditioning, branches: tuple[Branch, ...]
    ) -> AbstractContextManager[None]:
        """Let the network hear the frame's sound for one call, if it is heard at this step."""
        sound = frame.get("sound")
        if sound is None or not sound["steps"][0] <= step < sound["steps"][1]:
            return nullcontext()
        assert self.hearing is not None
        return self.hearing.rows(branches, rows["sound"], sound["scale"], sound["blocks"])

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
        latents = stack.bend_state("latent", state.latents)
        try:
            with stack.hooked(self.family.networks), at_work(self.pipeline.vae, frame):
                picture = self.family.decode(latents)
        except BendError:
            self._hear(stack)  # a picture without numbers may be the fault of a bend, which has a name
            raise
        self._hear(stack)
        return picture

    def _hear(self, stack: BendStack) -> None:
        """Make sure that all bends until now made finite numbers; else BendError(NON_FINITE)."""
        self._verdicts.add(stack.verdict())
        self._verdicts.hear_all()

    def _stack(self, frames: list[Resolved], step: int, latents: Tensor, inputs: Inputs | None) -> BendStack:
        return BendStack(
            [frame["bends"] for frame in frames],
            seed=frames[0]["seed"],
            step=step,
            steps=frames[0]["steps"],
            size=(latents.shape[2], latents.shape[3]),
            read_mask=None if inputs is None else inputs.mask,
            study=self.study,
        )


def _rows(conditionings: list[Conditioning], rowed: Any) -> Conditioning:
    """The conditionings of a batch, one below the other; what is not ``rowed`` is the same for all."""
    first = conditionings[0]
    shared = {name: tensor for name, tensor in first.items() if not name.startswith("negative_")}
    return {**shared, **{name: torch.cat([rows[name] for rows in conditionings]) for name in rowed}}
