"""How much memory a job takes, told before it starts, and which of the stages of ``engine.rendering.render`` will fit.

Where the numbers come from:

- weights: the headers of the model's own safetensors files, times the bytes of the job's precision;
- activations: the most tensors that are alive at once in the published networks, counted on torch's meta device by
  ``benchmarks/footprint.py`` at full width. They are linear in the picture and in the rows of a batch;
- what comes on top of them on a GPU (workspaces of convolutions, and what the allocator reserves): InvokeAI found 2200
  elements a pixel for decoding by experiment, ComfyUI plans with 2178, where the tensors alone are 768; ComfyUI plans
  with 8389 elements a cell for SDXL's UNet, where they are 5040. On a CPU a decode took 1010 to 1380 (this project);
- the driver's context, for which a card's whole memory is not ours: ``RESERVE``, a usual figure, not measured here.

A docs page, ``docs/performance.md``, has the arithmetic for SDXL.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from ..catalogue.strip import StartsFrom
from ..checkpoints import single_files
from ..errors import BendError
from ..files import foreign_json
from ..job.job import Job
from ..job.tiling import TILED, WHOLE, tile_side
from ..models import weights
from ..precision import Precision
from ..site_kinds import DENOISERS

BYTES: dict[str, int] = {Precision.FLOAT32: 4, Precision.FLOAT16: 2, Precision.BFLOAT16: 2}
#: Elements for each cell of a latent and row, by the first width of a UNet: with attention in its first level, as in
#: Stable Diffusion 1 and 2 (8320 / 320), and without, as in SDXL (5040 / 320).
UNET, UNET_XL = 26.0, 15.75
#: Elements for each token and row, by the width of a transformer; the tokens of the text count as well.
TRANSFORMERS = {"SD3Transformer2DModel": (12.5, 333), "FluxTransformer2DModel": (17.6, 512)}
#: Elements for each pixel of a decoded picture, by the first width of an autoencoder: 768 / 128, and TAESD's 192 / 64.
DECODERS = {"AutoencoderKL": 6.0, "AutoencoderTiny": 3.0}
#: What a network takes in all, by its tensors.
STEP_WORKSPACE, DECODE_WORKSPACE, DECODE_WORKSPACE_ON_CPU = 1.7, 2.9, 1.8
#: Bytes of a GPU that its driver keeps.
RESERVE = 600_000_000
#: Memory of a machine that other programs keep.
SHARE = 0.85


class Offload(IntEnum):
    """How much of a model is kept in main memory while it is not at work; more of it is slower."""

    NOTHING = 0
    #: Every network but the one at work.
    MODEL = 1
    #: Every layer but the one at work.
    SEQUENTIAL = 2


@dataclass(frozen=True)
class Stage:
    """One way to make do with memory, in the order in which a job tries them."""

    offload: Offload
    decode: str


STAGES = (
    Stage(Offload.NOTHING, WHOLE),
    Stage(Offload.MODEL, WHOLE),
    Stage(Offload.MODEL, TILED),
    Stage(Offload.SEQUENTIAL, TILED),
)


@dataclass(frozen=True)
class Footprint:
    """The memory of a job, in bytes.

    Parameters
    ----------
    denoiser, decoder, encoders, encoder : weights; the last two of all text encoders and of the largest one
    layer : the largest layer
    step : what a denoising step takes besides
    whole, tiled : what decoding takes besides the decoder's weights
    """

    denoiser: int
    decoder: int
    encoders: int
    encoder: int
    layer: int
    step: int
    whole: int
    tiled: int

    def needs(self, stage: Stage) -> int:
        """The most bytes at any moment of a job in a stage."""
        decoding = self.whole if stage.decode == WHOLE else self.tiled
        if stage.offload == Offload.NOTHING:
            return self.denoiser + self.decoder + self.encoders + max(self.step, decoding)
        if stage.offload == Offload.MODEL:
            return max(self.denoiser + self.decoder + self.step, self.encoder, self.decoder + decoding)
        return self.layer + max(self.step, decoding)

    def fitting(self, available: int, own_memory: bool = True) -> Stage | None:
        """The first stage that fits into so many bytes; None if none does.

        Parameters
        ----------
        own_memory : whether the device has a memory of its own, so that there is something to be offloaded
        """
        stages = STAGES if own_memory else (Stage(Offload.NOTHING, WHOLE), Stage(Offload.NOTHING, TILED))
        return next((stage for stage in stages if self.needs(stage) <= available), None)


def of_job(job: Job, device: str = "cuda") -> Footprint | None:
    """The memory of a job; None if its model is one that cannot be told.

    Parameters
    ----------
    device : ``cpu``, ``cuda`` or ``mps``
    """
    try:
        return _of_job(job, device)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        return None  # settings of other types than published ones have; the loading says which


def _of_job(job: Job, device: str) -> Footprint | None:
    model = Path(job.model)
    parts = weights.of_model(model)
    network, vae = next(filter(None, (config(model, part) for part in DENOISERS)), None), config(model, "vae")
    denoiser, decoder = next((parts[part] for part in DENOISERS if part in parts), None), parts.get("vae")
    if job.decoder:
        vae = _read(Path(job.decoder) / "config.json")
        decoder = weights.of_part(Path(job.decoder))
    if not (network and vae and denoiser and decoder):
        return None
    size = BYTES[job.precision]
    lifted = bool(vae.get("force_upcast", True)) and job.precision == Precision.FLOAT16 and _is_xl(network)
    texts = [part.elements * size for name, part in parts.items() if name.startswith("text_encoder")]
    extra = decoder.elements * 2 if lifted else 0
    scale = 2 ** (len(vae.get("block_out_channels") or vae["decoder_block_out_channels"]) - 1)
    cells = (job.size[0] // scale) * (job.size[1] // scale)
    step = _rows(job, network) * step_of(network, cells) * size * STEP_WORKSPACE
    return Footprint(
        denoiser.elements * size,
        decoder.elements * size,
        sum(texts),
        max(texts, default=0),
        max(part.largest for part in parts.values()) * size,
        round(step),
        *(round(_decoding(job, vae, 4 if lifted else size, device, way)) + extra for way in (WHOLE, TILED)),
    )


def _rows(job: Job, network: dict[str, Any]) -> int:
    """How many rows the network computes at once."""
    if network.get("_class_name") == "FluxTransformer2DModel" or network.get("time_cond_proj_dim"):
        return job.batch
    if job.sound_condition is not None:
        return 3 if job.sound_condition.separate else 2
    batch = 1 if job.editing or job.source == StartsFrom.PREVIOUS else job.batch
    return (1 + (job.guidance > 1)) * batch + job.editing


def step_of(network: dict[str, Any], cells: int) -> float:
    """Elements that a row of a denoising step has at most."""
    kind = network.get("_class_name")
    if kind in TRANSFORMERS:
        factor, words = TRANSFORMERS[kind]
        width = network["num_attention_heads"] * network["attention_head_dim"]
        return float(factor * width * (cells / 4 + words))
    return float((UNET_XL if _is_xl(network) else UNET) * network["block_out_channels"][0] * cells)


def _is_xl(network: dict[str, Any]) -> bool:
    """Whether a UNet has no attention in its first level, as SDXL's."""
    return (network.get("down_block_types") or [""])[0] == "DownBlock2D"


def _decoding(job: Job, vae: dict[str, Any], size: int, device: str, way: str) -> float:
    """Bytes that decoding one picture takes."""
    kind = str(vae.get("_class_name", "AutoencoderKL"))
    width = (vae.get("block_out_channels") or vae["decoder_block_out_channels"])[0]
    pixels = job.size[0] * job.size[1]
    side = tile_side(job.size) if way == TILED else None
    workspace = DECODE_WORKSPACE_ON_CPU if device == "cpu" else DECODE_WORKSPACE
    # The tiles that are finished, which overlap by a quarter, and the picture that they are put together to.
    finished = 0 if side is None else pixels * 3 * size * (1 / 0.75**2 + 1)
    at_once = pixels if side is None else min(pixels, side * side)
    return float(DECODERS.get(kind, DECODERS["AutoencoderKL"]) * width * at_once * size * workspace + finished)


def config(model: Path, part: str) -> dict[str, Any]:
    """The configuration of a part; of a single file, that of its kind."""
    if model.is_dir():
        return _read(model / part / "config.json")
    try:
        found: dict[str, Any] = single_files.kind_of(model).settings().get(part, {})
    except BendError:
        return {}
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        return foreign_json.read(file) or {}
    except foreign_json.Unreadable:
        return {}
