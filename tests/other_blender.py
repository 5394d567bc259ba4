"""A Blender of its own, as another process: the real add-on, a short bend strip, and a story for it to live through."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from timeline import ROOT

_BEGINNING = """
import importlib, os, pathlib, sys, tempfile, time
resources = tempfile.mkdtemp(dir={home!r})
os.environ["BLENDER_USER_RESOURCES"] = resources
sys.path.append({tests!r})
import bpy, addon_utils
from timeline import MODULE, sequencer
folder = pathlib.Path(resources, "extensions", "user_default")
folder.mkdir(parents=True)
(folder / "blender_bend").symlink_to({root!r})
addon_utils.enable(MODULE, default_set=True)

def module(name):
    return importlib.import_module(f"{{MODULE}}.blender_bend.addon.{{name}}")

engine_client, generate = module("process.engine_client"), module("frames.generate")
preferences = module("host.preferences")

def say(*words):
    print("said", *words, flush=True)

def start_engine():
    say("engine", engine_client.client().process.pid)

def film(frames):
    scene = bpy.context.scene
    scene.sequence_editor_create()
    with sequencer(scene):
        bpy.ops.bend.add_strip()
    strip = scene.sequence_editor.active_strip
    settings = strip.bend_settings
    settings.width = settings.height = 64
    settings.steps, settings.guidance, settings.bends[0].start = 2, 1.0, 0.0
    for frame in range(1, frames + 1):
        strip["Rotate Channels · angle"] = 0.1 * frame
        strip.keyframe_insert('["Rotate Channels · angle"]', frame=frame)
    return scene, strip

def render(scene, strip, store, frames):
    preferences.preferences().frame_folder = store
    preferences.preferences().precision, preferences.preferences().batch = "float32", 1  # not by measuring
    generate.fill_store(scene, strip, range(1, frames + 1), lambda work: say("frame", work.done))
    say("done")
"""


class Blender:
    """Another Blender.

    Parameters
    ----------
    home : a folder for its user files
    story : what it does, in Python; it may call what is defined above
    """

    def __init__(self, home: Path, story: str) -> None:
        script = _BEGINNING.format(home=str(home), tests=str(ROOT / "tests"), root=str(ROOT)) + story
        self.process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)

    def read(self) -> list[str]:
        """The next words it says; empty at its end."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("said "):
                return line.split()[1:]
        return []

    def read_until(self, word: str) -> list[str]:
        """The words that begin with a certain one; what comes before is passed over."""
        while (words := self.read()) and words[0] != word:
            pass
        assert words, f"it ended before it said {word}"
        return words

    def kill(self) -> None:
        """As the system does it, without a chance to say goodbye."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
