"""SD3 and FLUX: without bends the stock pipeline bit for bit, and bends that reach the picture's tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxImg2ImgPipeline, StableDiffusion3Img2ImgPipeline
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import resolve
from blender_bend.engine.sampling import Sampler

MakeJob = Callable[..., Job]
SIZE = (96, 64)


@pytest.fixture(params=["sd3", "flux"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both transformers."""
    return request.param


def picture(sampler: Sampler, job: Job, inputs: Any = None) -> np.ndarray:
    """The job's first frame."""
    return np.asarray(sampler.render(resolve(job, job.frames[0]), inputs))


def asked(job: Job) -> dict[str, Any]:
    """What a job's first frame is to a stock pipeline."""
    ((prompt, _),) = job.frames[0].prompt
    return {
        "prompt": prompt,
        "width": job.size[0],
        "height": job.size[1],
        "num_inference_steps": job.steps,
        "guidance_scale": job.guidance,
        "generator": torch.Generator("cpu").manual_seed(job.seed),
    }


@pytest.mark.parametrize("scheduler", ["own", "flow_euler"])
@pytest.mark.parametrize("guidance", [1.0, 4.5])
def test_without_bends_it_is_the_stock_pipeline_bit_for_bit(
    guidance: float,
    scheduler: str,
    kind: str,
    samplers: dict[str, Sampler],
    load: Callable[..., Any],
    make_job: MakeJob,
) -> None:
    job = make_job(kind, size=SIZE, guidance=guidance, steps=3, scheduler=scheduler)
    stock = np.asarray(load(kind)(**asked(job)).images[0])
    assert np.array_equal(picture(samplers[kind], job), stock)


def test_the_negative_prompt_of_sd3_is_that_of_the_stock_pipeline(
    samplers: dict[str, Sampler], load: Callable[..., Any], make_job: MakeJob
) -> None:
    job = make_job("sd3", guidance=4.5, negative="dark")
    stock = load("sd3")(**asked(job), negative_prompt="dark").images[0]
    assert np.array_equal(picture(samplers["sd3"], job), np.asarray(stock))


def test_a_schedule_that_shifts_with_the_size_is_that_of_the_stock_pipeline(
    load: Callable[..., Any], make_job: MakeJob
) -> None:
    """SD3.5 Medium does so; FLUX always does."""
    ours, stock = load("sd3"), load("sd3")
    for pipeline in (ours, stock):
        pipeline.scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    job = make_job("sd3", size=SIZE)
    assert np.array_equal(picture(Sampler(ours), job), np.asarray(stock(**asked(job)).images[0]))


