"""Frames that start from pictures, and masks, out of the store's inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler, StableDiffusionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline
from store_pictures import capture

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import StoredInputs, input_path

MakeJob = Callable[..., Job]


def noise(seed: int = 0) -> np.ndarray:
    """A picture with something everywhere."""
    return np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)


def begun(make_job: MakeJob, digest: str, strength: float, kind: str = "sd15", **settings: Any) -> Job:
    """A job of one frame that starts from a picture."""
    frame = {"picture": digest, "strip": {"strength": strength}}
    return make_job(kind, frames=[frame], source="pictures", **{"steps": 5, **settings})


def picture(store: FrameStore, job: Job, index: int = 0) -> np.ndarray:
    """A frame of the store."""
    with PIL.Image.open(store.path(frame_key(resolve(job, job.frames[index])))) as image:
        return np.asarray(image)


@pytest.mark.parametrize("strength", [0.4, 0.7, 1.0])
@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl"])
def test_a_start_from_a_picture_is_that_of_the_stock_pipeline(
    kind: str,
    strength: float,
    samplers: dict[str, Sampler],
    load: Callable[..., Any],
    store: FrameStore,
    make_job: MakeJob,
) -> None:
    """PNDM, DDIM and Euler. The stock pipelines draw from what the encoder says; here they take its middle too."""
    stocks = {"sdxl": StableDiffusionXLImg2ImgPipeline}
    stock = stocks.get(kind, StableDiffusionImg2ImgPipeline).from_pipe(load(kind))
    stock.set_progress_bar_config(disable=True)
    encode = stock.vae.encode

    def middle(pixels: torch.Tensor) -> Any:
        encoded = encode(pixels)
        encoded.latent_dist.sample = lambda generator=None: encoded.latent_dist.mode()
        return encoded

    stock.vae.encode = middle
    job = begun(make_job, capture(store, noise()), strength, kind)
    theirs = stock(
        "a calm sea",
        image=PIL.Image.fromarray(noise()),
        strength=strength,
        num_inference_steps=job.steps,
        guidance_scale=job.guidance,
        generator=torch.Generator().manual_seed(job.seed),
    ).images[0]
    ours = samplers[kind].render(resolve(job, job.frames[0]), StoredInputs(store))
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("scheduler", [PNDMScheduler, DDIMScheduler])
def test_no_strength_is_the_picture_through_the_autoencoder(
    scheduler: Any, load: Callable[..., Any], store: FrameStore, make_job: MakeJob
) -> None:
    pipeline = load("sd15")
    pipeline.scheduler = scheduler.from_config(pipeline.scheduler.config)
    job = begun(make_job, capture(store, noise()), 0.0)
    ours = Sampler(pipeline).render(resolve(job, job.frames[0]), StoredInputs(store))
    with torch.inference_mode():
        pixels = pipeline.image_processor.preprocess(PIL.Image.fromarray(noise()))
        latents = pipeline.vae.encode(pixels).latent_dist.mode()
        through = pipeline.image_processor.postprocess(pipeline.vae.decode(latents).sample)[0]
    assert np.abs(np.asarray(ours).astype(int) - np.asarray(through)).max() <= 1


def test_more_strength_goes_further_from_the_picture(renderer: Renderer, store: FrameStore, make_job: MakeJob) -> None:
    digest = capture(store, noise())
    pictures = []
    for strength in (0.0, 0.2, 0.6, 1.0):
        job = begun(make_job, digest, strength, "mini", guidance=1.0)
        renderer.render(job, store)
        pictures.append(picture(store, job).astype(float))
    distances = [np.abs(one - pictures[0]).mean() for one in pictures]
    assert distances == sorted(distances) and distances[1] > 0


def test_the_noise_of_a_step_that_is_not_reached_is_not_bent(make_job: MakeJob) -> None:
    """A bend before the start of the picture's steps does not count, so its curve makes no new frames."""
    bends = [(Bend("Early", "multiply", "latent", 0.0, 0.4), [{"factor": 2.0}])]
    frame = {"picture": "1" * 64, "strip": {"strength": 0.4}}
    bent = make_job("sd15", bends, [frame], source="pictures", steps=5)
    assert resolve(bent, bent.frames[0])["bends"] == []


def test_a_picture_of_another_size_is_scaled(renderer: Renderer, store: FrameStore, make_job: MakeJob) -> None:
    job = begun(make_job, capture(store, np.full((30, 90, 3), 200, np.uint8)), 0.4)
    renderer.render(job, store)
    assert picture(store, job).shape == (64, 64, 3)


def test_a_missing_picture_says_so(renderer: Renderer, store: FrameStore, make_job: MakeJob) -> None:
    with pytest.raises(BendError) as caught:
        renderer.render(begun(make_job, "1" * 64, 0.5), store)
    assert caught.value.code == Code.INPUT_MISSING
    assert "Capture" in caught.value.hint
    assert list(store.folder.glob("*.png")) == []


@pytest.mark.parametrize("damage", [b"no picture", b""])
def test_a_damaged_picture_says_so(damage: bytes, renderer: Renderer, store: FrameStore, make_job: MakeJob) -> None:
    digest = capture(store, noise())
    input_path(store.folder, digest).write_bytes(damage)
    with pytest.raises(BendError) as caught:
        renderer.render(begun(make_job, digest, 0.5), store)
    assert caught.value.code == Code.INPUT_MISSING


def test_a_picture_that_is_another_than_its_name_says_is_refused(
    renderer: Renderer, store: FrameStore, make_job: MakeJob
) -> None:
    one, two = capture(store, noise(1)), capture(store, noise(2))
    input_path(store.folder, two).replace(input_path(store.folder, one))
    with pytest.raises(BendError) as caught:
        renderer.render(begun(make_job, one, 0.5), store)
    assert caught.value.code == Code.INPUT_MISSING
    assert "has changed" in caught.value.message


def masked(make_job: MakeJob, digests: list[str], **settings: Any) -> Job:
    """Frames whose finished latents are silenced where a mask is bright."""
    bend = Bend("Veil", "multiply", "latent", 1.0, 1.0, region="mask")
    frames = [{"masks": (digest,)} for digest in digests]
    return make_job("sd15", [(bend, [{"factor": 0.0}] * len(digests))], frames, **settings)


def test_a_bend_acts_where_its_mask_is_bright(
    samplers: dict[str, Sampler], store: FrameStore, make_job: MakeJob
) -> None:
    left = np.zeros((64, 64, 3), np.uint8)
    left[:, :32] = 255
    job = masked(make_job, [capture(store, left)])
    seen: list[torch.Tensor] = []
    decode = samplers["sd15"].pipeline.vae.decode
    samplers["sd15"].pipeline.vae.decode = lambda x, **named: seen.append(x) or decode(x, **named)
    try:
        samplers["sd15"].render(resolve(job, job.frames[0]), StoredInputs(store))
    finally:
        del samplers["sd15"].pipeline.vae.decode
    assert not seen[0][..., :4].any() and seen[0][..., 4:].all()


def test_masks_of_different_sizes_go_into_one_batch(renderer: Renderer, store: FrameStore, make_job: MakeJob) -> None:
    grey = [capture(store, np.full((side, side), 200, np.uint8)) for side in (16, 64)]
    job = masked(make_job, grey, batch=2)
    mid = Bend("Veil", "multiply", "unet:mid_block", region="mask")
    job = Job(**{**vars(job), "bends": (mid,)})
    renderer.render(job, store)
    assert np.array_equal(picture(store, job, 0), picture(store, job, 1))
