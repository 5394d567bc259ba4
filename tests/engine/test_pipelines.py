"""The same job on every kind of model: Stable Diffusion 1.5, 2.1 and XL in small, and mini."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionXLPipeline
from PIL.Image import Image

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import resolve
from blender_bend.engine.loading import load_pipeline
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.sampling.noise import starting_noise

MakeJob = Callable[..., Job]
SITES = ["noise", "latent", "unet:mid_block", "unet:up_blocks.*", "unet:down_blocks.0", "unet:conv_out"]


def everything(make_job: MakeJob, kind: str, **settings: Any) -> Job:
    """A job with bends at every kind of site, a prompt blend and a noise walk."""
    bends = [
        (Bend("Grain", "add_noise", "noise"), [{"mix": 0.5, "amount": 0.4}]),
        (Bend("Turn", "rotate_channels", "latent", 0.0, 0.5), [{"angle": 0.6}]),
        (Bend("Grow", "dilate", "unet:up_blocks.*", 0.3, 1.0), [{"mix": 0.7, "radius": 1.5}]),
        (Bend("Deep", "multiply", "unet:mid_block", channels="0-3"), [{"factor": 1.6}]),
    ]
    frame = {"prompt": (("a calm sea", 0.4), ("a burning forest", 0.6)), "walk": 0.3}
    return make_job(kind, bends, [frame], walk_amount=0.3, **settings)


def plain(pipeline: Any, job: Job) -> Image:
    """What diffusers alone makes of the first frame's prompt."""
    ((prompt, _),) = job.frames[0].prompt
    return pipeline(
        prompt,
        negative_prompt=job.negative or None,
        width=job.size[0],
        height=job.size[1],
        num_inference_steps=job.steps,
        guidance_scale=job.guidance,
        generator=torch.Generator("cpu").manual_seed(job.seed),
    ).images[0]


def neutral_stack() -> list[tuple[Bend, list[dict[str, float]]]]:
    """Bends that are all neutral or of mix 0."""
    return [
        (Bend("Turn", "rotate_channels", "latent"), [{"mix": 1.0, "angle": 0.0}]),
        (Bend("Grow", "dilate", "unet:up_blocks.*"), [{"mix": 0.0, "radius": 3.0}]),
        (Bend("Strong", "multiply", "unet:mid_block"), [{"mix": 0.5, "factor": 1.0}]),
        (Bend("Grain", "add_noise", "noise"), [{"mix": 1.0, "amount": 0.0}]),
    ]


def pixels(image: Image) -> np.ndarray:
    """The picture's bytes."""
    return np.asarray(image)


def resolved(job: Job) -> dict[str, Any]:
    """The job's first frame."""
    return resolve(job, job.frames[0])


