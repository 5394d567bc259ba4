"""Buttons of the preferences."""

from __future__ import annotations

from bpy.props import IntProperty
from bpy.types import Context, Operator

from ...core import messages
from ...core.errors import BendError
from .. import engine_client, preferences
from .polls import WhenIdle

PATIENCE_SECONDS = 20.0


class BEND_OT_check_engine(WhenIdle, Operator):
    """Start the engine and see whether it answers"""

    bl_idname = "bend.check_engine"
    bl_label = "Check Engine"

    def execute(self, context: Context) -> set[str]:
        try:
            request = engine_client.client().request(messages.HELLO)
            if request.wait(PATIENCE_SECONDS) is None:
                engine_client.shut_down()
                self.report({"ERROR"}, "This Python does not answer as an engine")
                return {"CANCELLED"}
            answer = request.result()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        missing = [name for name, version in answer["packages"].items() if version is None]
        if missing:
            self.report({"WARNING"}, f"Python {answer['python']} answers, but lacks {', '.join(missing)}")
            return {"FINISHED"}
        self.report({"INFO"}, f"The engine answers: Python {answer['python']}, torch {answer['packages']['torch']}")
        return {"FINISHED"}


class BEND_OT_add_model_folder(Operator):
    """Add a model folder; its name can then be chosen in the Bend tab"""

    bl_idname = "bend.add_model_folder"
    bl_label = "Add Model Folder"

    def execute(self, context: Context) -> set[str]:
        preferences.preferences().models.add()
        return {"FINISHED"}


class BEND_OT_remove_model_folder(Operator):
    """Forget this model folder; the files stay"""

    bl_idname = "bend.remove_model_folder"
    bl_label = "Remove Model Folder"

    index: IntProperty(options={"HIDDEN"})

    def execute(self, context: Context) -> set[str]:
        preferences.preferences().models.remove(self.index)
        return {"FINISHED"}


CLASSES = (BEND_OT_check_engine, BEND_OT_add_model_folder, BEND_OT_remove_model_folder)
