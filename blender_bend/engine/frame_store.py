"""The frame store: a folder of ``<frame key>.png`` in which every file is right and complete."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from ..core.errors import BendError, Code
from ..core.job import file_name


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
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error

    def path(self, key: str) -> Path:
        """Where the frame of a key is, or will be."""
        return self.folder / file_name(key)

    def has(self, key: str) -> bool:
        """Whether the frame is there."""
        return self.path(key).is_file()

    def write(self, key: str, image: Image, frame: dict[str, Any]) -> None:
        """Store a frame with the data it was made from; two processes may store the same frame at once.

        Raises
        ------
        BendError(STORE_UNWRITABLE) if the disk is full or the folder cannot be written.
        """
        text = PngInfo()
        text.add_itxt("bend", json.dumps(frame, sort_keys=True, ensure_ascii=False))
        temporary = None
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", suffix=".tmp", delete=False) as file:
                temporary = file.name
                image.save(file, format="PNG", pnginfo=text, compress_level=4)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, self.path(key))
        except OSError as error:
            if temporary and os.path.exists(temporary):
                os.unlink(temporary)
            raise _unwritable(self.folder, error) from error


def _unwritable(folder: Path, error: OSError) -> BendError:
    return BendError(
        Code.STORE_UNWRITABLE,
        f"Frames cannot be written to {folder}: {error.strerror}.",
        "Choose another frame folder in the preferences, or free some space.",
        "bend.open_preferences",
    )
