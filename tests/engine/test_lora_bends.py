"""Bends of LoRA weights: all kinds, the prompt's half with the network's, and offloaded models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import cpu_offload
from lora_files import KINDS, exact, flat, kohya, layers, lora_of, of_kind, save, text, text_lora, weight_of

from blender_bend.core import catalogue
from blender_bend.core.bends.sites import parse
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job, Lora
from blender_bend.core.job.resolve import resolve
from blender_bend.engine.bending.places import places
from blender_bend.engine.bending.weights import bent_loras
from blender_bend.engine.loading import add_loras
from blender_bend.engine.sampling import Sampler, denoise_plain

MakeJob = Callable[..., Job]


@pytest.fixture
def unet_file(load: Callable[..., Any], tmp_path: Path) -> Path:
    """A LoRA of the UNet only."""
    return save(tmp_path, kohya(load("sd15").unet, "unet", flat("lora_unet_"), "to_q", "to_v")[0], "unet")


@pytest.fixture
def text_file(load: Callable[..., Any], tmp_path: Path) -> Path:
    """A LoRA of the text encoder only."""
    return save(tmp_path, text_lora(load("sd15"))[0], "text")


@pytest.fixture
def both_file(load: Callable[..., Any], tmp_path: Path) -> Path:
    """A LoRA of both."""
    pipeline = load("sd15")
    both = kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q", "to_v")[0] | text_lora(pipeline)[0]
    return save(tmp_path, both, "both")


@pytest.fixture
def sampler(load: Callable[..., Any]) -> Callable[..., Sampler]:
    """A sampler with LoRA files."""

    def make(*loras: Lora, kind: str = "sd15") -> Sampler:
        pipeline = load(kind)
        add_loras(pipeline, loras)
        return Sampler(pipeline)

    return make


def latent(sampler: Sampler, job: Job, index: int = 0) -> torch.Tensor:
    """The finished latent of a frame."""
    return denoise_plain(sampler, resolve(job, job.frames[index]))


def times(*factors: float, pattern: str = "*", **window: float) -> list[tuple[Bend, list[dict[str, float]]]]:
    """A bend that multiplies LoRA weights, by a factor for each frame."""
    return [(Bend("Weights", "multiply", f"lora:{pattern}", **window), [{"factor": factor} for factor in factors])]


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two latents are one but for rounding."""
    return torch.allclose(one, other, rtol=1e-4, atol=2e-5 * other.abs().max().item())


def watched(sampler: Sampler) -> list[str]:
    """Every prompt that the text encoder is asked to encode from now on."""
    seen: list[str] = []
    encode = sampler.family.encode_prompt

    def watch(prompt: str, *rest: Any) -> Any:
        seen.append(prompt)
        return encode(prompt, *rest)

    sampler.family.encode_prompt = watch  # type: ignore[method-assign]
    return seen


@pytest.mark.parametrize("factor", [0.0, 0.5, -1.0])
@pytest.mark.parametrize("file", ["text_file", "both_file"])
def test_multiplying_moves_the_prompts_half_too(
    file: str, factor: float, request: pytest.FixtureRequest, sampler: Callable[..., Sampler], make_job: MakeJob
) -> None:
    path = request.getfixturevalue(file)
    bent = latent(sampler(lora_of(path)), make_job(bends=times(factor), negative="rain"))
    other = latent(sampler(lora_of(path, factor)), make_job(negative="rain"))
    unbent = latent(sampler(lora_of(path)), make_job(negative="rain"))
    assert close(bent, other)
    assert not torch.allclose(bent, unbent, rtol=1e-2)


def test_both_text_encoders_of_xl_are_bent(
    load: Callable[..., Any], sampler: Callable[..., Sampler], make_job: MakeJob, tmp_path: Path
) -> None:
    pipeline, tensors = load("sdxl"), {}
    for part, prefix in (("text_encoder", "lora_te1_"), ("text_encoder_2", "lora_te2_")):
        tensors |= kohya(getattr(pipeline, part), part, text(prefix), "q_proj", "fc2", alpha=lambda rank, path: 16.0)[0]
    path = save(tmp_path, tensors)
    bent = latent(sampler(lora_of(path), kind="sdxl"), make_job("sdxl", times(0.25)))
    assert close(bent, latent(sampler(lora_of(path, 0.25), kind="sdxl"), make_job("sdxl")))
    assert not torch.allclose(bent, latent(sampler(lora_of(path), kind="sdxl"), make_job("sdxl")), rtol=1e-2)


