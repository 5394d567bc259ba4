"""The bend strip as a strip: finding it, making it, and letting its elements show frames of the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import bpy
import numpy as np
from bpy.types import Context, FCurve, ImageStrip, Operator, Scene, Strip

from ...core.errors import BendError, Code, store_unwritable
from ...core.files.whole import DIGEST, write_whole
from ...core.job.resolve import file_name
from ..host import compat, png, typed
from . import drivers, image_strips
from .timing import Placement, frame_rate

#: Folders in which frames of a strip are looked for, and characters in which a file may name them.
_FOLDERS, _LONGEST = 4, 1 << 14


def is_bend_strip(strip: Strip | None) -> TypeGuard[ImageStrip]:
    """Whether a strip is a bend strip."""
    return strip is not None and strip.type == "IMAGE" and strip.bend_settings.is_bend


def bend_strips(scene: Scene) -> Iterator[ImageStrip]:
    """Every bend strip of a scene, also those within meta strips."""
    if scene.sequence_editor:
        yield from (strip for strip in scene.sequence_editor.strips_all if is_bend_strip(strip))


def active_bend_strip(context: Context) -> ImageStrip | None:
    """The bend strip that the interface shows: the active strip, or the only bend strip there is."""
    return active_bend_strip_of(compat.sequencer_scene(context))


def polled_bend_strip(context: Context) -> ImageStrip:
    """The same for what is only called if there is one, as its poll has found."""
    strip = active_bend_strip(context)
    assert strip is not None
    return strip


def active_bend_strip_of(scene: Scene | None) -> ImageStrip | None:
    """The active strip of a scene if it is a bend strip, or its only bend strip."""
    if scene is None or scene.sequence_editor is None:
        return None
    active = scene.sequence_editor.active_strip
    if is_bend_strip(active):
        return active
    found = list(bend_strips(scene))
    return found[0] if len(found) == 1 else None


def shown() -> tuple[Any, Any]:
    """The bend strip that a sidebar shows, with its scene, for a timer, whose context has no window."""
    for window in bpy.context.window_manager.windows:
        scene = compat.window_sequencer_scene(window)
        strip = active_bend_strip_of(scene)
        if strip is not None:
            return scene, strip
    return None, None


def find(scene_name: str, strip_name: str) -> ImageStrip | None:
    """A bend strip by names; undo and deletion make any kept reference to a strip invalid."""
    scene = bpy.data.scenes.get(scene_name)
    strip = scene.sequence_editor.strips_all.get(strip_name) if scene and scene.sequence_editor else None
    return strip if is_bend_strip(strip) else None


def called(scene_name: str, strip_name: str) -> ImageStrip:
    """The same, for what cannot go on without it.

    Raises
    ------
    BendError(STRIP_MISSING)
    """
    strip = find(scene_name, strip_name)
    if strip is None:
        raise BendError(Code.STRIP_MISSING, f"The bend strip '{strip_name}' no longer exists.")
    return strip


def require_bend_strip(cls: type[Operator], context: Context) -> bool:
    """A poll that says what is missing."""
    if active_bend_strip(context) is None:
        cls.poll_message_set("Select a bend strip, or add one with Add Bend Strip")
        return False
    return True


def data_path(strip: Strip, key: str) -> str:
    """The path of a strip's custom property from its scene."""
    return f'{strip.path_from_id()}["{bpy.utils.escape_identifier(key)}"]'


def key_of(strip: Strip, path: str) -> str | None:
    """The custom property of a strip that a path from its scene names, if it names one."""
    return next((key for key in list(strip.keys()) if data_path(strip, key) == path), None)


def curves(strip: Strip) -> list[FCurve]:
    """Every curve of a strip: of its custom properties, and of what Blender itself gives it."""
    found, own = compat.fcurves(strip.id_data), strip.path_from_id()
    return [curve for curve in found or () if curve.data_path.startswith((f"{own}.", f"{own}["))]


def parents(strip: Strip) -> Iterator[Strip]:
    """The meta strips around a strip, from the innermost."""
    parent = strip.parent_meta()
    while parent is not None:
        yield parent
        parent = parent.parent_meta()


def find_curve(strip: Strip, key: str) -> FCurve | None:
    """The F-curve of a strip's custom property, if it has one."""
    curves = compat.fcurves(strip.id_data)
    return curves.find(data_path(strip, key)) if curves else None


def is_animated(strip: Strip, key: str) -> bool:
    """Whether a custom property of a strip has a curve or a driver."""
    return find_curve(strip, key) is not None or bool(drivers.of(strip.id_data, data_path(strip, key)))


def select_only(strip: Strip) -> None:
    """Make a strip the active one, and the only one that is selected."""
    editor = typed.editor(strip.id_data)
    editor.active_strip = strip
    for other in editor.strips_all:
        other.select = other == strip


def free_channel(scene: Scene, first: int, last: int) -> int:
    """The lowest channel above all strips of a range of frames."""
    overlapping = [
        strip.channel
        for strip in typed.editor(scene).strips
        if compat.left_handle(strip) < last and compat.right_handle(strip) > first
    ]
    channel = max(overlapping, default=0) + 1
    if channel > 128:
        raise BendError(Code.STRIP_MISSING, "There is no free channel above these strips.", "Move some strips down.")
    return channel


