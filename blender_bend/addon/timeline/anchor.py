"""Anchors: work that takes time is tied to what the strip asked for, and compared with it before anything is written.

While something runs, a person goes on: slides, trims or renames the strip and its song, changes the frame rate, undoes
an edit, opens another file. Whoever writes late asks the anchor for the strip. It is found wherever it was moved to and
whatever it is called, as long as it asks for the same; otherwise nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.types import ImageStrip, Scene

from ...core.errors import BendError, Code
from . import strips

#: Reads all that decides an answer, with times relative to the strip, so that moving everything changes nothing.
Reads = Callable[[Scene, ImageStrip], Any]


@dataclass(frozen=True)
class Anchor:
    """What a strip asked for when something began.

    Parameters
    ----------
    scene : the scene's number in this session, which undo and renaming keep and opening a file does not
    strip : the strip's name
    doing : what is under way, to say during what the strip has changed
    """

    scene: int
    strip: str
    doing: str
    reads: Reads
    asked: Any

    @classmethod
    def at(cls, scene: Scene, strip: ImageStrip, doing: str, reads: Reads) -> Anchor:
        """Remember what a strip asks for now.

        Raises
        ------
        BendError of ``reads``
        """
        return cls(scene.session_uid, strip.name, doing, reads, reads(scene, strip))

    def find(self) -> ImageStrip:
        """The strip, as long as it asks for the same.

        Raises
        ------
        BendError(STRIP_MISSING) if it is gone, BendError(STRIP_CHANGED) if it asks for something else
        """
        for strip in self._candidates():
            if self._holds(strip):
                return strip
        named(self.scene, self.strip)
        raise self.changed()

    def changed(self) -> BendError:
        """What to say when the strip asks for something else."""
        return BendError(
            Code.STRIP_CHANGED,
            f"'{self.strip}' or something it depends on changed while {self.doing}.",
            "Nothing was changed. Try again.",
        )

    def _candidates(self) -> Iterator[ImageStrip]:
        """The strip of that name, then the others: one of them may be the same under a new name."""
        scene = scene_of(self.scene)
        found = list(strips.bend_strips(scene)) if scene else []
        yield from sorted(found, key=lambda strip: strip.name != self.strip)

    def _holds(self, strip: ImageStrip) -> bool:
        try:
            return bool(self.reads(strip.id_data, strip) == self.asked)
        except BendError:
            return False


def named(scene: int, name: str) -> ImageStrip:
    """A bend strip by its scene's number in this session and its name.

    Raises
    ------
    BendError(STRIP_MISSING)
    """
    found = scene_of(scene)
    return strips.called(found.name if found else "", name)


def scene_of(number: int) -> Scene | None:
    """A scene by its number in this session; None once it is deleted, or another file is open."""
    return next((scene for scene in bpy.data.scenes if scene.session_uid == number), None)
