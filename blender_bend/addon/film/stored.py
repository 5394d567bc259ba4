"""Which frames a store has."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ...core.files.whole import DIGEST
from ...core.job.resolve import file_name
from ..host.slices import Slices

#: Up to this many frames are looked up one by one; beyond that the folder is listed, since a network is slow for each.
FEW = 16
#: Files that are listed without a pause.
SLICE = 1000


class Stored:
    """The frames of a store, as they were when it was looked into.

    Parameters
    ----------
    frames : how many frames will be asked for
    """

    def __init__(self, store: Path, frames: int) -> None:
        self.store = store
        self.listed: set[bytes] | None = None if frames <= FEW else set()

    def look(self) -> Slices[None]:
        """List the folder; one that cannot be listed has nothing."""
        if self.listed is None:
            return
        try:
            yield from self._list()
        except OSError as error:
            if error.errno == errno.ESTALE:  # a network file system has lost sight of it for a moment
                with suppress(OSError):
                    yield from self._list()

    def _list(self) -> Slices[None]:
        assert self.listed is not None
        with os.scandir(self.store) as files:
            for index, file in enumerate(files):
                key = file.name[:64]
                if file.name == file_name(key) and DIGEST.fullmatch(key):
                    self.listed.add(bytes.fromhex(key))
                if index % SLICE == SLICE - 1:
                    yield

    @property
    def is_empty(self) -> bool:
        """Whether the folder was listed, and has no frame at all."""
        return self.listed is not None and not self.listed

    def has(self, key: str) -> bool:
        """Whether a frame is there."""
        if self.listed is None:
            return (self.store / file_name(key)).is_file()
        return bytes.fromhex(key) in self.listed

    def look_for(self, keys: Iterable[str]) -> set[str]:
        """Look for some frames again; which of them are missing."""
        missing = {key for key in keys if not (self.store / file_name(key)).is_file()}
        if self.listed is not None:
            self.listed.update(bytes.fromhex(key) for key in set(keys) - missing)
        return missing
