"""What mini makes of sounds, in numbers and in a grid for the eye."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from blender_bend.engine.sampling.sound_picture import sound_picture
from blender_bend.engine.sonic import checkpoints as files
from blender_bend.engine.sonic.condition import Guidance, SoundConditioner

from . import grids
from .audio_tower import embeddings_of, load_sounds, recognised
from .classifier import judge, load_classifier
from .gate import change, load
from .pictures import HELDOUT, Pictures
from .recipe import Recipe
from .sounds import SOUNDS

EDITS = 18
#: Prompt, kind of sound and seed of films in which the sound's scale goes from 0 to 1; the first two contradict.
CURVES = (
    ("blue sea", "fire", 4),
    ("golden mandala", "rain", 3),
    ("a misty green forest", "fire", 5),
    ("blue city skyline", "fireworks", 9),
    ("purple nebula", "organ", 6),
    ("", "rain", 1),
    ("", "fire", 2),
    ("", "thunder", 7),
)


@dataclass(frozen=True)
class _Measured:
    """What is measured, and with what."""

    recipe: Recipe
    folder: Path
    classifier: Any
    embeddings: dict[str, torch.Tensor]  # of the held-out sounds, by kind
    paint: Callable[..., Image.Image]  # of a sound's vector

    def subjects(self, tiles: list[np.ndarray]) -> list[str]:
        """What the classifier names in pictures."""
        return [subject for subject, _ in judge(self.classifier, tiles, self.recipe).names]

    def save(self, tiles: list[np.ndarray], name: str, columns: int, size: int) -> None:
        """Write a grid."""
        grids.save(tiles, self.folder / "grids" / f"{name}.jpg", columns=columns, size=size)


def adapters_gate(recipe: Recipe, folder: Path, model: Path, sound: Path) -> dict[str, Any]:
    """Measure how sound conditions a model; the figures go to ``adapters.json``, the pictures to ``grids``.

    Parameters
    ----------
    model : mini's folder
    sound : folder with its tower, projector and adapters
    """
    pipeline = load(model)
    tower = files.load_tower(sound / "clap.safetensors")
    adapters = files.load_adapters(sound / "adapters.safetensors", pipeline.unet)
    conditioner = SoundConditioner(pipeline.unet, files.load_projector(sound / "projector.safetensors"), adapters)
    heldout = load_sounds(folder, HELDOUT)
    size, steps = (recipe.picture, recipe.picture), recipe.gate_steps
    settings: dict[str, Any] = {"size": size, "steps": steps, "guidance": Guidance(recipe.guidance)}
    measured = _Measured(
        recipe,
        folder,
        load_classifier(recipe, folder),
        {kind: embeddings_of(tower, heldout[kind]) for kind in SOUNDS},
        partial(sound_picture, pipeline, conditioner, **settings),
    )
    right = _scenes(measured)
    figures = {
        "tower": recognised(recipe, folder),
        "scene_right": right,
        "scene_right_mean": float(np.mean(list(right.values()))),
        "kinds_at_70_percent": sum(share >= 0.7 for share in right.values()),
        "scale_curves": _curves(measured),
        **_edits(measured),
    }
    (folder / "adapters.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return figures


def _scenes(measured: _Measured) -> dict[str, float]:
    """How often each kind of sound gives its scene without a prompt."""
    right, rows = {}, []
    for kind in SOUNDS.values():
        tiles = [
            np.asarray(measured.paint(vector, seed=41 + number))
            for number, vector in enumerate(measured.embeddings[kind.name])
        ]
        right[kind.name] = float(np.mean([subject == kind.scene for subject in measured.subjects(tiles)]))
        rows += tiles[:6]
    measured.save(rows, "sound_condition", columns=12, size=128)
    return right


def _curves(measured: _Measured) -> list[dict[str, Any]]:
    """Films in which the sound's scale goes from 0 to 1, and over its quickest frame again, as slowly as that film."""
    found, tiles, number = [], [], measured.recipe.sweep_frames
    for prompt, kind, seed in CURVES[: measured.recipe.gate_pictures]:
        paint = partial(measured.paint, measured.embeddings[kind][0], prompt=prompt, seed=seed)
        frames, changes = _film(paint, 0.0, 1.0, number)
        tiles += [frames[round(place)] for place in np.linspace(0, len(frames) - 1, 8)]
        quickest = int(np.argmax(changes))
        _, finer = _film(paint, quickest / len(changes), (quickest + 1) / len(changes), number)
        figures = {"largest": max(changes), "median": float(np.median(changes)), "largest_when_finer": max(finer)}
        found.append({"prompt": prompt, "sound": kind, **figures})
    measured.save(tiles, "sound_scale", columns=8, size=160)
    return found


def _film(
    paint: Callable[..., Image.Image], first: float, last: float, number: int
) -> tuple[list[np.ndarray], list[float]]:
    """Frames between two scales of the sound, and how far each is from the one before."""
    frames = [np.asarray(paint(scale=scale)) for scale in np.linspace(first, last, number).tolist()]
    return frames, [change(a, b) for a, b in pairwise(frames)]


def _edits(measured: _Measured) -> dict[str, Any]:
    """Held-out pictures changed by a sound of another scene: how much of their edges stays, and what they show then."""
    pictures, kinds = Pictures(measured.recipe, measured.folder, HELDOUT), list(SOUNDS.values())
    found, changes, before, after, wanted = [], [], [], [], []
    for number in range(min(EDITS, measured.recipe.gate_pictures)):
        source, kind = pictures[number * 5 % len(pictures)], kinds[number * 3 % len(kinds)]
        edited = np.asarray(measured.paint(measured.embeddings[kind.name][0], over=Image.fromarray(source)))
        found.append(edge_correlation(source, edited))
        changes.append(change(source, edited))
        before.append(source)
        after.append(edited)
        wanted.append(kind.scene)
    measured.save([tile for pair in zip(before, after, strict=True) for tile in pair], "edited", columns=8, size=192)
    shown, shows = measured.subjects(before), measured.subjects(after)
    return {
        "edit_edge_correlation": found,
        "edit_edge_correlation_mean": float(np.mean(found)),
        "edit_change": changes,
        "edit_other_subject": float(np.mean([a != b for a, b in zip(shown, shows, strict=True)])),
        "edit_subject_of_sound": float(np.mean([name == scene for name, scene in zip(shows, wanted, strict=True)])),
    }


def edge_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """How much two pictures have their edges in the same places: correlation of their gradients' lengths, -1 … 1."""
    edges = [ndimage.gaussian_gradient_magnitude(x.astype(float).mean(2), 2.0).ravel() for x in (a, b)]
    return float(np.corrcoef(*edges)[0, 1])
