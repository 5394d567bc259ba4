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
from blender_bend.core.job.job import Job  # noqa: E402
from blender_bend.core.job.resolve import resolve  # noqa: E402
from blender_bend.core.presets import pictures, presets  # noqa: E402
from blender_bend.core.presets.stages import job_bent  # noqa: E402
from blender_bend.core.presets.strength import job_with  # noqa: E402
from blender_bend.engine.rendering.render import Renderer  # noqa: E402
from blender_bend.engine.store.frame_store import FrameStore  # noqa: E402
from blender_bend.engine.store.inputs import StoredInputs  # noqa: E402
from docs.looks import make as looks  # noqa: E402
from docs.sheets import make as sheets  # noqa: E402

QUALITY = 80
#: What is painted where nothing else is said; every operator shows the same, so that they can be compared.
PROMPT = "purple jellyfish"
#: By the file of a preset: what its other pictures show too.
PROMPTS: dict[str, str] = {**sheets.STAGES, **looks.STAGES}


def jobs(names: list[str]) -> Iterator[tuple[Path, Job]]:
    """What is to be rendered, by the file that it goes to."""
    for path in presets.paths():
        if not names or path.stem in names:
            job = sheets.plain_job(PROMPTS.get(path.stem, PROMPT))
            yield pictures.of_preset(path), job_with(job, presets.read(path))
    for operator in catalogue.OPERATORS:
        if not names or operator.name in names:
            yield (
                pictures.of_operator(operator.name),
                job_bent(sheets.plain_job(PROMPTS.get(operator.name, PROMPT)), operator.name),
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
