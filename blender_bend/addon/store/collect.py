"""Collecting a project: frames and sounds are copied beside the .blend file and named relative to it.

The folder can then be moved to another machine.
"""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import BendError, Code, store_unwritable
from ...core.files.whole import DIGEST, copy_whole, open_regular
from ...core.job.resolve import INPUTS, file_name, vector_path
from ...core.sound.sound_files import looks_like_sound
from ..capture import record
from ..host import changes, preferences, typed
from ..host.slices import Slices
from ..sound import mixdown
from ..timeline import strips
from .frame_use import Tell

SOUNDS = "sounds"
#: How Bend names the pictures that a strip shows; what else a strip may show is not Bend's.
_OWN_NAME = re.compile(rf"{DIGEST.pattern}\.png|not-rendered-\d+x\d+\.png")


@dataclass
class Collected:
    """What was copied.

    Parameters
    ----------
    files : how many files
    bytes : how much
    lost : files that the project names and that are nowhere
    refused : files that it names as sounds and that are none
    """

    files: int = 0
    bytes: int = 0
    lost: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Named:
    """A place in the .blend file that names a sound or a MIDI file."""

    owner: Any
    attribute: str

    @property
    def path(self) -> Path:
        return _absolute(getattr(self.owner, self.attribute))


def _absolute(path: str) -> Path:
    """A path of the .blend file, without ``..`` in it: what is reached through them does not lie beside the file."""
    return Path(os.path.normpath(bpy.path.abspath(path)))


def collect(tell: Tell = lambda done, total: None) -> Slices[Collected]:
    """Copy what the bend strips show and need, then let the file name the copies; nothing is moved or removed.

    The file is changed at the very end and at once: an interruption leaves it as it was.

    Raises
    ------
    BendError(FILE_UNSAVED), BendError(STORE_UNWRITABLE), BendError(STRIP_CHANGED) if another file was opened
    """
    if not bpy.data.filepath:
        raise BendError(
            Code.FILE_UNSAVED, "The .blend file hasn't been saved yet.", "Save it, then collect the project."
        )
    blend = bpy.data.filepath
    beside = Path(blend).parent
    result = Collected()
    sounds: dict[Path, Path] = {}
    done: set[Path] = set()
    # A person goes on meanwhile: what the file names by then is copied too, before it names the copies.
    while copies := _wanted(beside, sounds, done, result):
        for index, (source, target) in enumerate(copies.items()):
            _copy(source, target, result)
            done.add(source)
            tell(index + 1, len(copies))
            yield
            if bpy.data.filepath != blend:
                raise BendError(
                    Code.STRIP_CHANGED,
                    "Another file was opened while the project was being collected.",
                    "Collect it again.",
                )
    _rename(beside, sounds)
    return result


def _wanted(beside: Path, sounds: dict[Path, Path], done: set[Path], result: Collected) -> dict[Path, Path]:
    """What remains to be copied, and where to; the targets of the sounds are added to ``sounds``."""
    result.lost, result.refused = [], []
    for named in _sounds():
        if not named.path.is_file():
            result.lost.append(named.path.name)
        elif not looks_like_sound(named.path):  # whoever made the .blend may have named any file
            result.refused.append(named.path.name)
        elif named.path not in sounds:
            sounds[named.path] = _place(named.path, beside, set(sounds.values()))
    copies = dict(_frames(beside / preferences.BESIDE)) | sounds
    return {source: target for source, target in copies.items() if source != target and source not in done}


def _frames(store: Path) -> Iterator[tuple[Path, Path]]:
    """The pictures of all bend strips that exist, where they are and where they will be."""
    for strip in _bend_strips():
        old = _absolute(strip.directory)
        names = {e.filename: None for e in strip.elements if _OWN_NAME.fullmatch(e.filename)}
        for holder in (strip.bend_settings, *strip.bend_settings.bends):
            digests = record.decode(holder.captured, len(strip.elements)).different()
            names |= {f"{INPUTS}/{file_name(digest)}": None for digest in digests}
        embedded = record.decode(strip.bend_settings.condition.embedded, len(strip.elements)).different()
        names |= {f"{INPUTS}/{vector_path(store, digest).name}": None for digest in embedded}
        yield from ((old / name, store / name) for name in names if _is_own(old / name))


def _is_own(path: Path) -> bool:
    """Whether a file is one that Bend may have made: a picture or a vector, and no link to something else."""
    try:
        with open_regular(path) as file:
            return path.suffix == ".f32" or file.read(8) == b"\x89PNG\r\n\x1a\n"
    except OSError:
        return False


def _bend_strips() -> Iterator[Any]:
    for scene in bpy.data.scenes:
        if scene.library is None:
            yield from strips.bend_strips(scene)


def _sounds() -> Iterator[_Named]:
    """The sounds of all timelines that have a bend strip or play in one, and the MIDI files of the strips."""
    scenes = {scene for strip in _bend_strips() for scene in mixdown.scenes_played(strip.id_data)}
    for strip in (strip for scene in scenes for strip in typed.editor(scene).strips_all):
        played = strip.sound if strip.type == "SOUND" else None
        if played is not None and played.library is None and played.packed_file is None:
            yield _Named(played, "filepath")
    for strip in _bend_strips():
        if strip.bend_settings.midi_file:
            yield _Named(strip.bend_settings, "midi_file")


def _place(source: Path, beside: Path, taken: set[Path]) -> Path:
    """The target of a sound: where it is if that is next to the .blend file, else among the collected sounds."""
    if source.is_relative_to(beside):
        return source
    number = 1
    while True:
        name = source.name if number == 1 else f"{source.stem} {number}{source.suffix}"
        target = beside / SOUNDS / name
        free = not target.exists() or filecmp.cmp(source, target, shallow=False)
        if free and target not in taken:
            return target
        number += 1


def _copy(source: Path, target: Path, result: Collected) -> None:
    try:
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_whole(source, target)
            result.files += 1
            result.bytes += target.stat().st_size
    except OSError as error:
        raise store_unwritable(target.parent, error) from error


def _rename(beside: Path, sounds: dict[Path, Path]) -> None:
    for strip in _bend_strips():
        strip.directory = f"//{preferences.BESIDE}/"
        strip.id_data.bend_beside = True
    for named in _sounds():
        if named.path in sounds:
            setattr(named.owner, named.attribute, bpy.path.relpath(str(sounds[named.path])))
    changes.mark_changed()
