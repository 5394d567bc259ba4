"""All that decides which frames a strip has and which are missing, to notice that an update has changed nothing of it.

Blender tells of a selection in the same words as of a new prompt.
"""

from __future__ import annotations

import hashlib
from typing import Any

from bpy.types import FCurve, ImageStrip, Scene

from ...core.errors import BendError
from ..condition import condition
from ..film import curve_values, snapshot
from ..host import preferences
from ..host.slices import Slices
from ..process import automatic
from ..prompts import schedule
from ..settings.parameters import Holder
from ..sound import animated
from ..timeline import curve_changes, strips
from ..timeline import keys as keyframes
from ..timeline.timing import Placement

#: Equal for two moments exactly if the frames are the same.
Deciding = tuple[Any, ...]


def of(scene: Scene, strip: ImageStrip) -> Slices[Deciding]:
    """What decides a strip's frames now; without end different where only playing the frames would tell."""
    if curve_values.is_driven(scene, strip):
        return (object(),)
    names, keys = (scene.name, strip.name), _keys(strip)
    placed = Placement.of(strip)
    settings = (*names, *_timing(scene, strip, placed), *_pictures(strip), _store(strip))
    written = _written(scene, strip, placed)
    curves = [(yield from _common(scene, strip))]
    for key in keys:
        yield
        found = strips.find(*names)  # undo may have taken it away
        curve = strips.find_curve(found, key) if found else None
        curves.append((key, found and found.get(key), curve and _curve(curve)))
    return (*settings, written, tuple(curves))


def _keys(strip: ImageStrip) -> list[str]:
    return [item.key for holder in _holders(strip) for item, _ in holder.shown_parameters()]


def _holders(strip: ImageStrip) -> list[Holder]:
    settings = strip.bend_settings
    return [settings, *(bend for bend in settings.bends if bend.enabled)]


def _common(scene: Scene, strip: ImageStrip) -> Slices[Any]:
    """What all frames have in common, or why there are none."""
    try:
        return (yield from snapshot.take_in_slices(scene, strip, []))
    except BendError as error:
        return error.code, error.message


def _written(scene: Scene, strip: ImageStrip, placed: Placement) -> Any:
    """The prompts and the sound, or why they cannot be known."""
    settings = strip.bend_settings
    try:
        prompts = schedule.written_at(scene, settings) or settings.prompt
        return prompts, condition.print_of(scene, strip, placed) if settings.condition.enabled else ""
    except BendError as error:
        return error.code, error.message


def _timing(scene: Scene, strip: ImageStrip, placed: Placement) -> Deciding:
    settings, render = strip.bend_settings, scene.render
    return (
        placed.frames,
        placed.elements,
        (render.fps, render.fps_base, render.resolution_x, render.resolution_y),
        (settings.walk_turns, settings.scene_speed, settings.made),
    )


def _pictures(strip: ImageStrip) -> Deciding:
    """What was captured and embedded, in short."""
    condition = strip.bend_settings.condition
    texts = [condition.embedded, condition.embedded_from, *(holder.captured for holder in _holders(strip))]
    return tuple(hashlib.blake2b(text.encode(errors="replace")).digest() for text in texts)


def _store(strip: ImageStrip) -> Deciding:
    """Where the frames are, whether some came or went, and what is known of the machine that makes them."""
    folder = preferences.frame_folder()
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        changed = 0
    chosen = preferences.preferences()
    return str(folder), changed, strip.directory, chosen.precision, chosen.batch, automatic.known()


def _curve(curve: FCurve) -> str:
    return curve_changes.remembered(curve, ("frames",), lambda: _read(curve))


def _read(curve: FCurve) -> str:
    digest = hashlib.blake2b(repr(animated.around_keys(curve)).encode())
    for values in keyframes.read_keys(curve).values():
        digest.update(values.tobytes())
    return digest.hexdigest()
