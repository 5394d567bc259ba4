"""Bringing along: frames and inputs of the folders that a strip has shown until now come into the store.

The file was saved, or saved somewhere else; or it comes from someone else and can name any folder. So this
is done for a click only, and only what proves to be a frame, or what a digest names, is taken over.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from ...core.errors import store_unwritable
from ...core.files.whole import write_whole
from ...core.job.job import Frame
from ...core.job.resolve import INPUTS, file_name, vector_path
from ...core.job.stored_frames import read_frame, read_input
from ..capture import record
from ..condition import condition
from ..host.slices import Slices

log = logging.getLogger(__name__)


def frames(old: Path, new: Path, keys: Collection[str], size: tuple[int, int]) -> Slices[None]:
    """Take over the frames of some keys that another folder has.

    Parameters
    ----------
    size : width and height in pixels

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    for key in keys:
        name = file_name(key)
        yield from _take_over(old / name, new / name, functools.partial(read_frame, key=key, size=size))


class Inputs:
    """Captured pictures and sound embeddings, where the engine looks for them.

    Parameters
    ----------
    former : other folders that they may be in
    size : width and height of the pictures in pixels
    """

    def __init__(self, store: Path, former: Sequence[Path], size: tuple[int, int]) -> None:
        self._store, self._former, self._size = store, former, size
        #: Those that are known to be there.
        self._there: set[str] = set()

    def ensure(self, frames: Iterable[Frame]) -> Slices[None]:
        """Make sure that all that some frames start from, are masked by, or are conditioned on is there.

        Raises
        ------
        BendError(CAPTURE_MISSING), BendError(SOUND_NOT_EMBEDDED), BendError(STORE_UNWRITABLE)
        """
        digests: set[str] = set()
        vectors: set[str] = set()
        for frame in frames:
            digests.update(filter(None, (frame.picture, *frame.masks)))
            vectors.update(vector_path(self._store, digest).name for digest, _ in frame.sound)
        names = ({file_name(digest) for digest in digests} | vectors) - self._there
        yield
        lacking = self._lacking(names)
        for folder in self._former if lacking else ():
            yield from _inputs(folder / INPUTS, self._store / INPUTS, lacking, self._size)
        gone = self._lacking(lacking)
        if gone & vectors:
            raise condition.not_embedded()
        if gone:
            raise record.missing("Some pictures of the strips below")
        self._there |= names

    def _lacking(self, names: Collection[str]) -> set[str]:
        return {name for name in names if not (self._store / INPUTS / name).is_file()}


def _inputs(old: Path, new: Path, names: Collection[str], size: tuple[int, int]) -> Slices[None]:
    """Take over captured pictures, and vectors of sounds, by the names of their files.

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    for name in names:
        yield from _take_over(old / name, new / name, lambda path: read_input(path, path.stem, size))


def _take_over(source: Path, target: Path, read: Callable[[Path], bytes]) -> Slices[None]:
    try:
        content = read(source)
    except FileNotFoundError:
        yield  # many that are not there take their time too
        return
    except (OSError, ValueError) as error:  # not what it claims to be, or unreadable
        log.info("%s was not brought along: %s", source.name, error)
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
    except OSError as error:
        raise store_unwritable(target.parent, error) from error
    yield
