"""The demo, smaller: a song on the timeline becomes a bent film that plays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bpy
import pytest
from timeline import ROOT

ENGINE_PYTHON = ROOT / ".venv" / "engine" / "bin" / "python"
PARTS = ROOT / "tools" / "demo_parts"
SECONDS = 2


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The demo's folder, after a run with small pictures of few steps."""
    folder = tmp_path_factory.mktemp("demo")
    small = ["--seconds", str(SECONDS), "--size", "64", "64", "--steps", "2"]
    for command in (
        [ENGINE_PYTHON, PARTS / "music.py", folder / "song.wav"],
        [sys.executable, PARTS / "timeline.py", folder / "song.wav", folder, *small],
        [ENGINE_PYTHON, PARTS / "contact.py", folder / "contact.json"],
    ):
        subprocess.run([str(part) for part in command], check=True, cwd=ROOT, capture_output=True)
    return folder


def test_the_film_plays_with_picture_and_the_music_of_equal_length(demo):
    command = [ENGINE_PYTHON, ROOT / "tests" / "probe_film.py", demo / "demo.mp4", demo / "song.wav"]
    film = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert film["codecs"] == {"video": "h264", "audio": "aac"}
    assert film["pictures"] == SECONDS * 24
    assert film["seconds"]["video"] == pytest.approx(SECONDS, abs=0.001)
    assert film["seconds"]["audio"] == pytest.approx(SECONDS, abs=0.03)
    assert film["correlation"] > 0.95


def test_the_curves_of_three_features_move_and_differ(demo):
    curves = json.loads((demo / "contact.json").read_text())["curves"]
    assert len(curves) == 3
    assert all(max(values) - min(values) > 0.1 for values in curves.values())
    assert len({tuple(values) for values in curves.values()}) == 3


def test_every_frame_of_the_film_is_in_the_store(demo):
    frames = json.loads((demo / "contact.json").read_text())["frames"]
    assert len(frames) == SECONDS * 24
    assert all(Path(frame).is_file() and len(Path(frame).stem) == 64 for frame in frames)


def test_the_contact_sheet_is_a_picture(demo):
    image = bpy.data.images.load(str(demo / "contact.png"))
    assert image.size[0] > 1000 and image.size[1] > 500


def test_the_blend_file_opens_with_everything_in_place(demo, addon):
    bpy.ops.wm.open_mainfile(filepath=str(demo / "demo.blend"))
    strip = next(addon.strips.bend_strips(bpy.data.scenes["Film"]))
    assert [bend.name for bend in strip.bend_settings.bends] == ["Color", "Kick", "Sparkle"]
    assert strip.directory.startswith("//")
