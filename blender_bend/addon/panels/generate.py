"""What is ready, what is to be rendered, and the button."""

from __future__ import annotations

from bpy.types import Context, Panel

from ...core.wording import counted
from ..frames import status
from ..host import activity, reading
from ..process import tasks
from ..timeline.strips import polled_bend_strip
from .main import BendPanel, draw_repair, draw_under_way, wrap
from .preferences.precision import draw_notices


class BEND_PT_generate(BendPanel, Panel):
    """Render the strip's frames"""

    bl_idname = "BEND_PT_generate"
    bl_label = "Generate"

    def draw(self, context: Context) -> None:
        layout = self.layout
        strip = polled_bend_strip(context)
        current = activity.current
        known = status.shown
        if known and (known.scene, known.strip) != (strip.id_data.name, strip.name):
            known = None
        if known and known.problem and not activity.last_failure:
            draw_repair(layout, known.problem)
        elif known:
            column = layout.column(align=True)
            for line in counts(known):
                column.label(text=line)
        read = reading.current()
        if read and current is None:
            layout.progress(factor=read.fraction, type="BAR", text=read.text)
        if known and known.outdated:
            box = layout.box().column(align=True)
            for index, line in enumerate(wrap(f"{known.outdated}.")):
                box.label(text=line, icon="BLANK1" if index else "INFO")
            box.operator("bend.capture", text="Capture Again", icon="IMAGE_REFERENCE")
        if known:
            draw_notices(layout, known)
        row = layout.row(align=True)
        row.scale_y = 1.5
        row.operator("bend.generate", icon="RENDER_ANIMATION")
        row.operator("bend.preview_frame", icon="RENDER_STILL")
        if current and not isinstance(current, tasks.Working):  # those have a panel of their own
            draw_under_way(layout, current)
        if activity.last_failure:
            draw_repair(layout, activity.last_failure)
            layout.operator("bend.dismiss", icon="X")


def counts(known: status.Status) -> list[str]:
    """What is ready and what the rest costs, in lines that fit the sidebar."""
    if known.waiting:
        return ["Frames are counted after the model", "has been read once"]
    elsewhere = ["Generate also searches the strip's", "previous frame folder"] if known.elsewhere else []
    if not known.missing:
        return [f"{counted(known.frames, 'frame')}, all ready", *elsewhere]
    seconds = activity.seconds_per_state
    estimate = f", about {activity.clock(seconds * known.states)}" if seconds else ""
    # In a chain, frames before those that are shown may be needed as well.
    ready = max(known.frames - known.missing, 0)
    return [
        f"{counted(known.frames, 'frame')}: {ready:,} ready",
        f"{known.missing:,} to render in {counted(known.states, 'step')}{estimate}",
        *elsewhere,
    ]


CLASSES = (BEND_PT_generate,)
