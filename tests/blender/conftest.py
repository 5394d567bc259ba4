"""A real Blender with the extension enabled from this checkout, and a fresh sequencer for every test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

_RESOURCES = tempfile.mkdtemp(prefix="bend-tests-")
os.environ["BLENDER_USER_RESOURCES"] = _RESOURCES  # before bpy is imported, or it reads the user's own files
os.environ["OMP_NUM_THREADS"] = "1"  # of the engines: more only wait for each other on tensors as small as these

import bpy  # noqa: E402  # isort: skip
import addon_utils  # noqa: E402  # exists only once bpy is imported
import pytest  # noqa: E402
from rooms import ADDON, CORE, Side  # noqa: E402
from sounds import clicks, write_wav  # noqa: E402
from timeline import MODULE, ROOT, sequencer, trim  # noqa: E402


def pytest_configure() -> None:
    extensions = Path(_RESOURCES, "extensions", "user_default")
    extensions.mkdir(parents=True)
    (extensions / "blender_bend").symlink_to(ROOT)
    assert addon_utils.enable(MODULE, default_set=True, persistent=True) is not None


def pytest_unconfigure() -> None:
    addon_utils.disable(MODULE)


@pytest.fixture(scope="session")
def addon() -> Side:
    """The modules of the add-on by name."""
    return ADDON


@pytest.fixture(scope="session")
def core() -> Side:
    """The modules of core as the add-on sees them: their classes are not those of ``blender_bend.core``."""
    return CORE


@pytest.fixture
def store(tmp_path: Path, addon: Side) -> Iterator[Path]:
    """An empty frame store, named in the preferences."""
    preferences = addon.preferences.preferences()
    preferences.frame_folder = str(tmp_path / "frames")
    preferences.engine_python = ""
    preferences.precision, preferences.batch = "float32", 1  # Automatic would be another on another machine
    yield tmp_path / "frames"
    preferences.frame_folder = ""


@pytest.fixture
def scene(store: Path) -> Iterator[bpy.types.Scene]:
    """An empty file's scene with a sequencer, 64 x 64 pixels at 24 fps, as the sequencer scene of the context."""
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.sequence_editor_create()
    scene.render.fps, scene.render.fps_base = 24, 1.0
    scene.render.resolution_x = scene.render.resolution_y = 64
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    with sequencer(scene):
        yield scene


@pytest.fixture
def song_file(tmp_path: Path) -> str:
    """Two seconds of clicks in a file, 48 frames."""
    samples, _ = clicks(2.0, 48000)
    return str(write_wav(tmp_path / "song.wav", samples, 48000))


@pytest.fixture
def song(scene: bpy.types.Scene, tmp_path: Path) -> bpy.types.Strip:
    """Four seconds of clicks on the timeline, frames 1 to 96."""
    samples, _ = clicks(4.0, 48000)
    path = write_wav(tmp_path / "song.wav", samples, 48000)
    return scene.sequence_editor.strips.new_sound("Song", str(path), 1, 1)


@pytest.fixture
def bend_strip(scene: bpy.types.Scene, song: bpy.types.Strip, addon: Side) -> bpy.types.Strip:
    """A small bend strip over the song, as Add Bend Strip makes it, that renders in a blink."""
    assert bpy.ops.bend.add_strip() == {"FINISHED"}
    strip = scene.sequence_editor.active_strip
    settings = strip.bend_settings
    settings.width = settings.height = 64
    settings.steps = 2
    settings.guidance = 1.0
    settings.bends[0].start = 0.0
    return strip


@pytest.fixture
def curve(scene: bpy.types.Scene, addon: Side) -> Callable[[bpy.types.Strip, str], bpy.types.FCurve | None]:
    """The F-curve of a strip's custom property."""

    return addon.strips.find_curve


@pytest.fixture
def short(bend_strip: bpy.types.Strip, curve: Callable[[bpy.types.Strip, str], bpy.types.FCurve]) -> bpy.types.Strip:
    """A baked bend strip of twelve frames, every one different."""
    trim(bend_strip, 1, 13)
    bpy.ops.bend.bake()
    for index, key in enumerate(curve(bend_strip, "Rotate Channels · angle").keyframe_points):
        key.co.y = 0.1 * (index + 1)
    return bend_strip
