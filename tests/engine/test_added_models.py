"""LoRA files and other decoders of a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job, Lora
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.models.references import file_fingerprint, fingerprint
from blender_bend.engine.loading import add_loras
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling import Sampler, denoise_plain
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]


@pytest.fixture(scope="session")
def lora_files(load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two LoRA files for the small Stable Diffusion 1.5 with random weights, saved as diffusers saves them."""
    files = {}
    for seed, name in enumerate(("ink", "glow")):
        pipeline = load("sd15")
        torch.manual_seed(seed)
        targets = ["to_q", "to_v", "to_out.0"]
        pipeline.unet.add_adapter(LoraConfig(r=4, lora_alpha=4, init_lora_weights=False, target_modules=targets))
        layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipeline.unet))
        folder = tmp_path_factory.mktemp(name)
        StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=layers, safe_serialization=True)
        files[name] = next(folder.glob("*.safetensors"))
    return files


@pytest.fixture(scope="session")
def lora(lora_files: dict[str, Path]) -> Callable[..., Lora]:
    """A LoRA of a job."""

    def lora(name: str = "ink", strength: float = 1.0) -> Lora:
        path = lora_files[name]
        return Lora(name, str(path), file_fingerprint(path), strength)

    return lora


@pytest.fixture(scope="session")
def with_loras(load: Callable[..., Any]) -> Callable[..., Sampler]:
    """A sampler of the small Stable Diffusion 1.5 with LoRA files."""

    def make(*loras: Lora) -> Sampler:
        pipeline = load("sd15")
        add_loras(pipeline, loras)
        return Sampler(pipeline)

    return make


#: The first layer of the UNet that the LoRA files change.
FIRST_QUERY = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


def picture(sampler: Sampler, job: Job) -> np.ndarray:
    """The job's first frame."""
    return np.asarray(sampler.render(resolve(job, job.frames[0])))


def latent(sampler: Sampler, job: Job) -> torch.Tensor:
    """The finished latent of the job's first frame."""
    return denoise_plain(sampler, resolve(job, job.frames[0]))


def stored(renderer: Renderer, job: Job, folder: Path) -> np.ndarray:
    """The job's first frame as it lies in a frame store."""
    store = FrameStore(folder)
    renderer.render(job, store)
    with PIL.Image.open(store.path(frame_key(resolve(job, job.frames[0])))) as image:
        return np.asarray(image)


def test_a_lora_of_a_job_changes_the_picture_by_its_strength(
    renderer: Renderer, lora: Callable[..., Lora], make_job: MakeJob, tmp_path: Path
) -> None:
    none, half, whole = (
        stored(renderer, make_job("sd15", loras=loras), tmp_path) for loras in ((), (lora(strength=0.5),), (lora(),))
    )
    assert not np.array_equal(none, half) and not np.array_equal(half, whole)
    assert len(list(tmp_path.glob("*.png"))) == 3


