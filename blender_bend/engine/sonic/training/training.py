"""Training sound adapters: stage 1 teaches the projector words, stage 2 the adapters pictures.

A state is written after every so many steps, and a training that finds one goes on from it as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from ....core.errors import BendError, Code
from ....core.files.whole import replacing
from ..adapters import AudioAdapters
from ..projector import AudioProjector
from ..weights import load_torch
from .losses import denoising, info_nce, token_distance, token_weights


@dataclass(frozen=True)
class Examples:
    """What is learned from, encoded once.

    Parameters
    ----------
    embeddings : CLAP's vectors, shape (N, 1024)
    words : embeddings of the captions, shape (N, 77, width)
    classes : shape (N,), whole numbers
    latents : of the pictures, shape (N, 4, h, w); not needed in stage 1
    silence : embeddings of the empty prompt, shape (1, 77, width)
    """

    embeddings: Tensor
    words: Tensor
    classes: Tensor
    silence: Tensor
    latents: Tensor | None = None


@dataclass(frozen=True)
class Recipe:
    """The settings of a training; those that the authors do not tell are ours.

    Parameters
    ----------
    negatives : sounds of other classes that each sound is told from
    distance : weight of the distance to the caption beside the contrast
    drop_text, drop_sound : how often an example is learned without its caption, and without its sound
    """

    stage: int
    steps: int
    batch: int = 6
    rate: float = 1e-4
    seed: int = 0
    negatives: int = 128
    temperature: float = 0.07
    distance: float = 1.0
    drop_text: float = 0.5
    drop_sound: float = 0.1
    clip: float = 1.0


@dataclass
class Training:
    """A training under way.

    Parameters
    ----------
    pipeline : a Stable Diffusion pipeline whose weights stay as they are; only stage 2 asks it
    losses : of every step until now
    """

    recipe: Recipe
    projector: AudioProjector
    adapters: AudioAdapters | None = None
    pipeline: Any = None
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.modules: dict[str, nn.Module] = {"projector": self.projector.requires_grad_(True)}
        if self.recipe.stage == 2:
            assert self.adapters is not None and self.pipeline is not None
            self.modules["adapters"] = self.adapters.requires_grad_(True)
            self.pipeline.unet.requires_grad_(False)
            self.noising = DDPMScheduler.from_config(self.pipeline.scheduler.config)
        named = [pair for module in self.modules.values() for pair in module.named_parameters()]
        plain = [weight for name, weight in named if weight.ndim < 2 or "norm" in name]
        rest = [weight for name, weight in named if not (weight.ndim < 2 or "norm" in name)]
        groups = [{"params": rest}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=self.recipe.rate)
        self._weights = [weight for _, weight in named]

    def run(
        self,
        examples: Examples,
        folder: Path | None = None,
        every: int = 500,
        progress: Callable[[int, float], None] = lambda *_: None,
    ) -> None:
        """Train until all steps are done.

        Parameters
        ----------
        folder : where states are written ``every`` so many steps; if it has one, the training goes on from it
        progress : called after each step with its number and loss

        Raises
        ------
        BendError(PARAMETER_INVALID) if there is too little to learn from
        """
        self._check(examples)
        if folder is not None and (folder / "state.pt").is_file():
            self.resume(folder / "state.pt")
        while len(self.losses) < self.recipe.steps:
            # Every step draws from its own seed, so that a resumed training draws what it would have drawn.
            chance = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + len(self.losses))
            loss = self.step(examples, chance)
            self.losses.append(loss)
            progress(len(self.losses), loss)
            if folder is not None and (len(self.losses) % every == 0 or len(self.losses) == self.recipe.steps):
                self.save(folder / "state.pt")

    def step(self, examples: Examples, chance: torch.Generator) -> float:
        """One step of the optimiser, and its loss."""
        chosen = torch.randint(len(examples.classes), (self.recipe.batch,), generator=chance)
        self.optimiser.zero_grad(set_to_none=True)
        learn = self._contrast if self.recipe.stage == 1 else self._denoise
        loss = learn(examples, chosen, chance)
        torch.nn.utils.clip_grad_norm_(self._weights, self.recipe.clip)
        self.optimiser.step()
        return loss

    def _contrast(self, examples: Examples, chosen: Tensor, chance: torch.Generator) -> float:
        recipe = self.recipe
        positives, negatives = zip(*(self._others(examples.classes, int(one), chance) for one in chosen), strict=True)
        embeddings = examples.embeddings
        anchors = self.projector(embeddings[chosen])
        near = self.projector(embeddings[torch.stack(positives)])
        far = self.projector(embeddings[torch.cat(negatives)]).unflatten(0, (len(chosen), -1))
        contrast = info_nce(anchors, near, far, recipe.temperature)
        distance = token_distance(anchors, examples.words[chosen], token_weights(anchors.shape[1]))
        loss = contrast + recipe.distance * distance
        loss.backward()
        return loss.item()

    def _others(self, classes: Tensor, one: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """Another sound of the same class, and sounds of other classes."""
        same = [int(i) for i in (classes == classes[one]).nonzero() if int(i) != one] or [one]
        other = (classes != classes[one]).nonzero()[:, 0]
        positive = torch.tensor(same)[torch.randint(len(same), (), generator=chance)]
        # Fewer than asked for are drawn with repetition, so that all rows have as many.
        enough = len(other) >= self.recipe.negatives
        drawn = (
            torch.randperm(len(other), generator=chance)[: self.recipe.negatives]
            if enough
            else torch.randint(len(other), (self.recipe.negatives,), generator=chance)
        )
        return positive, other[drawn]

    def _denoise(self, examples: Examples, chosen: Tensor, chance: torch.Generator) -> float:
        assert examples.latents is not None and self.adapters is not None
        unet, rows = self.pipeline.unet, len(chosen)
        latents = examples.latents[chosen]
        noise = torch.randn(latents.shape, generator=chance).to(latents)
        timesteps = torch.randint(self.noising.config.num_train_timesteps, (rows,), generator=chance)
        without_text = torch.rand(rows, generator=chance) < self.recipe.drop_text
        without_sound = torch.rand(rows, generator=chance) < self.recipe.drop_sound
        text = torch.where(without_text[:, None, None], examples.silence, examples.words[chosen])
        tokens = self.projector(examples.embeddings[chosen] * ~without_sound[:, None])
        noisy = self.noising.add_noise(latents, noise, timesteps)
        with self.adapters.applied(unet, tokens):  # until after the backward pass, for gradient checkpointing
            prediction = unet(noisy, timesteps, encoder_hidden_states=text.to(noisy)).sample
            loss = denoising(prediction, noise, latents, self.noising, timesteps)
            loss.backward()
        return loss.item()

    def _check(self, examples: Examples) -> None:
        kinds = len(examples.classes.unique())
        for holds, what in (
            (len(examples.classes) >= 1, "There is nothing to train on"),
            (self.recipe.stage == 2 or kinds >= 2, "Stage 1 tells classes apart and needs at least two"),
            (self.recipe.stage == 1 or examples.latents is not None, "Stage 2 needs pictures"),
        ):
            if not holds:
                raise BendError(Code.PARAMETER_INVALID, f"{what}.", "Add sounds with pictures and captions.")

    def save(self, path: Path) -> None:
        """Write all that is needed to go on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            torch.save(
                {
                    "recipe": asdict(self.recipe),
                    "losses": self.losses,
                    "optimiser": self.optimiser.state_dict(),
                    **{name: module.state_dict() for name, module in self.modules.items()},
                },
                file,
            )

    def resume(self, path: Path) -> None:
        """Go on from a state.

        Raises
        ------
        BendError(PARAMETER_INVALID) if it belongs to a training with other settings; BendError(MODEL_INVALID) if it is
        damaged, or no such state
        """
        state = load_torch(path)
        mine = asdict(self.recipe)
        if not isinstance(state, dict) or not {"recipe", "optimiser", "losses", *self.modules} <= set(state):
            raise BendError(Code.MODEL_INVALID, f"{path} isn't a training state.", "Use another folder.")
        differing = [name for name in mine if name != "steps" and state["recipe"].get(name) != mine[name]]
        if differing:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"The training in {path.parent} used different settings: {', '.join(differing)}.",
                "Use the same settings, or another folder.",
            )
        for name, module in self.modules.items():
            module.load_state_dict(state[name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.losses[:] = state["losses"]


def smoothed(losses: Sequence[float], width: int = 50) -> float:
    """The mean of the last losses."""
    last = list(losses)[-width:]
    return sum(last) / max(len(last), 1)
