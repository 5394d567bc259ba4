"""Buttons beside a failure: the preferences, the log, and dismiss."""

from __future__ import annotations

import bpy
from bpy.types import Context, Operator

from ...host import activity, log_files, preferences
from ...host.typed import Result
from ...process import engine_client


class BEND_OT_dismiss(Operator):
    """Dismiss this error message"""

    bl_idname = "bend.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> Result:
        activity.dismiss()
        return {"FINISHED"}


class BEND_OT_open_preferences(Operator):
    """Open Bend's preferences"""

    bl_idname = "bend.open_preferences"
    bl_label = "Open Preferences"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> Result:
        bpy.ops.preferences.addon_show(module=preferences.ROOT_PACKAGE)
        return {"FINISHED"}


class BEND_OT_show_log(Operator):
    """Open the log of the engine, or of the last failure, in the default text viewer"""

    bl_idname = "bend.show_log"
    bl_label = "Show Log"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> Result:
        path = log_files.about(activity.last_failure) or engine_client.log_file()
        if not path.is_file():
            self.report({"INFO"}, "The engine hasn't been started yet")
            return {"CANCELLED"}
        if not bpy.app.background:
            bpy.ops.wm.path_open(filepath=str(path))
        self.report({"INFO"}, f"Log file: {path}")
        return {"FINISHED"}


CLASSES = (BEND_OT_dismiss, BEND_OT_open_preferences, BEND_OT_show_log)
