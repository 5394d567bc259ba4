"""How long Blender's window waits with a long song: adding, baking, planning, keys on beats, a selection, a redraw.

Runs with a Python that has bpy: ``.venv/blender-5.2/bin/python benchmarks/long_song.py [--bends 10]``. Every action is
done at two lengths, in the processor time of the main thread, so that a busy machine disturbs little. Told are what the
whole action takes, its growth with ten times the frames, and its longest slice: how long the window waits at a time.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools" / "demo_parts"), str(ROOT / "tests")]
import importlib  # noqa: E402

from benchmarks.bake import FPS, measured_features, under_way  # noqa: E402

demo = importlib.import_module("tools.demo_parts.timeline")
addon = demo.addon

LENGTHS = (1_440, 14_400)
#: The most that ten times the frames may cost, and that the window may wait, in milliseconds.
GROWTH, SLICE, CLICK = 12.0, 20.0, 30.0
#: What takes less is not compared: a fraction of a millisecond that doubles is noise.
NOISE = 2.0


@dataclass(frozen=True)
class Action:
    """Something that an artist does.

    Parameters
    ----------
    slices : does it; the window goes on at every yield
    limit : milliseconds that a slice may take
    """

    name: str
    slices: Callable[[Any], Iterator[None]]
    limit: float = SLICE
