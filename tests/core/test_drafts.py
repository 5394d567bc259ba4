"""Drafts: cheaper jobs of the same frames, whose keys no frame of a film has."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.frames import Frame
from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import trace
from blender_bend.core.resources import drafts
from blender_bend.core.resources.drafts import draft_of, half


def job(folder: Path | str, size: tuple[int, int] = (512, 512), steps: int = 30, **settings: Any) -> Job:
    fields: dict[str, Any] = {"guidance": 5.0, "seed": 1, "negative": "", "bends": (), **settings}
    frames = (Frame(1, (("a moon", 1.0),), (), None, {}),)
    return Job(model=str(folder), fingerprint="a" * 64, size=size, steps=steps, frames=frames, **fields)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that was trained for 512 pixels, as far as its card is concerned."""
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(json.dumps({"sample_size": 64}))
    drafts.trained_side.cache_clear()
    return tmp_path


@pytest.mark.parametrize(
    ("size", "steps", "scheduler", "drawn", "fewer"),
    [
        ((512, 512), 30, "own", (512, 512), 10),  # fewer steps suffice
        ((512, 512), 20, "own", (512, 512), 7),
        ((512, 512), 8, "own", (512, 512), 4),
        ((1024, 1024), 50, "own", (512, 512), 10),  # half of it is what the model knows
        ((512, 512), 4, "own", (256, 256), 4),  # steps can't be saved
        ((768, 432), 4, "own", (768, 432), 4),  # it would fall apart
        ((1920, 1080), 30, "own", (960, 544), 10),  # rounded up to what every layout takes
        ((512, 512), 8, "lcm", (256, 256), 8),  # as many as LCM LoRAs are made for
    ],
)
def test_a_draft_saves_what_its_model_can_spare(
    model: Path, size: tuple[int, int], steps: int, scheduler: str, drawn: tuple[int, int], fewer: int
) -> None:
    draft = draft_of(job(model, size, steps, scheduler=scheduler, guidance=1.0 if scheduler == "lcm" else 5.0))
    assert (draft.size, draft.steps, draft.draft_of) == (drawn, fewer, size)


def test_a_model_whose_card_says_nothing_is_taken_for_one_of_the_usual_size(tmp_path: Path) -> None:
    assert draft_of(job(tmp_path, (512, 512), 4)).size == (256, 256)
    assert draft_of(job(tmp_path, (256, 256), 4)).size == (256, 256)


SIDES = st.integers(8, 512).map(lambda cells: 8 * cells)


@given(SIDES, SIDES, st.integers(1, 1000), st.sampled_from(["noise", "procedural"]))
def test_every_draft_can_be_made_and_has_a_key_of_its_own(width: int, height: int, steps: int, source: str) -> None:
    whole = job("/nowhere", (width, height), steps, source=source)
    draft = draft_of(whole)
    draft.check()
    assert Job.from_json(draft.to_json()).draft_of == (width, height)
    if draft.size != whole.size:
        assert all(side % drafts.UNIT == 0 for side in draft.size)
        assert half(whole.size) == draft.size
    made_alike = replace(draft, draft_of=None)
    keys = {next(iter(trace(one))).key for one in (whole, draft, made_alike)}
    assert next(iter(trace(draft))).key not in {next(iter(trace(one))).key for one in (whole, made_alike)}
    assert len(keys) in (2, 3)


def test_the_draft_of_another_frame_size_is_another_draft(model: Path) -> None:
    keys = {next(iter(trace(draft_of(job(model, size, 4))))).key for size in ((1080, 1080), (1088, 1088))}
    assert len(keys) == 2, "their noise differs"


@pytest.mark.parametrize("drawn", [[0, 64], [63, 64], ["x", 8], [64]])
def test_a_draft_of_no_picture_is_refused(model: Path, drawn: list[Any]) -> None:
    plain = json.loads(draft_of(job(model)).to_json())
    with pytest.raises(BendError) as refused:
        Job.from_json(json.dumps({**plain, "draft_of": drawn}))
    assert refused.value.code == Code.JOB_INVALID
