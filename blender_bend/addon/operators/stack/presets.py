"""Presets: added, put in the place of all bends, saved, deleted, dropped onto the sequencer."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Event, FileHandler, Operator, OperatorProperties

from ....core.catalogue.strip import StartsFrom
from ....core.errors import BendError
from ....core.presets import presets
from ...gallery import library, renewing
from ...host import activity, compat, png
from ...host.typed import Result
from ...settings.presets import add_preset, preset_of, replace_by
from ...timeline import strips
from ...timeline.strips import active_bend_strip, polled_bend_strip
from ..shared.polls import OnBend, OnBendStrip


class BEND_OT_add_preset(OnBendStrip, Operator):
    """Add the bends and routes of a preset to this strip; bake afterwards"""

    bl_idname = "bend.add_preset"
    bl_label = "Add Preset"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="File", description="JSON file of the preset", subtype="FILE_PATH")
    replace: BoolProperty(
        name="Replace",
        description="Remove the bends of this strip with their curves first, so that the preset is seen alone",
        default=False,
        options={"SKIP_SAVE"},
    )

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
        (replace_by if self.replace else add_preset)(polled_bend_strip(context), preset)
        activity.redraw()
        self.report({"INFO"}, f"Added {preset.name}; bake to make it follow the sound")
        return {"FINISHED"}


class BEND_OT_save_preset(OnBend, Operator):
    """Save the bends of this strip that are on, with their routes, as a preset. Keyframes are not saved"""

    bl_idname = "bend.save_preset"
    bl_label = "Save Preset"
    bl_options = {"REGISTER"}

    name: StringProperty(name="Name", description="Name of the preset; the one of the same name is replaced")
    summary: StringProperty(name="Description", description="What the preset does to the picture")
    with_source: BoolProperty(
        name="With Source",
        description="Also save what the strip starts from, such as its procedural scene",
        default=False,
    )

    def invoke(self, context: Context, event: Event) -> Result:
        settings = polled_bend_strip(context).bend_settings
        self.name = self.name or settings.bend.title
        self.with_source = settings.source != StartsFrom.NOISE
        return context.window_manager.invoke_props_dialog(self, width=400)

    def execute(self, context: Context) -> Result:
        strip = polled_bend_strip(context)
        try:
            path = library.file_for(self.name)
            preset = preset_of(strip, self.name.strip(), self.summary.strip(), self.with_source)
            library.write(preset, path)
            self._take_picture(context, path)
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        activity.redraw()
        self.report({"INFO"}, f"Saved {preset.name} to My Presets")
        return {"FINISHED"}

    @staticmethod
    def _take_picture(context: Context, path: Path) -> None:
        """The strip's picture under the playhead, if it is made, becomes that of the preset."""
        strip, scene = polled_bend_strip(context), compat.sequencer_scene(context)
        file = strips.shown_file(strip, scene.frame_current)
        if file is not None:
            with suppress(BendError):  # a preset without a picture is one too
                renewing.write_pixels(path.with_suffix(".png"), png.read(file))


class BEND_OT_delete_preset(Operator):
    """Delete a preset of your own, and its picture"""

    bl_idname = "bend.delete_preset"
    bl_label = "Delete Preset"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", description="JSON file of the preset", subtype="FILE_PATH")

    def invoke(self, context: Context, event: Event) -> Result:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: Context) -> Result:
        path = Path(self.filepath)
        if not library.is_own(path):
            self.report({"ERROR"}, "Only presets of your own can be deleted")
            return {"CANCELLED"}
        try:
            path.unlink()
            path.with_suffix(".png").unlink(missing_ok=True)
        except OSError as error:
            self.report({"ERROR"}, str(library.unwritable(path.parent, error)))
            return {"CANCELLED"}
        activity.redraw()
        return {"FINISHED"}


class BEND_FH_preset(FileHandler):
    """A preset that is dropped onto the sequencer is added to the bend strip"""

    bl_idname = "BEND_FH_preset"
    bl_label = "Bend Preset"
    bl_import_operator = "bend.add_preset"
    bl_file_extensions = ".json"

    @classmethod
    def poll_drop(cls, context: Context) -> bool:
        in_sequencer = context.area is not None and context.area.type == "SEQUENCE_EDITOR"
        return in_sequencer and active_bend_strip(context) is not None


CLASSES = (BEND_OT_add_preset, BEND_OT_save_preset, BEND_OT_delete_preset, BEND_FH_preset)
