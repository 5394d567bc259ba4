"""Beat tools: markers, keys on beats, and the grid corrected by hand."""

from __future__ import annotations

import time
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty
from bpy.types import Context, Event, ImageStrip, Operator, Scene

from ...core.errors import BendError
from ...core.wording import counted
from ..host import activity, compat
from ..host.typed import Result
from ..measuring import beat_tools, measured
from ..timeline.strips import polled_bend_strip
from .measuring import WatchingMeasuring
from .shared.polls import OnBendStrip, OnIdleBendStrip


class BEND_OT_mark_beats(OnIdleBendStrip, WatchingMeasuring, Operator):
    """Add timeline markers at the beats, bars or sections of the song, keeping your own markers"""

    bl_idname = "bend.mark_beats"
    bl_label = "Mark Beats"
    bl_options = {"REGISTER", "UNDO"}

    kind: EnumProperty(
        name="At",
        description="What to mark",
        items=(
            (beat_tools.BEATS, "Beats", "Every beat: beat 3.2 is the second beat of bar 3"),
            (beat_tools.BARS, "Bars", "The first beat of every bar"),
            (beat_tools.SECTIONS, "Sections", "The start of each part of the song"),
        ),
        default=beat_tools.BARS,
    )

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context) if self._must_measure(context) else self.execute(context)

    def execute(self, context: Context) -> Result:
        try:
            if self._must_measure(context):
                self.measuring(context).finish()
            self._place(context)
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _wanted(self) -> list[str]:
        return [measured.SECTIONS if self.kind == beat_tools.SECTIONS else measured.BEATS]

    def _must_measure(self, context: Context) -> bool:
        strip = polled_bend_strip(context)
        if self.kind != beat_tools.SECTIONS and strip.bend_settings.beats.fixed:
            return False
        return not measured.fresh(compat.sequencer_scene(context), strip, self._wanted())

    def measuring(self, context: Context) -> measured.Measuring:
        return measured.Measuring(compat.sequencer_scene(context), polled_bend_strip(context), self._wanted())

    def _place(self, context: Context) -> None:
        scene = compat.sequencer_scene(context)
        count = beat_tools.place_markers(scene, polled_bend_strip(context), self.kind)
        self.report({"INFO"}, f"{counted(count, 'marker')} at {self.kind.lower()}")

    def finish(self) -> None:
        self.work.finish()
        self._place(bpy.context)


class Beats(OnBendStrip):
    """A mixin for operators that are done in an instant and may find that there are no beats."""

    def work(self, context: Context, scene: Scene, strip: ImageStrip) -> str:
        """Do it, and say what was done; the operator provides it."""
        raise NotImplementedError

    def execute(self, context: Context) -> Result:
        try:
            text = self.work(context, compat.sequencer_scene(context), polled_bend_strip(context))
        except BendError as error:
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, text)
        activity.redraw_timelines()
        return {"FINISHED"}


class BEND_OT_remove_markers(Beats, Operator):
    """Remove all markers that are named like Bend's beats, bars, sections and flashes"""

    bl_idname = "bend.remove_markers"
    bl_label = "Remove Bend Markers"
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context: Context, scene: Any, strip: Any) -> str:
        return f"{counted(beat_tools.remove_markers(scene), 'marker')} removed"


class BEND_OT_snap_keys(Beats, Operator):
    """Move the selected keyframes of this strip to the nearest beats, with their handles"""

    bl_idname = "bend.snap_keys"
    bl_label = "Snap Keys to Beats"
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context: Context, scene: Any, strip: Any) -> str:
        return f"{counted(beat_tools.snap_keys(scene, strip), 'key')} moved"


class BEND_OT_key_beats(Beats, Operator):
    """Insert a keyframe every N beats with the curve's current value; baking keeps them"""

    bl_idname = "bend.key_beats"
    bl_label = "Key on Beats"
    bl_options = {"REGISTER", "UNDO"}

    every: IntProperty(
        name="Every", description="Insert a keyframe every N beats", default=1, min=1, max=1000, soft_max=16
    )
    offset: IntProperty(
        name="Offset", description="Beat of the first keyframe, counted from the start of the bar", default=0, min=0
    )
    all_curves: BoolProperty(
        name="All Curves",
        description="Insert keyframes on all curves of the strip instead of the one in the Route panel",
    )

    def invoke(self, context: Context, event: Event) -> Result:
        beats = polled_bend_strip(context).bend_settings.beats
        self.every, self.offset = beats.every, beats.every_offset
        return self.execute(context)

    def work(self, context: Context, scene: Any, strip: Any) -> str:
        holder = strip.bend_settings.routed_holder
        active = holder.active_route() if holder else None
        keys = [active[0].key] if active else []
        if self.all_curves:
            keys = [parameter.key for parameter, _ in strip.bend_settings.routed()]
        return f"{counted(beat_tools.key_beats(scene, strip, keys, self.every, self.offset), 'key')} set"


class BEND_OT_tap_tempo(Beats, Operator):
    """Tap in time with the music to set the tempo and, during playback, the beats"""

    bl_idname = "bend.tap_tempo"
    bl_label = "Tap Tempo"
    bl_options = {"REGISTER", "UNDO_GROUPED"}
    bl_undo_group = "Tap Tempo"

    def work(self, context: Context, scene: Any, strip: Any) -> str:
        beat_tools.taps.tap(time.monotonic(), scene.frame_current_final)
        bpm = beat_tools.taps.apply(strip)
        return f"{bpm:.1f} BPM" if bpm else "Keep tapping"


class BEND_OT_beat_here(Beats, Operator):
    """Correct the beat grid at the playhead: move the nearest beat there, or start a bar with it"""

    bl_idname = "bend.beat_here"
    bl_label = "Move Beat Here"
    bl_options = {"REGISTER", "UNDO"}

    bar: BoolProperty(name="Bar", description="Start a bar at the nearest beat without moving it")

    @classmethod
    def description(cls, context: Context, properties: Any) -> str:
        if properties.bar:
            return "Start a bar at the beat nearest to the playhead"
        return "Shift the beat grid so that the nearest beat is at the playhead"

    def work(self, context: Context, scene: Any, strip: Any) -> str:
        beat_tools.beat_here(scene, strip, scene.frame_current_final, self.bar)
        return "A bar starts at the nearest beat" if self.bar else "Moved the nearest beat to the playhead"


CLASSES = (
    BEND_OT_mark_beats,
    BEND_OT_remove_markers,
    BEND_OT_snap_keys,
    BEND_OT_key_beats,
    BEND_OT_tap_tempo,
    BEND_OT_beat_here,
)
