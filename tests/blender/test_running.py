"""A person goes on while Bend works: what arrives late is at the right place, or absent and called out of date."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from timeline import slide, trim

ANGLE = "Rotate Channels · angle"
LAST = 10
#: The film as it is opened again in the middle.
SAVED = "film.blend"


class Desk:
    """A film of ten frames over a picture that changes, and a person's hands; nothing of it is kept over an undo."""

    def __init__(self, addon, core, folder: Path) -> None:
        self.addon, self.core, self.folder = addon, core, folder

    @property
    def scene(self):
        return bpy.context.scene

    def strip(self, kind: str):
        editor = self.scene.sequence_editor
        found = {"IMAGE": lambda s: s.bend_settings.is_bend, "SOUND": lambda s: True, "BELOW": lambda s: s.channel == 3}
        of_kind = "IMAGE" if kind == "BELOW" else kind
        chosen = [s for s in editor.strips if s.type == of_kind and found[kind](s)] if editor else []
        return chosen[0] if chosen else None

    def move(self, frames: int, *kinds: str) -> None:
        for kind in kinds:
            strip = self.strip(kind)
            if strip is not None:
                slide(strip, frames)

    def trim(self, kind: str, first: int, last: int) -> None:
        strip, compat = self.strip(kind), self.addon.compat
        if strip is not None:
            trim(strip, compat.left_handle(strip) + first, compat.right_handle(strip) - last)

    def remove(self, kind: str) -> None:
        strip = self.strip(kind)
        if strip is not None:
            self.scene.sequence_editor.strips.remove(strip)

    def rename(self, kind: str, name: str) -> None:
        strip = self.strip(kind)
        if strip is not None:
            strip.name = name

    def split(self, frames: int) -> None:
        strip = self.strip("IMAGE")
        if strip is not None:
            strip.split(frame=self.addon.compat.left_handle(strip) + frames, split_method="SOFT")

    def set(self, name: str, value) -> None:
        strip = self.strip("IMAGE")
        if strip is not None:
            setattr(strip.bend_settings, name, value)

    def undo(self) -> None:
        if bpy.ops.ed.undo.poll():
            bpy.ops.ed.undo()

    def open(self) -> None:
        bpy.ops.wm.open_mainfile(filepath=str(self.folder / SAVED))


#: What a person does, by how many frames: with ``n`` from 1 to 4.
EDITS: dict[str, Callable[[Desk, int], None]] = {
    "nothing": lambda desk, n: None,
    "slide everything": lambda desk, n: desk.move(n, "IMAGE", "SOUND", "BELOW"),
    "slide everything back": lambda desk, n: desk.move(-n, "SOUND", "BELOW", "IMAGE"),
    "slide the strip": lambda desk, n: desk.move(n, "IMAGE"),
    "slide the song": lambda desk, n: desk.move(n, "SOUND"),
    "slide what is below": lambda desk, n: desk.move(n, "BELOW"),
    "trim the strip": lambda desk, n: desk.trim("IMAGE", n, 0),
    "trim the strip's end": lambda desk, n: desk.trim("IMAGE", 0, n),
    "lengthen the strip": lambda desk, n: desk.trim("IMAGE", 0, -n),
    "trim the song": lambda desk, n: desk.trim("SOUND", n, 0),
    "delete the strip": lambda desk, n: desk.remove("IMAGE"),
    "delete the song": lambda desk, n: desk.remove("SOUND"),
    "rename the strip": lambda desk, n: desk.rename("IMAGE", f"Name {n}"),
    "rename the song": lambda desk, n: desk.rename("SOUND", f"Song {n}"),
    "split the strip": lambda desk, n: desk.split(n),
    "another frame rate": lambda desk, n: setattr(desk.scene.render, "fps", 24 + n),
    "another volume": lambda desk, n: desk.strip("SOUND") and setattr(desk.strip("SOUND"), "volume", n / 8),
    "another seed": lambda desk, n: desk.set("seed", n),
    "another size": lambda desk, n: desk.set("width", 64 + 8 * n),
    "undo": lambda desk, n: desk.undo(),
    "open the file again": lambda desk, n: desk.open(),
}
Edit = tuple[int, str, int]
edits = st.lists(st.tuples(st.integers(0, 8), st.sampled_from(sorted(EDITS)), st.integers(1, 4)), max_size=4)
LONG = os.environ.get("BEND_TEST_ALL") == "1"
chance = settings(
    max_examples=200 if LONG else 12,
    deadline=None,
    database=None,
    derandomize=not LONG,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # one example takes a second: what fails is shown as it is
)


