"""Feedback: the camera's moves and the held colours on known pictures, and chains of frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from blender_bend.core.catalogue.strip import HUE_LIMIT
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.job.resolve import trace
from blender_bend.core.models.references import MINI_PATH, fingerprint
from blender_bend.core.pictures.flashes import Flashes
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.store.feedback import hue_jump, limit_hue, match_colours, to_lab, warp
from blender_bend.engine.store.frame_store import FrameStore, read_origin

MakeJob = Callable[..., Job]


def spot(x: int, y: int, size: tuple[int, int] = (64, 48)) -> PIL.Image.Image:
    """A soft white spot on black, at a column and row."""
    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    bright = 255 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 18)
    return PIL.Image.fromarray(np.repeat(bright.astype(np.uint8)[..., None], 3, axis=2))


def where(picture: PIL.Image.Image) -> tuple[float, float]:
    """The column and row in the middle of what is bright."""
    bright = np.asarray(picture.convert("L"), dtype=float)
    across, down = np.meshgrid(np.arange(bright.shape[1]), np.arange(bright.shape[0]))
    return (bright * across).sum() / bright.sum(), (bright * down).sum() / bright.sum()


def noise(seed: int = 0, size: tuple[int, int] = (64, 48)) -> PIL.Image.Image:
    """A picture with something everywhere."""
    return PIL.Image.fromarray(np.random.default_rng(seed).integers(30, 220, (size[1], size[0], 3), np.uint8))


def test_a_camera_that_stands_still_leaves_every_pixel() -> None:
    assert np.array_equal(np.asarray(warp(noise(), 1.0, 0.0, 0.0, 0.0)), np.asarray(noise()))


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ((2.0, 0.0, 0.0, 0.0), (31.5 + 2 * (40 - 31.5), 23.5 + 2 * (20 - 23.5))),
        ((0.5, 0.0, 0.0, 0.0), (31.5 + (40 - 31.5) / 2, 23.5 + (20 - 23.5) / 2)),
        ((1.0, 0.0, 0.125, 0.0), (48, 20)),
        ((1.0, 0.0, 0.0, 0.25), (40, 8)),
        ((1.0, math.pi / 2, 0.0, 0.0), (31.5 + (20 - 23.5), 23.5 - (40 - 31.5))),
        ((1.0, -math.pi / 2, 0.0, 0.0), (31.5 - (20 - 23.5), 23.5 + (40 - 31.5))),
        ((1.0, math.pi, 0.0, 0.0), (63 - 40, 47 - 20)),
    ],
    ids=["in", "out", "to the right", "to the top", "counter-clockwise", "clockwise", "upside down"],
)
def test_a_spot_moves_as_the_camera_says(
    move: tuple[float, float, float, float], expected: tuple[float, float]
) -> None:
    """Zoom and turn go about the middle of the picture; a turn to the left lifts what lies on the right."""
    picture = warp(spot(40, 20), *move)
    if move[0] == 0.5:  # what comes in at the border is mirrored, and has spots of its own
        picture = PIL.Image.fromarray(np.asarray(picture) * np.uint8(1)).crop((16, 12, 48, 36))
        expected = (expected[0] - 16, expected[1] - 12)
    assert np.allclose(where(picture), expected, atol=0.35)


def test_a_quarter_turn_of_a_square_is_numpys() -> None:
    square = noise(size=(32, 32))
    turned = np.asarray(warp(square, 1.0, math.pi / 2, 0.0, 0.0)).astype(int)
    assert np.abs(turned - np.rot90(np.asarray(square))).max() <= 1


def test_what_comes_in_at_the_border_is_the_mirrored_picture() -> None:
    pixels = np.asarray(noise()).astype(int)
    moved = np.asarray(warp(noise(), 1.0, 0.0, 0.125, 0.0)).astype(int)
    assert np.abs(moved[:, 8:] - pixels[:, :-8]).max() <= 1
    assert np.abs(moved[:, :8] - pixels[:, 8:0:-1]).max() <= 1


def grey_and_tinted() -> tuple[PIL.Image.Image, PIL.Image.Image]:
    """Two pictures whose colours fit well into sRGB."""
    one = np.asarray(noise(1)).astype(float) * 0.3 + 90
    two = np.asarray(noise(2)).astype(float) * 0.2 + np.array([100, 80, 70])
    return PIL.Image.fromarray(one.astype(np.uint8)), PIL.Image.fromarray(two.astype(np.uint8))


def statistics(picture: PIL.Image.Image) -> np.ndarray:
    """Mean and deviation of each channel of CIE Lab."""
    lab = to_lab(picture)
    return np.concatenate([lab.mean(axis=(0, 1)), lab.std(axis=(0, 1))])


def test_a_full_colour_match_has_the_statistics_of_the_anchor() -> None:
    picture, anchor = grey_and_tinted()
    assert np.allclose(statistics(match_colours(picture, anchor, 1.0)), statistics(anchor), atol=0.15)
    assert not np.allclose(statistics(picture), statistics(anchor), atol=2)


def test_half_a_colour_match_lies_half_way() -> None:
    picture, anchor = grey_and_tinted()
    half = statistics(match_colours(picture, anchor, 0.5))[:3]
    assert np.allclose(half, (statistics(picture)[:3] + statistics(anchor)[:3]) / 2, atol=0.15)


def test_a_match_of_no_share_or_with_itself_changes_nothing() -> None:
    picture, anchor = grey_and_tinted()
    assert np.array_equal(np.asarray(match_colours(picture, anchor, 0.0)), np.asarray(picture))
    itself = np.asarray(match_colours(picture, picture, 1.0)).astype(int)
    assert np.abs(itself - np.asarray(picture)).max() <= 1


def test_a_picture_of_one_colour_takes_the_anchors_mean() -> None:
    _, anchor = grey_and_tinted()
    flat = PIL.Image.new("RGB", (64, 48), (128, 128, 128))
    assert np.allclose(statistics(match_colours(flat, anchor, 1.0))[:3], statistics(anchor)[:3], atol=0.5)


@pytest.mark.parametrize(
    ("colour", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_is_that_of_the_tables(colour: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    assert np.allclose(to_lab(PIL.Image.new("RGB", (1, 1), colour))[0, 0], lab, atol=0.02)


@pytest.fixture
def chain(make_job: MakeJob) -> Job:
    """Five frames, each begun from the one before, with a camera, held colours and a bend."""
    strip = {"strength": 0.5, "zoom": 1.1, "turn": 0.1, "shift_x": 0.05, "colour_match": 0.8}
    bends = [(Bend("Turn", "rotate_channels", "latent", 0.5, 1.0), [{"angle": 0.1 * n} for n in range(5)])]
    return make_job("sd15", bends, [{"strip": strip}] * 5, source="previous", steps=4)


def keys(job: Job) -> list[str]:
    """The keys of a job's frames."""
    return [traced.key for traced in trace(job)]