def test_the_prompt_is_bent_in_the_window_of_the_bend(
    text_file: Path, sampler: Callable[..., Sampler], make_job: MakeJob
) -> None:
    """The network is told the bent prompt in the steps of the window, and the plain one in all others."""
    one = sampler(lora_of(text_file))
    told: list[torch.Tensor] = []
    handle = one.pipeline.unet.register_forward_pre_hook(
        lambda _, arguments, named: told.append(named["encoder_hidden_states"].clone()), with_kwargs=True
    )
    job = make_job(bends=times(0.0, start=0.5, end=0.75), steps=4, scheduler="ddim")
    latent(one, job)
    handle.remove()
    with torch.inference_mode():
        plain, bare = (
            sampler(lora_of(text_file, strength)).family.encode_prompt("a calm sea", "", True)["prompt_embeds"]
            for strength in (1.0, 0.0)
        )
    assert [torch.equal(rows[1:], plain) for rows in told] == [True, True, False, True]
    assert torch.equal(told[2][1:], bare)


def test_a_prompt_is_encoded_again_only_where_the_value_changes(
    both_file: Path, unet_file: Path, sampler: Callable[..., Sampler], make_job: MakeJob
) -> None:
    one = sampler(lora_of(both_file))
    seen = watched(one)
    factors = (0.5, 0.5, 1.5, 1.0, 0.5, 1.5)
    job = make_job(bends=times(*factors), frames=[{"walk": walk} for walk in (0, 0.1, 0.2, 0.3, 0.4, 0.5)],
                   walk_amount=0.5, steps=5)  # fmt: skip
    for index in range(len(factors)):
        latent(one, job, index)
    assert len(seen) == 3  # plain, 0.5 and 1.5; 1 is neutral

    none = sampler(lora_of(unet_file))
    seen = watched(none)
    latent(none, make_job(bends=times(0.5)))
    assert len(seen) == 1  # the LoRA has no text encoder's half


def test_the_states_before_the_window_are_still_shared(
    both_file: Path, sampler: Callable[..., Sampler], make_job: MakeJob
) -> None:
    one = sampler(lora_of(both_file))
    job = make_job(bends=times(0.5, -1.0, 2.0, start=0.5), frames=3, steps=4, scheduler="ddim")
    calls: list[int] = []
    handle = one.pipeline.unet.register_forward_pre_hook(lambda *_: calls.append(1))
    frames = {str(frame.number): resolve(job, frame) for frame in job.frames}
    together: dict[str, np.ndarray] = {}
    one.render_all(frames, lambda key, image: together.update({key: np.asarray(image)}))
    handle.remove()
    assert len(calls) == 2 + 3 * 2
    for key, frame in frames.items():
        alone = np.asarray(sampler(lora_of(both_file)).render(frame))
        assert np.array_equal(together[key], alone)


def test_prompts_that_travel_are_bent_too(text_file: Path, sampler: Callable[..., Sampler], make_job: MakeJob) -> None:
    frames = [{"prompt": (("a calm sea", 0.25), ("a storm", 0.75))}]
    bent = latent(sampler(lora_of(text_file)), make_job(bends=times(0.5), frames=frames, blending="spherical"))
    other = latent(sampler(lora_of(text_file, 0.5)), make_job(frames=frames, blending="spherical"))
    assert close(bent, other)


def test_batches_bend_the_prompt_of_every_row(
    both_file: Path, sampler: Callable[..., Sampler], make_job: MakeJob
) -> None:
    one = sampler(lora_of(both_file))
    frames = [{"prompt": ((words, 1.0),), "walk": 0.1} for words in ("a calm sea", "a storm", "a calm sea")]
    single = make_job(bends=times(0.5, 0.5, 1.5), frames=frames, walk_amount=0.5, batch=1)
    pictures: dict[int, dict[str, np.ndarray]] = {1: {}, 2: {}}
    for batch, made in pictures.items():
        job = replace(single, batch=batch)
        resolved = {str(frame.number): resolve(job, frame) for frame in job.frames}
        one.render_all(resolved, lambda key, image, made=made: made.update({key: np.asarray(image)}))
    assert len({picture.tobytes() for picture in pictures[1].values()}) == 3
    for key, picture in pictures[1].items():
        assert np.abs(picture.astype(int) - pictures[2][key]).max() <= 2


def test_two_bends_lie_over_each_other(both_file: Path, sampler: Callable[..., Sampler], make_job: MakeJob) -> None:
    twice = [*times(0.5), *times(0.5, pattern="ink")]
    twice = [(replace(bend, name=f"Weights {index}"), values) for index, (bend, values) in enumerate(twice)]
    bent = latent(sampler(lora_of(both_file)), make_job(bends=twice))
    assert close(bent, latent(sampler(lora_of(both_file, 0.25)), make_job()))


