"""What lies below a bend strip, or what its masks show: which strips, their look, and whether it changed."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import bpy
from bpy.types import ImageStrip, Scene, Strip

from ...core.errors import BendError, Code
from ..host import compat, named_files, typed
from ..host.named_files import Unseen
from ..host.slices import Slices
from ..timeline import drivers
from ..timeline.timing import Placement

#: Properties of a strip that do not change its picture, or that are compared in another way.
_IGNORED_NAMES = {"rna_type", "name", "lock", "color_tag", "channel", "bend_settings", "directory", "filepath", "mute"}
_IGNORED_BEGINNINGS = (
    "animation_offset",
    "content_",
    "duration",
    "frame_",
    "is_",
    "left_handle",
    "right_handle",
    "select",
    "show_",
    "use_proxy",
)
_PLAIN = {"BOOLEAN", "INT", "FLOAT", "ENUM", "STRING"}
#: Parts of a strip with properties of their own.
_PARTS = ("transform", "crop", "colorspace_settings")

#: Files looked at without a pause.
SLICE = 200


def outermost(strip: Strip) -> Strip:
    """The strip itself, or the outermost meta strip around it."""
    while (meta := strip.parent_meta()) is not None:
        strip = meta
    return strip


def strips_below(strip: ImageStrip) -> list[Strip]:
    """The strips that the sequencer shows below a bend strip, sounds left out.

    Raises
    ------
    BendError(STRIP_MISSING) if there is none
    """
    scene, own = strip.id_data, outermost(strip)
    muted = typed.editor(scene).channels
    found = [
        other
        for other in typed.editor(scene).strips
        if other.channel < own.channel and other.type != "SOUND" and not other.mute and not muted[other.channel].mute
    ]
    if not found:
        raise BendError(
            Code.STRIP_MISSING,
            "There is nothing visible below the bend strip.",
            "Add a movie, image or scene strip on a channel below it.",
        )
    return found


def mask_strip(scene: Scene, name: str) -> Strip:
    """The strip that a mask is taken from.

    Raises
    ------
    BendError(STRIP_MISSING)
    """
    found = typed.editor(scene).strips_all.get(name)
    if found is None or found.type == "SOUND":
        raise BendError(
            Code.STRIP_MISSING,
            f"Mask strip '{name}' not found." if name else "No mask strip is chosen.",
            "Choose the Mask Strip in the Region panel.",
        )
    return found


@contextmanager
def only(scene: Scene, shown: list[Strip]) -> Iterator[None]:
    """Let the sequencer show some strips and nothing else; all mutes come back."""
    editor = typed.editor(scene)
    path = {strip.name for strip in shown}
    for strip in shown:
        while (strip := strip.parent_meta()) is not None:
            path.add(strip.name)
    changes: list[tuple[Any, bool]] = []

    def mute(thing: Any, muted: bool) -> None:
        if thing.mute != muted:
            changes.append((thing, thing.mute))
            thing.mute = muted

    def visit(members: Any, channels: Any) -> None:
        for strip in members:
            mute(strip, strip.name not in path)
            if strip.name in path:
                mute(channels[strip.channel], False)
                if strip.type == "META" and strip.name not in {s.name for s in shown}:
                    visit(strip.strips, strip.channels)

    try:
        visit(editor.strips, editor.channels)
        yield
    finally:
        for thing, before in reversed(changes):
            thing.mute = before


def fingerprint(strip: ImageStrip, placed: Placement, shown: list[Strip], frames: range) -> Slices[str]:
    """A hash of all that decides how strips look over a range of frames; empty before their files may be looked at.

    Times count from the bend strip's first element: strips that move together look the same. What happens within a
    3D scene is not part of it.
    """
    digest, files = look(strip, placed, shown, frames)
    yield  # from here on no strip is touched: undo may have taken it away
    if files and not named_files.may_look():
        return ""
    for index, path in enumerate(files):
        try:
            digest.update(_file(path).encode())
        except Unseen:
            return ""
        if index % SLICE == SLICE - 1:
            yield
    return digest.hexdigest()


def look(strip: ImageStrip, placed: Placement, shown: list[Strip], frames: range) -> tuple[Any, list[str]]:
    """How strips look over a range of frames, without looking at their files.

    Parameters
    ----------
    strip, placed : the bend strip, and where it lies

    Returns
    -------
    a hash that can be updated, and the paths of the files; only one of them before they may be looked at
    """
    scene, start = strip.id_data, placed.start
    digest = hashlib.sha256()
    view = scene.view_settings
    for value in (
        strip.bend_settings.frame_size,
        scene.render.resolution_x,
        scene.render.resolution_y,
        scene.render.pixel_aspect_x,
        scene.render.pixel_aspect_y,
        (view.view_transform, view.look, view.exposure, view.gamma),
    ):
        digest.update(repr(value).encode())
    curves = _curves(scene, start, shown)
    files: list[str] = []
    most = None if named_files.may_look() else 1  # one is enough to know that nothing is known
    for one in shown:
        if compat.left_handle(one) < frames.stop and compat.right_handle(one) > frames.start:
            for described in _describe(one, start, curves):
                digest.update(described.encode())
            files.extend(itertools.islice(_files(one), most))
    return digest, files


def _curves(scene: Scene, start: int, shown: list[Strip]) -> dict[str, str]:
    """What moves some strips: the keys of their curves and the expressions of their drivers, by path."""
    known: dict[str, str] = {}
    own = tuple(f"{strip.path_from_id()}." for strip in _with_inner(shown))
    for curve in compat.fcurves(scene) or ():
        if not curve.data_path.startswith(own):
            continue
        keys = [(key.co.x - start, key.co.y, key.interpolation) for key in curve.keyframe_points]
        known[curve.data_path] = known.get(curve.data_path, "") + repr((curve.array_index, curve.mute, keys))
    for driver in drivers.on(scene):
        known[driver.data_path] = known.get(driver.data_path, "") + driver.driver.expression
    return known


def _with_inner(strips: Iterable[Strip]) -> Iterator[Strip]:
    for strip in strips:
        yield strip
        if strip.type == "META":
            yield from _with_inner(strip.strips)


def _describe(strip: Strip, start: int, curves: dict[str, str]) -> Iterator[str]:
    """All that decides how a strip looks, but its files."""
    handles = (compat.left_handle(strip), compat.right_handle(strip), compat.content_start(strip))
    yield repr((strip.type, strip.channel, strip.mute, [frame - start for frame in handles]))
    yield from _values(strip, strip.path_from_id(), curves)
    for name in _PARTS:
        part = getattr(strip, name, None)
        if part is not None:
            yield from _values(part, f"{strip.path_from_id()}.{name}", curves)
    for modifier in strip.modifiers:
        yield from _values(modifier, f'{strip.path_from_id()}.modifiers["{modifier.name}"]', curves)
    if strip.type == "SCENE" and strip.scene is not None:
        camera = strip.scene_camera.name if strip.scene_camera else ""
        yield repr((strip.scene.name, camera))
    if strip.type == "META":
        for inner in strip.strips:
            yield from _describe(inner, start, curves)


def _values(data: Any, path: str, curves: dict[str, str]) -> Iterator[str]:
    for item in data.bl_rna.properties:
        name = item.identifier
        if item.type not in _PLAIN or name in _IGNORED_NAMES or name.startswith(_IGNORED_BEGINNINGS):
            continue
        moved = curves.get(f"{path}.{name}")
        value = getattr(data, name)
        if getattr(item, "is_array", False):
            value = tuple(value)
        elif isinstance(value, set):
            value = sorted(value)
        yield f"{name} {value!r}" if moved is None else f"{name} {moved}"


def _files(strip: Strip) -> Iterator[str]:
    if strip.type == "META":
        for inner in strip.strips:
            yield from _files(inner)
    elif strip.type == "MOVIE":
        yield bpy.path.abspath(strip.filepath)
    elif strip.type == "IMAGE":
        folder = bpy.path.abspath(strip.directory)
        yield from (f"{folder}/{element.filename}" for element in strip.elements)


def _file(path: str) -> str:
    """A file with its size and change.

    Raises
    ------
    Unseen
    """
    size, changed = found = named_files.state(path, fresh=True)
    return f"{path} missing" if found == named_files.GONE else f"{path} {size} {changed}"
