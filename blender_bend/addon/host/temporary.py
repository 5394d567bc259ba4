"""A folder for files that pass between Blender and the engine."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ...core.errors import store_unwritable


def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes away with this object.

    Raises
    ------
    BendError(STORE_UNWRITABLE) if the machine's folder for such files is broken or full
    """
    try:
        return tempfile.TemporaryDirectory(prefix="bend-", ignore_cleanup_errors=True)
    except OSError as error:
        raise store_unwritable(Path(tempfile.tempdir or "the temporary folder"), error) from error
