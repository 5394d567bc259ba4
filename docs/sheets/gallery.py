"""Makes the small pictures of presets and operators that the add-on shows, by mini, into presets/pictures/.

    .venv/engine/bin/python docs/sheets/gallery.py              all of them
    .venv/engine/bin/python docs/sheets/gallery.py dilate zoom  these only
    .venv/engine/bin/python docs/sheets/gallery.py --sheet FILE all that are there on one sheet, to be looked at

Each shows a picture at which what it does can be seen best. Look at them afterwards.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
from PIL import ImageDraw
from PIL.Image import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from blender_bend.core import catalogue  # noqa: E402
from blender_bend.core.job.job import Frame, Job  # noqa: E402
from blender_bend.core.job.resolve import resolve  # noqa: E402
from blender_bend.core.models.references import MINI_PATH, fingerprint  # noqa: E402
from blender_bend.core.presets import pictures, presets  # noqa: E402
from blender_bend.core.presets.stages import job_bent  # noqa: E402
from blender_bend.core.presets.strength import job_with  # noqa: E402
from blender_bend.engine.rendering.render import Renderer  # noqa: E402
from blender_bend.engine.store.frame_store import FrameStore  # noqa: E402
from blender_bend.engine.store.inputs import StoredInputs  # noqa: E402

SIZE, STEPS, GUIDANCE, SEED = (256, 256), 8, 5.0, 3
QUALITY = 80
#: What is painted where nothing else is said; every operator shows the same, so that they can be compared.
PROMPT = "purple jellyfish"


#: By the file of a preset, and by the name of an operator.
PROMPTS: dict[str, str] = {
    "cells_on_loud_kicks": "mountains at sunset",
    "cells_on_the_kick": "mountains at sunset",
    "clockwork_mandala": "golden mandala",
    "color_follows_brightness": "purple jellyfish",
    "color_wheel_on_flux": "mountains at sunset",
    "color_wheel_on_loudness": "purple jellyfish",
    "colors_from_above": "teal ocean waves",
    "colors_of_the_chord": "stained glass",
    "dabs_of_paint": "forest",
    "dabs_off_the_drums": "forest",
    "day_and_night": "forest",
    "deep_current": "underwater",
    "ember_dance": "fire",
    "etched_by_the_cymbals": "teal ocean waves",
    "fireflies_on_the_cymbals": "purple jellyfish",
    "forest_ride": "forest",
    "glass_choir": "stained glass",
    "glow_before_the_swell": "desert",
    "glowing_horizon": "neon city skyline",
    "ground_turns_to_rust": "forest",
    "inkblot_bloom": "purple nebula",
    "jellyfish_waltz": "purple jellyfish",
    "kaleidoscope_on_loudness": "stained glass",
    "lava_lamp": "lava",
    "leap_on_the_one": "purple jellyfish",
    "light_turns_to_color": "teal ocean waves",
    "light_turns_to_texture": "purple jellyfish",
    "light_wanders": "teal ocean waves",
    "mirror_world": "purple nebula",
    "molten_marble": "marble",
    "neon_spiral": "neon spiral",
    "paper_cut": "mountains at sunset",
    "polar_lights": "aurora",
    "prompt_surge": "neon city skyline",
    "ripples_on_the_bass": "teal ocean waves",
    "rising_tide": "teal ocean waves",
    "scanlines_on_the_snare": "neon city skyline",
    "scenes_by_section": "purple nebula",
    "scenes_in_six_planes": "purple nebula",
    "shapes_shift": "purple nebula",
    "six_planes_of_color": "purple jellyfish",
    "sparkle_on_hits": "fire",
    "spotlight_on_the_bass": "teal ocean waves",
    "storm_front": "storm clouds",
    "sunrise_on_the_kick": "desert",
    "tunnel_ride": "tunnel",
    "zoom_on_the_beat": "purple jellyfish",
}


def plain_job(prompt: str) -> Job:
    """One unbent frame by mini."""
    frame = Frame(1, ((prompt, 1.0),), ())
    return Job(str(MINI_PATH), fingerprint(MINI_PATH), SIZE, STEPS, GUIDANCE, SEED, "", (), (frame,))


def jobs(names: list[str]) -> Iterator[tuple[Path, Job]]:
    """What is to be rendered, by the file that it goes to."""
    for path in presets.paths():
        if not names or path.stem in names:
            job = plain_job(PROMPTS.get(path.stem, PROMPT))
            yield pictures.of_preset(path), job_with(job, presets.read(path))
    for operator in catalogue.OPERATORS:
        if not names or operator.name in names:
            yield (
                pictures.of_operator(operator.name),
                job_bent(plain_job(PROMPTS.get(operator.name, PROMPT)), operator.name),
            )


def render(job: Job, renderer: Renderer, folder: Path) -> Image:
    """The picture of a job of one frame."""
    inputs = StoredInputs(FrameStore(folder))
    return renderer.sampler(job, job.bends).render(resolve(job, job.frames[0]), inputs)


def save(picture: Image, path: Path) -> None:
    """Write a small JPEG."""
    side = pictures.SIDE
    path.parent.mkdir(parents=True, exist_ok=True)
    small = picture.convert("RGB").resize((side, side), PIL.Image.Resampling.LANCZOS)
    small.save(path, quality=QUALITY, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes", flush=True)


def sheet(out: Path) -> None:
    """All pictures with their names on one sheet."""
    paths = sorted(pictures.FOLDER.rglob("*.jpg"))
    across, side, label = 12, pictures.SIDE, 16
    drawn = PIL.Image.new("RGB", (across * side, -(-len(paths) // across) * (side + label)), (24, 24, 24))
    draw = ImageDraw.Draw(drawn)
    for index, path in enumerate(paths):
        left, top = index % across * side, index // across * (side + label)
        drawn.paste(PIL.Image.open(path), (left, top + label))
        draw.text((left + 2, top + 2), path.stem[:22], (235, 235, 235))
    drawn.save(out)


def main() -> None:
    """Make the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="presets by file, operators by name")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    if options.sheet:
        sheet(options.sheet)
        return
    renderer = Renderer("cpu")
    with tempfile.TemporaryDirectory() as folder:
        for path, job in jobs(options.names):
            save(render(job, renderer, Path(folder)), path)


if __name__ == "__main__":
    main()
