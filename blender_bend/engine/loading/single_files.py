"""A checkpoint in one file, as artists share them.

Every weight of every network is looked up in the file by its published name, so nothing is left at random: what is
missing, of another shape or without a place is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import safetensors
import torch
import transformers
from accelerate import init_empty_weights  # type: ignore[import-untyped]
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTokenizer

from ...core.checkpoints import single_files
from ...core.checkpoints import tensor_names as names
from ...core.checkpoints.safetensors_file import Entry
from ...core.errors import BendError, Code
from ...core.wording import some
from ..host.networks import times
from .decoders import load_decoder, require_fit

_LONGEST_PROMPT = 77
_GUIDANCE_INPUT = names.UNET + "time_embed.cond_proj.weight"
_Find = Callable[[str], names.Source]


def from_file(
    path: Path, dtype: torch.dtype, decoder: Path | None = None, check: Callable[[], None] = lambda: None
) -> Any:
    """The pipeline of a checkpoint in one file, with the settings of its kind and the scheduler that it asks for.

    Parameters
    ----------
    decoder : the folder of one that takes the place of the file's autoencoder, which then need not be there
    check : called before every tensor; what it raises ends the loading

    Raises
    ------
    BendError(MODEL_INVALID) naming what is missing or does not fit; what safetensors raises for a damaged file
    """
    kind = single_files.kind_of(path)
    if decoder is None:
        single_files.require_decoder(path)
    settings = kind.settings()
    parts: dict[str, Any] = {
        "scheduler": _scheduler(single_files.scheduler(path, kind)),
        "tokenizer": _tokenizer(settings["tokenizer"]),
    }
    if decoder:
        require_fit(decoder, settings["vae"]["latent_channels"])
        parts["vae"] = load_decoder(decoder, dtype, "cpu")
    with _Checkpoint(path, dtype, check) as checkpoint:
        parts["unet"] = checkpoint.unet(settings["unet"])
        if decoder is None:
            parts["vae"] = checkpoint.autoencoder(settings["vae"])
        if kind.name == "sdxl":
            parts["text_encoder"] = checkpoint.clip(settings["text_encoder"], names.CLIP["sdxl"])
            second = checkpoint.open_clip(settings["text_encoder_2"], names.OPEN_CLIP["sdxl"], projected=True)
            parts |= {"text_encoder_2": second, "tokenizer_2": _tokenizer(settings["tokenizer_2"])}
        elif kind.name == "sd2":
            parts["text_encoder"] = checkpoint.open_clip(settings["text_encoder"], names.OPEN_CLIP["sd2"])
        else:
            parts["text_encoder"] = checkpoint.clip(settings["text_encoder"], names.CLIP["sd1"])
    if kind.name == "sdxl":
        return diffusers.StableDiffusionXLPipeline(**parts, force_zeros_for_empty_prompt=True, add_watermarker=False)
    return diffusers.StableDiffusionPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def _scheduler(config: dict[str, Any]) -> Any:
    return getattr(diffusers, config["_class_name"]).from_config(config)


def _tokenizer(settings: dict[str, Any]) -> CLIPTokenizer:
    folder = str(single_files.SETTINGS / "clip")
    usual: dict[str, Any] = {"model_max_length": _LONGEST_PROMPT, "local_files_only": True}
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder, **{**usual, **settings})
    return tokenizer


class _Checkpoint:
    """An open file, from which networks are filled."""

    def __init__(self, path: Path, dtype: torch.dtype, check: Callable[[], None]) -> None:
        self._path, self._dtype, self._check = path, dtype, check
        self._tensors: Mapping[str, Entry] = single_files.named(path).tensors
        self._used: set[str] = set()

    def __enter__(self) -> _Checkpoint:
        self._file: Any = safetensors.safe_open(str(self._path), framework="pt", device="cpu")
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def unet(self, config: dict[str, Any]) -> nn.Module:
        """The UNet; its moving average where that is all there is."""
        if guided := self._tensors.get(_GUIDANCE_INPUT):
            config = {**config, "time_cond_proj_dim": guided.shape[1]}
        with init_empty_weights():
            unet = diffusers.UNet2DConditionModel.from_config(config)
        averaged = not any(name.startswith(names.UNET) for name in self._tensors)
        self._fill(unet, "UNet", lambda name: names.unet_source(name, config, averaged))
        spare = sorted(name for name in self._tensors if name.startswith(names.UNET) and name not in self._used)
        if spare:
            raise self._unfit(f"its UNet has a different architecture: there is no place for {some(spare)}")
        return unet

    def autoencoder(self, config: dict[str, Any]) -> nn.Module:
        """The autoencoder."""
        with init_empty_weights():
            vae = diffusers.AutoencoderKL.from_config(config)
        return self._fill(vae, "autoencoder", lambda name: names.autoencoder_source(name, config))

    def clip(self, config: dict[str, Any], prefixes: tuple[str, ...]) -> nn.Module:
        """A text encoder in the names of transformers."""
        with init_empty_weights():
            encoder = transformers.CLIPTextModel(CLIPTextConfig(**config))
        return self._fill(encoder, "text encoder", lambda name: names.clip_source(name, prefixes))

    def open_clip(self, config: dict[str, Any], prefix: str, projected: bool = False) -> nn.Module:
        """A text encoder in the names of OpenCLIP."""
        kind = transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel
        with init_empty_weights():
            encoder = kind(CLIPTextConfig(**config))
        return self._fill(encoder, "text encoder", lambda name: names.open_clip_source(name, prefix))

    def _fill(self, network: nn.Module, what: str, find: _Find) -> nn.Module:
        """Give a network all of its weights.

        Raises
        ------
        BendError(MODEL_INVALID) naming the tensors that are missing, or one of another shape
        """
        wanted = network.state_dict()
        sources = {name: find(name) for name in wanted}
        missing = [s.names[0] for s in sources.values() if not any(name in self._tensors for name in s.names)]
        if missing:
            raise self._unfit(f"the {what} lacks {some(sorted(set(missing)))}")
        weights = {name: self._weight(source, wanted[name].shape) for name, source in sources.items()}
        network.load_state_dict(weights, strict=True, assign=True)
        return network.eval()

    def _weight(self, source: names.Source, shape: torch.Size) -> Tensor:
        place, name = next((place, name) for place, name in enumerate(source.names) if name in self._tensors)
        self._used.add(name)
        self._check()
        tensor: Tensor = self._file.get_tensor(self._tensors[name].key)
        if not tensor.is_floating_point():
            raise self._unfit(f"{name} is of type {str(tensor.dtype).removeprefix('torch.')}, not a weight")
        stored, wanted = tensor.shape, shape
        if source.third is not None:
            wanted = torch.Size((3 * shape[0], *shape[1:]))
            if stored == wanted:
                tensor = tensor.chunk(3)[source.third]
        if source.transposed and place == 0 and tensor.ndim == 2:
            tensor = tensor.T
        # Linear layers and convolutions of one pixel are the same and stand for each other.
        if _without_pixels(tensor.shape) == _without_pixels(shape):
            tensor = tensor.reshape(shape)
        if tensor.shape != shape:
            raise self._unfit(f"{name} is {times(stored)}, expected {times(wanted)}")
        # A copy in memory of torch's own: aligned, and safe from what happens to the file afterwards.
        return torch.empty(shape, dtype=self._dtype).copy_(tensor)

    def _unfit(self, why: str) -> BendError:
        return BendError(
            Code.MODEL_INVALID,
            f"{self._path.name} can't be used as a model: {why}.",
            "Download the file again; if that doesn't help, it was saved incorrectly or is of an unsupported kind.",
            "bend.open_preferences",
        )


def _without_pixels(shape: torch.Size) -> tuple[int, ...]:
    sizes = tuple(shape)
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes = sizes[:-1]
    return sizes
