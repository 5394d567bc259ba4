"""Timeline markers that Bend sets: those that it has set before go, those that a person has moved or renamed stay."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from bpy.types import ImageStrip, Scene

from ...core.files import foreign_json
from .timing import Placement

#: Name and frame.
Marker = tuple[str, int]

#: Characters that a marker takes in the text that tells of it, and markers of a strip that was longer once.
_A_MARKER, _ROOM = 64, 4096


def remembered(strip: ImageStrip, text: str) -> list[Marker]:
    """The markers that a text tells of, as ``place`` wrote it for a strip; none if Bend didn't write it."""
    placed = Placement.of(strip)
    longest = _A_MARKER * (len(placed.sound_frames) + placed.count + _ROOM)
    try:
        return [(str(name), int(frame)) for name, frame in foreign_json.parse_any(text or "[]", longest, longest)]
    except (TypeError, ValueError, OverflowError):
        return []


def place(scene: Scene, placed: Sequence[Marker], former: Iterable[Marker]) -> str:
    """Set markers in the place of former ones; the text that tells of them."""
    remove(scene, former)
    for name, frame in placed:
        scene.timeline_markers.new(name, frame=frame)
    return json.dumps(placed)


def remove(scene: Scene, unwanted: Iterable[Marker]) -> None:
    """Take markers away; one that a person has moved or renamed is the person's."""
    names = set(unwanted)
    for marker in [marker for marker in scene.timeline_markers if (marker.name, marker.frame) in names]:
        scene.timeline_markers.remove(marker)
