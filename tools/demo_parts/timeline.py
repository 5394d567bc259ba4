"""The main job in a headless Blender: song on the timeline, three bends on three features, bake, generate, render.

Runs with a Python that has bpy: ``python tools/demo_parts/timeline.py SONG.wav OUT_FOLDER [--seconds 12]``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODULE = "bl_ext.user_default.blender_bend"
FPS = 24
ZOOM = 2

#: The prompts with the share of the film at which they are reached, after the sections of the song.
PROMPTS = (
    (0.00, "mountains at sunset"),
    (0.12, "mountains at sunset"),
    (0.20, "teal ocean waves"),
    (0.40, "teal ocean waves"),
    (0.50, "a jellyfish, deep blue, glowing"),
    (0.72, "a jellyfish, deep blue, glowing"),
    (0.80, "a burning forest fire, red and orange"),
    (1.00, "a burning forest fire, red and orange"),
)

#: Name, operator, site, step window, parameter, feature, from, to, attack, release. A range that begins below the
#: parameter's limit works as a gate: what is weak does nothing.
BENDS: tuple[tuple[str, str, str, tuple[float, float], str, str, float, float, float, float], ...] = (
    ("Color", "rotate_channels", "latent", (0.3, 0.7), "angle", "centroid", -0.5, 0.7, 0.08, 0.3),
    ("Kick", "dilate", "unet:up_blocks.2", (0.0, 1.0), "radius", "low", -0.6, 0.9, 0.0, 0.06),
    ("Sparkle", "add_noise", "noise", (0.0, 1.0), "amount", "onset", -0.4, 1.0, 0.0, 0.15),
)


def start_blender() -> Any:
    """Import bpy with an empty set of user files and enable the extension from this checkout."""
    resources = tempfile.mkdtemp(prefix="bend-demo-")
    os.environ["BLENDER_USER_RESOURCES"] = resources
    import bpy  # reads the variable above  # isort: skip
    import addon_utils  # exists only once bpy is imported

    extensions = Path(resources, "extensions", "user_default")
    extensions.mkdir(parents=True)
    (extensions / "blender_bend").symlink_to(ROOT, target_is_directory=True)
    if addon_utils.enable(MODULE, default_set=True) is None:
        sys.exit("Blender could not enable the extension.")
    return bpy


def build(bpy: Any, song: Path, seconds: float, size: tuple[int, int], steps: int) -> Any:
    """Put the song on the timeline and a bend strip with its bends and routes above it.

    Returns
    -------
    the bend strip
    """
    scene = bpy.context.scene
    scene.name = "Film"
    scene.render.fps = FPS
    scene.render.resolution_x, scene.render.resolution_y = size[0] * ZOOM, size[1] * ZOOM
    scene.view_settings.view_transform = "Standard"
    scene.sequence_editor_create()
    scene.frame_end = round(seconds * FPS)
    sound = scene.sequence_editor.strips.new_sound("Song", str(song), 1, 1)
    sound.show_waveform = True
    with sequencer(bpy, scene):
        bpy.ops.bend.add_strip(operator=BENDS[0][1])
        strip = scene.sequence_editor.active_strip
        set_length(strip, scene.frame_end + 1)
        set_length(sound, scene.frame_end + 1)
        for bend in BENDS[1:]:
            bpy.ops.bend.add_bend(operator=bend[1], site=bend[2])
    settings = strip.bend_settings
    settings.width, settings.height = size
    settings.steps, settings.seed, settings.guidance = steps, 3, 5.0
    settings.walk_amount, settings.walk_turns = 0.35, 1.0
    settings.travel = "MARKERS"
    for share, prompt in PROMPTS:
        scene.timeline_markers.new(f"prompt: {prompt}", frame=1 + round(share * (scene.frame_end - 1)))
    for bend, (name, _, site, window, parameter, feature, low, high, attack, release) in zip(
        settings.bends, BENDS, strict=True
    ):
        bend.name, bend.site, (bend.start, bend.end) = name, site, window
        route = bend.parameters[parameter]
        route.feature, route.low, route.high, route.attack, route.release = feature, low, high, attack, release
    return strip


def set_length(strip: Any, end: int) -> None:
    """Let a strip end before a frame."""
    setattr(strip, "right_handle" if "right_handle" in strip.bl_rna.properties else "frame_final_end", end)


def sequencer(bpy: Any, scene: Any) -> Any:
    """The context in which a scene's sequencer is edited."""
    has_choice = hasattr(bpy.context, "sequencer_scene")
    return bpy.context.temp_override(scene=scene, sequencer_scene=scene) if has_choice else nullcontext()


def addon(name: str) -> Any:
    """A module of the enabled add-on."""
    return importlib.import_module(f"{MODULE}.blender_bend.addon.{name}")


def generate(scene: Any, strip: Any) -> None:
    """Make the frames, telling the progress."""

    def tell(work: Any) -> None:
        if work.done and (work.done % 24 == 0 or work.done == work.total):
            print(f"  frame {work.done} of {work.total}", flush=True)

    addon("frames.generate").fill_store(scene, strip, progress=tell)


def render(bpy: Any, scene: Any, film: Path) -> None:
    """Render the film with Blender's sequencer."""
    addon("host.compat").set_film_output(scene)
    scene.render.ffmpeg.audio_bitrate = 192
    scene.render.ffmpeg.constant_rate_factor = "HIGH"
    scene.render.filepath = str(film)
    bpy.ops.render.render(animation=True, scene=scene.name)


def describe(bpy: Any, scene: Any, strip: Any, song: Path, out: Path) -> None:
    """Write down what the contact sheet shows: the frames and the baked curves."""
    directory = Path(bpy.path.abspath(strip.directory))
    curves = {}
    for bend in strip.bend_settings.bends:
        for parameter in (item for item in bend.parameters if item.routed):
            curve = addon("timeline.strips").find_curve(strip, parameter.key)
            curves[parameter.key] = [curve.evaluate(frame) for frame in range(1, scene.frame_end + 1)]
    frames = [str(directory / element.filename) for element in list(strip.elements)[: scene.frame_end]]
    specification = {
        "frames": frames,
        "fps": FPS,
        "sound": str(song),
        "curves": curves,
        "out": str(out / "contact.png"),
    }
    (out / "contact.json").write_text(json.dumps(specification))


def main() -> None:
    """Make the film."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--size", type=int, nargs=2, default=(448, 256))
    parser.add_argument("--steps", type=int, default=8)
    options = parser.parse_args()
    out = options.out.resolve()
    bpy = start_blender()
    bpy.ops.wm.read_homefile(use_empty=True)
    print(f"Blender {bpy.app.version_string}: building the timeline", flush=True)
    strip = build(bpy, options.song.resolve(), options.seconds, tuple(options.size), options.steps)
    scene = bpy.data.scenes["Film"]
    name = strip.name
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "demo.blend"))
    with sequencer(bpy, scene):
        print("Baking the song into curves", flush=True)
        bpy.ops.bend.bake()
        print("Generating the frames", flush=True)
        generate(scene, scene.sequence_editor.strips_all[name])
    print("Rendering the film", flush=True)
    render(bpy, scene, out / "demo.mp4")
    describe(bpy, scene, scene.sequence_editor.strips_all[name], options.song.resolve(), out)
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "demo.blend"))


if __name__ == "__main__":
    main()
