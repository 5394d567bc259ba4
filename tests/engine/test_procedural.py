"""A strip that starts from a painted scene: the tables agree, the picture is the scene, it moves, and it bends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import PIL.Image
import pytest

from blender_bend.core.catalogue import scenes as described
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.scenes import PALETTES, SCENES, paint
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import StoredInputs

MakeJob = Callable[..., Job]


def begun(make_job: MakeJob, strength: float, times: tuple[float, ...] = (0.0,), **settings: Any) -> Job:
    """A job whose frames start from a scene."""
    frames = [{"strip": {"strength": strength, "scene_time": time}} for time in times]
    return make_job("mini", frames=frames, source="procedural", **{"steps": 4, "guidance": 1.0, **settings})


def pictures(renderer: Renderer, store: FrameStore, job: Job) -> list[np.ndarray]:
    """The frames of a job."""
    renderer.render(job, store)
    paths = [store.path(frame_key(resolve(job, frame))) for frame in job.frames]
    return [np.asarray(PIL.Image.open(path)).astype(float) for path in paths]


def test_the_catalogue_names_what_the_engine_paints() -> None:
    assert dict(described.SCENES) == {scene.name: scene.label for scene in SCENES.values()}
    assert [name for name, _ in described.PALETTES] == list(PALETTES)


@pytest.mark.parametrize("scene", described.SCENE_NAMES)
def test_a_frame_starts_from_the_scene_as_it_is_painted(scene: str, store: FrameStore, make_job: MakeJob) -> None:
    job = begun(make_job, 0.5, (1.25,), scene=scene, palette="teal", scene_seed=5, size=(96, 64))
    picture = StoredInputs(store).source(resolve(job, job.frames[0]))
    painted = paint(scene, "teal", height=64, width=96, seed=5, time=1.25)
    assert picture.size == (96, 64)
    assert np.abs(np.asarray(picture) / 255 - painted).max() <= 0.5 / 255 + 1e-6


def test_less_strength_stays_nearer_to_the_scene(renderer: Renderer, store: FrameStore, make_job: MakeJob) -> None:
    scene = paint("sunset", "dusk", height=64, width=64, seed=0)
    shown = [
        pictures(renderer, store, begun(make_job, strength, scene="sunset", palette="dusk"))[0]
        for strength in (0.0, 0.5, 1.0)
    ]
    distances = [float(np.abs(picture / 255 - scene).mean()) for picture in shown]
    assert distances == sorted(distances) and distances[0] < 0.1


def test_time_moves_the_scene_and_a_standing_one_is_one_picture(
    renderer: Renderer, store: FrameStore, make_job: MakeJob
) -> None:
    moving = begun(make_job, 0.25, (0.0, 1.0, 2.0), scene="waves")
    assert len({frame_key(resolve(moving, frame)) for frame in moving.frames}) == 3
    first, second, _ = pictures(renderer, store, moving)
    assert np.abs(first - second).mean() > 1
    standing = begun(make_job, 0.25, (0.0, 0.0), scene="waves")
    assert len({frame_key(resolve(standing, frame)) for frame in standing.frames}) == 1


def test_a_scene_can_be_bent(renderer: Renderer, store: FrameStore, make_job: MakeJob) -> None:
    plain = begun(make_job, 0.75, scene="waves")
    bends = [(Bend("Turn", "rotate_channels", "latent"), [{"angle": 2.0}])]
    frames = [{"strip": {"strength": 0.75, "scene_time": 0.0}}]
    bent = make_job("mini", bends, frames, source="procedural", scene="waves", steps=4, guidance=1.0)
    assert np.abs(pictures(renderer, store, plain)[0] - pictures(renderer, store, bent)[0]).mean() > 5


@pytest.mark.parametrize("wrong", [{"scene": "nowhere"}, {"palette": "beige"}, {"scene_seed": -1}])
def test_a_scene_that_nobody_paints_is_refused(make_job: MakeJob, wrong: dict[str, Any]) -> None:
    with pytest.raises(BendError) as caught:
        replace(begun(make_job, 0.5), **wrong).check()
    assert caught.value.code == Code.JOB_INVALID


def test_what_the_scene_is_does_not_count_for_other_sources(make_job: MakeJob) -> None:
    job = make_job("mini", frames=[{}])
    other = replace(job, scene="fire", palette="neon", scene_seed=9)
    assert frame_key(resolve(job, job.frames[0])) == frame_key(resolve(other, other.frames[0]))
