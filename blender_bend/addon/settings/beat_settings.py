"""How the beats of a bend strip are found and corrected, as Blender's properties."""

from __future__ import annotations

from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup

from ...core.sound import beats
from ..timeline.timing import Placement

_SOUND, TEMPO = "SOUND", "TEMPO"
#: Label and tooltip of every source; the name in lower case is core's.
SOURCES = (
    (_SOUND, "Sound", "Detect the beats in the sound"),
    (TEMPO, "Tempo", "Fixed tempo, typed or tapped, starting at the first beat"),
)
#: How many beats become of one.
FACTORS = {"HALF": 0.5, "NORMAL": 1.0, "DOUBLE": 2.0}


class BEND_PG_beats(PropertyGroup):
    """Beat grid of a bend strip"""

    source: EnumProperty(name="Beats From", description="Source of the beats", items=SOURCES, default=_SOUND)
    bpm: FloatProperty(
        name="Tempo",
        description="Beats per minute",
        default=120.0,
        min=beats.SLOWEST,
        max=beats.FASTEST,
        step=100,
        precision=2,
    )
    first: FloatProperty(
        name="First Beat",
        description="Frame of a beat relative to the strip's first frame, so the grid moves with the strip",
        default=0.0,
        precision=2,
        step=100,
    )
    factor: EnumProperty(
        name="Speed",
        description="Correct beats detected at double or half the speed",
        items=(
            ("HALF", "Half", "Keep every second beat"),
            ("NORMAL", "Normal", "No correction"),
            ("DOUBLE", "Double", "Add a beat between each pair"),
        ),
        default="NORMAL",
    )
    shift: FloatProperty(
        name="Shift",
        description="Delay of every beat; negative values move beats earlier",
        default=0.0,
        soft_min=-0.5,
        soft_max=0.5,
        min=-60.0,
        max=60.0,
        step=1,
        precision=3,
        unit="TIME_ABSOLUTE",
    )
    meter: IntProperty(
        name="Meter", description="Number of beats in a bar", default=4, min=1, max=beats.LONGEST_METER, soft_max=8
    )
    one: IntProperty(
        name="First Downbeat",
        description="Beat that starts a bar, counted from the first beat",
        default=0,
        min=0,
        max=10_000,
        soft_max=15,
    )
    every: IntProperty(
        name="Every", description="Insert a keyframe every N beats", default=1, min=1, max=1000, soft_max=16
    )
    every_offset: IntProperty(
        name="Offset", description="Beat of the first keyframe, counted from the start of the bar", default=0, min=0
    )
    marked: StringProperty(description="Markers added by Bend, so that only those are replaced", options={"HIDDEN"})

    @property
    def fixed(self) -> bool:
        """Whether the tempo is fixed, so that nothing need be detected."""
        return self.source == TEMPO

    def settings(self, placed: Placement) -> beats.Settings:
        """As plain data; seconds count from the first frame that can have sound.

        Parameters
        ----------
        placed : where the strip of these settings lies
        """
        return beats.Settings(
            source=(self.source or _SOUND).lower(),
            bpm=self.bpm,
            first=(placed.start + self.first - placed.sound_frames.start) * float(placed.rate.seconds(1)),
            factor=FACTORS.get(self.factor, 1.0),
            shift=self.shift,
            meter=self.meter,
            one=self.one,
        )
