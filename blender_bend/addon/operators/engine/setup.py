"""Setting the engine up, removing it, and telling others how it went."""

from __future__ import annotations

import textwrap
from typing import Any

from bpy.props import CollectionProperty, EnumProperty, IntProperty, StringProperty
from bpy.types import Context, Event, Operator, PropertyGroup, UIList

from ....core.errors import BendError
from ....core.process import accelerators
from ...host import activity
from ...process import engine_setup
from ...process.engine_setup import Wish
from ..shared.following import follow
from ..shared.polls import WhenIdle

#: Characters of a line that can be read without moving it.
LINE = 120


class BEND_OT_set_up_engine(WhenIdle, Operator):
    """Make a private Python environment for the engine. The old one stays in use until the new one works"""

    bl_idname = "bend.set_up_engine"
    bl_label = "Set Up…"

    tier: EnumProperty(
        name="For",
        description="What the engine shall be able to do",
        items=(
            ("diffusion", "Sound and Pictures", "Everything"),
            ("audio", "Sound Only", "Measure sound and bake curves; a small download, or none"),
        ),
    )
    accelerator: EnumProperty(
        name="Compute On", description="Which build of torch is fetched", items=accelerators.CHOICES
    )
    python: StringProperty(
        name="Python", description="The Python to make the environment from. Empty: Blender's own", subtype="FILE_PATH"
    )
    wheels: StringProperty(
        name="Wheels",
        description="A folder with all packages as wheels, to set up without the network. Empty: none",
        subtype="DIR_PATH",
    )
    build: StringProperty(
        name="Torch Build", description="Another build of torch, as cu126 or rocm6.4. Empty: the usual one"
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text="Set Up")

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "tier")
        column = layout.column()
        column.active = self.tier == "diffusion"
        column.prop(self, "accelerator")
        layout.prop(self, "python", placeholder="Blender's own")
        layout.prop(self, "wheels", placeholder="none")
        column.prop(self, "build", placeholder="the usual one")
        needed, free = engine_setup.room(self._wish())
        layout.label(text=f"Needs about {needed / 1e9:.1f} GB; {free / 1e9:.1f} GB are free", icon="DISK_DRIVE")
        layout.label(text=str(engine_setup.base()), icon="FILE_FOLDER")

    def execute(self, context: Context) -> set[str]:
        try:
            return follow(self, engine_setup.start(self._wish()), "The engine is set up")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    def _wish(self) -> Wish:
        return Wish(self.tier, self.accelerator, self.python, self.wheels, self.build.strip())


class BEND_OT_remove_engine(WhenIdle, Operator):
    """Delete the engine's environment from the disk; frames and models stay"""

    bl_idname = "bend.remove_engine"
    bl_label = "Remove Engine"

    def invoke(self, context: Context, event: Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: Context) -> set[str]:
        try:
            return follow(self, engine_setup.remove(), "The engine is removed")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class BEND_PG_report_line(PropertyGroup):
    """A line of the report"""

    text: StringProperty(name="Line", description="A line of the report; change it if it tells too much")


class BEND_UL_report(UIList):
    """The report as it will be copied"""

    def draw_item(
        self,
        context: Context,
        layout: Any,
        data: Any,
        item: BEND_PG_report_line,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int = 0,
        flt_flag: int = 0,
    ) -> None:
        layout.prop(item, "text", text="", emboss=False)


class BEND_OT_copy_report(Operator):
    """Read what happened during the set-up, and copy it to paste it where you ask for help"""

    bl_idname = "bend.copy_report"
    bl_label = "Copy Report"

    lines: CollectionProperty(type=BEND_PG_report_line, options={"HIDDEN", "SKIP_SAVE"})
    active: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> set[str]:
        self._write()
        return context.window_manager.invoke_props_dialog(self, width=760, confirm_text="Copy")

    def draw(self, context: Context) -> None:
        self.layout.label(text="This is copied. Take out what nobody else should read:", icon="INFO")
        self.layout.template_list("BEND_UL_report", "", self, "lines", self, "active", rows=20)

    def execute(self, context: Context) -> set[str]:
        if not self.lines:
            self._write()
        context.window_manager.clipboard = "\n".join(line.text for line in self.lines)
        self.report({"INFO"}, "The report is in the clipboard")
        return {"FINISHED"}

    def _write(self) -> None:
        self.lines.clear()
        for line in engine_setup.report().splitlines():
            for part in textwrap.wrap(line, LINE) or [""]:
                self.lines.add().text = part


CLASSES = (
    BEND_OT_set_up_engine,
    BEND_OT_remove_engine,
    BEND_PG_report_line,
    BEND_UL_report,
    BEND_OT_copy_report,
)
