"""What Bend keeps on this machine to save work: how much room it may take, and what goes first.

Whatever is used is touched, so that the time of a file's last change is that of its last use.
"""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: Embeddings of prompts, and of windows of sound, that an engine keeps in memory.
PROMPT_BYTES, SOUND_BYTES = 256 << 20, 32 << 20
#: File systems tell times as coarsely as this.
_COARSE_SECONDS = 2.0


@dataclass(frozen=True)
class Cache:
    """A kind of files that can be made again.

    Parameters
    ----------
    name : of their folder
    label : for the artist
    pattern : of their names, at any depth
    most : bytes that all of them may take
    former : how earlier versions named the folder
    """

    name: str
    label: str
    pattern: str
    most: int
    former: str = ""

    def files(self, folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
        """The files that are kept in a folder, each with its size and times."""
        for place, _, names in os.walk(folder):
            for name in fnmatch.filter(names, self.pattern):
                with suppress(OSError):  # another process has removed it
                    yield Path(place, name), os.lstat(os.path.join(place, name))

    def trim(self, folder: Path, since: float) -> int:
        """Remove what was not used for longest, until the rest is within the limit.

        Parameters
        ----------
        since : seconds since 1970; what was used at this time or later is in use, and stays

        Returns
        -------
        how many bytes became free
        """
        found = sorted(self.files(folder), key=lambda one: one[1].st_mtime)
        excess, freed = sum(status.st_size for _, status in found) - self.most, 0
        for path, status in found:
            if freed >= excess or status.st_mtime >= since - _COARSE_SECONDS:
                break
            freed += remove(path, status, folder)
        return freed


FEATURES = Cache("features", "Measured sound", "*.npy", 512 << 20)
SOUNDS = Cache("embeddings", "Sound embeddings", "*.f32", 128 << 20, former="heard")
DRAFTS = Cache("drafts", "Drafts", "*.draft", 512 << 20)
STUDIES = Cache("studies", "Model studies", "*.npz", 1 << 30)
ALL = (FEATURES, SOUNDS, DRAFTS, STUDIES)


def touch(path: Path) -> None:
    """Take note that a file was used."""
    now = time.time_ns()
    with suppress(OSError):  # of a folder that only others may write
        os.utime(path, ns=(now, now))


def remove(path: Path, status: os.stat_result, folder: Path) -> int:
    """Remove a file of a cache's folder, and the folder of a model if that is empty; the bytes that became free."""
    try:
        path.unlink()
    except OSError:
        return 0  # somebody reads it, or was faster
    if path.parent != folder:
        with suppress(OSError):  # there is more in it
            path.parent.rmdir()
    return status.st_size
