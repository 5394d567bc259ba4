"""Write docs/features.md: every feature of the table with its unit, range and source."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_bend.core.sound import features  # noqa: E402
from blender_bend.core.sound.feature_table import MIDI, Feature  # noqa: E402

PAGE = ROOT / "docs" / "features.md"

_HEAD = """# Features

What Bend can measure from a sound: one number per video frame, at the frame where it happens, at any frame rate. The
**range** is the usual one, or the possible one if it is bounded. The name is the spelling used in presets and on the
command line. *(This page is written by `tools/features_page.py` from the table of features.)*

- `name` is one number per frame: `rms`. If there are several of a kind, a number follows: `chroma:1` is C, `mel:40` the
  highest of 40 bands. Custom bands are given in Hz: `band:200-800`.
- `harmonic/name` and `percussive/name` measure only that part of the sound. The parts are separated once and cached.
- `left/name`, `right/name`, `mid/name` and `side/name` measure only that channel, optionally followed by a part:
  `side/percussive/onset`. Without a channel the energy of all channels is measured, so nothing cancels out.
- `times:beats`, `times:bars`, `times:onsets` and `times:sections` are moments, in seconds from the start.
- Steady noise (hiss, wind, surf) starts once and has no onsets after that. Sounds within it have, where they rise out
  of it.

```
.venv/engine/bin/python -m blender_bend.engine measure song.wav --fps 24 --features rms,chroma,side/percussive/onset \\
    --out song.npz
```
"""

#: What follows the table of a family.
_NOTES = {
    MIDI: """
Standard MIDI files of type 0 and 1 are read, also inside RIFF (`.rmi`). Of a file of type 2, whose patterns have no
common time, the one pattern that plays is read; with several it is refused. Only notes, controllers, the pitch wheel
and tempo count: odd meta events, unknown chunks and wrong track counts do no harm. A track that breaks off is refused.
"""
}
_EXACTLY = """
## At the Edges

A sound is read to its end, whatever length its header claims, and so are MP3, Ogg and Opus files that were joined end
to end. It is silent if it never rises above -84 dB, two steps of a 16-bit file. A hit in its first milliseconds is one
like all others; where a sound is cut within a note, its beginning counts at most as much as its strongest hit, and its
end is no hit. What resampling or a codec lets ring up to 1.5 ms ahead of a hit belongs to the hit's frame. The papers'
features, pitch and EnCodec follow one wave: the mean of the channels, or the loudest channel where that cancels out.
In Blender a mono sound is 3 dB softer on each of two channels, as it plays.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for family, rows in groupby(features.FEATURES, key=lambda feature: feature.family):
        parts.append(f"\n## {family}\n\n| feature | name | range | what it follows | source |\n|---|---|---|---|---|\n")
        parts += [*map(_row, rows), _NOTES.get(family, "")]
    for title, choices in (("Parts", features.PARTS), ("Channels", features.CHANNELS)):
        parts.append(f"\n## {title}\n\n")
        parts += [
            f"- **{label}** (`{name}/`): {summary[0].lower()}{summary[1:]}\n" for name, label, summary in choices[1:]
        ]
    parts.append(_EXACTLY)
    return "".join(parts)


def _row(feature: Feature) -> str:
    spelling = f"`{feature.name}`"
    if feature.which:
        spelling = f"`{feature.name}:{feature.first}` … `:{feature.first + feature.which - 1}`"
    elif feature.hertz:
        spelling = f"`{feature.name}:LOW-HIGH`"
    unit = "" if feature.unit in {"number", "0 to 1", "-1 to 1"} else f" {feature.unit}"
    return (
        f"| {feature.label} | {spelling} | {feature.low:g} … {feature.high:g}{unit} | {feature.summary} "
        f"| {feature.source} |\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
