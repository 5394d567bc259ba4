"""What was found out of long curves, kept until Blender tells that curves have changed.

Panels are drawn and selections made all the time: reading ten thousand keys for each of them would be felt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import bpy
from bpy.app.handlers import persistent
from bpy.types import FCurve

from ..host import changes, compat, typed

Found = TypeVar("Found")

#: What is kept; more than a film has curves.
_KEPT = 1024

#: How many times curves may have changed; None where Blender tells of nothing, as without a window.
_count: int | None = None
_known: dict[tuple[Any, ...], tuple[tuple[Any, ...], Any]] = {}


def remembered(curve: FCurve, asked: tuple[Any, ...], find_out: Callable[[], Found]) -> Found:
    """What was found out of a curve, or is found out now.

    Parameters
    ----------
    asked : tells what is found out from all else that is
    """
    if _count is None:
        return find_out()
    key = (typed.name_of(curve.id_data), curve.data_path, curve.array_index, *asked)
    state = (_count, len(curve.keyframe_points), len(curve.modifiers), curve.mute, curve.extrapolation)
    known = _known.get(key)
    if known is None or known[0] != state:
        if len(_known) >= _KEPT:
            _known.clear()
        known = _known[key] = (state, find_out())
    found: Found = known[1]
    return found


@persistent
def note_update(scene: Any, depsgraph: Any) -> None:
    """Blender has evaluated a scene: it tells whether curves of this scene changed, and nothing of another one's."""
    sequenced = {compat.window_sequencer_scene(window) for window in bpy.context.window_manager.windows}
    if depsgraph.id_type_updated("ACTION") or sequenced != {scene}:
        note_change()


@persistent
def note_change(*_: Any) -> None:
    """Any curve may have changed."""
    global _count
    if _count is not None:
        _count += 1


_HANDLERS = {
    "depsgraph_update_post": note_update,
    "undo_post": note_change,
    "redo_post": note_change,
    "load_post": note_change,
}


def watch() -> None:
    """Let Blender tell of changes from now on."""
    global _count
    _count = 0
    changes.add_handlers(_HANDLERS, first=True)


def register() -> None:
    """Watch the file; in background Blender tells of nothing that a script does."""
    if not bpy.app.background:
        watch()


def unregister() -> None:
    """Stop watching, and forget all."""
    global _count
    _count = None
    _known.clear()
    changes.remove_handlers(_HANDLERS)
