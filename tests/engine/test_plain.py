"""The sampler, whatever it shares and batches, is the one page of ``render_plain`` bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from lora_files import flat, kohya, lora_of, save, text_lora
from make_adapters import in_memory
from torch import Tensor

from blender_bend.core.job.job import Bend, Job, SoundCondition
from blender_bend.core.job.resolve import trace
from blender_bend.core.job.resolved import Resolved
from blender_bend.core.samplers.schedulers import SCHEDULERS
from blender_bend.engine.loading import add_loras
from blender_bend.engine.sampling import Sampler, render_plain

MakeJob = Callable[..., Job]
STEPS = 4


class Inputs:
    """Pictures, masks and vectors of sounds made up from their digests."""

    def source(self, frame: Resolved) -> PIL.Image.Image:
        """A picture for each digest, frame before, or scene."""
        source = frame["source"]
        seed = sum(str(source.get("picture") or source.get("previous") or source["scene"]).encode())
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
        return PIL.Image.fromarray(pixels).resize(frame["size"])

    def mask(self, digest: str) -> Tensor:
        """A mask with a side for each digest."""
        side = 8 + int(digest[0], 16)
        return torch.rand((1, 1, side, side), generator=torch.Generator().manual_seed(side))

    def vector(self, digest: str, width: int | None = None) -> Tensor:
        """A vector with one number for each digest."""
        return torch.eye(width or 0)[int(digest[0], 16)][None]


def assert_plain(sampler: Sampler, job: Job) -> None:
    """All different frames rendered together are those of the page, which knows nothing of the sampler's memory."""
    frames = {traced.key: traced.data for traced in trace(job)}
    made: dict[str, np.ndarray] = {}
    sampler.render_all(frames, lambda key, picture: made.update({key: np.asarray(picture)}), Inputs())
    page = Sampler(sampler.pipeline, sampler.study)
    page.conditioner = sampler.conditioner
    assert len(frames) == len(made) > 1
    for key, frame in frames.items():
        assert np.array_equal(made[key], np.asarray(render_plain(page, frame, Inputs()))), frame
    assert len({picture.tobytes() for picture in made.values()}) > 1


SITES = ("latent", "prediction", "guidance", "text", "noise", "unet:mid_block", "unet:skips.1", "vae:decoder.layers.1")


def bends(*sites: str) -> list[tuple[Bend, list[dict[str, float]]]]:
    """A bend at each site: none on the first frame, and from the middle of the steps on for the others."""
    values = [{"factor": 1.0}, {"factor": 1.4}, {"factor": 0.7, "mix": 0.5}]
    return [(Bend(site, "multiply", site, 0.5), values) for site in sites]


@pytest.mark.parametrize("guidance", [3.0, 1.0], ids=["guided", "unguided"])
@pytest.mark.parametrize("name", [row.name for row in SCHEDULERS if not row.flow])
def test_every_sampler(name: str, guidance: float, samplers: Any, make_job: MakeJob) -> None:
    """PNDM and Heun ask more often than there are steps; Euler ancestral, LCM, TCD and the SDE draw in every step."""
    job = make_job("slim", bends("latent", "unet:mid_block"), 3, steps=STEPS, scheduler=name, guidance=guidance)
    assert_plain(samplers["slim"], job)


@pytest.mark.parametrize("name", [row.name for row in SCHEDULERS if row.flow])
@pytest.mark.parametrize("kind", ["sd3", "flux"])
def test_every_flow_sampler(kind: str, name: str, samplers: Any, make_job: MakeJob) -> None:
    stack = bends("latent", "transformer:transformer_blocks.0")
    assert_plain(samplers[kind], make_job(kind, stack, 3, steps=3, scheduler=name))


@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl", "mini", "lcm"])
def test_every_family(kind: str, samplers: Any, make_job: MakeJob) -> None:
    frames = [{"prompt": (("a calm sea", 1 - share), ("a (red:1.4) fire", share))} for share in (0.25, 0.5, 0.5)]
    assert_plain(samplers[kind], make_job(kind, bends("latent", "text"), frames, steps=3, negative="mud"))


