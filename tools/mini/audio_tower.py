"""The audio tower of mini: a small one of CLAP's form that tells the synthesised sounds apart."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blender_bend.engine.sonic.clap import AudioTower, LogMel
from blender_bend.engine.sonic.mel import SAMPLE_RATE, log_mel, mel_matrix, window

from . import checkpoints
from .arrays import save_array
from .loop import Budget, Training, train
from .pictures import HELDOUT, TRAINING
from .recipe import Recipe
from .sounds import SOUNDS, sound

FIRST_HELDOUT = 1_000_000  # seed of the first sound that nothing learns from
SHARPNESS = 12.0  # of the scores, which are cosines


def synthesise_all(recipe: Recipe, folder: Path, workers: int) -> None:
    """Write every sound that is missing, as ``sounds/<part>-<kind>.npy``: float32, shape (sounds, samples)."""
    jobs = [(recipe, folder, part, kind) for part in (HELDOUT, TRAINING) for kind in SOUNDS]
    jobs = [job for job in jobs if not _path(*job[1:]).exists()]
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for done, _ in enumerate(pool.imap(_synthesise, jobs), 1):
            left = (time.monotonic() - began) / done * (len(jobs) - done)
            print(f"sounds: {done} of {len(jobs)} kinds, {left / 60:.1f} min left", flush=True)


def _synthesise(job: tuple[Recipe, Path, str, str]) -> None:
    recipe, folder, part, kind = job
    first, count = (FIRST_HELDOUT, recipe.sounds_heldout) if part == HELDOUT else (0, recipe.sounds)
    made = np.stack([sound(kind, first + number, recipe.sound_seconds) for number in range(count)])
    path = _path(folder, part, kind)
    save_array(path, made)


def _path(folder: Path, part: str, kind: str) -> Path:
    return folder / "sounds" / f"{part}-{kind}.npy"


def load_sounds(folder: Path, part: str) -> dict[str, np.ndarray]:
    """The sounds of a part by kind, each of shape (sounds, samples).

    Raises
    ------
    FileNotFoundError if they were not made
    """
    return {kind: np.load(_path(folder, part, kind), mmap_mode="r") for kind in SOUNDS}


class SoundClassifier(nn.Module):
    """The tower, and a direction for each kind of sound."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.tower = AudioTower(recipe.tower_channels, recipe.tower_embedding)
        self.tower.base.logmel_extractor = nn.Identity()  # it learns from spectrograms that were computed once
        self.directions = nn.Parameter(torch.randn(len(SOUNDS), recipe.tower_embedding))

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Scores of every kind, from log-mel spectrograms of shape (B, 1, frames, 64)."""
        vectors = F.normalize(self.tower.projection(self.tower.base(spectrograms)), dim=-1)
        return SHARPNESS * vectors @ F.normalize(self.directions, dim=-1).T


class SoundLoss:
    """Cross-entropy of the kind, from pieces of any loudness with some bands or moments missing."""

    def __init__(
        self, classifier: SoundClassifier, sounds: dict[str, np.ndarray], recipe: Recipe, metrics: dict[str, float]
    ) -> None:
        self.classifier, self.recipe, self.metrics = classifier, recipe, metrics
        matrix = mel_matrix()
        spectrograms = [
            log_mel(torch.from_numpy(np.array(sound))[None], matrix)[0].half()
            for kind in SOUNDS
            for sound in sounds[kind]
        ]
        self.spectrograms = torch.stack(spectrograms)
        self.kinds = torch.arange(len(SOUNDS)).repeat_interleave(len(self.spectrograms) // len(SOUNDS))

    def __call__(self, step: int, rank: int, ranks: int, random: np.random.Generator) -> Tensor:
        """The loss at a step."""
        del step, rank, ranks
        chosen = random.integers(len(self.kinds), size=self.recipe.tower_batch)
        frames = min(self.recipe.tower_frames, self.spectrograms.shape[2])
        first = random.integers(self.spectrograms.shape[2] - frames + 1, size=len(chosen))
        x = torch.stack(
            [self.spectrograms[int(n), :, int(at) : int(at) + frames] for n, at in zip(chosen, first, strict=True)]
        ).float()
        x += torch.from_numpy(random.uniform(-15, 5, (len(x), 1, 1, 1)).astype(np.float32))  # decibels
        tilt = np.linspace(-1, 1, x.shape[3]) * random.uniform(-6, 6, (len(x), 1, 1, 1))
        x += torch.from_numpy(tilt.astype(np.float32))
        band, moment = int(random.integers(56)), int(random.integers(max(1, frames - 40)))
        x[::2, :, :, band : band + 8] = x.mean()
        x[1::2, :, moment : moment + 40] = x.mean()
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.classifier(x)
        kinds = self.kinds[torch.from_numpy(chosen)]
        self.metrics["right"] = float((scores.argmax(1) == kinds).float().mean())
        return F.cross_entropy(scores.float(), kinds)


def train_tower(rank: int, ranks: int, recipe: Recipe, folder: Path, budget: Budget) -> None:
    """The stage."""
    torch.manual_seed(recipe.seed)
    classifier, metrics = SoundClassifier(recipe).train(), {}
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=recipe.tower_rate, weight_decay=0.01)
    optimizer.param_groups[0]["rate"] = recipe.tower_rate
    loss = SoundLoss(classifier, load_sounds(folder, TRAINING), recipe, metrics)
    training = Training(
        "tower",
        classifier,
        [optimizer],
        loss,
        recipe.tower_batch,
        recipe.seed,
        recipe.warm_up_32,
        0.98,
        metrics=metrics,
    )
    train(training, budget, folder, rank, ranks)
    if rank == 0:
        right = recognised(recipe, folder)
        print(f"tower: {np.mean(list(right.values())):.3f} of the held-out sounds, {right}", flush=True)


def load_sound_classifier(recipe: Recipe, folder: Path) -> tuple[AudioTower, Tensor]:
    """The trained tower, which takes samples, and the directions of the kinds."""
    classifier = SoundClassifier(recipe)
    classifier.load_state_dict(checkpoints.load(folder / "tower.pt")["average"])
    classifier.tower.base.logmel_extractor = LogMel()
    return classifier.tower.eval().requires_grad_(False), F.normalize(classifier.directions.detach(), dim=-1)


def embeddings_of(tower: AudioTower, sounds: np.ndarray, pieces: int = 1) -> Tensor:
    """Vectors of sounds, shape (sounds * pieces, embedding): of each the whole, then shorter and shorter pieces."""
    found = []
    for number, samples in enumerate(sounds):
        mono = torch.from_numpy(np.array(samples))
        for piece in range(pieces):
            length = len(mono) if piece == 0 else min(len(mono), round((2.0 + 4.0 / piece) * SAMPLE_RATE))
            start = (number * 7919 + piece * 104_729) % max(1, len(mono) - length)
            found.append(tower(window(mono, start, length)[None]))
    return torch.cat(found)


def recognised(recipe: Recipe, folder: Path) -> dict[str, float]:
    """Which part of the held-out sounds of each kind the tower names."""
    tower, directions = load_sound_classifier(recipe, folder)
    sounds = load_sounds(folder, HELDOUT)
    return {
        kind: float(((embeddings_of(tower, sounds[kind]) @ directions.T).argmax(1) == number).float().mean())
        for number, kind in enumerate(SOUNDS)
    }
