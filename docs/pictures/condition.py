"""The Sound Condition panel, opened, beside the film of rain, thunder and fire."""

import importlib
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import common

sys.path.insert(0, str(common.ROOT / "docs" / "films"))
import sounds as film

folder = common.ROOT / "demo" / "sounds"
preferences = bpy.context.preferences.addons[common.MODULE].preferences
preferences.engine_python, preferences.frame_folder = "/usr/local/bin/host-python", str(folder / "frames")

panels = importlib.import_module(f"{common.MODULE}.blender_bend.addon.panels").CLASSES
for panel in reversed(panels):
    bpy.utils.unregister_class(panel)
for panel in panels:  # which of them are open is decided when they are registered
    if getattr(panel, "bl_idname", "") in {"BEND_PT_condition", "BEND_PT_bends"}:
        panel.bl_options = {"DEFAULT_CLOSED"} if panel.bl_idname == "BEND_PT_bends" else set()
    bpy.utils.register_class(panel)

common.hide_paths()
scene = bpy.context.window.scene
bpy.context.window.workspace.sequencer_scene = scene
sounds = [(name, start, folder / f"{name}.wav") for name, start, _, _ in film.SOUNDS]


def compose():
    with common.sequencer():
        film.compose(bpy, scene, sounds, film.SECONDS)


common.run_in_turn(compose, lambda: scene.frame_set(230), lambda: common.run("preview_frame", "INVOKE_DEFAULT"))
