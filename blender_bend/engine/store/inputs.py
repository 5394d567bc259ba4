"""What frames start from or are masked by: pictures of the store's inputs, and the frames before them."""

from __future__ import annotations

import functools
import hashlib
import io
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from PIL.Image import Image
from torch import Tensor

from ...core.errors import BendError, Code, store_unwritable
from ...core.files import png_file
from ...core.files.whole import read_regular, write_whole
from ...core.job.resolve import input_path, vector_path
from ...core.job.resolved import Resolved
from ...core.job.stored_frames import LARGEST_VECTOR
from ..host.alignment import aligned
from ..scenes import paint
from .feedback import limit_hue, match_colours, warp
from .frame_store import UNREADABLE, FrameStore

#: Bytes of a picture that cannot be packed at all, and a little more.
_LARGEST = 4 * png_file.MOST_PIXELS

_EMBED = "Embed the sound again."


def store_vector(store: FrameStore, vector: Tensor) -> str:
    """Put the vector of a sound among the inputs of a store.

    Returns
    -------
    its digest, by which a job's frames name it
    """
    data = vector.detach().to("cpu", torch.float32).flatten().numpy().astype("<f4").tobytes()
    digest = hashlib.sha256(data).hexdigest()
    path = vector_path(store.folder, digest)
    if not path.is_file():
        try:
            path.parent.mkdir(exist_ok=True)
            write_whole(path, data)
        except OSError as error:
            raise store_unwritable(store.folder, error) from error
    return digest


class StoredInputs:
    """The inputs of a frame store: ``inputs/<digest>.png``, named after the SHA-256 of the file.

    Parameters
    ----------
    store : where frames and inputs are
    """

    def __init__(self, store: FrameStore) -> None:
        self.store = store
        self.mask = functools.lru_cache(maxsize=64)(self._mask)

    def source(self, frame: Resolved) -> Image:
        """The picture that a frame starts from: painted, captured, or the frame before it, moved and matched.

        Raises
        ------
        BendError(INPUT_MISSING)
        """
        source = frame["source"]
        assert source is not None
        if "scene" in source:
            return _painted(source["scene"], frame["size"])
        if "picture" in source:
            return self._picture(source["picture"])
        moved = warp(self._frame(source["previous"]), *source["warp"])
        if source["colour"] is None:
            return moved
        anchor, share = source["colour"]
        return match_colours(moved, self._frame(anchor), share)

    def finished(self, frame: Resolved, picture: Image) -> Image:
        """A picture that was made of a frame, as it is kept: its hue no further from its source's than is allowed.

        Raises
        ------
        BendError(INPUT_MISSING)
        """
        source = frame["source"]
        if source is None or "previous" not in source or "hue" not in source:
            return picture
        return limit_hue(picture, self.source(frame), source["hue"])

    def vector(self, digest: str, width: int | None = None) -> Tensor:
        """The vector of a sound, shape (1, width).

        Parameters
        ----------
        width : how many numbers it must have, 1024 for CLAP's; None for any

        Raises
        ------
        BendError(INPUT_MISSING)
        """
        path = vector_path(self.store.folder, digest)
        try:
            data = read_regular(path, LARGEST_VECTOR, follow=True)
        except OSError as error:
            raise BendError(
                Code.INPUT_MISSING, f"The sound embedding of a frame is missing: {path.name}.", _EMBED
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise BendError(Code.INPUT_MISSING, f"{path.name} has changed.", _EMBED)
        numbers = np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4").astype(np.float32)
        if len(data) % 4 or not len(numbers) or not np.isfinite(numbers).all():
            raise BendError(Code.INPUT_MISSING, f"{path.name} isn't a sound embedding.", _EMBED)
        if width is not None and len(numbers) != width:
            told = f"{path.name} has {len(numbers)} numbers, but the sound adapters need {width}."
            raise BendError(Code.INPUT_MISSING, told, f"Choose the CLAP file that belongs to them. {_EMBED}")
        return aligned(torch.from_numpy(numbers))[None]

    def _mask(self, digest: str) -> Tensor:
        grey = np.asarray(self._picture(digest).convert("L"), dtype=np.float32) / 255
        return torch.from_numpy(grey)[None, None]

    def _frame(self, key: str) -> Image:
        path, hint = self.store.path(key), "The previous frame is missing from the frame folder."
        return _picture(_read(path, hint), path, hint)

    def _picture(self, digest: str) -> Image:
        hint = "Capture the strips below again."
        path = input_path(self.store.folder, digest)
        data = _read(path, hint)
        if hashlib.sha256(data).hexdigest() != digest:
            raise BendError(Code.INPUT_MISSING, f"{path.name} has changed.", hint)
        return _picture(data, path, hint)


def _painted(scene: tuple[str, str, int, float], size: tuple[int, int]) -> Image:
    name, palette, seed, time = scene
    width, height = size
    pixels = paint(name, palette, height=height, width=width, seed=seed, time=time)
    return PIL.Image.fromarray(np.rint(pixels * 255).astype(np.uint8))


def _read(path: Path, hint: str) -> bytes:
    try:
        return read_regular(path, _LARGEST, follow=True)
    except OSError as error:
        message = f"The source picture of a frame is missing: {path.name}."
        raise BendError(Code.INPUT_MISSING, message, hint) from error


def _picture(data: bytes, path: Path, hint: str) -> Image:
    try:
        png_file.size(data)  # before it is unpacked
        with PIL.Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return image.convert("RGB")
    except UNREADABLE as error:
        raise BendError(Code.INPUT_MISSING, f"{path.name} is not a readable image.", hint) from error