def test_the_same_job_runs_on_every_model(kind: str, samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    job = everything(make_job, kind, size=(128, 64))
    bent = samplers[kind].render(resolved(job))
    unbent = samplers[kind].render({**resolved(job), "bends": []})
    assert bent.size == (128, 64) and bent.mode == "RGB"
    assert pixels(bent).std() > 0
    assert not np.array_equal(pixels(bent), pixels(unbent))


@pytest.mark.parametrize("site", SITES)
def test_a_bend_at_every_site_changes_the_picture(
    kind: str, site: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    job = make_job(kind, [(Bend("Strong", "multiply", site), [{"factor": 2.5}])])
    bent = samplers[kind].render(resolved(job))
    assert not np.array_equal(pixels(bent), pixels(samplers[kind].render({**resolved(job), "bends": []})))


@pytest.mark.parametrize(
    "settings", [{}, {"negative": "dark"}, {"guidance": 1.0}], ids=["usual", "negative", "unguided"]
)
def test_neutral_is_free(
    kind: str,
    settings: dict[str, Any],
    samplers: dict[str, Sampler],
    load: Callable[..., Any],
    make_job: MakeJob,
) -> None:
    job = make_job(kind, neutral_stack(), **settings)
    assert np.array_equal(pixels(samplers[kind].render(resolved(job))), pixels(plain(load(kind), job)))


def test_neutral_is_free_with_a_scheduler_that_adds_noise_of_its_own(
    load: Callable[..., Any], make_job: MakeJob
) -> None:
    ours, theirs = load("sd15"), load("sd15")
    for pipeline in (ours, theirs):
        pipeline.scheduler = EulerAncestralDiscreteScheduler.from_config(pipeline.scheduler.config)
    job = make_job("sd15", neutral_stack(), steps=5)
    assert np.array_equal(pixels(Sampler(ours).render(resolved(job))), pixels(plain(theirs, job)))


def test_neutral_is_free_in_bfloat16(load: Callable[..., Any], make_job: MakeJob) -> None:
    job = make_job("mini", neutral_stack(), precision="bfloat16")
    picture = Sampler(load("mini", torch.bfloat16)).render(resolved(job))
    assert np.array_equal(pixels(picture), pixels(plain(load("mini", torch.bfloat16), job)))


def test_neutral_is_free_after_bent_frames(
    kind: str, samplers: dict[str, Sampler], load: Callable[..., Any], make_job: MakeJob
) -> None:
    """Nothing of a bend stays in the model."""
    samplers[kind].render(resolved(everything(make_job, kind)))
    job = make_job(kind)
    assert np.array_equal(pixels(samplers[kind].render(resolved(job))), pixels(plain(load(kind), job)))


@pytest.mark.parametrize("position", [0.0, 0.35])
def test_a_walk_that_comes_round_is_where_it_began(
    position: float, kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    first, turned, elsewhere = (
        resolved(make_job(kind, frames=[{"walk": turn}], walk_amount=0.5))
        for turn in (position, (position + 1.0) % 1.0, position + 0.5)
    )
    picture = pixels(samplers[kind].render(first))
    assert np.array_equal(picture, pixels(samplers[kind].render(turned)))
    assert not np.array_equal(picture, pixels(samplers[kind].render(elsewhere)))


def test_a_whole_turn_is_bit_equal_to_none(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    none, whole = (
        resolved(make_job("mini", frames=[{"walk": turn}], walk_amount=1.0)) | {"walk": [1.0, turn]}
        for turn in (0.0, 1.0)
    )
    assert np.array_equal(pixels(samplers["mini"].render(none)), pixels(samplers["mini"].render(whole)))


def test_the_walking_noise_has_unit_variance_everywhere(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    spreads = []
    for turn in np.linspace(0, 1, 8, endpoint=False):
        frame = resolved(make_job("mini", frames=[{"walk": float(turn)}], walk_amount=0.6, size=(512, 512)))
        spreads.append(starting_noise(samplers["mini"].family, frame)[0].std().item())
    assert np.allclose(spreads, 1.0, atol=0.03)


def test_a_blend_lies_between_its_prompts(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    sea, fire, even = (
        pixels(samplers["mini"].render(resolved(make_job("mini", frames=[{"prompt": prompt}])))).astype(float)
        for prompt in (
            (("blue sea", 1.0),),
            (("red sea", 1.0),),
            (("blue sea", 0.5), ("red sea", 0.5)),
        )
    )
    across = np.abs(sea - fire).mean()
    assert 0 < np.abs(even - sea).mean() < across and 0 < np.abs(even - fire).mean() < across


def test_a_bend_that_breaks_names_itself_and_leaves_the_model_whole(
    kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    before = pixels(samplers[kind].render(resolved(make_job(kind))))
    job = make_job(kind, [(Bend("Too much", "matrix_exponential", "unet:mid_block"), [{"scale": 1000.0}])])
    with pytest.raises(BendError) as caught:
        samplers[kind].render(resolved(job))
    assert caught.value.code == Code.NON_FINITE
    assert "Too much" in caught.value.message
    assert np.array_equal(pixels(samplers[kind].render(resolved(make_job(kind)))), before)


def test_an_unknown_place_of_a_real_model_is_refused_with_the_nearest(
    kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    job = make_job(kind, [(Bend("Lost", "add", "unet:midblock"), [{"amount": 1.0}])])
    with pytest.raises(BendError) as caught:
        samplers[kind].render(resolved(job))
    assert caught.value.code == Code.SITE_UNKNOWN
    assert "unet:mid_block" in caught.value.hint


def test_xl_really_has_two_text_encoders_and_size_conditions(load: Callable[..., Any]) -> None:
    pipeline = load("sdxl")
    assert isinstance(pipeline, StableDiffusionXLPipeline)
    assert pipeline.text_encoder_2 is not None
    assert pipeline.unet.config.addition_embed_type == "text_time"


def test_a_model_that_names_a_safety_checker_loads_without_it(model_folders: dict[str, Path], tmp_path: Path) -> None:
    """The published Stable Diffusion 1.5 names one; it is never downloaded or run."""
    shutil.copytree(model_folders["sd15"], tmp_path / "model")
    index = tmp_path / "model" / "model_index.json"
    parts = json.loads(index.read_text())
    parts["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index.write_text(json.dumps(parts))
    assert load_pipeline(tmp_path / "model", torch.float32, "cpu").safety_checker is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model_index.json").write_text("not json"),
        lambda folder: shutil.rmtree(folder / "unet"),
        lambda folder: (folder / "unet/diffusion_pytorch_model.safetensors").unlink(),
        lambda folder: (folder / "unet/diffusion_pytorch_model.safetensors").write_bytes(b"cut off"),
        lambda folder: (folder / "unet/diffusion_pytorch_model.safetensors").rename(
            folder / "unet/diffusion_pytorch_model.bin"
        ),
        lambda folder: (folder / "unet/config.json").write_text("{}"),
    ],
    ids=["index", "no unet", "no weights", "cut weights", "pickled weights", "other shapes"],
)
def test_a_damaged_model_is_refused_with_words(
    model_folders: dict[str, Path], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    shutil.copytree(model_folders["sd15"], tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(BendError) as caught:
        load_pipeline(tmp_path / "model", torch.float32, "cpu")
    assert caught.value.code == (Code.MODEL_PICKLED if list(tmp_path.rglob("*.bin")) else Code.MODEL_INVALID)
    assert caught.value.hint


def test_the_negative_prompt_is_heard_under_guidance(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    job = make_job("mini", guidance=6.0)
    dark = replace(job, negative="fire and lava")
    assert not np.array_equal(
        pixels(samplers["mini"].render(resolved(job))), pixels(samplers["mini"].render(resolved(dark)))
    )
