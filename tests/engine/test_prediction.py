"""A model that is told what it predicts is the model whose settings say so: in frames, edits, and studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stock import OnePicture

from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import resolve
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.studies.study import Studies

MakeJob = Callable[..., Job]


@pytest.fixture(scope="module")
def pair(load: Callable[..., Any]) -> tuple[Sampler, Sampler]:
    """A model of velocities whose settings say noise, as of a file without marks, and one whose settings are right."""
    wrong, right = load("sd21"), load("sd21")
    wrong.scheduler = type(wrong.scheduler).from_config(wrong.scheduler.config, prediction_type="epsilon")
    return Sampler(wrong), Sampler(right)


def pictures(pair: tuple[Sampler, Sampler], job: Job) -> list[np.ndarray]:
    """By the model that is told, by the model that knows, and by the one that is left alone."""
    told = replace(job, prediction="v_prediction")
    asked = ((pair[0], told), (pair[1], job), (pair[0], job))
    return [np.asarray(sampler.render(resolve(job, job.frames[0]), OnePicture(job.size))) for sampler, job in asked]


@pytest.mark.parametrize("scheduler", ["own", "ddim", "pndm", "heun", "dpm_sde", "tcd"])
def test_frames_are_those_of_a_model_that_says_so(
    scheduler: str, pair: tuple[Sampler, Sampler], make_job: MakeJob
) -> None:
    told, known, alone = pictures(pair, make_job("sd21", scheduler=scheduler, steps=4))
    assert np.array_equal(told, known)
    assert not np.array_equal(told, alone)


def test_pictures_that_keep_their_layout_are_those_of_a_model_that_says_so(
    pair: tuple[Sampler, Sampler], make_job: MakeJob
) -> None:
    """The picture is inverted anew if the choice changes: a velocity is solved for, noise is not."""
    job = make_job("sd21", frames=[{"picture": "1" * 64}], source="pictures", editing=True, steps=4, scheduler="euler")
    told, known, alone = pictures(pair, job)
    assert np.array_equal(told, known)
    assert not np.array_equal(told, alone)


@pytest.mark.usefixtures("brief")
def test_a_study_is_that_of_a_model_that_says_so(
    pair: tuple[Sampler, Sampler], make_job: MakeJob, tmp_path: Path
) -> None:
    bend = Bend("Group", "multiply", "unet:mid_block", channels="cluster 0 of 3")
    job = make_job("sd21", [(bend, [{"factor": 2.0}])])
    told = replace(job, prediction="v_prediction")
    studies = [
        Studies(tmp_path / name).of(job, [bend], sampler, lambda _: None, lambda: False)
        for name, sampler, job in (("one", pair[0], told), ("two", pair[1], told), ("one", pair[0], job))
    ]
    one, two, alone = (study.by_site["unet:mid_block"] for study in studies)
    assert np.array_equal(one.maps, two.maps) and np.array_equal(one.directions, two.directions)
    assert not np.array_equal(one.maps, alone.maps)
    assert len(list((tmp_path / "one").rglob("*.npz"))) == 2
