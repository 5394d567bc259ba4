"""Whether a bend strip is as long as its song; both are seen on the timeline, so no file is touched."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from bpy.types import ImageStrip, Scene, Strip

from ...core.errors import BendError
from ...core.timebase import FrameRate
from ..host import compat
from ..timeline import strips
from ..timeline.timing import frame_rate
from .mixdown import measured_sounds

#: A frame, or an array of frames.
Frames = TypeVar("Frames", float, np.ndarray)


@dataclass(frozen=True)
class Difference:
    """How a bend strip would come to the length of its song.

    Parameters
    ----------
    song : frames of the timeline on which the song is heard
    frames : those that the strip would show
    pivot : the song's first frame; Blender keeps it in place when the frame rate changes
    rate : the scene's frame rate
    retimed : whether the song keeps its frames whatever the frame rate is, and keys with it
    """

    song: range
    frames: range
    pivot: int
    rate: FrameRate
    retimed: bool

    def stretch(self, counted: str) -> Fraction:
        """How many frames become of one, for what was counted at a frame rate.

        Parameters
        ----------
        counted : the frame rate as text; empty or unreadable if it is not known, and then frames stay
        """
        before = _rate(counted)
        return Fraction(1) if before is None or self.retimed else self.rate.value / before.value

    def moved(self, frame: Frames, stretch: Fraction) -> Frames:
        """Where something on a frame is heard at the frame rate of now."""
        return self.pivot + (frame - self.pivot) * float(stretch)


def difference(scene: Scene, strip: ImageStrip) -> Difference | None:
    """What must be done to a bend strip to make it as long as its song; None if it is, or has none.

    It is also different if the frame rate has changed since its frames were counted, or if it is retimed itself. Where
    several bend strips share a song, one after the other, each keeps its part.
    """
    heard = [(frames, sound) for sound in measured_sounds(scene, strip) if (frames := _audible(sound))]
    if not heard:
        return None
    first, sound = min(heard, key=lambda pair: pair[0].start)
    song = range(first.start, max(frames.stop for frames, _ in heard))
    whole = Difference(song, song, song.start, frame_rate(scene), _keeps_frames(sound))
    stretch = whole.stretch(strip.bend_settings.rate)
    own = _shown(strip)
    if sharing(scene, strip):
        part = range(*(round(whole.moved(frame, stretch)) for frame in (own.start, own.stop)))
        whole = Difference(song, part, song.start, whole.rate, whole.retimed)
    same = len(whole.frames) == len(own) and stretch == 1 and not strip.retiming_keys
    return None if same or not whole.frames else whole


def _keeps_frames(sound: Strip) -> bool:
    """Whether a strip is as many frames long at every frame rate: one that was retimed, or that plays a scene."""
    return sound.type == "SCENE" or bool(sound.retiming_keys)


def sharing(scene: Scene, strip: ImageStrip) -> list[ImageStrip]:
    """The other bend strips with the same sounds before or after this one, such as the other half of a split strip."""
    heard, own = set(_names(scene, strip)), _shown(strip)
    return [
        other
        for other in strips.bend_strips(scene)
        if other != strip
        and set(_names(scene, other)) == heard
        and (_shown(other).start >= own.stop or _shown(other).stop <= own.start)
    ]


def _names(scene: Scene, strip: ImageStrip) -> list[str]:
    return [sound.name for sound in measured_sounds(scene, strip)]


def _shown(strip: Strip) -> range:
    return range(compat.left_handle(strip), compat.right_handle(strip))


def _audible(sound: Strip) -> range:
    """The frames on which a sound strip is heard: within the meta strips around it, and none if one is muted."""
    frames = _shown(sound)
    for strip in (sound, *strips.parents(sound)):
        shown = _shown(strip)
        frames = range(max(frames.start, shown.start), min(frames.stop, shown.stop)) if not strip.mute else range(0)
    return frames


def _rate(text: str) -> FrameRate | None:
    try:
        return FrameRate.parse(text)
    except BendError:
        return None
