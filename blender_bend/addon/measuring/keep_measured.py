"""Notices in idle moments that a strip's sound has changed, and measures again where a person has measured before."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty
from bpy.types import ImageStrip, Scene, WindowManager

from ...core.errors import BendError
from ..host import activity, changes, compat
from ..host.idle import IdleJob, Work
from ..process import engine_client
from ..sound import mixdown, sound_choice, sound_print
from ..timeline import strips
from . import measured, overlay
from .measured import Measuring

#: How long to wait for what is being measured before looking again.
MEASURING_SECONDS = 0.1

_stale: dict[tuple[str, str], int] = {}
_current: Measuring | None = None
#: What could not be measured, so that it is not tried again and again.
_refused: set[tuple[Any, ...]] = set()


@persistent
def forget(*_: Any) -> None:
    """Another file was opened."""
    global _current
    if _current is not None:
        _current.cancel()
        _current = None
    _stale.clear()
    _refused.clear()
    measured.forget()
    overlay.forget()
    idle.look_again()


def shown() -> list[tuple[Scene, ImageStrip]]:
    """The bend strips of the scenes whose sequencers are open."""
    scenes = {compat.window_sequencer_scene(window) for window in bpy.context.window_manager.windows}
    return [(scene, strip) for scene in scenes if scene for strip in strips.bend_strips(scene)]


def _plays() -> bool:
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


def _keep() -> Work:
    """Look what has changed, and measure again where that is wanted."""
    global _current
    if _current is None:
        _look()
    while _current is not None:
        if not _current.poll():
            yield MEASURING_SECONDS
            continue
        done, _current = _current, None
        try:
            done.finish()
        except BendError as error:
            _refused.add((done.scene_name, done.strip_name, done.print))
            activity.log.info("measuring: %s", error)
        activity.redraw_timelines()
        idle.look_again()


def _look() -> None:
    """Compare the sound with what was measured, and measure the first strip that differs again."""
    global _current
    for scene in {scene for scene, _ in shown()}:
        sound_choice.tidy(scene, mixdown.sound_strips(scene))
    for scene, strip in shown():
        name = scene.name, strip.name
        count = len(sound_print.stale(scene, strip))
        if _stale.get(name) != count or measured.look(scene, strip):
            _stale[name] = count
            activity.redraw()
            activity.redraw_timelines()
        if _current is None and _wants_measuring(scene, strip):
            try:
                _current = Measuring(scene, strip)
            except BendError as error:
                _refused.add((*name, sound_print.of(scene, strip)))
                activity.log.info("measuring: %s", error)


def _wants_measuring(scene: Scene, strip: ImageStrip) -> bool:
    """Only where a person has measured before, and only while the engine runs anyhow."""
    return (
        bpy.context.window_manager.bend_auto_measure
        and measured.of(strip) is not None
        and engine_client.running()
        and (scene.name, strip.name, sound_print.of(scene, strip)) not in _refused
        and not measured.fresh(scene, strip, measured.needed(strip))
    )


idle = IdleJob(_keep, pauses=_plays)


_HANDLERS = {"load_post": forget}


def register() -> None:
    """Watch the file."""
    WindowManager.bend_auto_measure = BoolProperty(
        name="Auto Measure",
        description="Measure again whenever the sound or a route changes, to keep the displayed curve up to date",
        default=True,
        update=lambda self, context: idle.look_again(),
    )
    changes.add_handlers(_HANDLERS)
    idle.start()


def unregister() -> None:
    """Stop watching, and free what was measured."""
    changes.remove_handlers(_HANDLERS)
    idle.stop()
    forget()
    del WindowManager.bend_auto_measure
