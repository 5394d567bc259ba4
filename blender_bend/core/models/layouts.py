"""The kinds of models that Bend bends: their pipelines, and the class that each part of an index may have.

An index names classes of libraries, and loading it means importing them. So nothing is loaded that does not stand here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: A library and a class of it, as an index names them.
Pair = tuple[str, str]


def _of(library: str, *classes: str) -> frozenset[Pair]:
    return frozenset((library, name) for name in classes)


_CLIP = _of("transformers", "CLIPTextModel")
_CLIP_PROJECTED = _of("transformers", "CLIPTextModelWithProjection")
_T5 = _of("transformers", "T5EncoderModel")
_CLIP_TOKENIZER = _of("transformers", "CLIPTokenizer", "CLIPTokenizerFast")
_T5_TOKENIZER = _of("transformers", "T5Tokenizer", "T5TokenizerFast")
_UNET = _of("diffusers", "UNet2DConditionModel")
_AUTOENCODER = _of("diffusers", "AutoencoderKL", "AutoencoderTiny")
_SCHEDULER = _of(
    "diffusers",
    "DDIMScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "TCDScheduler",
    "UniPCMultistepScheduler",
)
_FLOW_SCHEDULER = _of("diffusers", "FlowMatchEulerDiscreteScheduler")


@dataclass(frozen=True)
class Layout:
    """One kind of model.

    Parameters
    ----------
    pipeline : diffusers' class that Bend loads it as
    label : what people call such models
    parts : what is loaded, each with the classes that it may have; anything else of an index is left out
    same : other pipelines whose parts are the same, so that they make pictures of words as well
    optional : parts that an index may leave out
    packed : how many channels of the denoiser one channel of the autoencoder becomes
    overflows : whether it has a part that overflows in float16, whatever its denoiser is stored in
    """

    pipeline: str
    label: str
    parts: Mapping[str, frozenset[Pair]]
    same: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    packed: int = 1
    overflows: bool = False

    @property
    def denoiser(self) -> str:
        """The part that is asked at every step."""
        return next(iter(self.parts))


_STABLE_DIFFUSION = {
    "unet": _UNET,
    "vae": _AUTOENCODER,
    "text_encoder": _CLIP,
    "tokenizer": _CLIP_TOKENIZER,
    "scheduler": _SCHEDULER,
}

#: Every kind of model that Bend bends. A class of ``engine.families`` names each.
LAYOUTS = (
    Layout(
        "StableDiffusionPipeline",
        "Stable Diffusion 1 or 2",
        _STABLE_DIFFUSION,
        same=("StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionPipelineSafe"),
    ),
    Layout(
        "LatentConsistencyModelPipeline",
        "Latent Consistency Model",
        _STABLE_DIFFUSION,
        same=("LatentConsistencyModelImg2ImgPipeline",),
    ),
    Layout(
        "StableDiffusionXLPipeline",
        "Stable Diffusion XL",
        {**_STABLE_DIFFUSION, "text_encoder_2": _CLIP_PROJECTED, "tokenizer_2": _CLIP_TOKENIZER},
        same=("StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline"),
    ),
    Layout(
        "StableDiffusion3Pipeline",
        "Stable Diffusion 3",
        {
            "transformer": _of("diffusers", "SD3Transformer2DModel"),
            "vae": _AUTOENCODER,
            "text_encoder": _CLIP_PROJECTED,
            "tokenizer": _CLIP_TOKENIZER,
            "text_encoder_2": _CLIP_PROJECTED,
            "tokenizer_2": _CLIP_TOKENIZER,
            "text_encoder_3": _T5,
            "tokenizer_3": _T5_TOKENIZER,
            "scheduler": _FLOW_SCHEDULER,
        },
        same=("StableDiffusion3Img2ImgPipeline", "StableDiffusion3InpaintPipeline"),
        optional=frozenset({"text_encoder_3", "tokenizer_3"}),
    ),
    Layout(
        "FluxPipeline",
        "FLUX.1",
        {
            "transformer": _of("diffusers", "FluxTransformer2DModel"),
            "vae": _AUTOENCODER,
            "text_encoder": _CLIP,
            "tokenizer": _CLIP_TOKENIZER,
            "text_encoder_2": _T5,
            "tokenizer_2": _T5_TOKENIZER,
            "scheduler": _FLOW_SCHEDULER,
        },
        same=("FluxImg2ImgPipeline", "FluxInpaintPipeline"),
        packed=4,
        overflows=True,  # its T5
    ),
)

_BY_PIPELINE = {name: layout for layout in LAYOUTS for name in (layout.pipeline, *layout.same)}

#: What other pipelines are for, told by their names; the first that fits.
_PURPOSES = (
    (r"^(Onnx|OV|Flax|CoreML|Neuron|ORT)|Onnx", "it is exported for another runtime"),
    (r"Video|AnimateDiff|^Wan|CogVideo|^LTX|Mochi|Allegro|Latte|SkyReels|Cosmos|I2V|FramePack", "it makes videos"),
    (r"Audio|Music|Song|Dance", "it makes sound"),
    (r"ControlNet|Adapter|Control", "it is steered by a guide picture"),
    (r"Inpaint|Fill", "it is made for inpainting"),
    (r"Pix2Pix|Kontext|Edit", "it edits pictures by instruction"),
    (r"Depth", "it is steered by a depth map"),
    (r"Upscale|SuperResolution|LDMSuper", "it enlarges pictures"),
    (r"Variation|Prior|Redux|UnCLIP", "it starts from a picture"),
)

#: What a denoiser with more inputs than latent channels is for: by how many more.
_MORE_CHANNELS = {
    1: "depth maps (depth to image)",
    3: "enlarging pictures",
    4: "editing pictures by instruction (InstructPix2Pix)",
    5: "inpainting",
    16: "guide pictures (FLUX Control)",
    80: "inpainting (FLUX Fill)",
}


def layout_of(pipeline: str) -> Layout | None:
    """The kind of model that a pipeline's name means; None if Bend has no use for it."""
    return _BY_PIPELINE.get(pipeline)


def purpose_of(pipeline: str) -> str:
    """What a pipeline that Bend does not know is for, in words; empty if its name does not tell."""
    return next((words for pattern, words in _PURPOSES if re.search(pattern, pipeline)), "")


def made_for(layout: Layout, inputs: int, latents: int) -> str:
    """What a denoiser with so many input channels is for, next to an autoencoder with so many latent channels.

    Returns
    -------
    words; empty if the two fit
    """
    if inputs == latents * layout.packed:
        return ""
    more = inputs - latents * layout.packed
    return _MORE_CHANNELS.get(more // layout.packed, "inputs that Bend does not have") if more > 0 else "other latents"


def labels() -> str:
    """The kinds of models, as a list in words."""
    return _listed([layout.label for layout in LAYOUTS])


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"