@pytest.fixture
def desk(bend_strip, scene, song, addon, core, store, tmp_path) -> Desk:
    """The film, saved, with a bake and an edit that can be undone."""
    bend_strip.channel = 10
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(LAST + 10):
        pixels = np.full((64, 64, 3), 10 * number, np.uint8)
        (folder / f"{number:02}.png").write_bytes(addon.png.encode(pixels))
    below = scene.sequence_editor.strips.new_image("Below", str(folder / "00.png"), 3, 1, fit_method="FIT")
    for number in range(1, LAST + 10):
        below.elements.append(f"{number:02}.png")
    trim(bend_strip, 1, LAST + 1)
    scene.frame_start, scene.frame_end = 1, LAST
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / SAVED), copy=True)
    return Desk(addon, core, tmp_path)


def begin_again(desk: Desk, **values) -> None:
    desk.open()
    desk.addon.named_files.forget()
    for name, value in values.items():
        desk.set(name, value)
    bpy.ops.ed.undo_push(message="begun")
    bpy.ops.bend.bake()
    bpy.ops.ed.undo_push(message="baked")
    desk.move(1, "IMAGE", "SOUND", "BELOW")
    bpy.ops.ed.undo_push(message="moved")


def meanwhile(desk: Desk, work: Iterator[None], planned: list[Edit]) -> str:
    """Let something work, and a person between its slices; the code of what stopped it, if something did."""
    waiting = sorted(planned, key=lambda edit: edit[0])
    try:
        for moment, _ in enumerate(work):
            while waiting and waiting[0][0] <= moment:
                _, name, number = waiting.pop(0)
                EDITS[name](desk, number)
    except desk.core.errors.BendError as error:
        return str(error.code)
    finally:
        desk.addon.activity.end()
    return ""


def baking(desk: Desk) -> Iterator[None]:
    work = desk.addon.bake_queue.Bakes(desk.scene, desk.addon.bake_queue.everything(desk.scene))
    yield from (None for _ in range(3))
    while work.update():
        yield
        time.sleep(0.002)
    for _ in range(9):
        yield
    work.finish()


def what_a_bake_would_write(desk: Desk, strip) -> np.ndarray:
    bake = desk.addon.bake.Bake(strip.id_data, strip)
    bake.collect()
    (found,) = strip.bend_settings.routed()
    return desk.addon.bake.shaped(*found, bake.measured, bake.frames, bake.rate, bake.options[found[0].key]).values


@chance
@given(planned=edits)
def test_keys_are_where_a_bake_would_write_them_or_called_stale(desk, planned):
    begin_again(desk)
    meanwhile(desk, baking(desk), planned)
    for strip in list(desk.addon.strips.bend_strips(desk.scene)):
        ((parameter, _),) = strip.bend_settings.routed()
        stale = desk.addon.bake.stale_parameters(desk.scene, strip)
        if desk.strip("SOUND") is None or not parameter.baked or stale:
            continue
        expected = what_a_bake_would_write(desk, strip)
        frames = desk.addon.timing.Placement.of(strip).sound_frames
        curve = desk.addon.strips.find_curve(strip, ANGLE)
        assert np.allclose([curve.evaluate(frame) for frame in frames], expected, atol=1e-4)


def capturing(desk: Desk) -> Iterator[None]:
    work = desk.addon.capture.Capture(desk.scene, desk.strip("IMAGE"))
    while work.running:
        yield
        work.advance(1)
    work.finish()


@chance
@given(planned=edits)
def test_captured_pictures_are_those_of_their_frames_or_called_changed(desk, planned):
    begin_again(desk, source="pictures")
    meanwhile(desk, capturing(desk), planned)
    for strip in list(desk.addon.strips.bend_strips(desk.scene)):
        own = strip.bend_settings
        record = desk.addon.record.decode(own.captured, len(strip.elements))
        if not record or desk.addon.slices.at_once(desk.addon.capture.outdated(strip)):
            continue
        desk.addon.capture.capture_all(desk.scene, strip)
        now = desk.addon.record.decode(own.captured, len(strip.elements))
        assert {number: record[number] for number in now if number in record} == {
            number: digest for number, digest in now.items() if number in record
        }


