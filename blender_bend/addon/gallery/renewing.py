"""Pictures of presets and operators made anew, with the prompt and the model of one's own film."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from bpy.types import ImageStrip, Scene

from ...core.errors import BendError
from ...core.files.whole import write_whole
from ...core.job.job import Job
from ...core.presets import pictures
from ...core.presets.stages import job_bent
from ...core.presets.strength import job_with
from ...core.process.shared_picture import Picture
from ..host import png
from ..live.series import Series
from ..live.wanted import job_at
from . import library
from .library import Entry
from .thumbnail import thumbnail


class Renewing:
    """The renewal of some pictures.

    Parameters
    ----------
    number : the frame of the strip that is shown with each of them

    Raises
    ------
    BendError if the frame cannot be made
    """

    def __init__(self, scene: Scene, strip: ImageStrip, number: int, entries: Sequence[Entry]) -> None:
        job = job_at(scene, strip, number)
        self._left_out: list[str] = []
        self._series: Series[Entry] = Series(list(self._jobs(job, entries)))
        self.total = len(entries)
        self.made = 0

    @property
    def running(self) -> bool:
        """Whether there is more to do."""
        return self._series.running

    @property
    def left_out(self) -> list[str]:
        """The names of those that this model or source cannot show."""
        return self._left_out

    def update(self) -> None:
        """Go on for a moment.

        Raises
        ------
        BendError if there is no engine any more, or the pictures cannot be written
        """
        made = self._series.update()
        if made is None:
            return
        if made.picture is None:
            self._left_out.append(made.label.name)
            return
        write(renewed_path(made.label), made.picture)
        self.made += 1

    def close(self) -> None:
        """Stop; the pictures that are made stay."""
        self._series.close()

    def _jobs(self, job: Job, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Job]]:
        for entry in entries:
            try:
                yield entry, _shown(job, entry)
            except BendError:
                self._left_out.append(entry.name)


def _shown(job: Job, entry: Entry) -> Job:
    if entry.path is None:
        return job_bent(job, entry.operator)
    return job_with(job, library.preset_in(entry.path))


def renewed_path(entry: Entry) -> Path:
    """Where the own picture of an entry goes: that of an own preset beside it."""
    if entry.path is not None and entry.kind == library.OWN:
        return entry.path.with_suffix(".png")
    return library.renewed_folder() / library.renewed_name(entry.operator, entry.path)


def write(path: Path, picture: Picture) -> None:
    """Write a small picture.

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    width, height = picture.size
    pixels = np.frombuffer(picture.pixels, np.uint8).reshape(height, width, 3)
    write_pixels(path, pixels)


def write_pixels(path: Path, pixels: np.ndarray) -> None:
    """The same of an array of pixels, shape (height, width, 3)."""
    try:
        write_whole(path, png.encode(thumbnail(pixels, pictures.SIDE)))
    except OSError as error:
        raise library.unwritable(path.parent, error) from error


def restore(entries: Sequence[Entry]) -> int:
    """Take the pictures again that came with Bend; how many were one's own."""
    count = 0
    for entry in entries:
        path = renewed_path(entry)
        if entry.kind != library.OWN and path.is_file():
            with suppress(OSError):
                path.unlink()
                count += 1
    return count
