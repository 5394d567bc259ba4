"""The state of the engine's environment, in the preferences and in the Bend tab."""

from __future__ import annotations

from typing import Any

from bpy.types import Context, Panel

from ...host import activity
from ...process import engine_setup, health, tasks
from ..main import draw_repair, draw_under_way, wrap

ICONS = {"ok": "CHECKMARK", "warning": "ERROR", "problem": "CANCEL"}


def draw_engine(layout: Any) -> None:
    """What is set up, the way to change it, progress, and the last failure."""
    column = layout.column()
    record = engine_setup.installed()
    if record is None:
        column.label(text="The engine isn't installed yet", icon="INFO")
    else:
        able = "sound and pictures" if record.tier == "diffusion" else "sound only"
        text = f"Installed for {able}: Python {record.python}, {record.accelerator}, {record.size / 1e9:.1f} GB"
        column.label(text=text, icon="CHECKMARK")
        if engine_setup.is_outdated(record):
            column.label(text="This version needs different packages: press Set Up Again", icon="INFO")
    row = column.row()
    row.operator("bend.set_up_engine", text="Set Up Again…" if record else "Set Up…", icon="IMPORT")
    if record:
        row.operator("bend.remove_engine", icon="TRASH")
    row.operator("bend.copy_report", icon="COPYDOWN")
    draw_progress(column)
    draw_findings(column)
    if activity.last_failure and activity.last_failure.code.of_setup:
        draw_repair(column, activity.last_failure)


def draw_findings(layout: Any) -> None:
    """What Check Engine has found, each with its repair."""
    if health.running is not None:
        layout.label(text="Checking the engine…", icon="TIME")
    if not health.found:
        return
    box = layout.box().column(align=True)
    for finding in health.found:
        lines = wrap(f"{finding.what} {finding.repair}", 90)
        for index, line in enumerate(lines):
            box.label(text=line, icon="BLANK1" if index else ICONS[finding.state])
        if finding.action:
            box.operator(finding.action)


def draw_progress(layout: Any) -> None:
    """The bar of a set-up or a download under way."""
    current = activity.current
    if isinstance(current, tasks.Working):
        draw_under_way(layout, current)


class BEND_PT_setup(Panel):
    """Progress of the engine's installation or of a model download"""

    bl_idname = "BEND_PT_setup"
    bl_label = "In Progress"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Bend"

    @classmethod
    def poll(cls, context: Context) -> bool:
        return isinstance(activity.current, tasks.Working)

    def draw(self, context: Context) -> None:
        draw_progress(self.layout)


CLASSES = (BEND_PT_setup,)
