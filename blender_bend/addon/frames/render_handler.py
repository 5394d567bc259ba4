"""Makes sure that every bent frame exists before Blender renders it, or stops the render and says why."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bpy.app.handlers import persistent
from bpy.types import ImageStrip, Scene

from ...core.catalogue.strip import StartsFrom
from ...core.errors import BendError, Code
from ..baking import bake_queue
from ..film import planning
from ..host import activity, changes, compat, named_files, preferences
from ..host.slices import at_once
from ..timeline import strips
from . import generate, shown

log = logging.getLogger(__name__)


@dataclass
class _Render:
    """A render under way, and what must be put back after it."""

    scene: str
    in_frame: bool = False
    output: dict[str, Any] | None = None
    #: What failed strips have shown: scene, strip, folder, element and its file.
    failed_elements: list[tuple[str, str, str, int, str]] = field(default_factory=list)
    #: For chains, by scene and strip: the frames that are known to be there.
    chains: dict[tuple[str, str], set[int]] = field(default_factory=dict)


under_way: _Render | None = None


@persistent
def on_init(scene: Scene, *_: Any) -> None:
    """A render begins; renders of nested scenes begin within a frame of it and are part of it."""
    global under_way
    if activity.grabbing:
        return
    if under_way is None or not under_way.in_frame:
        under_way = _Render(scene.name)


@persistent
def on_frame(scene: Scene, *_: Any) -> None:
    """A frame is about to be rendered."""
    if activity.grabbing or under_way is None or under_way.in_frame or scene.name != under_way.scene:
        return
    under_way.in_frame = True
    if under_way.output is not None or not scene.render.use_sequencer:
        return
    for owner, strip, numbers in shown.visible(scene, range(scene.frame_current, scene.frame_current + 1)):
        try:
            _ensure(owner, strip, numbers)
        except BendError as error:
            _stop(scene, owner, strip, numbers, error)
            return
        except Exception as error:  # a handler's exception would be printed, and a stale frame rendered
            _stop(scene, owner, strip, numbers, activity.unexpected(error))
            return


def _ensure(owner: Scene, strip: ImageStrip, numbers: list[int]) -> None:
    """Make sure that frames of a strip are there and shown.

    The key of a frame in a chain takes all frames before it, so a chain is looked through once a render.

    Raises
    ------
    BendError
    """
    assert under_way is not None
    if bake_queue.unbaked([strip]):
        raise BendError(
            Code.NOT_BAKED,
            f"'{strip.name}' follows the sound but was never baked, so the film would stand still.",
            "Press Render Film, which bakes first.",
            "bend.bake_all",
        )
    activity.rendering = True
    try:
        if strip.bend_settings.source != StartsFrom.PREVIOUS:
            _fill(owner, strip, numbers)
            return
        identity = owner.name, strip.name
        if identity not in under_way.chains:
            with named_files.press():
                plan = at_once(planning.plan(owner, strip, list(strips.element_range(strip))))
            at_once(plan.show_ready())
            under_way.chains[identity] = set(plan.keys) - set(plan.missing) - plan.asked.hidden
        if not under_way.chains[identity].issuperset(numbers):
            _fill(owner, strip, numbers)
            under_way.chains[identity].update(numbers)
    finally:
        activity.rendering = False


def _fill(owner: Scene, strip: ImageStrip, numbers: list[int]) -> None:
    asked = generate.fill_store(owner, strip, numbers).plan.asked
    if asked.hidden:
        raise asked.anchor.changed()


@persistent
def on_frame_done(scene: Scene, *_: Any) -> None:
    """A frame has been rendered."""
    if not activity.grabbing and under_way is not None and scene.name == under_way.scene:
        under_way.in_frame = False


@persistent
def on_end(scene: Scene, *_: Any) -> None:
    """The render is over, one way or another."""
    global under_way
    if activity.grabbing or under_way is None or scene.name != under_way.scene:
        return
    if under_way.output is not None:
        _restore_output(scene, under_way.output)
    for owner, name, directory, index, filename in under_way.failed_elements:
        strip = strips.find(owner, name)
        if strip is not None:
            strip.directory = directory
            strip.elements[index].filename = filename
    under_way = None


def _stop(scene: Scene, owner: Scene, strip: ImageStrip, numbers: list[int], error: BendError) -> None:
    """Stop the render with a reason.

    A handler cannot raise: Blender prints the exception and renders on. What does stop a render, film or pictures, is
    an image that cannot be written; so the output is sent to a place that cannot exist, named after the reason. A
    still that is not written cannot be stopped; it shows the failure picture.
    """
    assert under_way is not None
    message = f"Bend stopped the render at frame {scene.frame_current} in '{strip.name}': {error}"
    log.error("%s", message)
    activity.last_failure = error
    index = numbers[0] - compat.content_start(strip)
    element = strip.elements[index]
    under_way.failed_elements.append((owner.name, strip.name, strip.directory, index, element.filename))
    try:
        # Never into the folder that the file names: it could be anyone's.
        fitted = tuple(strip.bend_settings.fitted_size)
        size = fitted if all(8 <= side <= 4096 for side in fitted) else (256, 256)
        picture = strips.ensure_failure_picture(preferences.frame_folder(), size)
        strip.directory = f"{picture.parent}/"
        element.filename = picture.name
    except BendError:
        log.error("The error image can't be written either.")
    under_way.output = _save_output(scene)
    compat.set_image_output(scene)
    reason = re.sub(r"[^\w .,'()-]+", " ", message)[:400]
    scene.render.filepath = f"{Path(__file__)}/{reason} "


_IMAGE_SETTINGS = ("media_type", "file_format", "color_mode", "color_depth")


def _save_output(scene: Scene) -> dict[str, Any]:
    settings = scene.render.image_settings
    saved = {name: getattr(settings, name) for name in _IMAGE_SETTINGS if name in settings.bl_rna.properties}
    return {"filepath": scene.render.filepath, "settings": saved}


def _restore_output(scene: Scene, saved: dict[str, Any]) -> None:
    scene.render.filepath = saved["filepath"]
    for name, value in saved["settings"].items():
        setattr(scene.render.image_settings, name, value)


@persistent
def on_load(*_: Any) -> None:
    """Another file is open: whatever was rendered is over."""
    global under_way
    under_way = None


_HANDLERS = {
    "render_init": on_init,
    "render_pre": on_frame,
    "render_post": on_frame_done,
    "render_complete": on_end,
    "render_cancel": on_end,
    "load_post": on_load,
}


def register() -> None:
    """Watch every render."""
    changes.add_handlers(_HANDLERS)


def unregister() -> None:
    """Stop watching."""
    changes.remove_handlers(_HANDLERS)
