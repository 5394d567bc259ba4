"""What a neural codec encodes: EnCodec's codes of every video frame, in principal components or laid out by t-SNE.

The model is the artist's own folder; only safetensors are read, and nothing is downloaded.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import librosa
import numpy as np

from ....core.errors import BendError, Code
from ....core.sound.features import Asked
from ..registry import measures
from ..sound import Sound
from .papers import slices

COMPONENTS = 8
TSNE_COMPONENTS, TSNE_PERPLEXITY = 16, 15.0
#: Exact t-SNE takes time and memory with the square of the frames: of more, a choice is laid out.
TSNE_FRAMES = 1000
SEED = 0
_BATCH = 64
_PHASE = "Encoding with EnCodec"


@measures("encodec", phase=_PHASE)
def encodec(sound: Sound, asked: Asked) -> np.ndarray:
    """One principal component of the frames' quantised embeddings, its largest magnitude 1."""
    return sound.shared("encodec", lambda: _principal(encodings(sound)[0]))[:, asked.which - 1]


@measures("encodec_tsne", phase=_PHASE)
def encodec_tsne(sound: Sound, asked: Asked) -> np.ndarray:
    """One of 16 components of an exact t-SNE of the frames' first row of codes, its largest magnitude 1 (JAES25)."""
    return sound.shared("encodec t-SNE", lambda: laid_out(encodings(sound)[1]))[:, asked.which - 1]


def load(folder: Path | None) -> Any:
    """An EnCodec model from a folder.

    Raises
    ------
    BendError(MODEL_MISSING), BendError(MODEL_INVALID)
    """
    if folder is None or not folder.is_dir():
        raise BendError(
            Code.MODEL_MISSING,
            "EnCodec features need an EnCodec model." if folder is None else f"EnCodec folder {folder} not found.",
            "Download facebook/encodec_48khz and choose its folder in the preferences.",
            "bend.open_preferences",
        )
    try:
        from transformers import EncodecModel

        from ...host.alignment import align
        from ...host.networks import files_in, load_network

        model = load_network(EncodecModel, folder, files_in(folder))
    except BendError:
        raise
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, ArithmeticError, ImportError) as error:
        raise BendError(
            Code.MODEL_INVALID,
            f"{folder} has no readable EnCodec model: {error}.",
            "It needs config.json and model.safetensors.",
            "bend.open_preferences",
        ) from error
    align(model)
    return model.eval()


def encodings(sound: Sound) -> tuple[np.ndarray, np.ndarray]:
    """Of each frame, encoded alone as in JAES25: the mean embedding (frames, dimensions), the first row of codes."""
    embeddings = sound.shared("embeddings", lambda: _encode(sound))
    codes = sound.shared("codes", lambda: np.zeros(0))
    return embeddings, codes


def _encode(sound: Sound) -> np.ndarray:
    import torch

    from ...host.alignment import aligned

    model = load(sound.settings.encodec)
    rate, channels = model.config.sampling_rate, model.config.audio_channels
    bounds = slices(sound.grid)
    length = max(int(np.ceil(int(np.diff(bounds).max()) * rate / sound.grid.sample_rate)), model.config.hop_length)
    embeddings, codes = [], []
    with torch.inference_mode():
        for first in range(0, sound.grid.frames, _BATCH):
            sound.settings.check()
            ends = bounds[first : first + _BATCH + 1]
            batch = np.zeros((len(ends) - 1, channels, length), dtype=np.float32)
            for row, (start, end) in enumerate(pairwise(ends)):
                here = sound.mono[start:end]
                if len(here):
                    here = librosa.resample(here, orig_sr=sound.grid.sample_rate, target_sr=rate)[:length]
                    batch[row, :, : len(here)] = here  # a mono sound is doubled for a stereo model
            encoded = model.encode(aligned(torch.from_numpy(batch)), return_dict=True).audio_codes
            for part in encoded[:1]:  # a frame is shorter than the model's chunks
                codes.append(part[:, 0].numpy())
                embeddings.append(model.quantizer.decode(part.transpose(0, 1)).mean(dim=-1).numpy())
    sound.shared("codes", lambda: np.concatenate(codes))
    return np.concatenate(embeddings)


def _principal(embeddings: np.ndarray) -> np.ndarray:
    """Scores of the first components; 0 for those that there are not."""
    from sklearn.decomposition import PCA

    scores = np.zeros((len(embeddings), COMPONENTS))
    count = min(COMPONENTS, *embeddings.shape)
    if len(embeddings) > 1 and np.ptp(embeddings, axis=0).any():
        scores[:, :count] = PCA(count, svd_solver="full").fit_transform(embeddings.astype(np.float64))
    return _to_one(scores)


def laid_out(codes: np.ndarray) -> np.ndarray:
    """The t-SNE; a frame that was not chosen lies where the chosen one does that shares the most codes with it."""
    from sklearn.manifold import TSNE

    chosen = np.linspace(0, len(codes) - 1, min(len(codes), TSNE_FRAMES)).astype(np.int64)
    if len(chosen) < 3:
        return np.zeros((len(codes), TSNE_COMPONENTS))
    perplexity = min(TSNE_PERPLEXITY, (len(chosen) - 1) / 3)
    layout = TSNE(TSNE_COMPONENTS, method="exact", init="random", perplexity=perplexity, random_state=SEED)
    placed = layout.fit_transform(codes[chosen].astype(np.float64))
    shared = [(codes[chosen] == row).sum(axis=1) for row in codes]
    nearest = np.argmax(shared, axis=1)
    nearest[chosen] = np.arange(len(chosen))
    return _to_one(placed[nearest])


def _to_one(scores: np.ndarray) -> np.ndarray:
    size = np.abs(scores).max(axis=0)
    return np.divide(scores, size, out=np.zeros_like(scores), where=size > 1e-9)