def create(scene: Scene, name: str, first: int, last: int, size: tuple[int, int], store: Path) -> ImageStrip:
    """Make an image-sequence strip of placeholders.

    Parameters
    ----------
    first, last : half-open range of frames
    size : width and height of the pictures in pixels; they are fitted into the scene's frame
    store : the frame store
    """
    placeholder, channel = ensure_placeholder(store, size), free_channel(scene, first, last)
    strip = image_strips.new(scene, name, placeholder, channel, first, last - first)
    strip.directory = _directory(store)
    strip.bend_settings.is_bend = True
    strip.bend_settings.fitted_size = size
    strip.bend_settings.rate = str(frame_rate(scene))
    strip.color_tag = "COLOR_05"
    _label_by_name()
    return strip


def _label_by_name() -> None:
    """Let the timelines label strips by their names alone: the name of a frame's file is a digest of 64 digits.

    *Source* in the sequencer's overlays brings the files back.
    """
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                typed.timeline_overlay(area).show_strip_source = False


def frame_range(strip: ImageStrip) -> range:
    """The frames that a strip shows and has elements for, for what needs no more of its placement."""
    return Placement.of(strip).frames


def element_range(strip: ImageStrip) -> range:
    """The frames that a strip has elements for, shown or trimmed away, for what needs no more of its placement."""
    return Placement.of(strip).elements


def show(strip: ImageStrip, store: Path, keys: Mapping[int, str], size: tuple[int, int]) -> None:
    """Let elements point at the frames that are in the store; the others stay, or become placeholders in a new store.

    Parameters
    ----------
    keys : frame key by frame number; frames that are not in the store must not be among them, and those that the strip
        has no element for are left out
    size : width and height of the frames
    """
    directory = _directory(store)
    if shows_elsewhere(strip, store):
        strip.bend_settings.former_folders = "\n".join(str(folder) for folder in former_folders(strip, store))
        placeholder = ensure_placeholder(store, size).name
        for element in strip.elements:
            element.filename = placeholder
        strip.directory = directory
    zoom = zoom_for(strip, size)
    if zoom != 1:
        strip.transform.scale_x *= zoom
        strip.transform.scale_y *= zoom
    strip.bend_settings.fitted_size = size
    elements = element_range(strip)
    for number, key in keys.items():
        if number not in elements:
            continue
        element = strip.elements[number - elements.start]
        if element.filename != file_name(key):
            element.filename = file_name(key)


def shown_key(strip: ImageStrip, number: int) -> str:
    """The key of the frame that a strip shows; empty if it shows none there."""
    elements = element_range(strip)
    name = strip.elements[number - elements.start].filename if number in elements else ""
    return name[:64] if DIGEST.fullmatch(name[:64]) and name == file_name(name[:64]) else ""


def shown_file(strip: ImageStrip, number: int) -> Path | None:
    """The file of the frame that a strip shows; None if it shows none there, or the file is gone."""
    key = shown_key(strip, number)
    path = Path(_resolved(strip.directory)) / file_name(key)
    return path if key and path.is_file() else None


def zoom_for(strip: ImageStrip, size: tuple[int, int]) -> float:
    """By how much a strip's scale changes with frames of another size, so that they fill the same place."""
    width, height = strip.bend_settings.fitted_size
    if min(width, height) <= 0:
        return 1.0
    return _fit(strip.id_data, size) / _fit(strip.id_data, (width, height))


def picture_size(strip: ImageStrip) -> tuple[int, int]:
    """Width and height of the pictures that the strip shows."""
    width, height = strip.bend_settings.fitted_size
    size: tuple[int, int] = (width, height) if width and height else strip.bend_settings.frame_size
    return size


def shows_elsewhere(strip: ImageStrip, store: Path) -> bool:
    """Whether a strip shows the files of another folder than the store."""
    return _resolved(strip.directory) != _resolved(str(store))


def former_folders(strip: ImageStrip, store: Path) -> list[Path]:
    """The folders besides the store that the strip has shown the files of, the last one first; the file names them."""
    text = strip.bend_settings.former_folders
    named = [strip.directory, *(text.splitlines() if len(text) <= _LONGEST else ())]
    folders = dict.fromkeys(_resolved(folder) for folder in named if folder)
    return [Path(folder) for folder in folders if folder != _resolved(str(store))][:_FOLDERS]


def _fit(scene: Scene, size: tuple[int, int]) -> float:
    """The scale at which a picture of that size just fits into the scene's frame."""
    return min(scene.render.resolution_x / size[0], scene.render.resolution_y / size[1])


def _directory(store: Path) -> str:
    """The store as the strip keeps it: relative to the .blend file where it lies beside it."""
    path = str(store)
    if bpy.data.filepath and store.is_relative_to(Path(bpy.data.filepath).parent):
        path = bpy.path.relpath(path)
    return path.rstrip("/\\") + "/"


def _resolved(directory: str) -> str:
    return str(Path(bpy.path.abspath(directory)))


def ensure_placeholder(store: Path, size: tuple[int, int]) -> Path:
    """The picture shown where a frame is not rendered yet: dark, with faint stripes.

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    width, height = size
    return _ensure_picture(store / f"not-rendered-{width}x{height}.png", width, height, (34, 34, 34))


def ensure_failure_picture(store: Path, size: tuple[int, int]) -> Path:
    """The picture shown where a render could not be stopped although its frame failed: unmistakably red."""
    width, height = size
    return _ensure_picture(store / f"failed-{width}x{height}.png", width, height, (200, 20, 20))


def _ensure_picture(path: Path, width: int, height: int, colour: tuple[int, int, int]) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            write_whole(path, _stripes_png(width, height, colour))
    except OSError as error:
        raise store_unwritable(path.parent, error) from error
    return path


def _stripes_png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    rows, columns = np.mgrid[:height, :width]
    striped = ((rows + columns) // 12 % 2)[:, :, None]
    pixels = (np.array(colour) * (1.0 - 0.12 * striped)).astype(np.uint8)
    return png.encode(pixels)
