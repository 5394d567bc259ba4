"""What the engine tests share: tiny pipelines in the layouts of the real models, jobs for them, and sounds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import device_films
import numpy as np
import pytest
import soundfile
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    PNDMScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from engine_child import Child
from hypothesis import settings
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.models.references import MINI_PATH, fingerprint
from blender_bend.engine.loading import load_pipeline
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.store.frame_store import FrameStore

torch.set_num_threads(1)  # more only wait for each other on tensors as small as these
LONG = os.environ.get("BEND_TEST_ALL") == "1"
settings.register_profile(
    "engine", deadline=None, database=None, derandomize=not LONG, max_examples=500 if LONG else 40
)
settings.load_profile("engine")


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what diffusers' schedulers warn about with numpy 2, and let children compute in one thread, too."""
    os.environ["OMP_NUM_THREADS"] = "1"
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation doesn't accept:DeprecationWarning")


KINDS = ("sd15", "sd21", "sdxl", "mini")
#: Transformers, trained by flow matching. There are also "lcm", a UNet that takes the guidance as an input, and "slim",
#: a Stable Diffusion 1 of two levels, for what takes long with every layer.
FLOW_KINDS = ("sd3", "flux")

# The keys and values are those of the published configurations; only widths and depths are small.
SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "trained_betas": None,
}
UNET = {
    "act_fn": "silu",
    "center_input_sample": False,
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-05,
    "norm_num_groups": 4,
    "out_channels": 4,
}
UNET_OF_4_LEVELS = {
    **UNET,
    "block_out_channels": (8, 16, 32, 32),
    "cross_attention_dim": 32,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
}
UNETS = {
    "sd15": {**UNET_OF_4_LEVELS, "attention_head_dim": 4, "sample_size": 64},
    "sd21": {
        **UNET_OF_4_LEVELS,
        "attention_head_dim": [1, 2, 4, 4],
        "dual_cross_attention": False,
        "only_cross_attention": False,
        "sample_size": 96,
        "upcast_attention": True,
        "use_linear_projection": True,
    },
    "sdxl": {
        **UNET,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "attention_head_dim": [1, 2, 4],
        "block_out_channels": (8, 16, 32),
        "cross_attention_dim": 32 + 40,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "projection_class_embeddings_input_dim": 40 + 6 * 8,
        "sample_size": 128,
        "transformer_layers_per_block": [1, 2, 3],
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "use_linear_projection": True,
    },
}
UNETS["lcm"] = {**UNETS["sd15"], "time_cond_proj_dim": 16}
UNETS["slim"] = {
    **UNETS["sd15"],
    "block_out_channels": (8, 16),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "layers_per_block": 1,
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
SCALING_FACTORS = {"sd15": 0.18215, "sd21": 0.18215, "sdxl": 0.13025, "lcm": 0.18215, "slim": 0.18215}
FLOW_VAES: dict[str, dict[str, Any]] = {
    "sd3": {"scaling_factor": 1.5305, "shift_factor": 0.0609},
    "flux": {"scaling_factor": 0.3611, "shift_factor": 0.1159},
}


def _scheduler(kind: str) -> Any:
    if kind in ("sd15", "lcm", "slim"):
        return PNDMScheduler(**SCHEDULE, skip_prk_steps=True)
    if kind == "sd21":
        return DDIMScheduler(**SCHEDULE, clip_sample=False, prediction_type="v_prediction")
    return EulerDiscreteScheduler(
        beta_start=SCHEDULE["beta_start"],
        beta_end=SCHEDULE["beta_end"],
        beta_schedule=SCHEDULE["beta_schedule"],
        interpolation_type="linear",
        steps_offset=1,
        timestep_spacing="leading",
        use_karras_sigmas=False,
    )


def _vae(kind: str) -> AutoencoderKL:
    own = {"scaling_factor": SCALING_FACTORS[kind], "force_upcast": kind == "sdxl"} if kind in SCALING_FACTORS else {}
    return AutoencoderKL(
        act_fn="silu",
        block_out_channels=(4, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        layers_per_block=1 if kind == "slim" else 2,
        norm_num_groups=4,
        sample_size=64,
        **own,
        **FLOW_VAES.get(kind, {}),
    )


def _text_config(width: int, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        bos_token_id=1979,
        eos_token_id=1980,
        pad_token_id=1980,
        vocab_size=1981,
        hidden_act=activation,
        hidden_size=width,
        intermediate_size=4 * width,
        max_position_embeddings=77,
        num_attention_heads=4,
        num_hidden_layers=3,
        projection_dim=width,
    )


def _sd3(tokenizer: CLIPTokenizer) -> DiffusionPipeline:
    """Stable Diffusion 3 without its T5, as it is often run."""
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=32,
            patch_size=2,
            in_channels=4,
            out_channels=4,
            num_layers=3,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=96,
            caption_projection_dim=32,
            pooled_projection_dim=32 + 40,
            pos_embed_max_size=32,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae("sd3"),
        text_encoder=CLIPTextModelWithProjection(_text_config(32, "quick_gelu")),
        tokenizer=tokenizer,
        text_encoder_2=CLIPTextModelWithProjection(_text_config(40, "gelu")),
        tokenizer_2=tokenizer,
        text_encoder_3=None,
        tokenizer_3=None,
    )


def _flux(tokenizer: CLIPTokenizer) -> DiffusionPipeline:
    """FLUX.1 dev, with its guidance embedding and a T5 that knows single letters."""
    letters = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), ("▁", -3.0)]
    letters += [(letter, -4.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
    t5 = T5Config(
        vocab_size=len(letters), d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu"
    )
    return FluxPipeline(
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            guidance_embeds=True,
            axes_dims_rope=(4, 6, 6),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15),
        vae=_vae("flux"),
        text_encoder=CLIPTextModel(_text_config(32, "quick_gelu")),
        tokenizer=tokenizer,
        text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=T5TokenizerFast(vocab=letters, extra_ids=0),
    )


def _build(kind: str) -> DiffusionPipeline:
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(MINI_PATH / "tokenizer")
    if kind in FLOW_KINDS:
        return _sd3(tokenizer) if kind == "sd3" else _flux(tokenizer)
    parts = {"vae": _vae(kind), "tokenizer": tokenizer, "scheduler": _scheduler(kind)}
    parts["unet"] = UNet2DConditionModel(**UNETS[kind])
    if kind == "sdxl":
        return StableDiffusionXLPipeline(
            **parts,
            text_encoder=CLIPTextModel(_text_config(32, "quick_gelu")),
            text_encoder_2=CLIPTextModelWithProjection(_text_config(40, "gelu")),
            tokenizer_2=tokenizer,
            force_zeros_for_empty_prompt=True,
            add_watermarker=False,
        )
    return StableDiffusionPipeline(
        **parts,
        text_encoder=CLIPTextModel(_text_config(32, "gelu" if kind == "sd21" else "quick_gelu")),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


class Lazily(dict[str, Any]):
    """A table whose entries are made when they are first asked for."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, kind: str) -> Any:
        self[kind] = self.make(kind)
        return self[kind]


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """mini, and random weights in the layouts of the real models, saved as diffusers saves them."""

    def save(kind: str) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        _build(kind).save_pretrained(folder, safe_serialization=True)
        return folder

    folders = Lazily(save)
    folders["mini"] = MINI_PATH
    return folders


@pytest.fixture(scope="session")
def load(model_folders: dict[str, Path]) -> Callable[..., Any]:
    """Loads a model as the engine does, one of its own for every call."""

    def load(kind: str, dtype: torch.dtype = torch.float32) -> Any:
        return load_pipeline(model_folders[kind], dtype, "cpu")

    return load


@pytest.fixture(scope="session")
def samplers(load: Callable[..., Any]) -> dict[str, Sampler]:
    """A sampler for each model, kept for the whole session."""
    return Lazily(lambda kind: Sampler(load(kind)))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each of the four models."""
    return request.param


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    """One renderer for all jobs, as in the engine."""
    return Renderer("cpu")


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    """An empty frame store."""
    return FrameStore(tmp_path / "frames")


@pytest.fixture(scope="session")
def make_job(model_folders: dict[str, Path]) -> Callable[..., Job]:
    """Makes a small job; ``bends`` are pairs of a bend and its values on each frame."""

    def make(
        kind: str = "sd15",
        bends: list[tuple[Bend, list[dict[str, float]]]] | None = None,
        frames: list[dict[str, Any]] | int = 1,
        **settings: Any,
    ) -> Job:
        frames = [{} for _ in range(frames)] if isinstance(frames, int) else frames
        usual = {"prompt": (("a calm sea", 1.0),)}
        made = tuple(
            Frame(
                **{"number": index + 1, **usual, **frame, "values": tuple(values[index] for _, values in bends or [])}
            )
            for index, frame in enumerate(frames)
        )
        chosen = {"size": (64, 64), "steps": 3, "guidance": 3.0, "seed": 7, "negative": "", **settings}
        folder = model_folders[kind]
        return Job(
            str(folder), fingerprint(folder), bends=tuple(bend for bend, _ in bends or []), frames=made, **chosen
        )

    return make


@pytest.fixture
def write_sound(tmp_path: Path) -> Callable[..., Path]:
    """Writes samples of shape (samples,) or (samples, channels) as a sound file."""

    def write(samples: np.ndarray, sample_rate: int = 48000, name: str = "sound.wav", subtype: str = "FLOAT") -> Path:
        soundfile.write(tmp_path / name, samples, sample_rate, subtype=subtype)
        return tmp_path / name

    return write


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """One engine for the tests that leave it alive."""
    child = Child(tmp_path_factory.mktemp("engine") / "engine.log")
    yield child
    child.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Child]:
    """An engine of one's own."""
    child = Child(tmp_path / "engine.log")
    yield child
    child.close()


@pytest.fixture(scope="module")
def brief() -> Iterator[None]:
    """Studies that take a moment."""
    with device_films.brief_studies():
        yield


@pytest.fixture(scope="module")
def stage(
    model_folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[device_films.Files, device_films.Devices]:
    """What the films for pretended devices need, and the devices."""
    files, store = device_films.files_for(model_folders["slim"], tmp_path_factory.mktemp("files"))
    return files, device_films.Devices(store, tmp_path_factory.mktemp("films"))
