"""From a parameter to its curve."""

from __future__ import annotations

from bpy.props import StringProperty
from bpy.types import Context, Operator

from ...host import compat
from ...host.typed import Result
from ...timeline import graph_editor
from ...timeline.strips import find_curve, polled_bend_strip
from ..shared.polls import OnBendStrip


class BEND_OT_show_curve(OnBendStrip, Operator):
    """Show the curve of this parameter in the Graph Editor, which opens in a window of its own if there is none"""

    bl_idname = "bend.show_curve"
    bl_label = "Show in Graph Editor"
    bl_options = {"REGISTER", "UNDO"}

    key: StringProperty(name="Parameter", description="Custom property of the strip. Empty: all that have curves")

    def execute(self, context: Context) -> Result:
        strip, scene = polled_bend_strip(context), compat.sequencer_scene(context)
        keys = [self.key] if self.key else list(strip.keys())
        curves = [curve for key in keys if (curve := find_curve(strip, key)) is not None]
        if not curves:
            self.report({"ERROR"}, "There is no curve yet; bake the parameter, or insert a keyframe")
            return {"CANCELLED"}
        graph_editor.select(scene, curves)
        graph_editor.show(scene)
        return {"FINISHED"}


CLASSES = (BEND_OT_show_curve,)
