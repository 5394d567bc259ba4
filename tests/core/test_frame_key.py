"""The frame key changes with the pixels and with nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core import catalogue
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import file_name, frame_key, resolve


def key(job: Job) -> str:
    """The key of the job's first frame."""
    return frame_key(resolve(job, job.frames[0]))


def with_frame(job: Job, **changes: object) -> Job:
    """The job with its first frame changed."""
    return replace(job, frames=(replace(job.frames[0], **changes), *job.frames[1:]))


def with_bend(job: Job, index: int, **changes: object) -> Job:
    """The job with one bend changed."""
    bends = list(job.bends)
    bends[index] = replace(bends[index], **changes)
    return replace(job, bends=tuple(bends))


def with_values(job: Job, index: int, **changes: float) -> Job:
    """The job with values of one bend on the first frame changed."""
    values = list(job.frames[0].values)
    values[index] = {**values[index], **changes}
    return with_frame(job, values=tuple(values))


CHANGES: dict[str, Callable[[Job], Job]] = {
    "model": lambda job: replace(job, fingerprint="e" * 64),
    "size": lambda job: replace(job, size=(128, 256)),
    "steps": lambda job: replace(job, steps=13),
    "guidance": lambda job: replace(job, guidance=7.6),
    "seed": lambda job: replace(job, seed=43),
    "negative": lambda job: replace(job, negative="sharp"),
    "walk amount": lambda job: replace(job, walk_amount=0.26),
    "precision": lambda job: replace(job, precision="bfloat16"),
    "decoding in tiles": lambda job: replace(job, decode="tiled"),
    "walk": lambda job: with_frame(job, walk=0.2),
    "no walk": lambda job: with_frame(job, walk=None),
    "prompt": lambda job: with_frame(job, prompt=(("a calm lake", 0.75), ("a burning forest", 0.25))),
    "share": lambda job: with_frame(job, prompt=(("a calm sea", 0.5), ("a burning forest", 0.5))),
    "mix": lambda job: with_values(job, 0, mix=0.51),
    "value": lambda job: with_values(job, 1, radius=1.25),
    "operator": lambda job: with_bend(job, 1, operator="erode"),
    "site": lambda job: with_bend(job, 1, site="unet:mid_block"),
    "window": lambda job: with_bend(job, 0, end=0.75),
    "channels": lambda job: with_bend(job, 1, channels="0-3"),
    "choice": lambda job: with_bend(job, 0, choices={"plane": "1-2"}),
    "a muted bend": lambda job: with_values(job, 2, mix=0.0),
    "order": lambda job: replace(
        with_frame(job, values=job.frames[0].values[::-1]), bends=job.bends[::-1], frames=job.frames[:1]
    ),
}

SAME: dict[str, Callable[[Job], Job]] = {
    "the frame's number": lambda job: with_frame(job, number=99),
    "where the model lies": lambda job: replace(job, model="/elsewhere"),
    "a bend's name": lambda job: with_bend(job, 0, name="Spin"),
    "other frames": lambda job: replace(job, frames=job.frames[:1]),
    "a choice at its default": lambda job: with_bend(job, 1, choices={}),
    "spaces in the channels": lambda job: with_bend(job, 1, channels="0-3,7"),
    "spaces around the site": lambda job: with_bend(job, 1, site=" unet:up_blocks.* "),
    "spaces around the noise site": lambda job: with_bend(job, 2, site=" noise", start=0.5),
    "a window within the same steps": lambda job: with_bend(job, 0, end=0.499),
    "a window of the noise, which has no steps": lambda job: with_bend(job, 2, start=0.5),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_pixels_changes_the_key(job: Job, change: Callable[[Job], Job]) -> None:
    assert key(change(job)) != key(job)


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_changes_no_pixel_keeps_the_key(job: Job, change: Callable[[Job], Job]) -> None:
    assert key(change(job)) == key(job)


@pytest.mark.parametrize("operator", catalogue.OPERATORS, ids=lambda operator: operator.name)
def test_a_neutral_bend_and_a_bend_of_mix_0_do_not_count(job: Job, operator: catalogue.Operator) -> None:
    neutral = {p.name: p.neutral for p in operator.parameters if p.neutral is not None}
    for values in ({"mix": 1.0, **neutral}, {"mix": 0.0}) if neutral else ({"mix": 0.0},):
        more = replace(job, bends=(*job.bends, Bend("Extra", operator.name, "latent")))
        more = with_frame(more, values=(*job.frames[0].values, values))
        assert key(more) == key(job)


def test_values_of_a_muted_bend_do_not_count(job: Job) -> None:
    muted = with_values(job, 1, mix=0.0)
    assert key(with_values(muted, 1, radius=3.0)) == key(muted)


def test_a_negative_prompt_counts_only_under_guidance(job: Job) -> None:
    unguided = replace(job, guidance=1.0)
    assert key(replace(unguided, negative="sharp")) == key(unguided)


def test_a_walk_of_amount_0_does_not_count(job: Job) -> None:
    standing = replace(job, walk_amount=0.0)
    assert key(with_frame(standing, walk=0.9)) == key(standing) == key(with_frame(standing, walk=None))


@pytest.mark.parametrize("turns", [1.0, 2.0, 1.0 - 1e-9])
def test_a_whole_turn_of_the_walk_is_the_frame_it_began_with(job: Job, turns: float) -> None:
    assert key(with_frame(job, walk=turns)) == key(with_frame(job, walk=0.0))


@given(value=st.integers(-4_000_000, 4_000_000).map(lambda millionths: millionths / 1e6))
def test_a_curve_read_as_float32_gives_the_same_key(job: Job, value: float) -> None:
    assert key(with_values(job, 0, angle=float(np.float32(value)))) == key(with_values(job, 0, angle=value))


@given(value=st.integers(-9_000, 9_000).map(lambda thousandths: thousandths / 1e3), jitter=st.floats(-4e-7, 4e-7))
def test_a_jitter_below_half_a_millionth_keeps_the_key(job: Job, value: float, jitter: float) -> None:
    assert key(with_values(job, 0, angle=value + jitter)) == key(with_values(job, 0, angle=value))


def test_a_negative_zero_is_a_zero(job: Job) -> None:
    assert key(with_values(job, 0, angle=-0.0)) == key(with_values(job, 0, angle=0.0))


def test_a_key_is_a_file_name_of_64_hexadecimal_digits(job: Job) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}\.png", file_name(key(job)))


def test_choices_of_the_sampler_count_only_if_they_are_made(job: Job) -> None:
    """A job of before there were such choices keeps its frames."""
    assert not {"spacing", "sigmas", "prediction"} & set(resolve(job, job.frames[0]))
    for chosen in ({"spacing": "trailing"}, {"prediction": "v_prediction"}, {"scheduler": "euler", "sigmas": "karras"}):
        assert key(replace(job, **chosen)) != key(job)
    assert key(replace(job, scheduler="euler", sigmas="karras")) != key(replace(job, scheduler="euler"))
