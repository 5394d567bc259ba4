"""How well pictures fit their sounds, by the measures of SonicDiffusion: AIS, IIS and AIC.

The first two are ranks among a pool, 0...1, with 0.5 for chance; their values depend on the pool and can only be
compared within one.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional

from ....core.errors import BendError, Code

#: Samples that Wav2CLIP is given, padded with silence, as in the authors' evaluation.
WAV2CLIP_SAMPLES = 442_763


def rank_share(own: Tensor, pool: Tensor) -> float:
    """The share of a pool that is strictly less alike than one's own partner, as a mean.

    Parameters
    ----------
    own : likeness of each picture and its partner, shape (N,)
    pool : likeness of each picture and everything in the pool, shape (N, M)

    Returns
    -------
    0...1; 0.5 for chance
    """
    return float((pool < own[:, None]).float().mean())


def similarity(pictures: Tensor, partners: Tensor, pool: Tensor) -> float:
    """AIS where partners and pool are sounds, IIS where they are pictures.

    Parameters
    ----------
    pictures : vectors of what was made, shape (N, D)
    partners : vectors of the sound, or of the picture that came with the sound, of each, shape (N, D)
    pool : vectors of the pool, shape (M, D)
    """
    pictures, partners, pool = (functional.normalize(x, dim=-1) for x in (pictures, partners, pool))
    return rank_share((pictures * partners).sum(-1), pictures @ pool.T)


def audio_image_content(pictures: Tensor, names: Tensor, classes: Tensor) -> float:
    """AIC: the share of pictures whose nearest class name is that of their sound.

    Parameters
    ----------
    pictures : shape (N, D)
    names : vectors of the bare names of the classes, shape (K, D)
    classes : of the sounds, shape (N,), whole numbers below K
    """
    found = functional.normalize(pictures, dim=-1) @ functional.normalize(names, dim=-1).T
    return float((found.argmax(1) == classes).float().mean())


class Clip:
    """CLIP from a folder in transformers' layout: ViT-L/14 for IIS and AIC, ViT-B/32 for AIS.

    Raises
    ------
    BendError(MODEL_MISSING) if there is none
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        from transformers import CLIPModel, CLIPProcessor

        from ...host.networks import files_in, load_network

        try:
            model: Any = load_network(CLIPModel, folder, files_in(folder))
            self.model = model.to(device)
            self.processor: Any = CLIPProcessor.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            raise BendError(
                Code.MODEL_MISSING,
                f"No CLIP model found in {folder}.",
                "Choose a folder with openai/clip-vit-large-patch14 or -base-patch32 as safetensors.",
            ) from error
        self.model.eval()

    @torch.inference_mode()
    def pictures(self, pictures: Sequence[PIL.Image.Image], batch: int = 16) -> Tensor:
        """Vectors of pictures, shape (N, D)."""
        found = []
        for first in range(0, len(pictures), batch):
            values = self.processor(images=list(pictures[first : first + batch]), return_tensors="pt")
            found.append(_vectors(self.model.get_image_features(**values.to(self.model.device))))
        return torch.cat(found)

    @torch.inference_mode()
    def words(self, words: Sequence[str]) -> Tensor:
        """Vectors of words, shape (N, D)."""
        values = self.processor(text=list(words), return_tensors="pt", padding=True)
        return _vectors(self.model.get_text_features(**values.to(self.model.device)))


def _vectors(found: Any) -> Tensor:
    """The vectors themselves: newer transformers wrap them."""
    return (found if isinstance(found, Tensor) else found.pooler_output).float().cpu()


def wav2clip(sounds: Sequence[Tensor]) -> Tensor:
    """Wav2CLIP's vectors of prepared sounds (see ``mel.prepare``), shape (N, 512), by the package of its authors.

    Raises
    ------
    BendError(MODEL_MISSING) if the package is not there
    """
    try:
        package = importlib.import_module("wav2clip")  # no part of the engine's environment
    except ImportError as error:
        raise BendError(
            Code.MODEL_MISSING,
            "AIS needs Wav2CLIP, which is not installed.",
            "Install it into the engine's environment: pip install wav2clip.",
        ) from error
    model = package.get_model()
    return torch.cat([_wav2clip_of(package, model, sound) for sound in sounds])


def _wav2clip_of(package: Any, model: Any, sound: Tensor) -> Tensor:
    padded = functional.pad(sound, (0, max(0, WAV2CLIP_SAMPLES - len(sound))))[:WAV2CLIP_SAMPLES]
    return torch.from_numpy(np.asarray(package.embed_audio(padded.numpy(), model))).reshape(1, -1).float()
