"""The add-on's preferences as Blender shows them."""

from __future__ import annotations

from bpy.types import AddonPreferences, Context

from ...host import preferences
from ...store import store_size
from ..frames import draw_caches
from .models import draw_models
from .precision import draw_precision
from .setup import draw_engine


class BEND_AP_preferences(preferences.Fields, AddonPreferences):
    """Settings of the engine, the frames and the models"""

    bl_idname = preferences.ROOT_PACKAGE

    def draw(self, context: Context) -> None:
        layout = self.layout
        draw_engine(layout)
        layout.use_property_split = True
        column = layout.column(heading="Engine")
        column.prop(self, "engine_python", placeholder=_default_engine_text())
        column.prop(self, "device")
        draw_precision(column, self)
        column.prop(self, "idle_minutes")
        row = column.row()
        row.operator("bend.check_engine")
        row.operator("bend.show_log", text="Show Log")
        layout.column(heading="Frames").prop(self, "frame_folder", placeholder="next to the .blend file")
        draw_caches(layout.column(), store_size.known(preferences.frame_folder()))
        layout.column(heading="Presets").prop(self, "preset_folder", placeholder="in Blender's user folder")
        sound = layout.column(heading="Sound")
        sound.prop(self, "encodec", placeholder="none: no learned features")
        sound.prop(self, "clap", placeholder="none: only adapters that include an audio encoder")
        layout.label(text="Hugging Face Hub Models")
        draw_models(layout)
        for name, heading, entry in preferences.LISTS:
            column = layout.column()
            column.label(text=heading)
            for index, item in enumerate(getattr(self, name)):
                row = column.row(align=True)
                row.use_property_split = False
                split = row.split(factor=0.3, align=True)
                split.prop(item, "name", text="")
                split.prop(item, "folder", text="")
                remove = row.operator("bend.remove_file", text="", icon="X")
                remove.kind, remove.index = name, index
            column.operator("bend.add_file", text=f"Add {entry}", icon="ADD").kind = name


def _default_engine_text() -> str:
    found = preferences.set_up_python() or preferences.beside_the_extension()
    return str(found) if found else "press Set Up, or choose a Python with torch, diffusers and librosa"


CLASSES = (BEND_AP_preferences,)
