"""Buttons beside a failure: the preferences, the log, the download, and dismiss."""

from __future__ import annotations

import bpy
from bpy.types import Context, Event, Operator

from ...core import messages
from ...core.errors import BendError
from .. import activity, engine_client, preferences, status
from ..strips import active_bend_strip
from .modal import Watching
from .polls import OnIdleBendStrip


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


class BEND_OT_download_model(OnIdleBendStrip, Watching, Operator):
    """Download this strip's model from the Hugging Face hub; it may be several gigabytes"""

    bl_idname = "bend.download_model"
    bl_label = "Download Model"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not bpy.app.online_access:
            cls.poll_message_set("Allow online access in the preferences, under System")
            return False
        return super().poll(context)

    def invoke(self, context: Context, event: Event) -> set[str]:
        return self.watch(context)

    def execute(self, context: Context) -> set[str]:
        try:
            self.start(context)
            self.request.result()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            activity.end()
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        activity.begin("Downloading")
        self.request = engine_client.client().request(
            messages.DOWNLOAD, model=active_bend_strip(context).bend_settings.model.strip()
        )

    def update(self) -> bool:
        for message in self.request.poll():
            if message.type == messages.PHASE and activity.current:
                activity.current.phase = message.data["text"]
        return not self.request.ended

    def cancel_work(self) -> None:
        engine_client.shut_down()  # a download cannot be interrupted otherwise; it resumes where it was

    def finish(self) -> None:
        status.mark_changed()
        self.request.result()
        self.report({"INFO"}, "The model is here")


CLASSES = (BEND_OT_dismiss, BEND_OT_open_preferences, BEND_OT_show_log, BEND_OT_download_model)