@pytest.mark.parametrize("guidance", [3.0, 1.0], ids=["guided", "unguided"])
@pytest.mark.parametrize("site", SITES)
def test_every_site(site: str, guidance: float, samplers: Any, make_job: MakeJob) -> None:
    assert_plain(samplers["mini"], make_job("mini", bends(site), 3, steps=3, guidance=guidance, scheduler="pndm"))


@pytest.mark.parametrize("source", ["noise", "procedural", "pictures", "previous"])
@pytest.mark.parametrize("name", ["own", "heun", "euler_ancestral"])
def test_every_source(name: str, source: str, samplers: Any, make_job: MakeJob) -> None:
    frames = []
    for number, strength in enumerate((0.5, 0.5, 1.0)):
        frame: dict[str, Any] = {"strip": {"strength": strength, "seed_travel": 0.5 * number}, "walk": 0.1 * number}
        frames.append(frame | ({"picture": "12"[number % 2] * 64} if source == "pictures" else {}))
    job = make_job("slim", bends("latent"), frames, steps=STEPS, source=source, scheduler=name, walk_amount=0.4)
    assert_plain(samplers["slim"], job)


@pytest.mark.parametrize("region", ["mask", "disc"])
def test_regions_and_chance(region: str, samplers: Any, make_job: MakeJob) -> None:
    bend = Bend("Grain", "add_noise", "unet:mid_block", 0.25, region=region, restore="statistics")
    frames = [{"masks": (digest * 64 if region == "mask" else "",)} for digest in "055"]
    values = [{"amount": amount} for amount in (0.5, 0.5, 1.0)]
    assert_plain(samplers["slim"], make_job("slim", [(bend, values)], frames, steps=STEPS))


@pytest.mark.parametrize("editing", [False, True], ids=["from noise", "Keep Layout"])
@pytest.mark.parametrize("separate", [False, True], ids=["joint", "separate"])
@pytest.mark.parametrize("kind", ["slim", "mini"])
def test_sound_and_keep_layout(kind: str, separate: bool, editing: bool, load: Any, make_job: MakeJob) -> None:
    """Sound from the second step on, silence, two blended sounds; the layout is kept for the first steps."""
    sampler = Sampler(load(kind))
    sampler.conditioner = in_memory(sampler.pipeline.unet, gate=1.0, louder=4)
    picture = {"picture": "1" * 64} if editing else {}
    values = {"kept_layout": 0.8, "kept_shapes": 0.5, "sound_guidance": 5.0, "sound_scale": 0.8}
    sounds = ((("3" * 64, 1.0),), (), (("3" * 64, 0.5), ("7" * 64, 0.5)))
    frames = [{"strip": values, "sound": sound, **picture} for sound in sounds]
    job = make_job(
        kind, bends("latent"), frames, steps=STEPS, negative="mud", editing=editing,
        source="pictures" if editing else "noise",
        sound_condition=SoundCondition("a", "a", "b", "b", separate, 0.25, blocks={"mid_block": 0.5}),
    )  # fmt: skip
    assert_plain(sampler, job)


def test_bent_lora_files(load: Any, make_job: MakeJob, tmp_path: Path) -> None:
    """Also those of the text encoder, which reads the prompt anew while they are bent."""
    pipeline = load("slim")
    both = kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q", "to_v")[0] | text_lora(pipeline)[0]
    add_loras(pipeline, (lora_of(save(tmp_path, both)),))
    stack = [(Bend("Weights", "multiply", "lora:*", 0.25), [{"factor": factor} for factor in (1.0, 0.5, 2.0)])]
    assert_plain(Sampler(pipeline), make_job("slim", stack, 3, steps=STEPS, negative="mud"))


def test_a_batch_differs_from_the_page_by_rounding_only(samplers: Any, make_job: MakeJob) -> None:
    job = make_job("slim", bends("latent", "unet:mid_block"), 3, steps=STEPS)
    page = {traced.key: render_plain(samplers["slim"], traced.data, Inputs()) for traced in trace(job)}
    for traced, key in zip(trace(replace(job, batch=4)), page, strict=True):
        picture = samplers["slim"].render(traced.data, Inputs())
        assert np.abs(np.asarray(picture).astype(int) - np.asarray(page[key])).max() <= 2
