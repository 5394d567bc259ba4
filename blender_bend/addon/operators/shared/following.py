"""Following a task from the operator that began it."""

from __future__ import annotations

import bpy
from bpy.types import Operator

from ...host.typed import Result
from ...process.tasks import Task


def follow(operator: Operator, task: Task, done: str) -> Result:
    """Follow a task: beside Blender's own work, or in background mode to its end.

    Raises
    ------
    BendError in background mode, with what went wrong
    """
    if not bpy.app.background:
        task.watch()
        return {"FINISHED"}
    task.wait()
    operator.report({"INFO"}, done)
    return {"FINISHED"}
