"""Showing frames: what is in the store comes onto the strip, at its place and as long as the strip asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bpy.types import ImageStrip, Scene

from ...core.catalogue.strip import StartsFrom
from ...core.errors import BendError
from ...core.job.frames import Frames
from ...core.job.job import Job
from ...core.job.resolve import Resolver, file_name
from ...core.precision import Precision
from ...core.resources.ways import Way
from ..host.slices import Slices
from ..timeline import strips
from ..timeline.anchor import Anchor
from ..timeline.timing import Placement
from . import curve_values, snapshot

#: Frames that are compared and shown without a pause.
SLICE = 20
#: Frames are compared in one way; in which way they are made is not the strip's to ask for.
_WAY = Way(Precision.FLOAT32)


def settings_now(scene: Scene, strip: ImageStrip) -> Job:
    """What the frames of a strip have in common."""
    return _WAY.of(snapshot.take(scene, strip, []))


class Asked:
    """The frames that a strip asks for now; which they are is told by ``are``, and more may come after that."""

    def __init__(self, scene: Scene, strip: ImageStrip) -> None:
        self.anchor = Anchor.at(scene, strip, "its frames were being rendered", settings_now)
        #: Whether the frames must be played to compare them, which must not happen while a person works.
        self.driven = curve_values.is_driven(scene, strip)
        #: Numbers of the frames that the strip no longer asks for, or that could not be compared.
        self.hidden: set[int] = set()
        #: The frame of the strip's first element then.
        self.start = Placement.of(strip).start
        self._frames = Frames()

    def are(self, job: Job, frames: Frames) -> None:
        """Take note of the job that was made of the strip, and of its frames, to which more may be appended."""
        self._chained = job.source == StartsFrom.PREVIOUS
        self._resolver = Resolver(_WAY.of(job))
        self._frames = frames

    def show(self, store: Path, keys: Mapping[int, str], size: tuple[int, int]) -> Slices[None]:
        """Let the strip show frames that are in the store; those that it no longer asks for are left out.

        Comparing and writing are one slice: what is changed in between is seen.

        Parameters
        ----------
        keys : frame keys by the numbers that the frames had when they were asked for
        size : width and height of the frames

        Raises
        ------
        BendError(STORE_UNWRITABLE)
        """
        numbers = sorted(keys)
        for first in range(0, len(numbers), SLICE):
            self._show(store, {number: keys[number] for number in numbers[first : first + SLICE]}, size)
            yield

    def holds(self, numbers: Iterable[int]) -> Slices[bool]:
        """Whether the strip shows the same frames, and at the same place."""
        wanted = sorted(numbers)
        for first in range(0, max(len(wanted), 1), SLICE):
            some = wanted[first : first + SLICE]
            try:
                strip = self.anchor.find()
                if list(strips.frame_range(strip)) != wanted or self._same(strip, some, 0) != set(some):
                    return False
            except BendError:
                return False
            yield
        return True

    def _show(self, store: Path, keys: dict[int, str], size: tuple[int, int]) -> None:
        try:
            strip = self.anchor.find()
            placed = Placement.of(strip)
            moved = placed.start - self.start
            differing = keys.keys() - self._shown(strip, placed, store, keys)
            same = self._same(strip, sorted(differing), moved)
        except BendError:  # it is gone, or asks for what cannot be made
            self.hidden.update(keys)
            return
        self.hidden.update(differing - same)
        self.hidden.difference_update(keys.keys() - differing | same)
        strips.show(strip, store, {number + moved: keys[number] for number in same}, size)

    def _shown(self, strip: ImageStrip, placed: Placement, store: Path, keys: Mapping[int, str]) -> set[int]:
        """The frames that the strip shows already."""
        if strips.shows_elsewhere(strip, store):
            return set()
        places = {number: number - self.start for number in keys}  # whatever was moved since
        return {
            number
            for number, place in places.items()
            if 0 <= place < placed.count and strip.elements[place].filename == file_name(keys[number])
        }

    def _same(self, strip: ImageStrip, numbers: Iterable[int], moved: int) -> set[int]:
        """The frames that the strip asks for as it did; in a chain none behind one that it does not.

        Raises
        ------
        BendError for what cannot be rendered
        """
        wanted = [frame for frame in map(self._frames.find, numbers) if frame is not None]
        now = _WAY.of(snapshot.take(strip.id_data, strip, [frame.number + moved for frame in wanted]))
        resolver, found = Resolver(now), set()
        for asked, frame in zip(wanted, now.frames, strict=True):
            if self._resolver.resolve(asked) == resolver.resolve(frame):
                found.add(asked.number)
        if self._chained and (others := self.hidden.union(frame.number for frame in wanted) - found):
            return {number for number in found if number < min(others)}
        return found
