"""A film from a song: the scene made ready for it, and a bend strip with a look that moves."""

from __future__ import annotations

import math
import os
from pathlib import Path

import bpy
from bpy.types import ImageStrip, Scene, SoundStrip, Strip

from ...core.presets import presets
from ..host import compat, preferences
from ..settings.presets import add_preset
from ..sound import sound_choice
from ..timeline import strips

#: The sizes at which mini keeps a scene together.
SIZES = ((448, 256), (256, 448), (256, 256))
LOOK = "rising_tide"
#: What Blender gives a new scene.
_FRAMES = (1, 250)
#: Output paths of a scene that nobody has chosen one for.
_UNTOUCHED = {"", "//", "/tmp/", "/tmp\\"}


def shape(scene: Scene) -> tuple[int, int]:
    """Width and height in pixels that come nearest to the shape of a scene's frame."""
    render = scene.render
    wanted = render.resolution_x * render.pixel_aspect_x / (render.resolution_y * render.pixel_aspect_y)
    return min(SIZES, key=lambda size: abs(math.log(size[0] / size[1] / wanted)))


def make(scene: Scene, song: Strip) -> ImageStrip:
    """Put a bend strip over a song, with a look that moves.

    Raises
    ------
    BendError(STORE_UNWRITABLE), BendError(PRESET_INVALID)
    """
    size = shape(scene)
    first, end = compat.left_handle(song), compat.right_handle(song)
    strip = strips.create(scene, "Bend", first, end, size, preferences.frame_folder())
    strip.bend_settings.width, strip.bend_settings.height = size
    sound_choice.add(strip.bend_settings.sounds, song)
    add_preset(strip, presets.read(presets.FOLDER / f"{LOOK}.json"))
    strips.select_only(strip)
    return strip


def prepare(scene: Scene, song: Strip) -> list[str]:
    """Set what a film needs where the scene is still as Blender made it.

    Returns
    -------
    what was set, in words
    """
    done = []
    if (scene.frame_start, scene.frame_end) == _FRAMES:
        scene.frame_start, scene.frame_end = compat.left_handle(song), compat.right_handle(song) - 1
        done.append(f"frames {scene.frame_start}–{scene.frame_end}")
    if scene.sync_mode == "NONE":
        scene.sync_mode = "AUDIO_SYNC"
        done.append("audio sync")
    if scene.view_settings.view_transform == "AgX":
        scene.view_settings.view_transform = "Standard"
        done.append("Standard view")
    if scene.render.image_settings.file_format == "PNG":
        compat.set_film_output(scene)
        done.append("H.264 film with sound")
    if scene.render.filepath in _UNTOUCHED:
        scene.render.filepath = _film_path(song)
        done.append(f"output {Path(scene.render.filepath).name}")
    return done


def _film_path(song: Strip) -> str:
    """Beside the .blend file; beside the song while there is none, if files can be written there."""
    name = f"{Path(song.name).stem}.mp4"
    if bpy.data.filepath:
        return f"//{name}"
    sound = song.sound if isinstance(song, SoundStrip) else None
    folder = Path(bpy.path.abspath(sound.filepath)).parent if sound else Path.home()
    return str((folder if os.access(folder, os.W_OK) else Path.home()) / name)
