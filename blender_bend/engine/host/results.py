"""Files that somebody asked the engine for: pictures and numbers, each complete as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from ...core.errors import BendError, Code
from ...core.files.whole import replacing

if TYPE_CHECKING:  # an engine that only measures sound has no Pillow
    from PIL.Image import Image


def write_picture(path: Path, picture: Image) -> None:
    """Write a picture in the format that its name asks for, or as PNG.

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    from PIL import Image

    kind = Image.registered_extensions().get(path.suffix.lower(), "PNG")
    with _result(path) as file:
        picture.save(file, format=kind)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as a ``.npz`` file; a name that ends otherwise gets that ending, as numpy does it.

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    with _result(path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")) as file:
        np.savez(file, allow_pickle=False, **arrays)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8.

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    with _result(path) as file:
        file.write(text.encode())


@contextmanager
def _result(path: Path) -> Iterator[IO[bytes]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise BendError(
            Code.STORE_UNWRITABLE, f"{path} can't be written: {error.strerror or error}.", "Free some space."
        ) from error
