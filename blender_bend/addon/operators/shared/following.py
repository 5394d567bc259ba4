"""Following an errand from the operator that began it."""

from __future__ import annotations

import bpy
from bpy.types import Operator

from ...process.errands import Errand


def follow(operator: Operator, errand: Errand, done: str) -> set[str]:
    """Follow an errand: beside Blender's own work, or in background mode to its end.

    Raises
    ------
    BendError in background mode, with what went wrong
    """
    if not bpy.app.background:
        errand.watch()
        return {"FINISHED"}
    errand.wait()
    operator.report({"INFO"}, done)
    return {"FINISHED"}