def by_hand(sampler: Sampler, job: Job, path: str, change: Callable[[Tensor, int], Tensor]) -> np.ndarray:
    """The stock picture with the picture's tokens of a block changed by a hook of the test's own."""
    calls = 0

    def hook(module: Any, inputs: Any, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        nonlocal calls
        words, tokens = output
        calls += 1
        return words, change(tokens, calls - 1)

    handle = sampler.pipeline.transformer.get_submodule(path).register_forward_hook(hook)
    try:
        return np.asarray(sampler.pipeline(**asked(job)).images[0])
    finally:
        handle.remove()


PATHS = {
    "sd3": ["transformer_blocks.0", "transformer_blocks.2"],
    "flux": ["transformer_blocks.1", "single_transformer_blocks.0"],
}


def test_a_bend_on_a_block_takes_the_tokens_of_the_picture_and_leaves_the_words(
    kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    for path in PATHS[kind]:
        bend = Bend("Strong", "multiply", f"transformer:{path}", 1 / 3, 2 / 3)
        # The norm after the last block takes back what only scales its tokens, but for the sign.
        job = make_job(kind, [(bend, [{"factor": -0.7}])], size=SIZE)
        theirs = by_hand(samplers[kind], job, path, lambda tokens, call: tokens * -0.7 if call == 1 else tokens)
        assert np.array_equal(picture(samplers[kind], job), theirs)
        assert not np.array_equal(theirs, by_hand(samplers[kind], job, path, lambda tokens, call: tokens))


def test_where_words_are_as_many_as_tokens_the_tokens_are_still_taken(
    samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    """SD3's 77 + 77 words here are the tokens of 22 x 28 cells in pairs."""
    sampler = samplers["sd3"]
    words = sampler.pipeline.encode_prompt("a calm sea", None, None, device="cpu")[0].shape[1]
    rows = next(side for side in range(4, words) if words % side == 0 and words // side <= 32)
    size = (16 * (words // rows), 16 * rows)
    bend = Bend("Strong", "multiply", "transformer:transformer_blocks.0", 0.0, 1.0)
    job = make_job("sd3", [(bend, [{"factor": 1.7}])], size=size, steps=1, guidance=1.0)
    theirs = by_hand(sampler, job, "transformer_blocks.0", lambda tokens, call: tokens * 1.7)
    assert np.array_equal(picture(sampler, job), theirs)


def test_operators_of_pictures_work_on_the_tokens_as_rows_and_columns(
    kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    rows, columns = SIZE[1] // 16, SIZE[0] // 16

    def grown(tokens: Tensor, call: int) -> Tensor:
        image = tokens.transpose(1, 2).reshape(tokens.shape[0], -1, rows, columns)
        return torch.nn.functional.max_pool2d(image, 3, 1, 1).flatten(2).transpose(1, 2)

    path = PATHS[kind][0]
    job = make_job(kind, [(Bend("Grow", "dilate", f"transformer:{path}"), [{"radius": 1.0}])], size=SIZE)
    assert np.array_equal(picture(samplers[kind], job), by_hand(samplers[kind], job, path, grown))


@pytest.mark.parametrize("site", ["noise", "latent", "prediction", "guidance", "text", "vae:decoder.mid_block"])
def test_a_bend_at_every_other_site_changes_the_picture(
    site: str, kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    bent = picture(samplers[kind], make_job(kind, [(Bend("Strong", "multiply", site), [{"factor": 2.0}])]))
    assert not np.array_equal(bent, picture(samplers[kind], make_job(kind)))


class Start:
    """One picture to start from."""

    def __init__(self, size: tuple[int, int]) -> None:
        noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
        self.picture = PIL.Image.fromarray(noise)

    def source(self, frame: Any) -> PIL.Image.Image:
        return self.picture

    def mask(self, digest: str) -> Tensor:
        raise AssertionError


def test_a_start_from_a_picture_is_that_of_the_stock_pipeline(
    kind: str, samplers: dict[str, Sampler], load: Callable[..., Any], make_job: MakeJob
) -> None:
    """The stock pipelines draw from what the encoder says, Bend takes its middle: so here they draw the middle too."""
    kinds = {"sd3": StableDiffusion3Img2ImgPipeline, "flux": FluxImg2ImgPipeline}
    stock = kinds[kind].from_pipe(load(kind))
    stock.set_progress_bar_config(disable=True)
    encode = stock.vae.encode

    def middle(pixels: Tensor) -> Any:
        encoded = encode(pixels)
        encoded.latent_dist.sample = lambda generator=None: encoded.latent_dist.mode()
        return encoded

    stock.vae.encode = middle
    start = Start(SIZE)
    job = make_job(
        kind, size=SIZE, steps=4, source="pictures", frames=[{"picture": "1" * 64, "strip": {"strength": 0.5}}]
    )
    theirs = np.asarray(stock(**asked(job), image=start.picture, strength=0.5).images[0])
    assert np.array_equal(picture(samplers[kind], job, start), theirs)


def test_a_size_that_the_patches_do_not_fill_is_refused_with_words(
    kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    with pytest.raises(BendError) as caught:
        picture(samplers[kind], make_job(kind, size=(72, 64)))
    assert caught.value.code == Code.PARAMETER_INVALID
    assert "16" in caught.value.hint
