"""A film in which the scene follows the sounds on the timeline: rain, then thunder, then fire; nobody writes a prompt.

python3 docs/films/sounds.py [OUT_FOLDER]

Writes the sounds, sounds.mp4, sounds.blend and the contact sheet to the folder (``demo/sounds`` by default).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools"), str(ROOT / "tools" / "demo_parts")]

#: What sounds, from which second on, until when, and which of its kind.
SOUNDS = (("rain", 0.0, 4.5, 3), ("thunder", 3.5, 8.5, 12), ("fire", 7.5, 12.0, 5))
SECONDS = 12.0
FADE = 1.0
SIZE = 256


def main() -> int:
    """Set up, make the film in Blender, lay out the contact sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", default=ROOT / "demo" / "sounds")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="shorter, for a trial")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    out = options.out.resolve()
    if options.inside:
        film(out, options.seconds)
        return 0
    import environments

    engine, blender = environments.ensure(environments.ENGINE), environments.available_blenders()[-1].interpreter
    out.mkdir(parents=True, exist_ok=True)
    parts = ["--seconds", str(options.seconds), "--inside"]
    for command in (
        [blender, Path(__file__), out, *parts],
        [engine, ROOT / "tools" / "demo_parts" / "contact.py", out / "contact.json"],
    ):
        done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    print(f"{out / 'sounds.mp4'}, {out / 'contact.png'}")
    return 0


def write_sounds(folder: Path) -> list[tuple[str, float, Path]]:
    """The sounds as files, faded in and out so that one leads over to the next.

    Returns
    -------
    name, second at which it begins, file
    """
    import numpy as np
    from mini.sounds import RATE, sound
    from synthesis import SAMPLE_RATE, write

    written = []
    for name, start, end, seed in SOUNDS:
        made = sound(name, seed, end - start).astype(float)
        made *= 0.5 / np.abs(made).max()
        time = np.arange(len(made)) / RATE
        made *= np.clip(np.minimum(time, end - start - time) / FADE, 0, 1) ** 0.5
        places = np.arange(round(len(made) * SAMPLE_RATE / RATE)) * RATE / SAMPLE_RATE
        samples = np.interp(places, np.arange(len(made)), made)
        write(folder / f"{name}.wav", np.stack([samples, samples]), np.random.default_rng(0))
        written.append((name, start, folder / f"{name}.wav"))
    return written


def film(out: Path, seconds: float) -> None:
    """Everything that happens inside Blender."""
    import timeline

    bpy = timeline.start_blender()
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    with timeline.sequencer(bpy, scene):
        name = compose(bpy, scene, write_sounds(out), seconds).name
        print("Embedding and rendering", flush=True)
        timeline.generate(scene, scene.sequence_editor.strips_all[name])
    print("Rendering the film", flush=True)
    timeline.render(bpy, scene, out / "sounds.mp4")
    strip = scene.sequence_editor.strips_all[name]
    directory = Path(bpy.path.abspath(strip.directory))
    describe(out, [str(directory / element.filename) for element in list(strip.elements)[: scene.frame_end]], seconds)
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "sounds.blend"))


def compose(bpy: Any, scene: Any, sounds: list[tuple[str, float, Path]], seconds: float) -> Any:
    """Put the sounds on the timeline, and above them a bend strip that is conditioned on them.

    Returns
    -------
    the bend strip
    """
    import timeline

    scene.name = "Film"
    scene.render.fps = timeline.FPS
    scene.render.resolution_x = scene.render.resolution_y = SIZE * timeline.ZOOM
    scene.view_settings.view_transform = "Standard"
    scene.sequence_editor_create()
    scene.frame_end = round(seconds * timeline.FPS)
    for channel, (name, start, path) in enumerate(sounds, 1):
        place = 1 + round(start * timeline.FPS)
        scene.sequence_editor.strips.new_sound(name.title(), str(path), channel, place).show_waveform = True
    bpy.ops.bend.add_strip(operator="multiply")
    strip = scene.sequence_editor.active_strip
    timeline.set_length(strip, scene.frame_end + 1)
    settings = strip.bend_settings
    while settings.bends:
        bpy.ops.bend.remove_bend()
    settings.width = settings.height = SIZE
    settings.prompt, settings.steps, settings.seed, settings.guidance = "", 8, 7, 5.0
    settings.walk_amount, settings.walk_turns = 0.35, 1.0
    condition = settings.condition
    condition.enabled, condition.adapters = True, "mini"
    condition.length, condition.step, condition.blended = 2.0, 0.25, True
    return strip


def describe(out: Path, frames: list[str], seconds: float) -> None:
    """Write down what the contact sheet shows: the frames, and how loud each of the sounds is."""
    import timeline

    curves: dict[str, Any] = {}
    for name, start, end, _ in SOUNDS:
        middle = [(number + 0.5) / timeline.FPS for number in range(len(frames))]
        curves[name.title()] = [max(0.0, min(1.0, (t - start) / FADE, (end - t) / FADE)) for t in middle]
    mix = mixed(out, seconds)
    specification = {
        "frames": frames,
        "fps": timeline.FPS,
        "sound": str(mix),
        "curves": curves,
        "out": str(out / "contact.png"),
    }
    (out / "contact.json").write_text(json.dumps(specification), encoding="utf-8")


def mixed(out: Path, seconds: float) -> Path:
    """All sounds in one file, for the waveform of the contact sheet."""
    import wave

    import numpy as np
    from synthesis import SAMPLE_RATE, write

    track = np.zeros((2, round(seconds * SAMPLE_RATE)))
    for name, start, _, _ in SOUNDS:
        with wave.open(str(out / f"{name}.wav")) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T / 32768
        first = round(start * SAMPLE_RATE)
        samples = samples[:, : max(0, track.shape[1] - first)]
        track[:, first : first + samples.shape[1]] += samples
    write(out / "mix.wav", np.clip(track, -1, 1), np.random.default_rng(0))
    return out / "mix.wav"


if __name__ == "__main__":
    sys.exit(main())
