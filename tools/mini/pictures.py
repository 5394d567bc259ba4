"""The pictures to learn from: which ones there are, how they are painted into shards on disk, and how they are read."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np

from blender_bend.engine.scenes import MOODS, PALETTES, SCENES, paint

from .arrays import save_array
from .captions import Attributes
from .recipe import Recipe

PLAIN = 0.6  # the part of the pictures without a mood
HELDOUT = "heldout"
TRAINING = "training"


def attributes(recipe: Recipe, part: str, number: int) -> Attributes:
    """What picture ``number`` of a part shows. Scenes come in turn, so every part has as many of each."""
    random = _generator(recipe, part, number)
    scenes, palettes = list(SCENES), list(PALETTES)
    moods = [mood for mood in MOODS if mood != "none"]
    mood = moods[int(random.integers(len(moods)))] if moods and random.random() >= PLAIN else "none"
    return Attributes(scenes[number % len(scenes)], palettes[int(random.integers(len(palettes)))], mood)


def painted(recipe: Recipe, part: str, number: int) -> np.ndarray:
    """Paint picture ``number`` of a part.

    Returns
    -------
    uint8 array, shape (rows, columns, 3)
    """
    what = attributes(recipe, part, number)
    random = _generator(recipe, part, number, 1)
    picture = paint(
        what.scene,
        what.palette,
        height=recipe.picture,
        width=recipe.picture,
        seed=int(random.integers(2**31)),
        time=float(random.uniform(0.0, 20.0)),
        mood=what.mood,
        jitter=float(random.uniform(0.2, 1.0)),
    )
    return np.round(np.clip(picture, 0.0, 1.0) * 255).astype(np.uint8)


def _generator(recipe: Recipe, part: str, number: int, what: int = 0) -> np.random.Generator:
    key = (recipe.seed << 48) + ((part == HELDOUT) << 40) + (what << 36) + number
    return np.random.Generator(np.random.Philox(key=key))


def paint_all(recipe: Recipe, folder: Path, workers: int, minutes: float = 0.0) -> None:
    """Paint every shard that is missing: the held-out ones first; stops at a shard's end when the minutes are over."""
    began = time.monotonic()
    jobs = [(recipe, part, shard, folder) for part in (HELDOUT, TRAINING) for shard in range(shards(recipe, part))]
    jobs = [job for job in jobs if not shard_path(folder, job[1], job[2]).exists()]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for done, _ in enumerate(pool.imap(_paint_shard, jobs), 1):
            seconds = time.monotonic() - began
            left = seconds / done * (len(jobs) - done)
            print(f"pictures: {done} of {len(jobs)} shards, {left / 60:.1f} min left", flush=True)
            if minutes and seconds > minutes * 60:
                pool.terminate()
                break


def _paint_shard(job: tuple[Recipe, str, int, Path]) -> None:
    recipe, part, shard, folder = job
    path = shard_path(folder, part, shard)
    first = shard * recipe.shard
    pictures = np.stack([painted(recipe, part, number) for number in range(first, first + recipe.shard)])
    save_array(path, pictures)


def shards(recipe: Recipe, part: str) -> int:
    """How many shards a part has."""
    return (recipe.heldout if part == HELDOUT else recipe.pictures) // recipe.shard


def shard_path(folder: Path, part: str, shard: int) -> Path:
    """The file of a shard."""
    return folder / "pictures" / f"{part}-{shard:04d}.npy"


class Pictures:
    """The painted pictures of a part, read from disk as they are asked for."""

    def __init__(self, recipe: Recipe, folder: Path, part: str) -> None:
        self.recipe, self.part = recipe, part
        self._shards = []
        for shard in range(shards(recipe, part)):
            path = shard_path(folder, part, shard)
            if not path.exists():  # painting was stopped early: the pictures up to here are used
                break
            self._shards.append(np.load(path, mmap_mode="r"))
        if not self._shards:
            raise FileNotFoundError(f"There are no pictures in {folder}: run --stage pictures first.")

    def __len__(self) -> int:
        return len(self._shards) * self.recipe.shard

    def __getitem__(self, number: int) -> np.ndarray:
        return self._shards[number // self.recipe.shard][number % self.recipe.shard]

    def shard(self, number: int) -> np.ndarray:
        """All pictures of one shard, shape (pictures, rows, columns, 3)."""
        return self._shards[number]

    @property
    def shard_count(self) -> int:
        """How many shards have been painted."""
        return len(self._shards)

    def attributes(self, number: int) -> Attributes:
        """What a picture shows."""
        return attributes(self.recipe, self.part, number)


def numbers_of_batch(count: int, seed: int, step: int, rank: int, ranks: int, batch: int) -> np.ndarray:
    """The pictures of a rank at a step: a new shuffle of all each time they have been seen; of (seed, step) alone."""
    position = (step * ranks + rank) * batch + np.arange(batch)
    epochs = position // count
    order = {
        epoch: np.random.Generator(np.random.Philox(key=(seed << 32) + int(epoch))) for epoch in set(epochs.tolist())
    }
    shuffled = {epoch: random.permutation(count) for epoch, random in order.items()}
    return np.array([shuffled[int(epoch)][place] for epoch, place in zip(epochs, position % count, strict=True)])
