"""Which files of the frame store this .blend file uses, and the removal of the others.

Used is what any strip of any scene shows, whether Bend made the strip or not, what the bend strips would show after
Generate, and the captured pictures that they start from. The file cannot see what other .blend files use. Vectors of
sound are small and stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.types import Scene

from ...core.errors import BendError, store_unwritable
from ...core.job.job import Job
from ...core.job.resolve import INPUTS, file_name, trace
from ...core.job.store_files import SOUND, kind_of, tallies
from ...core.resources import ways
from ...core.resources.ways import way_of
from ...core.wording import counted
from ..capture import record
from ..film import snapshot
from ..host import activity, named_files, preferences, reading
from ..host.slices import Slices
from ..timeline import strips

#: Files that are looked at, or keys that are computed, without a pause.
SLICE = 200

#: Told how many files are done, of how many.
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Parameters
    ----------
    blend : the .blend file that was open
    unused : paths within the store, with their sizes in bytes
    used : how many files are used
    """

    blend: str
    store: Path
    unused: dict[str, int]
    used: int

    @property
    def size(self) -> int:
        """Bytes that become free."""
        return sum(self.unused.values())

    def words(self) -> str:
        """What is unused, each kind on its own: '5 frames, 24 captured pictures'."""
        return ", ".join(tally.words() for tally in tallies(self.unused.items())) or counted(0, "file")

    def holds(self) -> bool:
        """Whether the same file is open with the same store."""
        return self.blend == bpy.data.filepath and self.store == preferences.frame_folder()


found: Found | None = None


def search(tell: Tell = lambda done, total: None) -> Slices[Found]:
    """Find the files of the store that nothing in this .blend file uses."""
    global found
    store = preferences.frame_folder()
    used = yield from _used(store)
    unused: dict[str, int] = {}
    present = 0
    for index, (name, size) in enumerate(_files(store)):
        present += 1
        if name not in used:
            unused[name] = size
        if index % SLICE == SLICE - 1:
            tell(index, 0)
            yield
    found = Found(bpy.data.filepath, store, unused, present - len(unused))
    return found


def remove(announced: Found, tell: Tell = lambda done, total: None) -> Slices[Found]:
    """Take away what a search has announced, except for what has come into use since.

    Returns
    -------
    what was removed

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    now = yield from search()
    unused = {
        name: size for name, size in announced.unused.items() if name in now.unused and now.store == announced.store
    }
    for index, name in enumerate(unused):
        try:
            (announced.store / name).unlink(missing_ok=True)
        except OSError as error:
            raise store_unwritable(announced.store, error) from error
        if index % SLICE == SLICE - 1:
            tell(index + 1, len(unused))
            yield
    yield from search()
    return Found(announced.blend, announced.store, unused, now.used)


def _files(store: Path) -> Iterator[tuple[str, int]]:
    """The files of a store that Bend has made and may take away, by their paths within it, with their sizes."""
    for folder, prefix in ((store, ""), (store / INPUTS, f"{INPUTS}/")):
        if folder.is_dir():
            for file in folder.iterdir():
                if kind_of(prefix + file.name) not in ("", SOUND):
                    yield prefix + file.name, file.lstat().st_size


def _used(store: Path) -> Slices[set[str]]:
    used = set(_shown(store))
    yield
    for scene_name, strip_name in [
        (scene.name, s.name) for scene in bpy.data.scenes for s in strips.bend_strips(scene)
    ]:
        strip = strips.find(scene_name, strip_name)
        if strip is None:
            continue
        holders = (strip.bend_settings, *strip.bend_settings.bends)
        count = len(strip.elements)
        pictures = {digest for holder in holders for digest in record.decode(holder.captured, count).different()}
        used |= {f"{INPUTS}/{file_name(digest)}" for digest in pictures}
        used |= yield from planned(bpy.data.scenes[scene_name], strip_name)
    return used


def planned(scene: Scene, strip_name: str) -> Slices[set[str]]:
    """The frames that a strip shows after Generate; none for a strip that can't be generated."""
    scene_name, names = scene.name, set[str]()
    try:
        made = strips.called(scene_name, strip_name).bend_settings.made
        job = yield from reading.once_read(lambda: _job(scene_name, strip_name), activity.say)
        for way in {way_of(job), *ways.read(made)}:
            for index, traced in enumerate(trace(way.of(job))):
                names.add(file_name(traced.key))
                if index % SLICE == SLICE - 1:
                    yield
    except BendError:
        return set()  # what its elements show is used all the same
    return names


def _job(scene_name: str, strip_name: str) -> Slices[Job]:
    strip = strips.called(scene_name, strip_name)
    return snapshot.take_in_slices(strip.id_data, strip, strips.element_range(strip))


def _shown(store: Path) -> Iterator[str]:
    """The files of the store that strips and images of this .blend file point at."""
    own = store.resolve()
    for scene in bpy.data.scenes:
        for strip in scene.sequence_editor.strips_all if scene.sequence_editor else ():
            if strip.type == "IMAGE":
                yield from _within(own, strip.directory, [element.filename for element in strip.elements], scene)
    for image in bpy.data.images:
        if image.filepath:
            path = Path(bpy.path.abspath(image.filepath, library=image.library))
            yield from _within(own, str(path.parent), [path.name], None)


def _within(store: Path, directory: str, names: list[str], scene: Scene | None) -> Iterator[str]:
    named = bpy.path.abspath(directory, library=scene.library if scene else None)
    if named_files.is_elsewhere(named) and not named_files.is_elsewhere(str(store)):
        return  # another machine isn't asked about a folder of this one
    folder = Path(named).resolve()
    if folder.is_relative_to(store):
        prefix = folder.relative_to(store).as_posix()
        yield from (name if prefix == "." else f"{prefix}/{name}" for name in names)
