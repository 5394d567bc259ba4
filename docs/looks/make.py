"""Makes the sheets of ``../looks.md``: every look on several sounds, its frames above the waveform, by mini.

    .venv/engine/bin/python docs/looks/make.py STORE NAME=SOUND@START ... [--only LOOK ...] [--flashes]

A look is a preset of several bends. Its curves are measured and shaped as a bake does, at 24 frames a second. Every
sound gives ``SECONDS`` from its start on. With ``--flashes`` the first ``DENSE`` frames of each sound are rendered
instead, and their flashes are counted. Look at the sheets afterwards.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import PIL.Image
import soundfile
from PIL import ImageDraw, ImageFont, ImageOps

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from blender_bend.core import catalogue  # noqa: E402
from blender_bend.core.curves.routes import Route  # noqa: E402
from blender_bend.core.job.job import Frame, Job  # noqa: E402
from blender_bend.core.job.resolve import file_name, trace  # noqa: E402
from blender_bend.core.models.references import MINI_PATH, fingerprint  # noqa: E402
from blender_bend.core.pictures.flashes import Flashes  # noqa: E402
from blender_bend.core.presets import presets  # noqa: E402
from blender_bend.core.presets.presets import Preset, PresetBend, PresetStrip  # noqa: E402
from blender_bend.core.timebase import FrameRate  # noqa: E402
from blender_bend.engine.analysis import measure_file  # noqa: E402
from blender_bend.engine.rendering.render import Renderer  # noqa: E402
from blender_bend.engine.store.frame_store import FrameStore  # noqa: E402

RATE = FrameRate.parse("24")
SECONDS = 6
#: The first frames of a sound, in which flashes are counted.
DENSE = 48
#: The side of the pictures of a sheet, and of those in which flashes are counted: they need no detail.
LARGE, SMALL = 256, 128
#: Of a sound, every how many frames one is shown.
EVERY = 24
SIDE, WAVE, GAP = 104, 30, 4
#: The prompt on which each look is shown.
STAGES: dict[str, str] = {
    "rising_tide": "teal ocean waves",
    "forest_ride": "forest",
    "ember_dance": "fire",
    "neon_spiral": "neon spiral",
    "deep_current": "underwater",
    "glass_choir": "stained glass",
    "polar_lights": "aurora",
    "tunnel_ride": "tunnel",
    "inkblot_bloom": "purple nebula",
    "clockwork_mandala": "golden mandala",
    "molten_marble": "marble",
    "storm_front": "storm clouds",
    "jellyfish_waltz": "purple jellyfish",
}


@dataclass(frozen=True)
class Piece:
    """A few seconds of a sound, as a file of their own."""

    name: str
    path: Path


def piece(text: str, folder: Path) -> Piece:
    """Cut ``NAME=SOUND@START`` out of its sound."""
    name, _, rest = text.partition("=")
    file, _, start = rest.rpartition("@")
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    begin = round(float(start) * rate)
    path = folder / f"{name}.wav"
    soundfile.write(path, samples[begin : begin + SECONDS * rate], rate)
    return Piece(name, path)


def frames_of(preset: Preset, sound: Path, prompt: str, seconds: int = SECONDS) -> list[Frame]:
    """The frames of a look on a sound: every parameter at its value, or where its route leads it."""
    count = seconds * int(RATE.value)
    routes = [route for part in _parts(preset) for route in part.routes.values()]
    measured = measure_file(sound, RATE, sorted({name for route in routes for name in route.asked()}), frames=count)
    bends = [
        _track(part, catalogue.animated_parameters(part.bend.operator, part.bend.region), measured, count)
        for part in preset.bends
    ]
    strip = preset.strip or PresetStrip("noise", {}, {})
    own = _track(strip, catalogue.strip.BY_SOURCE[strip.source], measured, count)
    if "scene_time" in own:
        own["scene_time"] = own["scene_time"] + np.arange(count) / float(RATE.value)
    return [
        Frame(
            number,
            ((prompt, 1.0),),
            tuple({name: float(values[number]) for name, values in track.items()} for track in bends),
            strip={name: float(values[number]) for name, values in own.items()},
        )
        for number in range(count)
    ]


def _parts(preset: Preset) -> list[PresetBend | PresetStrip]:
    return [*preset.bends, *([preset.strip] if preset.strip else [])]


def _track(
    part: PresetBend | PresetStrip,
    parameters: tuple[catalogue.Parameter, ...],
    measured: dict[str, np.ndarray],
    count: int,
) -> dict[str, np.ndarray]:
    """The values of every parameter, frame by frame."""

    def values(parameter: catalogue.Parameter) -> np.ndarray:
        route: Route | None = part.routes.get(parameter.name)
        if route is None:
            return np.full(count, part.values.get(parameter.name, parameter.default))
        return np.clip(route.shape(measured, RATE), parameter.minimum, parameter.maximum)

    return {parameter.name: values(parameter) for parameter in parameters}


def job_of(preset: Preset, frames: list[Frame], size: tuple[int, int]) -> Job:
    """The job of a look."""
    strip = preset.strip or PresetStrip("noise", {}, {})
    painted = {name: value for name in ("scene", "palette") if (value := getattr(strip, name))}
    bends = tuple(part.bend for part in preset.bends)
    return Job(
        str(MINI_PATH), fingerprint(MINI_PATH), size, 8, 5.0, 3, "", bends, tuple(frames), source=strip.source,
        **painted,
    )  # fmt: skip


def pictures(job: Job, store: FrameStore, renderer: Renderer) -> list[Path]:
    """Render what is missing; the files, frame by frame."""
    renderer.render(job, store)
    return [store.folder / file_name(traced.key) for traced in trace(job)]


def sheet(rows: list[tuple[Piece, list[Path]]], out: Path) -> None:
    """Lay out the frames of each sound above its waveform."""
    columns = len(rows[0][1])
    width = columns * (SIDE + GAP) + GAP
    drawn = PIL.Image.new("RGB", (width, len(rows) * (SIDE + WAVE + 2 * GAP) + GAP), (16, 17, 23))
    draw, top = ImageDraw.Draw(drawn), GAP
    for sound, files in rows:
        for column, file in enumerate(files):
            with PIL.Image.open(file) as picture:
                small = ImageOps.fit(picture.convert("RGB"), (SIDE, SIDE), PIL.Image.Resampling.LANCZOS)
            drawn.paste(small, (GAP + column * (SIDE + GAP), top))
        samples, _ = soundfile.read(sound.path, dtype="float32", always_2d=True)
        wave = np.array_split(np.abs(samples.mean(axis=1)), width - 2 * GAP)
        peaks = np.array([part.max() for part in wave])
        middle = top + SIDE + GAP + WAVE // 2
        for x, peak in enumerate(peaks / max(peaks.max(), 1e-9)):
            half = round(float(peak) * WAVE / 2)
            draw.line((GAP + x, middle - half, GAP + x, middle + half), (110, 122, 165))
        font = ImageFont.load_default(12)
        draw.text((GAP + 4, top + 3), sound.name, (240, 240, 240), font, stroke_width=1, stroke_fill=(0, 0, 0))
        top += SIDE + WAVE + 2 * GAP
    drawn.save(out, quality=70, method=6)
    print(f"{out.name}: {out.stat().st_size // 1024} kB", flush=True)


def main() -> None:
    """Make the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("sounds", nargs="+")
    parser.add_argument("--only", nargs="*", default=list(STAGES))
    parser.add_argument("--flashes", action="store_true")
    options = parser.parse_args()
    options.store.mkdir(parents=True, exist_ok=True)
    pieces = [piece(text, options.store) for text in options.sounds]
    store, renderer = FrameStore(options.store), Renderer("cpu")
    for name in options.only:
        preset = presets.read(presets.FOLDER / f"{name}.json")
        rows = []
        for sound in pieces:
            frames = frames_of(preset, sound.path, STAGES[name])
            wanted, side = (frames[:DENSE], SMALL) if options.flashes else (frames[::EVERY], LARGE)
            files = pictures(job_of(preset, wanted, (side, side)), store, renderer)
            rows.append((sound, files))
            if options.flashes:
                print(f"{name:20} {sound.name:12} {flashes_in(files)}", flush=True)
        if not options.flashes:
            sheet(rows, ROOT / "docs" / "images" / f"look_{name}.webp")


def flashes_in(files: list[Path]) -> str:
    """How often it flashes in the worst second, and how much the picture changes from frame to frame."""
    shown = [np.asarray(PIL.Image.open(file).convert("RGB")) for file in files]
    found = Flashes(RATE, (shown[0].shape[1], shown[0].shape[0]))
    for number, pixels in enumerate(shown):
        found.add(number, pixels)
    changes = [float(np.abs(a.astype(float) - b).mean()) for a, b in pairwise(shown)]
    most = ", ".join(f"{kind} {count:g}" for kind, count in found.most.items())
    return f"{most}; change mean {np.mean(changes):.1f} max {max(changes):.1f} of 255"


if __name__ == "__main__":
    main()