def contents(store: FrameStore) -> dict[str, bytes]:
    """Every file of a store."""
    return {path.name: path.read_bytes() for path in store.folder.glob("*.png")}


def test_each_frame_begins_with_the_picture_before_it(
    chain: Job, renderer: Renderer, store: FrameStore, tmp_path: Path
) -> None:
    """Another first picture in the store makes another second one; the same makes the same."""
    renderer.render(chain, store)
    first, second, *_ = keys(chain)
    assert read_origin(store.path(second))["source"]["previous"] == first
    other = FrameStore(tmp_path / "other")
    noise(5, (64, 64)).save(other.path(first))
    renderer.render(chain, other, numbers=[2])
    assert contents(other)[f"{second}.png"] != contents(store)[f"{second}.png"]


@pytest.mark.parametrize("questions", [2, 7, 11])
def test_a_cancelled_chain_that_is_resumed_gives_the_same_bytes(
    questions: int, chain: Job, renderer: Renderer, tmp_path: Path
) -> None:
    undisturbed, resumed = FrameStore(tmp_path / "undisturbed"), FrameStore(tmp_path / "resumed")
    renderer.render(chain, undisturbed)
    asked: list[None] = []
    with pytest.raises(BendError):
        renderer.render(chain, resumed, cancelled=lambda: bool(asked.append(None)) or len(asked) > questions)
    ready = len(contents(resumed))
    assert ready < 5
    assert renderer.render(chain, resumed).rendered == 5 - ready
    assert contents(resumed) == contents(undisturbed)
    assert len(contents(resumed)) == 5


def test_the_last_frame_of_a_chain_needs_all_before_it_and_counts_as_one(
    chain: Job, renderer: Renderer, store: FrameStore
) -> None:
    summary = renderer.render(chain, store, numbers=[3])
    assert (summary.frames, summary.found, summary.rendered) == (1, 0, 3)
    assert set(contents(store)) == {f"{key}.png" for key in keys(chain)[:3]}
    again = renderer.render(chain, store, numbers=[3])
    assert (again.frames, again.found, again.rendered) == (1, 1, 0)


def test_a_part_of_a_chain_by_itself_has_the_same_keys_and_bytes(
    chain: Job, renderer: Renderer, tmp_path: Path
) -> None:
    whole, parts = FrameStore(tmp_path / "whole"), FrameStore(tmp_path / "parts")
    renderer.render(chain, whole)
    first, middle, *_ = keys(chain)
    renderer.render(replace(chain, frames=chain.frames[:2]), parts)
    rest = (replace(chain.frames[2], previous=middle, anchor=first), *chain.frames[3:])
    part = replace(chain, frames=rest)
    assert keys(part) == keys(chain)[2:]
    renderer.render(part, parts)
    assert contents(parts) == contents(whole)


