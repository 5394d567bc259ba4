"""Bringing along: frames and inputs of the folders that a strip has shown until now come into the store.

The file was saved, or saved somewhere else; or it is somebody else's, and names a folder of whatever it likes. So this
is done for a click only, and only what proves to be a frame, or what a digest names, is taken over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ..core.errors import store_unwritable
from ..core.files import write_whole
from ..core.resolve import INPUTS, Traced, file_name, vector_path
from ..core.stored_frames import read_frame, read_input
from . import captured, condition
from .slices import Slices

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
        yield from _take_over(old / name, new / name, lambda path, key=key: read_frame(path, key, size))


def ensure_inputs(store: Path, former: Sequence[Path], needed: Sequence[Traced], size: tuple[int, int]) -> Slices[None]:
    """Make sure that captured pictures, and what is heard, are where the engine looks for them.

    Raises
    ------
    BendError(CAPTURE_MISSING), BendError(SOUND_UNHEARD), BendError(STORE_UNWRITABLE)
    """
    digests = {digest for traced in needed for digest in (traced.frame.picture, *traced.frame.masks) if digest}
    vectors = {vector_path(store, digest).name for traced in needed for digest, _ in traced.frame.sound}
    names = {file_name(digest) for digest in digests} | vectors
    yield
    lacking = {name for name in names if not (store / INPUTS / name).is_file()}
    for folder in former if lacking else ():
        yield from _inputs(folder / INPUTS, store / INPUTS, lacking, size)
    gone = {name for name in lacking if not (store / INPUTS / name).is_file()}
    if gone & vectors:
        raise condition.unheard()
    if gone:
        raise captured.missing("Some pictures of the strips below")


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
    except (OSError, ValueError) as error:  # not what it claims to be, or nobody can read it
        log.info("%s was not brought along: %s", source.name, error)
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
    except OSError as error:
        raise store_unwritable(target.parent, error) from error
    yield
