"""What mini makes of sounds, in numbers and in a grid for the eye."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from blender_bend.engine.sonic import checkpoints as files
from blender_bend.engine.sonic.condition import Guidance, Hearing
from blender_bend.engine.sonic.editing import edit
from blender_bend.engine.sonic.generate import generate

from . import grids
from .classifier import judge, load_classifier
from .ear import embeddings_of, load_sounds, recognised
from .gate import change, load
from .pictures import HELDOUT, Pictures
from .recipe import Recipe
from .sounds import SOUNDS

EDITS = 8


def hearing_gate(recipe: Recipe, folder: Path, model: Path, sound: Path) -> dict[str, Any]:
    """Measure how a model hears; the figures go to ``hearing.json``, the pictures to ``grids/hearing.jpg``.

    Parameters
    ----------
    model : mini's folder
    sound : folder with its ear, projector and adapters
    """
    pipeline, classifier = load(model), load_classifier(recipe, folder)
    tower = files.load_tower(sound / "clap.safetensors")
    adapters = files.load_adapters(sound / "adapters.safetensors", pipeline.unet)
    hearing = Hearing(pipeline.unet, files.load_projector(sound / "projector.safetensors"), adapters)
    heldout = load_sounds(folder, HELDOUT)
    size, steps = (recipe.picture, recipe.picture), recipe.gate_steps
    settings: dict[str, Any] = {"size": size, "steps": steps, "guidance": Guidance(recipe.guidance)}
    embeddings = {kind: embeddings_of(tower, heldout[kind]) for kind in SOUNDS}
    right, rows = {}, []
    for kind in SOUNDS.values():
        tiles = [
            np.asarray(generate(pipeline, hearing, vector, seed=41 + number, **settings))
            for number, vector in enumerate(embeddings[kind.name])
        ]
        names = judge(classifier, tiles, recipe).names
        right[kind.name] = float(np.mean([subject == kind.scene for subject, _ in names]))
        rows += tiles[:6]
    grids.save(rows, folder / "grids" / "hearing.jpg", columns=12, size=128)
    fire, sea = embeddings["fire"][0], {"prompt": "blue sea", "seed": 4, **settings}
    scales = np.linspace(0, 1, recipe.sweep_frames)
    curve = [np.asarray(generate(pipeline, hearing, fire, scale=float(scale), **sea)) for scale in scales]
    changes = [change(a, b) for a, b in pairwise(curve)]
    figures = {
        "ear": recognised(recipe, folder),
        "scene_right": right,
        "scene_right_mean": float(np.mean(list(right.values()))),
        "kinds_at_70_percent": sum(share >= 0.7 for share in right.values()),
        "scale_largest_step": max(changes),
        "scale_median_step": float(np.median(changes)),
        **_edits(recipe, folder, pipeline, hearing, embeddings, settings),
    }
    (folder / "hearing.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return figures


def _edits(
    recipe: Recipe,
    folder: Path,
    pipeline: Any,
    hearing: Hearing,
    embeddings: dict[str, torch.Tensor],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Held-out pictures changed by a sound of another scene: how much of their edges stays, and how far they change."""
    pictures, kinds = Pictures(recipe, folder, HELDOUT), list(SOUNDS.values())
    found, changes, tiles = [], [], []
    for number in range(min(EDITS, recipe.gate_pictures)):
        source = pictures[number * 5]
        kind = kinds[number * 3 % len(kinds)]
        vector = embeddings[kind.name][0]
        edited = np.asarray(edit(pipeline, hearing, Image.fromarray(source), vector, **settings))
        found.append(edge_correlation(source, edited))
        changes.append(change(source, edited))
        tiles += [source, edited]
    grids.save(tiles, folder / "grids" / "edited.jpg", columns=8, size=192)
    return {"edit_edge_correlation": found, "edit_change": changes}


def edge_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """How much two pictures have their edges in the same places: correlation of their gradients' lengths, -1 … 1."""
    edges = [ndimage.gaussian_gradient_magnitude(x.astype(float).mean(2), 2.0).ravel() for x in (a, b)]
    return float(np.corrcoef(*edges)[0, 1])
