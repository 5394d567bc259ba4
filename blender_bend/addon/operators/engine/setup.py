"""Setting the engine up, removing it, and telling others how it went."""

from __future__ import annotations

import textwrap
from typing import Any

from bpy.props import CollectionProperty, EnumProperty, IntProperty, StringProperty
from bpy.types import Context, Event, Operator, PropertyGroup, UIList

from ....core.errors import BendError
from ....core.process import accelerators
from ...host import activity
from ...host.typed import Result
from ...process import engine_setup
from ...process.engine_setup import Wish
from ..shared.following import follow
from ..shared.polls import WhenIdle

#: Characters of a line that can be read without moving it.
LINE = 120


class BEND_OT_set_up_engine(WhenIdle, Operator):
    """Install the engine in a Python environment of its own. An existing one stays in use until the new one works"""

    bl_idname = "bend.set_up_engine"
    bl_label = "Set Up…"

    tier: EnumProperty(
        name="Install",
        description="What to install",
        items=(
            ("diffusion", "Sound and Pictures", "Everything"),
            ("audio", "Sound Only", "Only measure sound and bake curves; needs little or no download"),
        ),
    )
    accelerator: EnumProperty(name="Device", description="Build of torch to download", items=accelerators.CHOICES)
    python: StringProperty(
        name="Python", description="Python to create the environment with. Empty: Blender's", subtype="FILE_PATH"
    )
    wheels: StringProperty(
        name="Wheels",
        description="Folder with all packages as wheels, for an offline installation. Empty: download them",
        subtype="DIR_PATH",
    )
    build: StringProperty(
        name="Torch Build", description="Different build of torch, for example cu126 or rocm6.4. Empty: default"
    )

    def invoke(self, context: Context, event: Event) -> Result:
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text="Set Up")

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "tier")
        column = layout.column()
        column.active = self.tier == "diffusion"
        column.prop(self, "accelerator")
        layout.prop(self, "python", placeholder="Blender's")
        layout.prop(self, "wheels", placeholder="none")
        column.prop(self, "build", placeholder="default")
        needed, free = engine_setup.room(self._wish())
        layout.label(text=f"Needs about {needed / 1e9:.1f} GB; {free / 1e9:.1f} GB are free", icon="DISK_DRIVE")
        layout.label(text=str(engine_setup.base()), icon="FILE_FOLDER")

    def execute(self, context: Context) -> Result:
        try:
            return follow(self, engine_setup.start(self._wish()), "Engine installed")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    def _wish(self) -> Wish:
        return Wish(self.tier, self.accelerator, self.python, self.wheels, self.build.strip())


class BEND_OT_remove_engine(WhenIdle, Operator):
    """Delete the engine's environment from the disk, keeping frames and models"""

    bl_idname = "bend.remove_engine"
    bl_label = "Remove Engine"

    def invoke(self, context: Context, event: Event) -> Result:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: Context) -> Result:
        try:
            return follow(self, engine_setup.remove(), "Engine removed")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class BEND_PG_report_line(PropertyGroup):
    """A line of the report"""

    text: StringProperty(name="Line", description="Line of the report; edit it to remove private details")


class BEND_UL_report(UIList):
    """The report to copy"""

    def draw_item(
        self,
        context: Context,
        layout: Any,
        data: Any,
        item: BEND_PG_report_line,
        icon: int | None,
        active_data: Any,
        active_property: str | None,
        index: int | None = 0,
        flt_flag: int | None = 0,
    ) -> None:
        layout.prop(item, "text", text="", emboss=False)


class BEND_OT_copy_report(Operator):
    """Review the installation report and copy it to the clipboard, to share when asking for help"""

    bl_idname = "bend.copy_report"
    bl_label = "Copy Report"

    lines: CollectionProperty(type=BEND_PG_report_line, options={"HIDDEN", "SKIP_SAVE"})
    active: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> Result:
        self._write()
        return context.window_manager.invoke_props_dialog(self, width=760, confirm_text="Copy")

    def draw(self, context: Context) -> None:
        self.layout.label(text="Remove private details before copying:", icon="INFO")
        self.layout.template_list("BEND_UL_report", "", self, "lines", self, "active", rows=20)

    def execute(self, context: Context) -> Result:
        if not self.lines:
            self._write()
        context.window_manager.clipboard = "\n".join(line.text for line in self.lines)
        self.report({"INFO"}, "Report copied to the clipboard")
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
