"""Write a contact sheet of the procedural scenes: a row a scene, a column a palette and seed.

.venv/engine/bin/python tools/mini/sheet.py docs/mini/scenes.jpg
.venv/engine/bin/python tools/mini/sheet.py /tmp/sheet.png --scenes fire lava --columns 6 --size 128
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from blender_bend.engine.scenes import MOODS, PALETTES, SCENES, paint

LABEL = 14


def sheet(scenes: list[str], columns: int, size: int, seed: int, moods: bool, palette: str | None) -> Image.Image:
    """All pictures side by side, each row under its label."""
    picture = Image.new("RGB", (columns * size, len(scenes) * (size + LABEL)), "black")
    pen = ImageDraw.Draw(picture)
    names, finishes = list(PALETTES), list(MOODS)
    for row, scene in enumerate(scenes):
        top = row * (size + LABEL)
        pen.text((4, top + 1), SCENES[scene].label, fill="white")
        for column in range(columns):
            colours = palette or names[(list(SCENES).index(scene) * 5 + column * 11 + seed) % len(names)]
            mood = finishes[(row + column) % len(finishes)] if moods else "none"
            pixels = paint(scene, colours, height=size, width=size, seed=seed + column, mood=mood)
            picture.paste(Image.fromarray(np.uint8(pixels * 255 + 0.5)), (column * size, top + LABEL))
    return picture


def main() -> None:
    """Read the command line and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--scenes", nargs="*", default=list(SCENES))
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--moods", action="store_true", help="finish each picture with another mood")
    parser.add_argument("--palette", choices=list(PALETTES), help="one palette for all")
    options = parser.parse_args()
    options.target.parent.mkdir(parents=True, exist_ok=True)
    made = sheet(options.scenes, options.columns, options.size, options.seed, options.moods, options.palette)
    made.save(options.target, quality=82)


if __name__ == "__main__":
    main()