def measuring(desk: Desk) -> Iterator[None]:
    work = desk.addon.measured.Measuring(desk.scene, desk.strip("IMAGE"))
    while not work.poll():
        yield
        time.sleep(0.002)
    yield from (None for _ in range(9))
    work.finish()


@chance
@given(planned=edits)
def test_what_is_known_of_the_sound_is_true_or_called_stale(desk, planned):
    measured = desk.addon.measured
    measured.forget()
    begin_again(desk)
    meanwhile(desk, measuring(desk), planned)
    for strip in list(desk.addon.strips.bend_strips(desk.scene)):
        found = measured.of(strip)
        measured.look(desk.scene, strip)
        if found is None or measured.is_stale(strip) or desk.strip("SOUND") is None:
            continue
        known = dict(found.features)
        measured.forget()
        now = measured.Measuring(desk.scene, strip).finish().features
        assert all(np.array_equal(known[name], now[name]) for name in known)


def generating(desk: Desk) -> Iterator[None]:
    planned = yield from desk.addon.generate.prepare(desk.scene, desk.strip("IMAGE"))
    work = desk.addon.generate.Generation(planned)
    while work.running:
        work.update()
        yield
        time.sleep(0.002)
    work.finish()


def wrong_frames(desk: Desk, strip) -> list[int]:
    """The frames whose pictures are shown as ready, but are others."""
    plan = desk.addon.slices.at_once(desk.addon.generate.plan(desk.scene, strip, pressed=False))
    start = desk.addon.compat.content_start(strip)
    shown = {number: strip.elements[number - start].filename for number in plan.keys}
    own = {number: name for number, name in shown.items() if len(name) == 68 and number not in plan.missing}
    return [number for number, name in own.items() if name != f"{plan.keys[number]}.png"]


@chance
@given(planned=edits, source=st.sampled_from(["noise", "previous", "procedural"]), begin=st.integers(0, 30))
def test_frames_are_shown_where_they_belong_or_called_missing(desk, planned, source, begin):
    begin_again(desk, source=source, seed=100)
    for file in Path(desk.addon.preferences.frame_folder()).glob("*.png"):
        if len(file.stem) == 64:
            file.unlink()
    meanwhile(desk, generating(desk), [(begin + 6 * moment, name, number) for moment, name, number in planned])
    for strip in list(desk.addon.strips.bend_strips(desk.scene)):
        assert wrong_frames(desk, strip) == []


def collecting(desk: Desk) -> Iterator[None]:
    yield from desk.addon.collect.collect()


@chance
@given(planned=edits)
def test_a_collected_project_names_what_was_copied(desk, planned):
    begin_again(desk)
    shutil.rmtree(desk.folder / "bend_frames", ignore_errors=True)
    desk.addon.generate.fill_store(desk.scene, desk.strip("IMAGE"))
    bpy.ops.ed.undo_push(message="generated")
    shown = lambda: [  # noqa: E731
        Path(bpy.path.abspath(strip.directory)) / element.filename
        for strip in desk.addon.strips.bend_strips(desk.scene)
        for element in strip.elements
        if len(element.filename) == 68
    ]
    stopped = meanwhile(desk, collecting(desk), planned)
    assert all(path.is_file() for path in shown())
    assert all(Path(bpy.path.abspath(sound.filepath)).is_file() for sound in bpy.data.sounds)
    if not stopped:
        beside = Path(bpy.data.filepath).parent
        assert all(path.is_relative_to(beside) for path in shown())


def exporting(desk: Desk, folder: Path) -> Iterator[None]:
    strip = desk.strip("IMAGE")
    yield from desk.addon.export_frames.export(desk.scene, strip, folder, "shot", overwrite=True)


@chance
@given(planned=edits)
def test_exported_frames_are_those_of_the_strip_or_it_is_said(desk, planned):
    begin_again(desk)
    desk.addon.generate.fill_store(desk.scene, desk.strip("IMAGE"))
    folder = desk.folder / f"export {math.floor(1e6 * time.time())}"
    if meanwhile(desk, exporting(desk, folder), planned):
        return
    strip = desk.strip("IMAGE")
    plan = desk.addon.slices.at_once(desk.addon.generate.plan(desk.scene, strip))
    exported = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert exported == {
        f"shot_{number:04}.png": (plan.store / f"{key}.png").read_bytes() for number, key in plan.keys.items()
    }
