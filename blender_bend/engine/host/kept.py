"""Numbers that Bend keeps on this machine to save the work: what is damaged counts as not kept, and is done again."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ...core.files import caches
from ...core.files.whole import open_regular

#: What numpy raises for files that are damaged; nothing in them is executed.
_DAMAGED = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, ArithmeticError, SyntaxError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


def array(path: Path) -> np.ndarray | None:
    """The array of a ``.npy`` file; None if there is none that can be read."""
    try:
        with open_regular(path, follow=True) as file:
            found = np.load(file, allow_pickle=False)
    except _DAMAGED:
        return None
    caches.touch(path)
    return found if isinstance(found, np.ndarray) else None


def arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a ``.npz`` file by name; empty if there are none that can be read."""
    try:
        with open_regular(path, follow=True) as file, np.load(file, allow_pickle=False) as found:
            arrays = dict(found)
    except _DAMAGED:
        return {}
    caches.touch(path)
    return arrays
