"""Blender's types for mypy: the stub packages of PyPI under .venv/stubs/, with what they get wrong put right.

Every correction is a line of ``CORRECTIONS``, with its reason. One that finds nothing to correct any more is an error,
so that it goes when a newer stub package no longer needs it. No Python looks for modules in these folders.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import environments

ROOT = environments.ROOT
#: The Blenders, and the Pythons that they run.
PYTHONS = {environment.name.removeprefix("blender-"): environment.python for environment in environments.BLENDERS}

_TYPES = "bpy/types/__init__.pyi"
_OF_KINDS_OF_STRIPS = (
    *("sound", "scene", "scene_input", "scene_camera", "strips", "channels"),
    *("elements", "directory", "filepath", "retiming_keys"),
)


@dataclass(frozen=True)
class Correction:
    """Something that the stubs get wrong, or cannot know.

    Parameters
    ----------
    why : what is so in Blender
    pattern, put : a regular expression, and what stands there instead
    file : in which stub
    blenders : the Blenders whose stubs it is in
    """

    why: str
    pattern: str
    put: str
    file: str = _TYPES
    blenders: tuple[str, ...] = tuple(PYTHONS)


CORRECTIONS = (
    Correction(
        "Blender calls operators, panels and menus with a context, never without one",
        r"\bContext(?: \| None)+",
        "Context",
        blenders=("5.2",),
    ),
    Correction("and with an event", r"\bEvent(?: \| None)+", "Event", blenders=("5.2",)),
    Correction("and with properties", r"None \| OperatorProperties\b", "OperatorProperties", blenders=("5.2",)),
    Correction(
        "what draws has a layout",
        r"(def layout\(self\) -> )[^:]*:",
        r"\1UILayout:",
    ),
    Correction(
        "a context has these, with a window and without one",
        r"(def (?:window_manager|preferences|workspace|scene)\(self\) -> )(?:None \| )?(\w+) \| None(?: \| None)?:",
        r"\1\2:",
    ),
    Correction(
        "what these are of always has them",
        r"(def \w+\(self\) -> )(?:None \| )?"
        r"(StripTransform|ColorManagedViewSettings|ColorManagedInputColorspaceSettings|FFmpegSettings|Driver)"
        r"(?: \| None)+:",
        r"\1\2:",
    ),
    Correction(
        "a list draws its items in a layout",
        r"layout: (?:None \| )?UILayout,\n(.*\n)        item: (?:None \| )?typing\.Any \| None,",
        r"layout: UILayout,\n\1        item: typing.Any,",
    ),
    Correction(
        "color spaces have the names of a configuration",
        r"name: (?:typing\.Literal\[)?bpy\.stub_internal\.rna_enums\.ColorSpaceConvertDefaultItems\]?",
        "name: str",
    ),
    Correction(
        "strips belong to scenes, Bend gives each of them its settings, and what else they have follows from ``type``",
        r"^class Strip\(bpy_struct\):\n",
        "class Strip(bpy_struct):\n"
        "    bend_settings: typing.Any\n"
        "    @property\n    def id_data(self) -> Scene: ...\n"
        + "".join(f"    {name}: typing.Any\n" for name in _OF_KINDS_OF_STRIPS),
    ),
    Correction(
        "Bend's groups of properties belong to scenes",
        r"^class PropertyGroup\(bpy_struct\):\n",
        "class PropertyGroup(bpy_struct):\n    @property\n    def id_data(self) -> Scene: ...\n",
    ),
    Correction(
        "Bend gives the window manager properties",
        r"^class WindowManager\((.*)\):\n",
        r"class WindowManager(\1):\n    bend_show_curve: typing.Any\n    bend_auto_measure: typing.Any\n"
        r"    bend_live: typing.Any\n    bend_show_states: typing.Any\n    bend_gallery: typing.Any\n"
        r"    bend_explorer: typing.Any\n",
    ),
    Correction("and scenes", r"^class Scene\((.*)\):\n", r"class Scene(\1):\n    bend_beside: typing.Any\n"),
    Correction(
        "an override of the context is entered and left",
        r"^class ContextTempOverride:\n",
        "class ContextTempOverride:\n    def __enter__(self) -> object: ...\n"
        "    def __exit__(self, *_: object) -> None: ...\n",
        blenders=("5.2",),
    ),
    Correction(
        "a stack of matrices is entered and left",
        r"(def push_pop\(\)) -> [^:]*:",
        r"\1 -> typing.ContextManager[None]:",
        "gpu/matrix/__init__.pyi",
    ),
    Correction(
        "a viewport is four numbers",
        r"(def viewport_get\(\)) -> None:",
        r"\1 -> tuple[int, int, int, int]:",
        "gpu/state/__init__.pyi",
        ("4.5",),
    ),
    Correction(
        "whether a job is running is told",
        r"(def is_job_running\(.*\)) -> None:",
        r"\1 -> bool:",
        "bpy/app/__init__.pyi",
        ("4.5",),
    ),
    Correction(
        "properties come into being when their class is registered",
        r"^\) -> None:",
        ") -> typing.Any:",
        "bpy/props/__init__.pyi",
        ("4.5",),
    ),
    Correction("pixels are many", r"^    pixels: float$", "    pixels: bpy_prop_array[float]", blenders=("4.5",)),
    Correction(
        "an array holds values",
        r"^class bpy_prop_array\(bpy_prop\):\n",
        "class bpy_prop_array[Value](bpy_prop):\n    def __iter__(self) -> collections.abc.Iterator[Value]: ...\n"
        "    def __len__(self) -> int: ...\n    def __getitem__(self, key: int) -> Value: ...\n",
        blenders=("5.2",),
    ),
    Correction(
        "custom properties are described by an object",
        r"(def id_properties_ui\(\n        self,\n        key: str \| None,\n        /,\n    \) -> )None:",
        r"\1typing.Any:",
    ),
    Correction(
        "what has custom properties is asked for their names",
        r"^class bpy_struct:\n",
        "class bpy_struct:\n    def __contains__(self, key: str) -> bool: ...\n",
    ),
    Correction("the last element can go", r"def pop\(self, index: int \| None\)", "def pop(self, index: int = -1)"),
    Correction(
        "operators take collections as lists of dictionaries",
        r"bpy\.types\.bpy_prop_collection\[\s*bpy\.types\.OperatorFileListElement\s*\]",
        "list[dict[str, str]]",
        "bpy/ops/sequencer/__init__.pyi",
    ),
    Correction(
        "batches take arrays of numpy, and fans",
        r"type: (?:str|typing\.Literal\[[^\]]*\]),\n    content: dict\[[\s\S]*?\n    \],",
        "type: str,\n    content: dict[str, typing.Any],",
        "gpu_extras/batch/__init__.pyi",
    ),
)


def ensure(blender: str) -> Path:
    """The folder with the stubs of a Blender, made if it is not there or not of these corrections.

    Raises
    ------
    SystemExit if pip fails, or a correction is not needed
    """
    folder, pinned = environments.VENV / "stubs" / blender, ROOT / "wheels" / f"stubs-{blender}.txt"
    stamp, state = folder / "made-from", pinned.read_text() + Path(__file__).read_text()
    if stamp.is_file() and stamp.read_text() == state:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    pip = [environments.ENGINE.interpreter, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-q"]
    subprocess.run([*pip, "--no-deps", "--target", folder, "-r", pinned], check=True)
    for package in folder.glob("*-stubs"):
        package.rename(folder / package.name.removesuffix("-stubs"))
    for correction in CORRECTIONS:
        if blender in correction.blenders:
            _correct(folder / correction.file, correction)
    stamp.write_text(state)
    return folder


def _correct(file: Path, correction: Correction) -> None:
    text, count = re.subn(correction.pattern, correction.put, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if not count:
        raise SystemExit(f"{file}: nothing to correct any more: {correction.why}")
    file.write_text(text, encoding="utf-8")
