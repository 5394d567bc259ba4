"""Films that edit the pictures they start from: layout kept, subject of the sound, in jobs as by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from make_adapters import files_of, make
from store_pictures import capture

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job, SoundCondition
from blender_bend.core.job.resolve import trace
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling.sound_picture import sound_picture
from blender_bend.engine.sonic import checkpoints, condition
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import input_path, store_vector

FIRE, RAIN = torch.eye(64)[:, 3][None], torch.eye(64)[:, 40][None]
MakeFilm = Callable[..., Job]


@pytest.fixture(scope="module")
def files(model_folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("sonic")
    make(folder, model_folders["sd15"])
    return files_of(folder)


@pytest.fixture
def film(make_job: Callable[..., Job], files: dict[str, str], store: FrameStore) -> MakeFilm:
    """A film that edits one picture; each frame is a sound, or none, with values of the strip."""
    random = np.random.default_rng(0)
    picture = capture(store, random.integers(0, 256, (64, 64, 3), np.uint8))
    vectors = {"fire": store_vector(store, FIRE), "rain": store_vector(store, RAIN)}

    def film(*frames: tuple[str, dict[str, float]], bends: Any = None, kind: str = "sd15", **settings: Any) -> Job:
        each = [
            {"picture": picture, "sound": ((vectors[sound], 1.0),) if sound else (), "strip": strip}
            for sound, strip in frames
        ]
        job = {"source": "pictures", "editing": True, "sound_condition": SoundCondition(**files), **settings}
        return make_job(kind, bends, each, **job)

    return film


def keys(job: Job) -> list[str]:
    return [traced.key for traced in trace(job)]


def pixels(job: Job, store: FrameStore) -> list[np.ndarray]:
    return [np.asarray(PIL.Image.open(store.path(key))).astype(int) for key in keys(job)]


@pytest.mark.parametrize("separate", [None, 4.0])
def test_an_edited_frame_is_the_recipes_picture_to_the_bit(
    film: MakeFilm, files: dict[str, str], load: Callable[..., Any], renderer: Renderer, store: FrameStore,
    separate: float | None,
) -> None:  # fmt: skip
    values = {"kept_layout": 0.7, "kept_shapes": 0.34, "sound_guidance": separate or 0.0}
    job = film(("fire", values), sound_condition=SoundCondition(**files, separate=separate is not None))
    renderer.render(job, store)
    pipeline = load("sd15")
    conditioner = condition.SoundConditioner(
        pipeline.unet,
        checkpoints.load_projector(Path(files["projector"])),
        checkpoints.load_adapters(Path(files["adapters"]), pipeline.unet),
    )
    picture = PIL.Image.open(input_path(store.folder, job.frames[0].picture))
    wanted = sound_picture(
        pipeline, conditioner, FIRE, picture, prompt="a calm sea", size=job.size, steps=job.steps,
        guidance=condition.Guidance(job.guidance, separate), kept=(0.7, 0.34),
    )  # fmt: skip
    assert np.array_equal(pixels(job, store)[0], np.asarray(wanted))


def test_a_picture_is_inverted_once_however_many_sounds_change_it(
    film: MakeFilm, renderer: Renderer, store: FrameStore
) -> None:
    job, calls = film(("fire", {}), ("rain", {}), ("", {}), ("", {})), []
    sampler = renderer.sampler(job)
    sampler.inversions = type(sampler.inversions)(sampler.family)
    handle = sampler.pipeline.unet.register_forward_hook(lambda *_: calls.append(1))
    summary = renderer.render(job, store)
    handle.remove()
    assert (summary.rendered, summary.states, len(calls)) == (3, 12, 12), "3 steps back, and 3 for each"
    fire, rain, silent, _ = pixels(job, store)
    assert (fire != rain).any() and (fire != silent).any()


def test_thresholds_decide_the_key_and_what_an_edit_does_not_use_does_not(film: MakeFilm) -> None:
    (plain,) = keys(film(("fire", {})))
    for name in ("kept_layout", "kept_shapes"):
        assert keys(film(("fire", {name: 0.0}))) != [plain]
        assert keys(film(("fire", {name: 0.9}))) == [plain], "the same whole steps"
    unused = film(("fire", {"strength": 0.2, "seed_travel": 3.5}), scheduler="euler", walk_amount=0.5, batch=4)
    assert keys(unused) == [plain]
    assert keys(film(("fire", {}), editing=False)) != [plain]


def test_what_is_kept_longer_is_more_like_the_source(film: MakeFilm, renderer: Renderer, store: FrameStore) -> None:
    job = film(*(("fire", {"kept_layout": kept, "kept_shapes": kept}) for kept in (0.0, 1.0)), steps=6)
    renderer.render(job, store)
    free, kept = pixels(job, store)
    assert (free != kept).any()


def test_bends_act_on_edits(film: MakeFilm, renderer: Renderer, store: FrameStore) -> None:
    bends = [
        (Bend("gain", "multiply", "unet:up_blocks.1", start=0.34), [{"factor": f, "mix": 1.0} for f in (1.0, 1.5)]),
        (Bend("turn", "rotate_channels", "noise"), [{"angle": 0.0, "mix": 1.0}, {"angle": 0.5, "mix": 1.0}]),
    ]
    job = film(("fire", {}), ("fire", {}), bends=bends)
    renderer.render(job, store)
    plain, bent = pixels(job, store)
    assert (plain != bent).any() and keys(film(("fire", {})))[0] == keys(job)[0]


def test_a_model_that_cannot_edit_says_so(film: MakeFilm, renderer: Renderer, store: FrameStore) -> None:
    with pytest.raises(BendError) as caught:
        renderer.render(film(("", {}), kind="sdxl", sound_condition=None), store)
    assert caught.value.code == Code.MODEL_INVALID and "Keep Layout" in caught.value.hint


def test_an_inversion_can_be_cancelled(film: MakeFilm, renderer: Renderer, store: FrameStore) -> None:
    job = film(("fire", {}), steps=7)
    calls: list[int] = []
    handle = renderer.sampler(job).pipeline.unet.register_forward_hook(lambda *_: calls.append(1))
    with pytest.raises(BendError) as caught:
        renderer.render(job, store, cancelled=lambda: len(calls) == 2)
    handle.remove()
    assert caught.value.code == Code.CANCELLED and len(calls) == 2


def test_a_job_that_edits_is_the_same_after_it_was_written(film: MakeFilm) -> None:
    job = film(("fire", {"kept_layout": 0.5}))
    assert Job.from_json(job.to_json()) == job and job.editing


def test_long_prompts_keep_layout_and_sound_and_mean_what_their_repeated_words_mean(
    film: MakeFilm, renderer: Renderer, store: FrameStore
) -> None:
    """The empty prompt of the source, the tokens of the sound and a negative prompt of four chunks go side by side."""
    values = {"kept_layout": 0.7, "kept_shapes": 0.34}
    job = film(("fire", values), negative=" BREAK ".join(["dark", "moon", "night", "rain"]))
    shown = []
    for prompt in ("a calm sea", "a calm sea BREAK a calm sea", "a (calm:1.5) sea"):
        told = replace(job, frames=(replace(job.frames[0], prompt=((prompt, 1.0),)),))
        assert renderer.render(told, store).rendered == 1
        shown += pixels(told, store)
    assert (shown[0] == shown[1]).all() and (shown[0] != shown[2]).any()
