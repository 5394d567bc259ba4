"""Drafts that were made before: some in memory, more on the disk, where the engine puts them."""

from __future__ import annotations

from pathlib import Path

from ...core.process import shared_picture
from ...core.process.shared_picture import Picture

#: Bytes of drafts in memory.
MOST = 96 << 20


class Kept:
    """The drafts that are kept.

    Parameters
    ----------
    folder : where the engine puts them
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pictures: dict[str, Picture] = {}
        self.size = 0

    def put(self, picture: Picture) -> None:
        """Keep a draft in memory; what was used longest ago makes room."""
        self._forget(picture.key)
        self._pictures[picture.key] = picture
        self.size += len(picture.pixels)
        while self.size > MOST and len(self._pictures) > 1:
            self._forget(next(iter(self._pictures)))

    def get(self, key: str) -> Picture | None:
        """A draft by its key; None if there is none."""
        found = self._pictures.get(key) or shared_picture.read(shared_picture.kept_path(self.folder, key))
        if found is None or found.key != key:
            return None
        self.put(found)
        return found

    def has(self, key: str) -> bool:
        """Whether there is a draft, without reading it."""
        return key in self._pictures or shared_picture.kept_path(self.folder, key).is_file()

    def _forget(self, key: str) -> None:
        gone = self._pictures.pop(key, None)
        self.size -= len(gone.pixels) if gone else 0
