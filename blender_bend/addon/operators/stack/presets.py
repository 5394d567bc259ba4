"""Adding the bends of a preset."""

from __future__ import annotations

from pathlib import Path

from bpy.props import StringProperty
from bpy.types import Context, Operator, OperatorProperties

from ....core.errors import BendError
from ....core.job import presets
from ...host.typed import Result
from ...settings.presets import add_preset
from ...timeline.strips import polled_bend_strip
from ..shared.polls import OnBendStrip


class BEND_OT_add_preset(OnBendStrip, Operator):
    """Add the bends and routes of a preset to this strip; bake afterwards"""

    bl_idname = "bend.add_preset"
    bl_label = "Add Preset"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="File", description="JSON file of the preset", subtype="FILE_PATH")

    @classmethod
    def description(cls, context: Context, properties: OperatorProperties) -> str:
        try:
            return presets.read(Path(properties.filepath)).summary if properties.filepath else cls.__doc__ or ""
        except BendError as error:
            return error.message

    def execute(self, context: Context) -> Result:
        try:
            preset = presets.read(Path(self.filepath))
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        add_preset(polled_bend_strip(context), preset)
        self.report({"INFO"}, f"Added {preset.name}; bake to make it follow the sound")
        return {"FINISHED"}


CLASSES = (BEND_OT_add_preset,)
