"""The demo's timeline in the open window, for the pictures of the documentation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[2]
#: What the file browser shows.
FILMS = Path("/tmp/films")
MODULE = "bl_ext.user_default.blender_bend"
sys.path.insert(0, str(ROOT / "tools" / "demo_parts"))

import timeline  # noqa: E402


def build(
    frames: Path,
    shown: int = 170,
    engine_python: str = "/usr/local/bin/host-python",
    bake: bool = True,
    travel: bool = True,
) -> Any:
    """Build the demo's timeline and bake it.

    Parameters
    ----------
    shown : the frame under the playhead when the picture is taken; Blender draws the first frame before it, from which
        it learns the size of the strip

    Returns
    -------
    the bend strip
    """
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.frame_folder = engine_python, str(frames)
    strip = timeline.build(bpy, ROOT / "demo" / "song.wav", 12.0, (448, 256), 8)
    if not travel:
        strip.bend_settings.travel = "NONE"
        bpy.context.scene.timeline_markers.clear()
    bpy.context.window.workspace.sequencer_scene = bpy.context.scene
    hide_paths()
    if bake:
        run("bake", "EXEC_DEFAULT")
    bpy.app.timers.register(lambda: bpy.context.window_manager.windows[0].scene.frame_set(shown), first_interval=4.0)
    return strip


def hide_paths() -> None:
    """Show no path of this machine: neither on strips, nor in the preview, nor in the file browser."""
    FILMS.mkdir(exist_ok=True)
    for area in bpy.context.window_manager.windows[0].screen.areas:
        space = area.spaces.active
        if area.type == "SEQUENCE_EDITOR":
            space.timeline_overlay.show_strip_source = space.preview_overlay.show_metadata = False
        if area.type == "FILE_BROWSER" and space.params is not None:
            space.params.directory = str(FILMS).encode()


def sequencer() -> Any:
    """The context of the sequencer in the window, in which operators run and strips are made."""
    window = bpy.context.window_manager.windows[0]
    area = next(
        a for a in window.screen.areas if a.type == "SEQUENCE_EDITOR" and a.spaces.active.view_type != "PREVIEW"
    )
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region)


def run(operator: str, mode: str, /, **settings: Any) -> None:
    """Run an operator of Bend as if from the sequencer."""
    with sequencer():
        getattr(bpy.ops.bend, operator)(mode, **settings)


def run_in_turn(*steps: Any) -> None:
    """Do one thing after the other with Blender's own work between them, without which no second mixdown begins."""
    waiting = list(steps)

    def step() -> float | None:
        waiting.pop(0)()
        return 0.2 if waiting else None

    bpy.app.timers.register(step, first_interval=0.1)


def show_curves_alike() -> None:
    """Let the Graph Editor show curves of different units at the same height, without handles."""
    window = bpy.context.window_manager.windows[0]
    for area in (area for area in window.screen.areas if area.type == "GRAPH_EDITOR"):
        area.spaces.active.use_normalization, area.spaces.active.show_handles = True, False
        area.spaces.active.show_region_ui = False
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
            bpy.ops.graph.view_all()
