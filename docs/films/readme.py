"""The moving picture at the top of the README: the demo's film above its music and the curves that bend it.

.venv/engine/bin/python docs/films/readme.py     after python3 tools/demo.py; writes docs/images/film.webp
"""

from __future__ import annotations

import json
import sys
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools" / "demo_parts")]

import contact  # noqa: E402
import timeline  # noqa: E402

from blender_bend.core.catalogue import operator  # noqa: E402
from blender_bend.core.sound import features  # noqa: E402

OUT = ROOT / "docs" / "images" / "film.webp"
LARGEST = 3_000_000
#: Every how many frames of the film one is shown, and how well it is kept.
EVERY, QUALITY = 2, 70
#: The lanes are drawn in twice their size, as the contact sheet draws them.
SCALE, GAP = 2, 6
#: The width of the lanes' names.
NAMES = 136


def lanes(data: dict, width: int) -> Image.Image:
    """The waveform and the curves over the whole film, right of their names."""
    samples, rate = soundfile.read(data["sound"], dtype="float32", always_2d=True)
    wave = samples.mean(axis=1) / max(float(np.abs(samples).max()), 1e-9)
    span = contact.Span(0.0, len(data["frames"]) / data["fps"], NAMES * SCALE, width * SCALE)
    heights = [contact.WAVE, *[contact.CURVE] * len(data["curves"])]
    drawn = Image.new("RGB", (width * SCALE, sum(heights) + GAP * (len(heights) + 1)), contact.BACKGROUND)
    top = GAP
    contact.draw_lane(drawn, span, top, contact.WAVE)
    contact.draw_waveform(drawn, wave, rate, span, top)
    name(drawn, top + contact.WAVE / 2, "The song", "", contact.WAVEFORM)
    for bend, values, color in zip(timeline.BENDS, data["curves"].values(), cycle(contact.PALETTE), strict=False):
        top += heights.pop(0) + GAP
        contact.draw_lane(drawn, span, top, contact.CURVE)
        contact.draw_curve(drawn, np.asarray(values, dtype=float), data["fps"], span, top, color)
        name(drawn, top + contact.CURVE / 2, *route(bend), color)
    return drawn.resize((width, drawn.height // SCALE), Image.Resampling.LANCZOS)


def route(bend: tuple) -> tuple[str, str]:
    """What drives a bend of the demo, and what it drives, in the words of the interface."""
    return features.parse(bend[5]).label(), f"bends: {operator(bend[1]).label}"


def name(drawn: Image.Image, middle: float, feature: str, bent: str, color: contact.Colour) -> None:
    """What a lane shows, and below it what that drives."""
    draw = ImageDraw.Draw(drawn)
    draw.text((16, middle - (14 if bent else 0)), feature, font=contact.font(24), fill=color, anchor="lm")
    draw.text((16, middle + 15), bent, font=contact.font(21), fill=contact.QUIET, anchor="lm")


def at(picture: Image.Image, below: Image.Image, share: float) -> Image.Image:
    """A frame of the moving picture: what the film and the playhead show at a share of the film."""
    shown = Image.new("RGB", (picture.width, picture.height + below.height), contact.BACKGROUND)
    shown.paste(picture, (0, 0))
    now = NAMES + round(share * (below.width - NAMES - 1))
    ahead = below.crop((now, 0, *below.size))
    shown.paste(below, (0, picture.height))
    shown.paste(Image.blend(ahead, Image.new("RGB", ahead.size, contact.BACKGROUND), 0.6), (now, picture.height))
    ImageDraw.Draw(shown).line((now, picture.height, now, shown.height), fill=contact.TEXT)
    return shown


def main() -> None:
    """Write the moving picture.

    Raises
    ------
    SystemExit if the demo's film is missing, or if it comes out too large for a README
    """
    specification = ROOT / "demo" / "contact.json"
    if not specification.is_file():
        sys.exit("The demo's film is missing: python3 tools/demo.py")
    data = json.loads(specification.read_text(encoding="utf-8"))
    pictures = [Image.open(frame).convert("RGB") for frame in data["frames"]]
    below = lanes(data, pictures[0].width)
    shown = [at(pictures[frame], below, frame / len(pictures)) for frame in range(0, len(pictures), EVERY)]
    pause = round(1000 * EVERY / data["fps"])
    # Frames that are kept as differences to others (kmax above 1) show blocks of those where little moves.
    kept = {"quality": QUALITY, "kmax": 1, "method": 6}
    shown[0].save(OUT, save_all=True, append_images=shown[1:], duration=pause, loop=0, **kept)
    size = OUT.stat().st_size
    print(f"{OUT.relative_to(ROOT)}  {len(shown)} frames of {shown[0].size}, {size / 1e6:.1f} MB")
    if size > LARGEST:
        sys.exit(f"It must stay below {LARGEST / 1e6:.0f} MB.")


if __name__ == "__main__":
    main()
