"""Buttons of the preferences."""

from __future__ import annotations

from bpy.props import EnumProperty, IntProperty
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


class _OfAList:
    """What the buttons of the lists share."""

    kind: EnumProperty(
        name="List",
        description="Which list of the preferences",
        items=[(name, heading, f"The list of a {entry.lower()}") for name, heading, entry in preferences.LISTS],
        options={"HIDDEN"},
    )


class BEND_OT_add_file(_OfAList, Operator):
    """Add an entry; its name can then be chosen in the Bend tab"""

    bl_idname = "bend.add_file"
    bl_label = "Add File"

    def execute(self, context: Context) -> set[str]:
        getattr(preferences.preferences(), self.kind).add()
        return {"FINISHED"}


class BEND_OT_remove_file(_OfAList, Operator):
    """Forget this entry; the files stay"""

    bl_idname = "bend.remove_file"
    bl_label = "Remove File"

    index: IntProperty(options={"HIDDEN"})

    def execute(self, context: Context) -> set[str]:
        getattr(preferences.preferences(), self.kind).remove(self.index)
        return {"FINISHED"}


CLASSES = (BEND_OT_check_engine, BEND_OT_add_file, BEND_OT_remove_file)
