"""Buttons beside a failure: the preferences, the log, and dismiss."""

from __future__ import annotations

import bpy
from bpy.types import Context, Operator

from .. import activity, engine_client, preferences


class BEND_OT_dismiss(Operator):
    """Do not show this failure any more"""

    bl_idname = "bend.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> set[str]:
        activity.dismiss()
        return {"FINISHED"}


class BEND_OT_open_preferences(Operator):
    """Open Bend's preferences: the engine's Python, the frame folder, the models"""

    bl_idname = "bend.open_preferences"
    bl_label = "Open Preferences"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=preferences.ROOT_PACKAGE)
        return {"FINISHED"}


class BEND_OT_show_log(Operator):
    """Show what the engine has printed, as a text in this file"""

    bl_idname = "bend.show_log"
    bl_label = "Show Log"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> set[str]:
        try:
            written = engine_client.log_file().read_text(encoding="utf-8", errors="replace")
        except OSError:
            self.report({"INFO"}, "The engine has not been started yet")
            return {"CANCELLED"}
        text = bpy.data.texts.get("Bend Engine Log") or bpy.data.texts.new("Bend Engine Log")
        text.from_string(written)
        self.report({"INFO"}, "The log is the text 'Bend Engine Log' in the Text Editor")
        return {"FINISHED"}


CLASSES = (BEND_OT_dismiss, BEND_OT_open_preferences, BEND_OT_show_log)
