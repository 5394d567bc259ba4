"""Putting LoRA files on a strip's model."""

from __future__ import annotations

from bpy.props import IntProperty, StringProperty
from bpy.types import Context, Operator

from ...host import preferences
from ...host.typed import Result
from ...timeline.strips import polled_bend_strip
from ..shared.polls import OnBendStrip


class BEND_OT_add_lora(OnBendStrip, Operator):
    """Apply another LoRA to this strip's model; add LoRA files in the preferences"""

    bl_idname = "bend.add_lora"
    bl_label = "Add LoRA"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="Name of a LoRA file from the preferences")

    def execute(self, context: Context) -> Result:
        loras = polled_bend_strip(context).bend_settings.loras
        worn = {item.name for item in loras}
        free = [name for name in preferences.lora_files() if name not in worn]
        loras.add().name = self.name or (free[0] if free else "")
        return {"FINISHED"}


class BEND_OT_remove_lora(OnBendStrip, Operator):
    """Remove this LoRA from the strip's model"""

    bl_idname = "bend.remove_lora"
    bl_label = "Remove LoRA"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(options={"HIDDEN"})

    def execute(self, context: Context) -> Result:
        polled_bend_strip(context).bend_settings.loras.remove(self.index)
        return {"FINISHED"}


CLASSES = (BEND_OT_add_lora, BEND_OT_remove_lora)
