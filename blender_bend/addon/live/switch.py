"""The switch: Live goes on and off with a property of the window, and off by itself where it cannot go on."""

from __future__ import annotations

import math
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty
from bpy.types import WindowManager

from ...core.errors import BendError
from ..host import activity
from . import drawing
from .controller import Live

#: Between two looks at the file and the engine.
TICK_SECONDS = 1 / 60
#: The same while frames are rendered.
PAUSED_SECONDS = 0.4

live: Live | None = None


def turn(on: bool) -> None:
    """Turn Live on or off."""
    global live
    if live is not None:
        live.close()
        live = None
    drawing.forget()
    if on:
        try:
            live = Live()
        except BendError as error:
            _give_up(error)
            return
        if not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=0.0, persistent=True)
    activity.redraw_previews()
    activity.redraw()


def state() -> str:
    """What Live is at, in a few words for the panel."""
    if live is None:
        return ""
    if live.paused:
        return "Live: paused while frames are rendered"
    if live.wanted is None:
        return "Live: move the playhead over the strip"
    if live.wanted.ready:
        return "Live: this frame is ready"
    if live.shown != live.wanted:
        return f"Live: {live.asking.phase.lower() or 'drawing'}…"
    seconds = live.asking.seconds
    return "Live: draft" if math.isnan(seconds) else f"Live: draft in {seconds:.1f} s"


def _tick() -> float | None:
    if live is None:
        return None
    try:
        live.step()
    except BendError as error:
        _give_up(error)
        return None
    except Exception as error:  # it would end the timer, and Live would seem to go on
        _give_up(activity.unexpected(error))
        return None
    return PAUSED_SECONDS if live.paused else TICK_SECONDS


def _give_up(error: BendError) -> None:
    """Turn Live off for a reason, which the panel shows."""
    bpy.context.window_manager.bend_live = False
    if activity.current is None:
        activity.end(error)


@persistent
def _off(*_: Any) -> None:
    bpy.context.window_manager.bend_live = False


def _turned(window_manager: Any, context: Any) -> None:
    turn(window_manager.bend_live)


def _current() -> Live | None:
    return live


def register() -> None:
    """Offer the switch; it is off in every file that is opened."""
    WindowManager.bend_live = BoolProperty(
        name="Live",
        description="Show a draft of the frame at the playhead on every change. Drafts are never part of the film",
        default=False,
        options={"SKIP_SAVE"},
        update=_turned,
    )
    bpy.app.handlers.load_pre.append(_off)
    drawing.register(_current)


def unregister() -> None:
    """Turn it off and take it away."""
    turn(False)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    drawing.unregister()
    if _off in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(_off)
    del WindowManager.bend_live
