"""Notices in idle moments that a strip's sound has changed, and listens again where a person has listened before."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty
from bpy.types import ImageStrip, Scene, WindowManager

from ...core.errors import BendError
from ..host import activity, changes, compat
from ..process import engine_client
from ..sound import mixdown, sound_choice, sound_print
from ..timeline import strips
from . import listening, overlay
from .listening import Listening

QUIET_SECONDS = 0.5
#: While something is measured.
BUSY_SECONDS = 0.1

#: The updates that were looked at; see ``changes``.
_looked = -1
_stale: dict[tuple[str, str], int] = {}
_current: Listening | None = None
#: What could not be listened to, so that it is not tried again and again.
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
    listening.forget()
    overlay.forget()
    _look_again()


def _look_again() -> None:
    global _looked
    _looked = -1


def _shown() -> list[tuple[Scene, ImageStrip]]:
    """The bend strips of the scenes whose sequencers are open."""
    scenes = {compat.window_sequencer_scene(window) for window in bpy.context.window_manager.windows}
    return [(scene, strip) for scene in scenes if scene for strip in strips.bend_strips(scene)]


def _tick() -> float:
    """The timer."""
    try:
        return _advance()
    except Exception as error:  # an exception would end the timer for the whole session
        activity.unexpected(error)
        return QUIET_SECONDS


def _advance() -> float:
    global _looked, _current
    if _current is not None:
        if not _current.poll():
            return BUSY_SECONDS
        done, _current = _current, None
        try:
            done.finish()
        except BendError as error:
            _refused.add((done.scene_name, done.strip_name, done.print))
            activity.log.info("listening: %s", error)
        activity.redraw_timelines()
        _look_again()
        return QUIET_SECONDS
    if _looked == changes.updates or not _idle():
        return QUIET_SECONDS
    _looked = changes.updates
    _look()
    return QUIET_SECONDS


def _idle() -> bool:
    playing = any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)
    return activity.current is None and not playing and not bpy.app.is_job_running("RENDER")


def _look() -> None:
    """Compare what is heard now with what was heard, and listen again to the first strip that differs."""
    global _current
    for scene in {scene for scene, _ in _shown()}:
        sound_choice.tidy(scene, mixdown.sound_strips(scene))
    for scene, strip in _shown():
        name = scene.name, strip.name
        count = len(sound_print.stale(scene, strip))
        if _stale.get(name) != count or listening.look(scene, strip):
            _stale[name] = count
            activity.redraw()
            activity.redraw_timelines()
        if _current is None and _wants_to_listen(scene, strip):
            try:
                _current = Listening(scene, strip)
            except BendError as error:
                _refused.add((*name, sound_print.of(scene, strip)))
                activity.log.info("listening: %s", error)


def _wants_to_listen(scene: Scene, strip: ImageStrip) -> bool:
    """Only where a person has listened before, and only while the engine runs anyhow."""
    return (
        bpy.context.window_manager.bend_keep_listening
        and listening.heard(strip) is not None
        and engine_client.running()
        and (scene.name, strip.name, sound_print.of(scene, strip)) not in _refused
        and not listening.fresh(scene, strip, listening.needed(strip))
    )


def register() -> None:
    """Watch the file; in background nobody looks."""
    WindowManager.bend_keep_listening = BoolProperty(
        name="Keep Listening",
        description="Listen again by itself when the sound or a route has changed, so that the shown curve is true",
        default=True,
        update=lambda self, context: _look_again(),
    )
    bpy.app.handlers.load_post.append(forget)
    if bpy.app.background:
        return
    bpy.app.timers.register(_tick, first_interval=QUIET_SECONDS, persistent=True)


def unregister() -> None:
    """Stop watching, and free what was heard."""
    if forget in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(forget)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    forget()
    del WindowManager.bend_keep_listening
