"""A film of a minute: three looks, one after the other, on a piece of music of SuperTux, by mini.

    apt-get download supertux-data && dpkg -x supertux-data_*.deb FOLDER
    .venv/engine/bin/python docs/films/minute.py FOLDER/usr/share/games/supertux2/music/PIECE.ogg OUT [--every 2]

Renders the frames into OUT, counts their flashes, writes OUT/film.json, which tells which frame is shown when, and the
contact sheet OUT/sheet.webp. Then the film, with sound, by any Python that has Blender:

    .venv/blender-5.2/bin/python docs/films/minute.py --join OUT

The music is by Marek Moeckel, GPL-2+ (Debian's copyright file of supertux-data), so the film is not part of Bend.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "looks"), str(ROOT / "tools" / "demo_parts")]

SECONDS, SIZE, FPS = 60, (448, 256), 24
#: The looks with the second at which they begin: near it, at the strongest onset, the picture changes.
PARTS = (("deep_current", 0.0), ("jellyfish_waltz", 20.0), ("polar_lights", 40.0))
#: So far the strongest onset is looked for, in seconds.
NEAR = 1.5


def main() -> None:
    """Render, or join."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("song", type=Path, nargs="?")
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=float, default=0.0, help="second of the piece at which the film begins")
    parser.add_argument("--every", type=int, default=1, help="2 makes 12 pictures a second, each held for two frames")
    parser.add_argument("--join", action="store_true")
    options = parser.parse_args()
    out = options.out.resolve()
    if options.join:
        join(out)
    else:
        out.mkdir(parents=True, exist_ok=True)
        render(options.song, options.start, options.every, out)


def cut(song: Path, start: float, out: Path) -> Path:
    """The minute as a file, faded in and out a little."""
    import numpy as np
    import soundfile

    samples, rate = soundfile.read(song, dtype="float32", always_2d=True)
    first = round(start * rate)
    samples = samples[first : first + SECONDS * rate]
    time = np.arange(len(samples)) / rate
    fade = np.clip(np.minimum(time / 0.05, (SECONDS - time) / 2.0), 0, 1)
    soundfile.write(out / "song.wav", samples * fade[:, None], rate)
    return out / "song.wav"


def beginnings(song: Path) -> list[int]:
    """The frame at which each look begins: the strongest onset near its time."""
    import make
    import numpy as np

    onsets = make.measure_file(song, make.RATE, ["onset"], frames=SECONDS * FPS)["onset"]
    found = []
    for _, second in PARTS:
        low, high = round((second - NEAR) * FPS), round((second + NEAR) * FPS)
        found.append(low + int(np.argmax(onsets[low:high])) if second else 0)
    return found


def render(song: Path, start: float, every: int, out: Path) -> None:
    """Make what is missing of the frames, and look at them."""
    import make

    song = cut(song, start, out)
    first = beginnings(song)
    store, renderer = make.FrameStore(out), make.Renderer("cpu")
    files: list[str] = []
    for (name, _), begin, end in zip(PARTS, first, [*first[1:], SECONDS * FPS], strict=True):
        preset = make.presets.read(make.presets.FOLDER / f"{name}.json")
        frames = make.frames_of(preset, song, make.STAGES[name], SECONDS)[begin:end:every]
        made = make.pictures(make.job_of(preset, frames, SIZE), store, renderer)
        print(f"{name}: frames {begin} to {end - 1}", flush=True)
        files += [made[(number - begin) // every].name for number in range(begin, end)]
    (out / "film.json").write_text(json.dumps({"files": files, "fps": FPS}), encoding="utf-8")
    print(make.flashes_in([out / name for name in files]))
    sheet([out / name for name in files], song, out / "sheet.webp")


def sheet(files: list[Path], song: Path, out: Path) -> None:
    """A frame a second, ten in a row, each row above its ten seconds of the waveform."""
    import make
    import soundfile

    samples, rate = soundfile.read(song, dtype="float32", always_2d=True)
    rows = []
    for second in range(0, SECONDS, 10):
        part = make.Piece(f"{second} s", out.parent / f"row{second}.wav")
        soundfile.write(part.path, samples[second * rate : (second + 10) * rate], rate)
        rows.append((part, [files[at * FPS] for at in range(second, second + 10)]))
    make.sheet(rows, out)
    for part, _ in rows:
        part.path.unlink()


def join(out: Path) -> None:
    """The frames and the song as one file, by Blender."""
    import timeline

    bpy: Any = timeline.start_blender()
    bpy.ops.wm.read_homefile(use_empty=True)
    scene, film = bpy.context.scene, json.loads((out / "film.json").read_text(encoding="utf-8"))
    scene.render.fps = film["fps"]
    scene.render.resolution_x, scene.render.resolution_y = (side * timeline.ZOOM for side in SIZE)
    scene.view_settings.view_transform = "Standard"
    scene.frame_end = len(film["files"])
    strips = scene.sequence_editor_create().strips
    strips.new_sound("Song", str(out / "song.wav"), 1, 1)
    shown = strips.new_image("Film", str(out / film["files"][0]), 2, 1)
    for name in film["files"][1:]:
        shown.elements.append(name)
    timeline.set_length(shown, scene.frame_end + 1)
    shown.transform.scale_x = shown.transform.scale_y = timeline.ZOOM
    with timeline.sequencer(bpy, scene):
        timeline.render(bpy, scene, out / "minute.mp4")


if __name__ == "__main__":
    main()