@pytest.mark.parametrize("changed", range(5))
def test_a_changed_value_changes_its_frame_and_all_after_it(changed: int, chain: Job) -> None:
    frames = list(chain.frames)
    frames[changed] = replace(frames[changed], values=({"angle": 1.0},))
    same = [one == two for one, two in zip(keys(chain), keys(replace(chain, frames=tuple(frames))), strict=True)]
    assert same == [index < changed for index in range(5)]


def test_a_frame_whose_predecessor_is_gone_says_so(chain: Job, renderer: Renderer, store: FrameStore) -> None:
    orphan = replace(chain, frames=(replace(chain.frames[2], previous="1" * 64, anchor="2" * 64),))
    with pytest.raises(BendError) as caught:
        renderer.render(orphan, store)
    assert caught.value.code == Code.INPUT_MISSING and caught.value.hint
    assert contents(store) == {}


def test_the_camera_does_not_touch_the_first_frame(chain: Job, make_job: MakeJob) -> None:
    still: dict[str, Any] = {"zoom": 1.0, "turn": 0.0, "shift_x": 0.0}
    frames = tuple(replace(frame, strip={**frame.strip, **still}) for frame in chain.frames)
    one, two = keys(chain), keys(replace(chain, frames=frames))
    assert one[0] == two[0] and all(a != b for a, b in zip(one[1:], two[1:], strict=True))


def jumps(pictures: list[PIL.Image.Image]) -> list[float]:
    """By how many degrees the hues turn from each picture to the next."""
    labs = [to_lab(picture) for picture in pictures]
    return [abs(math.degrees(hue_jump(lab, before))) for before, lab in pairwise(labs)]


@pytest.mark.parametrize("limit", [0.0, 0.1, 0.5])
def test_a_hue_turns_no_further_than_its_limit_and_keeps_its_lightness(limit: float) -> None:
    reddish, greenish = PIL.Image.new("RGB", (8, 8), (140, 110, 100)), PIL.Image.new("RGB", (8, 8), (100, 125, 110))
    assert jumps([reddish, greenish])[0] > 60
    limited = limit_hue(greenish, reddish, limit)
    assert jumps([reddish, limited])[0] == pytest.approx(math.degrees(limit), abs=4)  # of 8-bit colors
    assert np.allclose(to_lab(limited)[..., 0], to_lab(greenish)[..., 0], atol=0.5)
    if limit:
        assert hue_jump(to_lab(limited), to_lab(reddish)) * hue_jump(to_lab(greenish), to_lab(reddish)) > 0


def test_a_hue_within_its_limit_keeps_every_byte() -> None:
    one, two = PIL.Image.new("RGB", (8, 8), (140, 110, 100)), PIL.Image.new("RGB", (8, 8), (140, 112, 100))
    assert limit_hue(two, one, 0.5) is two
    grey = PIL.Image.new("RGB", (8, 8), (90, 90, 90))
    assert np.array_equal(np.asarray(limit_hue(two, grey, math.pi)), np.asarray(two))


def turning(hue_limit: float | None) -> Job:
    """A second of mini's frames, each begun from the one before, their colors turned as a new bend does."""
    strip = {"strength": 0.6, "zoom": 1.02, "colour_match": 0.8}
    if hue_limit is not None:
        strip["hue_limit"] = hue_limit
    frames = tuple(Frame(n, (("mountains at sunset", 1.0),), ({"angle": math.pi / 3},), strip=strip) for n in range(24))
    bend = Bend("Turn", "rotate_channels", "latent", 0.3, 0.7)
    print_of = fingerprint(MINI_PATH)
    return Job(str(MINI_PATH), print_of, (128, 128), 8, 5.0, 3, "", (bend,), frames, source="previous")


def test_a_limit_of_the_hue_keeps_a_chain_from_strobing(renderer: Renderer, store: FrameStore) -> None:
    """The limit of new strips; without one the colors add up, and what is seen is above the limit of flashes."""
    seen, flashes = {}, {}
    for limit in (None, HUE_LIMIT.default):
        job = turning(limit)
        renderer.render(job, store)
        pictures = [PIL.Image.open(store.path(key)).convert("RGB") for key in keys(job)]
        found = Flashes(FrameRate.parse("24"), (128, 128))
        for number, picture in enumerate(pictures):
            found.add(number, np.asarray(picture))
        seen[limit], flashes[limit] = jumps(pictures), max(found.most.values())
    assert max(seen[None]) > 60
    assert max(seen[HUE_LIMIT.default]) < 20 and np.median(seen[HUE_LIMIT.default]) < 8
    assert flashes[HUE_LIMIT.default] <= 3 < flashes[None]


def test_a_chain_without_a_limit_keeps_its_keys() -> None:
    """Half a turn is no limit; only what is named is part of a frame."""
    assert keys(turning(None)) == keys(turning(math.pi))
    free, limited = keys(turning(None)), keys(turning(0.1))
    assert free[0] == limited[0] and set(free[1:]).isdisjoint(limited)
