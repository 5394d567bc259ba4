"""The frame store: a folder of ``<frame key>.png`` in which every file is right and complete."""

from __future__ import annotations

import io
import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import PIL.Image
from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from ...core.errors import BendError, Code, store_unwritable
from ...core.files.whole import patiently, sweep, write_whole
from ...core.job import stored_frames
from ...core.job.resolve import file_name
from ...core.job.stored_frames import CHUNK

#: What Pillow raises for files that are no pictures, or no honest ones.
UNREADABLE = (OSError, SyntaxError, ValueError, OverflowError, PIL.Image.DecompressionBombError)

log = logging.getLogger(__name__)


def read_origin(path: Path) -> dict[str, Any]:
    """The resolved frame that a stored picture was made from.

    Raises
    ------
    BendError(FRAME_INVALID) if the file is not a frame of a store
    """
    try:
        return stored_frames.read_origin(path)
    except (OSError, ValueError) as error:
        raise BendError(Code.FRAME_INVALID, f"{path.name} isn't a frame made by Bend.") from error


class FrameStore:
    """Reads what is there, writes by temporary file and rename.

    Parameters
    ----------
    folder : made when it is missing

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            patiently(lambda: folder.mkdir(parents=True, exist_ok=True))
        except OSError as error:
            raise store_unwritable(folder, error) from error

    def path(self, key: str) -> Path:
        """Where the frame of a key is, or will be."""
        return self.folder / file_name(key)

    def has(self, key: str) -> bool:
        """Whether the frame is there."""
        return patiently(self.path(key).is_file)

    def sweep(self) -> None:
        """Clear away the beginnings of frames that killed processes have left."""
        swept = sweep(self.folder)
        if swept:
            log.info("%d unfinished frames removed", swept)

    def write(self, key: str, image: Image, frame: Mapping[str, object]) -> None:
        """Store a frame with the data it was made from; two processes may store the same frame at once.

        Raises
        ------
        BendError(STORE_UNWRITABLE) if the disk is full or the folder cannot be written.
        """
        origin = PngInfo()
        origin.add(CHUNK, zlib.compress(json.dumps(frame, sort_keys=True, ensure_ascii=False).encode()))
        try:
            content = io.BytesIO()
            image.save(content, format="PNG", pnginfo=origin, compress_level=4)
            write_whole(self.path(key), content.getvalue())
        except OSError as error:
            raise store_unwritable(self.folder, error) from error
