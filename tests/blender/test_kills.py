"""Blender killed at any moment: no engine stays behind, and the next Blender makes what is missing, byte for byte."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from other_blender import Blender
from processes import SECONDS, gone

ALL = os.environ.get("BEND_TEST_ALL") == "1"
KILLS = int(os.environ.get("BEND_TEST_BLENDER_KILLS", 20 if ALL else 3))
FRAMES = 12

STORY = """
scene, strip = film({frames})
start_engine()
render(scene, strip, {store!r}, {frames})
"""


def contents(folder: Path) -> dict[str, bytes]:
    """The frames of a store."""
    return {path.name: path.read_bytes() for path in folder.glob("*.png") if len(path.stem) == 64}


def blender(home: Path, store: Path) -> Blender:
    return Blender(home, STORY.format(frames=FRAMES, store=str(store)))


def test_killed_at_random_moments_it_leaves_no_engine_and_right_frames(tmp_path):
    chance = random.Random(3)
    undisturbed, store = tmp_path / "undisturbed", tmp_path / "frames"
    first = blender(tmp_path, undisturbed)
    first.read_until("done")
    assert first.process.wait(SECONDS) == 0
    wanted = contents(undisturbed)
    assert len(wanted) == FRAMES
    for number in range(KILLS):
        if len(contents(store)) > FRAMES - 3:
            for path in store.glob("*.png"):
                path.unlink()
        victim = blender(tmp_path, store)
        engine = int(victim.read_until("engine")[1])
        # The first is killed while its engine is loading, the others anywhere.
        for _ in range(chance.randrange(6) if number else 0):
            victim.read()
        time.sleep(chance.uniform(0.0, 0.5))
        victim.kill()
        assert gone(engine)
        assert contents(store).items() <= wanted.items()
    last = blender(tmp_path, store)
    last.read_until("done")
    assert last.process.wait(SECONDS) == 0
    assert contents(store) == wanted
    assert not list(store.glob(".*")), "the beginnings of frames are cleared away"


def test_two_blenders_at_once_have_engines_and_logs_of_their_own(tmp_path):
    others = [blender(tmp_path, tmp_path / "frames") for _ in range(2)]
    engines = {other.read_until("engine")[1] for other in others}
    for other in others:
        other.read_until("done")
        assert other.process.wait(SECONDS) == 0
    assert len(engines) == 2
    assert all(gone(int(engine)) for engine in engines)
    assert len(contents(tmp_path / "frames")) == FRAMES


@pytest.mark.parametrize("story", ["start_engine()\nbpy.ops.wm.quit_blender()", "start_engine()\nsys.exit(0)"])
def test_a_blender_that_ends_takes_its_engine_along(story, tmp_path):
    other = Blender(tmp_path, story)
    engine = int(other.read_until("engine")[1])
    other.process.wait(SECONDS)
    assert gone(engine)
