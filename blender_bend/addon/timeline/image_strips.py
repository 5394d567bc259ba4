"""Making an image-sequence strip of any length at once.

``elements.append`` copies all elements for each one more: ten minutes of film take half a minute. Blender's own
operator makes them in one go, but only in an open sequencer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
from bpy.types import Area, ImageStrip, Scene, SequenceEditor, Window

from ..host import compat, typed


def new(scene: Scene, name: str, picture: Path, channel: int, first: int, count: int) -> ImageStrip:
    """A strip at the top of the sequencer that shows the same picture on every frame, fitted into the scene's frame.

    Parameters
    ----------
    channel : a free one
    first : frame of the timeline
    count : how many frames
    """
    if count == 1 or not bpy.context.window_manager.windows:  # of a single picture the operator makes a still
        return one_by_one(scene, name, picture, channel, first, count)
    with _outside_of_metas(scene), at_sequencer(scene):
        strip = _add(scene, picture, channel, first, count)
    strip.name = name
    return strip


def set_pictures(strip: ImageStrip, names: list[str]) -> None:
    """Give a strip other elements, of files in its folder; curves and handles are put right by whoever calls."""
    editor = typed.editor(strip.id_data)
    active = editor.active_strip
    if bpy.context.window_manager.windows:
        with at_sequencer(strip.id_data):
            editor.active_strip = strip
            bpy.ops.sequencer.change_path(
                directory=bpy.path.abspath(strip.directory),
                files=[{"name": name} for name in names],
                relative_path=strip.directory.startswith("//"),
            )
        editor.active_strip = active
        return
    while len(strip.elements) > len(names):
        strip.elements.pop()
    for number, name in enumerate(names):
        if number == len(strip.elements):
            strip.elements.append(name)
        strip.elements[number].filename = name


def one_by_one(scene: Scene, name: str, picture: Path, channel: int, first: int, count: int) -> ImageStrip:
    strips = typed.editor(scene).strips
    strip = typed.of_images(strips.new_image(name, str(picture), channel, first, fit_method="FIT"))
    for _ in range(count - 1):
        strip.elements.append(picture.name)
    return strip


def _add(scene: Scene, picture: Path, channel: int, first: int, count: int) -> ImageStrip:
    strips = typed.editor(scene).strips
    before = set(strips.keys())
    bpy.ops.sequencer.image_strip_add(
        directory=f"{picture.parent}/",
        files=[{"name": picture.name}] * count,
        frame_start=first,
        channel=channel,
        fit_method="FIT",
        overlap=True,
        replace_sel=False,
        skip_locked_or_muted_channels=False,
        set_view_transform=False,
    )
    return typed.of_images(next(strip for strip in strips if strip.name not in before))


@contextmanager
def _outside_of_metas(scene: Scene) -> Iterator[None]:
    """Leave the meta strips that are open, for the operator adds to what is shown; all is as it was afterwards."""
    editor = typed.editor(scene)
    opened = [meta.name for meta in editor.meta_stack]
    active, selected = editor.active_strip, {strip.name for strip in editor.strips_all if strip.select}
    try:
        with at_sequencer(scene):
            while len(editor.meta_stack):
                editor.active_strip = None
                bpy.ops.sequencer.meta_toggle()
        yield
    finally:
        for name in opened:
            editor.display_stack(editor.strips_all[name])
        _select(editor, selected)
        editor.active_strip = active


def _select(editor: SequenceEditor, names: set[str]) -> None:
    for strip in editor.strips_all:
        if strip.select != (strip.name in names):
            strip.select = strip.name in names


@contextmanager
def at_sequencer(scene: Scene) -> Iterator[None]:
    """A context in which Blender's operators edit a scene's sequencer: without one in sight, an area is borrowed."""
    window, area = _sequencer() or _any_area()
    before = area.type
    try:
        _turn(window, area, "SEQUENCE_EDITOR")
        with compat.editing(scene, window=window, area=area):
            yield
    finally:
        _turn(window, area, before)


def _turn(window: Window, area: Area, kind: str) -> None:
    if area.type != kind:
        # Turned outside of an override, Blender 4.5 forgets the scene of those around it.
        with bpy.context.temp_override(window=window):
            typed.turn(area, kind)


def _sequencer() -> tuple[Window, Area] | None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                return window, area
    return None


def _any_area() -> tuple[Window, Area]:
    window = bpy.context.window_manager.windows[0]
    return window, window.screen.areas[0]
