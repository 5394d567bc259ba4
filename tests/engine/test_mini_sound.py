"""The tower, the projector and the adapters that ship with mini, on sounds that they have not learnt from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor

from blender_bend.core.models.sonic_files import MINI_SOUND
from blender_bend.engine.families import Family, family_of
from blender_bend.engine.sampling.sound_picture import sound_picture
from blender_bend.engine.scenes import SCENES, paint
from blender_bend.engine.sonic import checkpoints
from blender_bend.engine.sonic.condition import Guidance, SoundConditioner
from blender_bend.engine.sonic.inversion import source_latents

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from mini.adapters_gate import edge_correlation
from mini.audio_tower import embeddings_of
from mini.gate import change, load
from mini.sounds import SOUNDS, sound

SIZE, UNHEARD = (256, 256), 777_000  # a seed that no sound of the training has
SETTINGS: dict[str, Any] = {"size": SIZE, "steps": 8, "guidance": Guidance(5.0)}


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return load(MINI_SOUND.parent / "mini")


@pytest.fixture(scope="module")
def conditioner(pipeline: Any) -> SoundConditioner:
    projector = checkpoints.load_projector(MINI_SOUND / "projector.safetensors")
    return SoundConditioner(
        pipeline.unet, projector, checkpoints.load_adapters(MINI_SOUND / "adapters.safetensors", pipeline.unet)
    )


@pytest.fixture(scope="module")
def embedded() -> Callable[[str], Tensor]:
    tower = checkpoints.load_tower(MINI_SOUND / "clap.safetensors")
    return lambda kind: embeddings_of(tower, sound(kind, UNHEARD)[None])[0]


@torch.no_grad()
def scene_in(family: Family, picture: PIL.Image.Image) -> str:
    """What mini itself sees in a picture: the scene whose words help it most to take noise away (Li et al. 2023)."""
    clean, names = source_latents(family, picture, SIZE), sorted({kind.scene for kind in SOUNDS.values()})
    text = torch.cat([family.encode_prompt(SCENES[name].words[0], "", False)["prompt_embeds"] for name in names])
    alphas, chance = family.pipeline.scheduler.alphas_cumprod, torch.Generator().manual_seed(0)
    missed = torch.zeros(len(names))
    for timestep in (400, 600, 750, 850, 920):
        noise, alpha = torch.randn(clean.shape, generator=chance), alphas[timestep]
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        rows = noisy.expand(len(names), -1, -1, -1)
        found = family.predict(rows, torch.tensor(timestep), {"prompt_embeds": text}, 1.0, SIZE)
        missed += (found - velocity).square().mean((1, 2, 3))
    return names[int(missed.argmin())]


def test_sounds_it_never_learned_give_their_scenes_without_a_prompt(
    pipeline: Any, conditioner: SoundConditioner, embedded: Callable[[str], Tensor]
) -> None:
    kinds = ("rain", "waves", "fire", "thunder", "wind", "bubbles", "crickets", "organ", "engine", "chimes")
    right = [
        scene_in(family_of(pipeline), sound_picture(pipeline, conditioner, embedded(kind), seed=5, **SETTINGS))
        == SOUNDS[kind].scene
        for kind in kinds
    ]
    assert sum(right) >= 0.7 * len(kinds), dict(zip(kinds, right, strict=True))


def test_an_edit_keeps_the_layout_and_changes_what_there_is(
    pipeline: Any, conditioner: SoundConditioner, embedded: Callable[[str], Tensor]
) -> None:
    kept, changed = [], []
    for scene, palette, kind in (
        ("mandala", "magenta", "thunder"),
        ("crystal", "ice", "fire"),
        ("tree", "neon", "rain"),
    ):
        source = (paint(scene, palette, height=SIZE[1], width=SIZE[0], seed=4) * 255).astype(np.uint8)
        edited = np.asarray(
            sound_picture(pipeline, conditioner, embedded(kind), over=PIL.Image.fromarray(source), **SETTINGS)
        )
        kept.append(edge_correlation(source, edited))
        changed.append(change(source, edited))
    assert np.mean(kept) > 0.5 and min(changed) > 0.03, (kept, changed)


def test_the_scale_of_the_sound_leads_gradually_from_one_picture_to_another(
    pipeline: Any, conditioner: SoundConditioner, embedded: Callable[[str], Tensor]
) -> None:
    frames = [
        np.asarray(sound_picture(pipeline, conditioner, embedded("thunder"), seed=7, scale=scale, **SETTINGS))
        for scale in np.linspace(0, 1, 13).tolist()
    ]
    steps = [change(a, b) for a, b in pairwise(frames)]
    assert max(steps) < 4 * np.median(steps) and change(frames[0], frames[-1]) > 2 * max(steps), steps
