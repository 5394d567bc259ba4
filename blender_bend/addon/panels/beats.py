"""The beats of a song: where they are, and what is done with them."""

from __future__ import annotations

from bpy.types import Context, Panel, UILayout

from ...core.errors import BendError
from ..measuring import beat_tools, measured
from ..settings.beat_settings import BEND_PG_beats
from ..timeline.strips import polled_bend_strip
from ..timeline.timing import Placement
from .main import BendPanel


class BEND_PT_beats(BendPanel, Panel):
    """Beat grid, markers, and keyframes on beats"""

    bl_idname = "BEND_PT_beats"
    bl_label = "Beats"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        layout = self.layout
        strip = polled_bend_strip(context)
        beats = strip.bend_settings.beats
        _draw_grid(layout, beats)
        try:
            grid = measured.grid(strip, Placement.of(strip))
        except BendError as error:  # a file can hold values that can't be set here
            layout.label(text=error.message, icon="ERROR")
            return
        if grid is None:
            column = layout.column(align=True)
            column.label(text="Not measured yet", icon="INFO")
            column.operator("bend.measure", icon="SOUND")
        else:
            layout.label(text=_found(grid, beats), icon="CHECKMARK" if len(grid.times) else "INFO")
        layout.prop(context.window_manager, "bend_auto_measure")
        column = layout.column(align=True)
        row = column.row(align=True)
        for kind in (beat_tools.BEATS, beat_tools.BARS, beat_tools.SECTIONS):
            row.operator("bend.mark_beats", text=f"Mark {kind.title()}").kind = kind
        column.operator("bend.remove_markers")
        column = layout.column(align=True)
        row = column.row(align=True)
        row.prop(beats, "every")
        row.prop(beats, "every_offset")
        column.operator("bend.key_beats", icon="KEY_HLT")
        column.operator("bend.snap_keys", icon="SNAP_ON")


def _draw_grid(layout: UILayout, beats: BEND_PG_beats) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.row().prop(beats, "source", expand=True)
    if beats.fixed:
        row = column.row(align=True)
        row.prop(beats, "bpm")
        row.operator("bend.tap_tempo", text="Tap", icon="EVENT_SPACEKEY")
        column.prop(beats, "first")
    column.row().prop(beats, "factor", expand=True)
    column.prop(beats, "shift")
    column.prop(beats, "meter")
    column.prop(beats, "one")
    row = column.row(align=True)
    row.operator("bend.beat_here", text="Move Beat Here").bar = False
    row.operator("bend.beat_here", text="Start Bar Here").bar = True


def _found(grid: measured.Grid, beats: BEND_PG_beats) -> str:
    if len(grid.times) < 2:
        return "No beats found: set or tap a tempo"
    seconds = (grid.times[-1] - grid.times[0]) / (len(grid.times) - 1)
    return f"{len(grid.times)} beats, about {60 / seconds:.1f} BPM"


CLASSES = (BEND_PT_beats,)