@pytest.mark.parametrize("factor", [0.0, 0.5, -1.0, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_multiply_is_exactly_the_strength_of_every_kind(
    kind: str, factor: float, load: Callable[..., Any], tmp_path: Path
) -> None:
    """Compared in the weights: a factor at strength 1 is that strength."""
    path = save(tmp_path, of_kind(kind, load("sd15")))
    bent, other, plain = (load("sd15") for _ in range(3))
    add_loras(bent, [lora_of(path)])
    add_loras(other, [lora_of(path, factor)])
    for layer in layers(plain.unet, "to_q", "conv1"):
        with bent_loras({"unet": bent.unet}, parse("lora:ink"), lambda x: x * factor):
            now = weight_of(bent.unet, layer)
            assert np.abs(exact(now) - exact(weight_of(other.unet, layer))).max() <= 1e-6
        assert np.abs(exact(weight_of(bent.unet, layer)) - exact(weight_of(plain.unet, layer))).max() > 1e-3
        if factor == 0:
            assert np.abs(exact(now) - exact(weight_of(plain.unet, layer))).max() <= 1e-7


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operator", ["soft_threshold", "rotate_channels", "invert_offset"])
def test_other_operators_bend_every_kind_and_leave_it_whole(
    kind: str,
    operator: str,
    sampler: Callable[..., Sampler],
    make_job: MakeJob,
    load: Callable[..., Any],
    tmp_path: Path,
) -> None:
    one = sampler(lora_of(save(tmp_path, of_kind(kind, load("sd15")))))
    before = exact(weight_of(one.pipeline.unet, "mid_block.resnets.0.conv1"))
    values = {parameter.name: 0.3 for parameter in catalogue.operator(operator).parameters}
    bent = latent(one, make_job(bends=[(Bend("Weights", operator, "lora:*"), [values])]))
    assert not torch.allclose(bent, latent(one, make_job()), rtol=1e-2)
    assert np.array_equal(exact(weight_of(one.pipeline.unet, "mid_block.resnets.0.conv1")), before)


def test_a_lora_of_the_text_encoder_only_is_a_site(
    text_file: Path, sampler: Callable[..., Sampler], make_job: MakeJob
) -> None:
    latent(sampler(lora_of(text_file)), make_job(bends=times(0.5, pattern="ink")))
    with pytest.raises(BendError) as caught:
        latent(sampler(lora_of(text_file)), make_job(bends=times(0.5, pattern="wash")))
    assert caught.value.code == Code.SITE_UNKNOWN and "lora:ink" in caught.value.hint


@pytest.mark.parametrize("names", [("墨", "水彩"), ("v1.5", "v1_5"), ("my ink", "my_ink")])
def test_names_in_any_script_are_told_apart(
    names: tuple[str, str], unet_file: Path, text_file: Path, sampler: Callable[..., Sampler], make_job: MakeJob
) -> None:
    both = sampler(lora_of(unet_file, name=names[0]), lora_of(text_file, name=names[1]))
    one = sampler(lora_of(text_file, name=names[1]))
    none = sampler()
    assert close(latent(both, make_job(bends=times(0.0, pattern=names[0]))), latent(one, make_job()))
    assert close(latent(both, make_job(bends=times(0.0))), latent(none, make_job()))


def test_a_lora_adds_no_sites_to_the_network(unet_file: Path, load: Callable[..., Any]) -> None:
    pipeline = load("sd15")
    add_loras(pipeline, [lora_of(unet_file)])
    assert places("unet", pipeline.unet) == places("unet", load("sd15").unet)


def test_an_offloaded_model_works_with_the_same_weights(
    both_file: Path, load: Callable[..., Any], make_job: MakeJob
) -> None:
    """As accelerate keeps it off the device, layer by layer."""
    pictures = []
    for offloaded in (False, True):
        pipeline = load("sd15")
        add_loras(pipeline, [lora_of(both_file)])
        if offloaded:
            for network in (pipeline.unet, pipeline.text_encoder, pipeline.vae):
                cpu_offload(network, "cpu", offload_buffers=network is pipeline.unet)
            assert pipeline.unet.get_submodule("conv_in").weight.device.type == "meta"
        pictures.append(latent(Sampler(pipeline), make_job(bends=times(0.5))))
    assert torch.equal(*pictures)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_bends_work_in_sixteen_bit(
    dtype: torch.dtype, both_file: Path, load: Callable[..., Any], make_job: MakeJob
) -> None:
    pictures = []
    for strength, bends in ((1.0, times(0.5)), (0.5, []), (1.0, [])):
        pipeline = load("sd15", dtype)
        add_loras(pipeline, [lora_of(both_file, strength)])
        pictures.append(latent(Sampler(pipeline), make_job(bends=bends)).float())
    bent, half, whole = pictures
    assert bent.isfinite().all()
    assert (bent - half).abs().mean() < 0.2 * (whole - half).abs().mean()
