"""What a render shows: which bend strips, through meta strips and scene strips, and which of their frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bpy.types import ImageStrip, Scene

from ..host import compat
from ..timeline import strips


def visible(scene: Scene, frames: range) -> Iterator[tuple[Scene, ImageStrip, list[int]]]:
    """The bend strips that frames of a scene show, through meta strips and through scene strips that show a sequencer.

    A strip shows the element of the frame, held at its ends; where Blender plays the elements in another order
    (reversed, strobed, retimed), any of them may be shown. A strip that several scene strips show comes several times.

    Parameters
    ----------
    frames : at least one, ascending

    Yields
    ------
    scene that owns the strip, strip, the frames of that scene that must be there, ascending
    """
    yield from _in_scene(scene, frames, frozenset())


def film(scene: Scene) -> list[tuple[Scene, ImageStrip, list[int]]]:
    """The same for the scene's whole range, each strip once."""
    found: dict[int, tuple[Scene, ImageStrip, set[int]]] = {}
    for owner, strip, numbers in visible(scene, range(scene.frame_start, scene.frame_end + 1, scene.frame_step)):
        found.setdefault(strip.as_pointer(), (owner, strip, set()))[2].update(numbers)
    return [(owner, strip, sorted(numbers)) for owner, strip, numbers in found.values()]


def _in_scene(scene: Scene, frames: range, within: frozenset[str]) -> Iterator[tuple[Scene, ImageStrip, list[int]]]:
    """``within`` are the scenes on the way here, so that scenes that show each other end somewhere."""
    editor = scene.sequence_editor
    if editor is not None and scene.name not in within:
        yield from _among(editor.strips, editor.channels, scene, frames, within | {scene.name})


def _among(
    members: Any, channels: Any, scene: Scene, frames: range, within: frozenset[str]
) -> Iterator[tuple[Scene, ImageStrip, list[int]]]:
    for strip in members:
        shown = _between(frames, compat.left_handle(strip), compat.right_handle(strip))
        if not shown or strip.mute or channels[strip.channel].mute:
            continue
        if strip.type == "META":
            yield from _among(strip.strips, strip.channels, scene, shown, within)
        elif strip.type == "SCENE" and strip.scene and strip.scene_input == "SEQUENCER":
            away = strip.scene.frame_start - compat.content_start(strip)
            inner = range(shown.start + away, shown.stop + away, shown.step)
            yield from _in_scene(strip.scene, inner, within)
        elif strips.is_bend_strip(strip):
            yield scene, strip, _elements(strip, shown)


def _between(frames: range, first: int, last: int) -> range:
    """Those of the frames from the first and before the last."""
    skipped = max(0, -((frames.start - first) // frames.step))
    return range(frames.start + skipped * frames.step, min(frames.stop, last), frames.step)


def _elements(strip: ImageStrip, shown: range) -> list[int]:
    elements = strips.element_range(strip)
    if _plays_otherwise(strip):
        return list(elements)
    return sorted({min(max(frame, elements[0]), elements[-1]) for frame in shown})


def _plays_otherwise(strip: ImageStrip) -> bool:
    return strip.use_reverse_frames or strip.strobe > 1.0 or len(getattr(strip, "retiming_keys", ())) > 0
