"""Makes the sheets of this folder with mini: sweeps of single operators, and presets at rest, half and full.

    .venv/engine/bin/python docs/sheets/make.py              every sheet
    .venv/engine/bin/python docs/sheets/make.py add presets  these only

Look at them afterwards: what ``README.md`` and ``../presets.md`` say of a picture must still be seen in it.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import PIL.Image
from PIL import ImageDraw, ImageFont
from PIL.Image import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from blender_bend.core.job.job import Frame, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.models.references import MINI_PATH, fingerprint
from blender_bend.core.presets import presets
from blender_bend.core.presets.presets import Preset
from blender_bend.core.presets.strength import job_with
from blender_bend.engine.rendering.explorer import Exploration, explore, thumbnail
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import StoredInputs

FOLDER = Path(__file__).resolve().parent
SIZE, STEPS, GUIDANCE, SEED = (256, 256), 8, 5.0, 3
CELL, QUALITY = 176, 82
EARLY_MIDDLE_LATE = ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0))
STRENGTHS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Sweep:
    """One operator at early, middle and late steps; the columns are ``values`` of its first parameter."""

    operator: str
    prompt: str
    values: tuple[float, ...]
    site: str = "latent"
    parameter: str = ""
    settings: dict[str, str] = field(default_factory=dict)


SWEEPS: dict[str, Sweep] = {
    "rotate_channels": Sweep("rotate_channels", "purple jellyfish", (0.2, 0.4, 0.8, 1.6)),
    "add": Sweep("add", "mountains at sunset", (-0.3, -0.1, 0.1, 0.3)),
    "threshold": Sweep("threshold", "forest", (0.25, 0.5, 1, 1.5)),
    "quantise": Sweep("quantise", "mountains at sunset", (0.5, 1, 1.5, 2)),
    "permute_channels": Sweep("permute_channels", "teal ocean waves", (0.25, 0.5, 0.75, 1), parameter="mix"),
    "kaleidoscope": Sweep("kaleidoscope", "stained glass", (0.25, 0.5, 0.75, 1), parameter="mix"),
    "high_gain": Sweep("high_gain", "teal ocean waves", (0, 0.5, 1.15, 1.3), settings={"cutoff": "0.3"}),
    "phase_shift": Sweep("phase_shift", "teal ocean waves", (0.25, 0.5, 1, 1.5)),
    "add_noise": Sweep("add_noise", "purple jellyfish", (0.2, 0.4, 0.7, 1)),
    "dilate": Sweep("dilate", "mountains at sunset", (0.3, 0.6, 1, 2), "unet:up_blocks.2"),
    "multiply_skips": Sweep("multiply", "neon city skyline", (0, 0.4, 0.7, 1.5), "unet:skips.*"),
    "multiply_guidance": Sweep("multiply", "neon city skyline", (0, 0.5, 1.5, 2.5), "guidance"),
}

#: The prompt on which each preset of one bend is shown; ``../looks/make.py`` shows the others.
STAGES: dict[str, str] = {
    "cells_on_loud_kicks": "mountains at sunset",
    "cells_on_the_kick": "mountains at sunset",
    "color_follows_brightness": "purple jellyfish",
    "color_wheel_on_flux": "mountains at sunset",
    "color_wheel_on_loudness": "purple jellyfish",
    "colors_from_above": "teal ocean waves",
    "colors_of_the_chord": "stained glass",
    "dabs_of_paint": "forest",
    "dabs_off_the_drums": "forest",
    "day_and_night": "forest",
    "etched_by_the_cymbals": "teal ocean waves",
    "fireflies_on_the_cymbals": "purple jellyfish",
    "glow_before_the_swell": "desert",
    "glowing_horizon": "neon city skyline",
    "ground_turns_to_rust": "forest",
    "kaleidoscope_on_loudness": "stained glass",
    "lava_lamp": "lava",
    "leap_on_the_one": "purple jellyfish",
    "light_turns_to_color": "teal ocean waves",
    "light_turns_to_texture": "purple jellyfish",
    "light_wanders": "teal ocean waves",
    "mirror_world": "purple nebula",
    "paper_cut": "mountains at sunset",
    "prompt_surge": "neon city skyline",
    "ripples_on_the_bass": "teal ocean waves",
    "scanlines_on_the_snare": "neon city skyline",
    "scenes_by_section": "purple nebula",
    "scenes_in_six_planes": "purple nebula",
    "shapes_shift": "purple nebula",
    "six_planes_of_color": "purple jellyfish",
    "sparkle_on_hits": "fire",
    "spotlight_on_the_bass": "teal ocean waves",
    "sunrise_on_the_kick": "desert",
    "zoom_on_the_beat": "purple jellyfish",
}


def plain_job(prompt: str) -> Job:
    """One unbent frame by mini."""
    frame = Frame(1, ((prompt, 1.0),), ())
    return Job(str(MINI_PATH), fingerprint(MINI_PATH), SIZE, STEPS, GUIDANCE, SEED, "", (), (frame,))


def make_sweep(name: str, sweep: Sweep, renderer: Renderer) -> None:
    """Write one sweep as ``<name>.jpg``."""
    wanted = Exploration(
        sweep.operator, (sweep.site,), EARLY_MIDDLE_LATE, sweep.values, sweep.parameter, sweep.settings
    )
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "sheet.png"
        explore(plain_job(sweep.prompt), wanted, renderer, sheet, cell=CELL)
        save(PIL.Image.open(sheet), name)


def preset_pictures(preset: Preset, prompt: str, renderer: Renderer) -> list[Image]:
    """A preset at each of ``STRENGTHS``."""
    job = plain_job(prompt)
    shown = [job_with(job, preset, strength) for strength in STRENGTHS]
    job = replace(shown[0], frames=tuple(replace(one.frames[0], number=n) for n, one in enumerate(shown)))
    resolved = [resolve(job, frame) for frame in job.frames]
    pictures: dict[str, Image] = {}
    wanted = {frame_key(data): data for data in resolved}
    with tempfile.TemporaryDirectory() as folder:
        inputs = StoredInputs(FrameStore(Path(folder)))
        renderer.sampler(job, job.bends).render_all(wanted, pictures.__setitem__, inputs)
    return [pictures[frame_key(data)] for data in resolved]


def make_presets(renderer: Renderer) -> None:
    """Write ``presets.jpg``: a strip of three pictures for each preset, in two columns."""
    side, gap, label, across = 112, 6, 24, 2
    paths = [path for path in presets.paths() if path.stem in STAGES]
    width = len(STRENGTHS) * (side + gap) + 3 * gap
    sheet = PIL.Image.new("RGB", (across * width, -(-len(paths) // across) * (side + label) + gap), (24, 24, 24))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for index, path in enumerate(paths):
        preset = presets.read(path)
        left, top = index % across * width + 2 * gap, index // across * (side + label)
        draw.text((left, top + 3), preset.name, (235, 235, 235), font)
        for column, picture in enumerate(preset_pictures(preset, STAGES[path.stem], renderer)):
            sheet.paste(thumbnail(picture, side), (left + column * (side + gap), top + label))
    save(sheet, "presets")


def save(picture: Image, name: str) -> None:
    """Write a sheet as JPEG."""
    path = FOLDER / f"{name}.jpg"
    picture.save(path, quality=QUALITY, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KB")


def main(names: list[str]) -> None:
    """Make the named sheets, or all."""
    renderer = Renderer("cpu")
    for name in names or [*SWEEPS, "presets"]:
        if name == "presets":
            make_presets(renderer)
        else:
            make_sweep(name, SWEEPS[name], renderer)


if __name__ == "__main__":
    main(sys.argv[1:])
