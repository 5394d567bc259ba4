"""The sound of every frame: windows of the sound, embedded once and kept among the inputs of a frame store."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.errors import BendError, Code
from ...core.files import caches
from ...core.files.caches import SOUND_BYTES
from ...core.files.whole import read_regular, write_whole
from ...core.job.stored_frames import LARGEST_VECTOR
from ...core.models.references import file_fingerprint
from ...core.sound.embed_request import EmbedRequest
from ...core.sound.windows import LONGEST, Windows
from ..analysis.reading.sound_file import read_mono
from ..host.alignment import aligned
from ..host.bounded import Bounded, tensor_bytes
from ..host.devices import choose_device
from ..host.results import write_text
from ..sonic.checkpoints import load_tower
from ..sonic.clap import AudioTower
from ..sonic.mel import SAMPLE_RATE, prepare, window
from ..store.frame_store import FrameStore
from ..store.inputs import store_vector

#: Samples into which the resampler carries sound over a border; what sounds only there is silence.
RINGING = 8

Progress = Callable[[int, int], None]


class SoundEmbedder:
    """CLAP's audio tower, loaded from its file when there is something to embed that was never embedded before.

    Parameters
    ----------
    path : the file that ``convert_clap`` has written
    device : where it computes
    cache : folder for what was embedded, by the content of the sound and of the file; None keeps it only here
    """

    def __init__(self, path: Path, device: str = "cpu", cache: Path | None = None) -> None:
        self.path, self.device, self.cache = path, device, cache
        self._known: Bounded[Tensor] = Bounded(SOUND_BYTES, tensor_bytes)

    @functools.cached_property
    def tower(self) -> AudioTower:
        """The network itself.

        Raises
        ------
        BendError(MODEL_MISSING), BendError(MODEL_INVALID)
        """
        return load_tower(self.path).to(self.device)

    @functools.cached_property
    def fingerprint(self) -> str:
        """The hash of the file."""
        return file_fingerprint(self.path) if self.path.is_file() else ""

    def embed(self, samples: Tensor) -> Tensor:
        """The vector of ten seconds of sound, shape (441000,): shape (1, 1024)."""
        digest = hashlib.sha256(self.fingerprint.encode())
        digest.update(samples.numpy().astype("<f4").tobytes())
        name = digest.hexdigest()
        return self._known.get(name, lambda: self._embed(samples, name))

    def _embed(self, samples: Tensor, name: str) -> Tensor:
        file = None if self.cache is None else self.cache / f"{name}.f32"
        vector = _read(file) if file is not None and self.fingerprint else None
        if vector is None:
            vector = self.tower(aligned(samples[None].to(self.device))).to("cpu", torch.float32)
            if file is not None:
                _write(file, vector)
        return vector


def _read(file: Path) -> Tensor | None:
    try:
        vector = np.frombuffer(read_regular(file, LARGEST_VECTOR, follow=True), dtype="<f4").astype(np.float32)
    except (OSError, ValueError):
        return None
    caches.touch(file)
    # What CLAP gives is of length 1; anything else was damaged.
    return aligned(torch.from_numpy(vector))[None] if abs(float(np.linalg.norm(vector)) - 1) < 1e-3 else None


def _write(file: Path, vector: Tensor) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, vector.numpy().astype("<f4").tobytes())
    except OSError as error:
        raise BendError(
            Code.STORE_UNWRITABLE, f"{file.parent} can't be written: {error.strerror}.", "Free some space."
        ) from error


def embed_windows(
    embedder: SoundEmbedder,
    mono: Tensor,
    centres: Iterable[float],
    store: FrameStore,
    length: float = LONGEST,
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[str]:
    """The digests of the embeddings around some moments, for the ``sound`` of a job's frames.

    Parameters
    ----------
    mono : shape (m,), see ``mel.prepare``
    centres : seconds from its first sample to the middle of each window
    length : of the windows in seconds, at most 10; of one that goes beyond the sound, the part within counts
    progress : called after each window with how many are done, of how many

    Returns
    -------
    one for each window, empty where there is silence

    Raises
    ------
    BendError(CANCELLED), BendError(STORE_UNWRITABLE), and what a wrong file gives
    """
    digests, centres = [], list(centres)
    for number, centre in enumerate(centres, 1):
        if cancelled():
            raise BendError(Code.CANCELLED, "Canceled.")
        first = max(round((centre - length / 2) * SAMPLE_RATE), 0)
        last = min(round((centre + length / 2) * SAMPLE_RATE), len(mono))
        inside = mono[first + RINGING : last - RINGING]
        digests.append(
            "" if not inside.any() else store_vector(store, embedder.embed(window(mono, first, last - first)))
        )
        progress(number, len(centres))
    return digests


def embed_frames(
    embedder: SoundEmbedder,
    mono: Tensor,
    windows: Windows,
    frames: Iterable[int],
    store: FrameStore,
    start: float = 0.0,
    length: float = LONGEST,
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[int, str]:
    """The digests of the embeddings that condition some frames of a strip, by window; silent windows are left out.

    Parameters
    ----------
    mono : shape (m,), see ``mel.prepare``
    frames : counted from the strip's first
    start : seconds from the sound's first sample to the strip's first frame; negative where the strip begins earlier
    length, progress, cancelled : see ``embed_windows``

    Raises
    ------
    those of ``embed_windows``
    """
    numbers, began = windows.numbers(frames), time.time()
    centres = [start + float(windows.centre(number)) for number in numbers]
    digests = embed_windows(embedder, mono, centres, store, length, progress, cancelled)
    if embedder.cache is not None:
        caches.SOUNDS.trim(embedder.cache, began)
    return {number: digest for number, digest in zip(numbers, digests, strict=True) if digest}


def answer(
    asked: EmbedRequest, device: str, phase: Callable[[str], None], cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """What the server says to ``embed``: the digests by window, in a file, for they may be many.

    Parameters
    ----------
    phase : takes words for what is under way

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE), and those of ``embed_windows``
    """

    def progress(done: int, total: int) -> None:
        if done % 10 == 0:
            phase(f"Embedding the sound, window {done} of {total}")

    embedded = embed_frames(
        SoundEmbedder(asked.tower, choose_device(device), asked.cache),
        prepare(*read_mono(asked.sound)),
        asked.windows,
        range(asked.frames),
        FrameStore(asked.store),
        asked.start,
        asked.length,
        progress,
        cancelled,
    )
    write_text(asked.out, json.dumps(embedded))
    return {"out": str(asked.out), "windows": len(asked.windows.numbers(range(asked.frames)))}
