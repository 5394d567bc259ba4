"""Procedural scenes: every one in several palettes, sizes, seeds and moments."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.scenes import MOODS, PALETTES, SCENES, paint

FRAME = 1 / 24


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_is_a_picture_at_any_size(scene: str) -> None:
    for palette, height, width in (("teal", 64, 64), ("neon", 48, 80), ("pastel", 97, 50), ("fiery", 9, 8)):
        picture = paint(scene, palette, height=height, width=width, seed=5, time=1.5)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.float32
        assert picture.min() >= 0 and picture.max() <= 1
    assert picture.std() > 0.02


@pytest.mark.parametrize("scene", SCENES)
def test_equal_arguments_paint_equal_pictures_and_another_seed_another_one(scene: str) -> None:
    first = paint(scene, "monochrome", height=64, width=64, seed=1, time=0.7)
    again = paint(scene, "monochrome", height=64, width=64, seed=1, time=0.7)
    other = paint(scene, "monochrome", height=64, width=64, seed=2, time=0.7)
    assert np.array_equal(first, again)
    assert difference(first, other) > 0.01


@pytest.mark.parametrize("scene", SCENES)
def test_time_moves_a_scene_smoothly(scene: str) -> None:
    frames = [paint(scene, "monochrome", height=40, width=56, seed=3, time=k * FRAME - 1) for k in range(60)]
    other = paint(scene, "monochrome", height=40, width=56, seed=4)
    steps = [difference(one, following) for one, following in pairwise(frames)]
    assert difference(frames[0], frames[-1]) > 0.0005
    assert max(steps) < 0.3 * difference(frames[0], other)
    assert max(steps) < 0.05


def test_a_picture_keeps_its_composition_at_another_size() -> None:
    large = paint("tree", "dusk", height=128, width=128, seed=8)
    small = paint("tree", "dusk", height=64, width=64, seed=8)
    pooled = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert difference(pooled, small) < 0.02


def test_palettes_rule_the_colours() -> None:
    means = {}
    for palette in PALETTES:
        pictures = [paint(scene, palette, height=32, width=32, seed=6) for scene in ("fire", "sea", "mandala", "tree")]
        means[palette] = np.mean(pictures, axis=(0, 1, 2))
    teal, red = means["teal"], means["red"]
    assert teal[1] > teal[0] + 0.1 and red[0] > red[1] + 0.1
    names = list(PALETTES)
    pairs = [(one, two) for k, one in enumerate(names) for two in names[k + 1 :]]
    closest = min(pairs, key=lambda pair: np.abs(means[pair[0]] - means[pair[1]]).sum())
    assert np.abs(means[closest[0]] - means[closest[1]]).sum() > 0.04, closest


@pytest.mark.parametrize("mood", [mood for mood in MOODS if mood != "none"])
def test_a_mood_changes_the_picture_but_not_the_scene(mood: str) -> None:
    plain = paint("planet", "purple", height=61, width=90, seed=2)
    finished = paint("planet", "purple", height=61, width=90, seed=2, mood=mood)
    assert finished.shape == plain.shape
    assert difference(plain, finished) > 0.01
    assert np.corrcoef(plain.ravel(), finished.ravel())[0, 1] > 0.75


def test_jitter_varies_the_colours_a_little_and_with_the_seed() -> None:
    plain = paint("orb", "teal", height=32, width=32, seed=1)
    varied = paint("orb", "teal", height=32, width=32, seed=1, jitter=1.0)
    assert 0.002 < difference(plain, varied) < 0.15


@pytest.mark.parametrize("names", [("dragon", "teal", "none"), ("sea", "octarine", "none"), ("sea", "teal", "angry")])
def test_an_unknown_name_says_what_there_is(names: tuple[str, str, str]) -> None:
    scene, palette, mood = names
    with pytest.raises(BendError) as caught:
        paint(scene, palette, height=32, width=32, seed=0, mood=mood)
    assert caught.value.code is Code.PARAMETER_INVALID
    assert "Choose one of" in caught.value.hint


def test_words_for_captions_are_many_and_differ() -> None:
    assert len(SCENES) >= 26 and len(PALETTES) >= 24 and len(MOODS) >= 10
    assert all(6 <= len(scene.words) <= 14 for scene in SCENES.values())
    everything = [*SCENES.values(), *PALETTES.values(), *MOODS.values()]
    words = [word for described in everything for word in described.words]
    assert len(words) == len(set(words))
