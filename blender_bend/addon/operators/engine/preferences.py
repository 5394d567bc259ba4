"""Buttons of the preferences."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, IntProperty
from bpy.types import Context, Operator

from ....core.errors import BendError
from ...host import preferences
from ...host.typed import Result
from ...process import health
from ..shared.polls import WhenIdle


class BEND_OT_check_engine(WhenIdle, Operator):
    """Check the engine's packages, devices, models and folders, and render a test picture"""

    bl_idname = "bend.check_engine"
    bl_label = "Check Engine"

    def execute(self, context: Context) -> Result:
        if health.running is not None:
            return {"CANCELLED"}
        try:
            examination = health.Examination()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not bpy.app.background:
            examination.watch()
            return {"FINISHED"}
        while not examination.take_in(wait=True):
            pass
        bad = [finding for finding in health.found if finding.state == "problem"]
        if bad:
            self.report({"WARNING"}, f"{bad[0].what} {bad[0].repair}")
        else:
            self.report({"INFO"}, "Engine OK")
        return {"FINISHED"}


class _OfAList:
    """What the buttons of the lists share."""

    kind: EnumProperty(
        name="List",
        description="List in the preferences",
        items=[(name, heading, f"List: {entry}") for name, heading, entry in preferences.LISTS],
        options={"HIDDEN"},
    )


class BEND_OT_add_file(_OfAList, Operator):
    """Add an entry that can be chosen by name in the Bend tab"""

    bl_idname = "bend.add_file"
    bl_label = "Add File"

    def execute(self, context: Context) -> Result:
        getattr(preferences.preferences(), self.kind).add()
        return {"FINISHED"}


class BEND_OT_remove_file(_OfAList, Operator):
    """Remove this entry without deleting its files"""

    bl_idname = "bend.remove_file"
    bl_label = "Remove File"

    index: IntProperty(options={"HIDDEN"})

    def execute(self, context: Context) -> Result:
        getattr(preferences.preferences(), self.kind).remove(self.index)
        return {"FINISHED"}


CLASSES = (BEND_OT_check_engine, BEND_OT_add_file, BEND_OT_remove_file)