def test_a_lora_of_no_strength_is_no_lora(
    lora: Callable[..., Lora], with_loras: Callable[..., Sampler], samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    job = make_job("sd15", loras=(lora(strength=0.0),))
    without = make_job("sd15")
    assert frame_key(resolve(job, job.frames[0])) == frame_key(resolve(without, without.frames[0]))
    assert np.array_equal(picture(with_loras(lora(strength=0.0)), job), picture(samplers["sd15"], without))


def times(factor: float, pattern: str = "ink", **window: float) -> list[tuple[Bend, list[dict[str, float]]]]:
    """A bend that multiplies a LoRA."""
    return [(Bend("Weights", "multiply", f"lora:{pattern}", **window), [{"factor": factor}])]


@pytest.mark.parametrize("factor", [0.5, 2.0, -1.0])
def test_multiplying_a_lora_is_another_strength(
    factor: float, lora: Callable[..., Lora], with_loras: Callable[..., Sampler], make_job: MakeJob
) -> None:
    bent = latent(with_loras(lora()), make_job("sd15", times(factor)))
    other = latent(with_loras(lora(strength=factor)), make_job("sd15"))
    unbent = latent(with_loras(lora()), make_job("sd15"))
    assert torch.allclose(bent, other, rtol=1e-5, atol=1e-5 * other.abs().max().item())
    assert not torch.allclose(bent, unbent, rtol=1e-2)


def test_only_the_named_lora_is_bent_and_a_star_names_all(
    lora: Callable[..., Lora], with_loras: Callable[..., Sampler], make_job: MakeJob
) -> None:
    both = with_loras(lora("ink"), lora("glow"))
    only_glow, neither = with_loras(lora("glow")), with_loras()
    for pattern, expected in (("ink", only_glow), ("*", neither)):
        bent = latent(both, make_job("sd15", times(0.0, pattern)))
        other = latent(expected, make_job("sd15"))
        assert torch.allclose(bent, other, rtol=1e-4, atol=1e-5 * other.abs().max().item())


def test_a_lora_is_bent_in_its_window_only_and_whole_afterwards(
    lora: Callable[..., Lora], with_loras: Callable[..., Sampler], make_job: MakeJob
) -> None:
    sampler = with_loras(lora())
    weights = {name: value.clone() for name, value in sampler.pipeline.unet.state_dict().items()}
    layer = next(m for n, m in sampler.pipeline.unet.named_modules() if n.endswith("attn1.to_q"))
    whole, bare = layer.weight.clone(), with_loras().pipeline.unet.get_submodule(FIRST_QUERY).weight
    seen: list[bool] = []

    def look(*_: Any) -> None:
        seen.append(torch.equal(layer.weight, bare))
        assert seen[-1] or torch.equal(layer.weight, whole)

    handle = sampler.pipeline.unet.register_forward_pre_hook(look)
    try:
        picture(sampler, make_job("sd15", times(0.0, start=0.5, end=0.75), steps=4, scheduler="ddim"))
    finally:
        handle.remove()
    assert seen == [False, False, True, False]
    assert torch.equal(layer.weight, whole)
    assert all(torch.equal(value, weights[name]) for name, value in sampler.pipeline.unet.state_dict().items())


def test_loras_are_bent_in_batches_too(
    lora: Callable[..., Lora], with_loras: Callable[..., Sampler], make_job: MakeJob
) -> None:
    sampler = with_loras(lora())
    bends = [(Bend("Weights", "multiply", "lora:ink"), [{"factor": factor} for factor in (0.5, 0.5, 1.5)])]
    walks = [{"walk": 0.1}, {"walk": 0.2}, {"walk": 0.1}]
    single = make_job("sd15", bends, walks, walk_amount=0.5, batch=1)
    pictures: dict[int, dict[str, np.ndarray]] = {1: {}, 2: {}}
    for batch, made in pictures.items():
        job = replace(single, batch=batch)
        frames = {str(frame.number): resolve(job, frame) for frame in job.frames}
        sampler.render_all(frames, lambda key, image, made=made: made.update({key: np.asarray(image)}))
    for key, one in pictures[1].items():
        assert np.abs(one.astype(int) - pictures[2][key]).max() <= 2


def test_a_lora_that_is_not_loaded_is_named(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    with pytest.raises(BendError) as caught:
        picture(samplers["sd15"], make_job("sd15", times(2.0, "lost")))
    assert caught.value.code == Code.SITE_UNKNOWN
    assert "lost" in caught.value.message


@pytest.mark.parametrize(
    ("kind", "code"), [("sdxl", Code.LORA_MISFIT), ("missing", Code.MODEL_MISSING), ("pickled", Code.LORA_INVALID)]
)
def test_a_lora_that_does_not_fit_is_refused_with_its_name(
    kind: str, code: Code, renderer: Renderer, lora: Callable[..., Lora], make_job: MakeJob, tmp_path: Path
) -> None:
    wrong = lora()
    if kind == "missing":
        wrong = replace(wrong, path=str(tmp_path / "gone.safetensors"))
    if kind == "pickled":
        wrong = replace(wrong, path=str(tmp_path / "lora.bin"))
    with pytest.raises(BendError) as caught:
        renderer.render(make_job("sdxl" if kind == "sdxl" else "sd15", loras=(wrong,)), FrameStore(tmp_path))
    assert caught.value.code == code
    assert "ink" in caught.value.message


@pytest.fixture(scope="session")
def tiny_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TAESD with random weights, saved as diffusers saves it."""
    torch.manual_seed(0)
    tiny = AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    )
    folder = tmp_path_factory.mktemp("taesd")
    tiny.save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.mark.parametrize("kind", ["sd15", "sdxl", "sd3"])
def test_a_tiny_decoder_takes_the_place_of_the_models_own(
    kind: str, renderer: Renderer, load: Callable[..., Any], tiny_decoder: Path, make_job: MakeJob, tmp_path: Path
) -> None:
    """As diffusers does when a person puts TAESD into the pipeline."""
    job = make_job(kind, decoder=str(tiny_decoder), decoder_fingerprint=fingerprint(tiny_decoder))
    stock = load(kind)
    stock.vae = AutoencoderTiny.from_pretrained(tiny_decoder)
    theirs = stock(
        "a calm sea",
        width=64,
        height=64,
        num_inference_steps=job.steps,
        guidance_scale=job.guidance,
        generator=torch.Generator().manual_seed(job.seed),
    ).images[0]
    assert np.array_equal(stored(renderer, job, tmp_path), np.asarray(theirs))
    assert not np.array_equal(stored(renderer, make_job(kind), tmp_path), np.asarray(theirs))


def test_a_tiny_decoder_can_be_bent_and_begun_from(
    renderer: Renderer, tiny_decoder: Path, make_job: MakeJob, tmp_path: Path
) -> None:
    settings = {"decoder": str(tiny_decoder), "decoder_fingerprint": fingerprint(tiny_decoder)}
    bends = [(Bend("Glass", "multiply", "vae:decoder.layers.3"), [{"factor": 2.0}, {"factor": 2.0}])]
    chain = make_job("sd15", bends, 2, source="previous", **settings)
    renderer.render(chain, FrameStore(tmp_path / "bent"))
    renderer.render(
        replace(chain, bends=(), frames=tuple(replace(f, values=()) for f in chain.frames)),
        FrameStore(tmp_path / "plain"),
    )
    bent, plain = ({f.read_bytes() for f in (tmp_path / name).glob("*.png")} for name in ("bent", "plain"))
    assert len(bent) == len(plain) == 2 and not bent & plain


def test_a_folder_that_is_no_decoder_is_refused(
    renderer: Renderer, model_folders: dict[str, Path], make_job: MakeJob, tmp_path: Path
) -> None:
    with pytest.raises(BendError) as caught:
        renderer.render(make_job("sd15", decoder=str(model_folders["sd15"] / "unet")), FrameStore(tmp_path))
    assert caught.value.code == Code.MODEL_INVALID
