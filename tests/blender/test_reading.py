"""Where a window waits, model files are read beside it: the count, Generate, Export and the clean-up wait for that."""

from __future__ import annotations

import importlib
import os
import shutil
import threading

import bpy
import pytest
from drawing import Layout
from timeline import MODULE
from watching_files import watched

#: Ticks and slices; what is waited for here takes a few of them.
MANY = 100_000


@pytest.fixture
def window(addon, core, tmp_path, monkeypatch):
    """As if there were a window: its thread reads no weights, and nothing is known of any file."""
    monkeypatch.setattr(core.hash_cache, "place", lambda: tmp_path / "cache" / "hashes.json")
    monkeypatch.setattr(core.file_hashes, "FRESH_NS", 0)
    core.hash_cache.forget()
    core.file_hashes.spare_main_thread(True)
    yield
    addon.reading.unregister()
    core.hash_cache.forget()


@pytest.fixture
def strip(bend_strip, addon, core, tmp_path, window):
    """A bend strip with a model of the preferences that nobody has read yet."""
    shutil.copytree(core.references.MINI_PATH, tmp_path / "painter")
    models = addon.preferences.preferences().models
    item = models.add()
    item.name, item.folder = "painter", str(tmp_path / "painter")
    bend_strip.bend_settings.model = "painter"
    core.hash_cache.forget()
    yield bend_strip
    models.clear()


@pytest.fixture
def ticking(strip, scene, addon, monkeypatch):
    """Lets the idle timer tick until a condition holds."""
    monkeypatch.setattr(addon.strips, "shown", lambda: (scene, strip))
    monkeypatch.setattr(addon.status, "shown", None)
    addon.changes.mark_changed()

    def tick(until):
        for _ in range(MANY):
            addon.status.idle.tick()
            if until():
                return
            if addon.reading.current():
                addon.reading.current().wait(0.01)
        raise AssertionError("it never came")

    return tick


@pytest.fixture
def gate(core, monkeypatch):
    """Holds the readers of other threads until it is opened, and notes what the window's own thread reads whole."""
    event, digest = threading.Event(), core.file_hashes.digest_of
    event.read_in_window = []

    def held(path, size):
        if threading.current_thread() is not threading.main_thread():
            event.wait()
        else:
            event.read_in_window.append(("open", str(path)))
        return digest(path, size)

    monkeypatch.setattr(core.file_hashes, "digest_of", held)
    yield event
    event.set()


def carried_out(slices):
    """What slices come to, and how many they were."""
    for number in range(MANY):
        try:
            next(slices)
        except StopIteration as done:
            return done.value, number
    raise AssertionError("it never came")


def weights(found):
    return [path for event, path in found if event == "open" and path.endswith((".safetensors", ".pt", ".pth", ".bin"))]


def test_without_a_window_nothing_waits(core):
    assert bpy.app.background and not core.file_hashes.main_thread_spared


def test_the_count_waits_and_the_window_reads_no_weights(ticking, addon, gate):
    """Headers it reads, which tell of the memory that a model takes."""
    ticking(lambda: addon.status.shown and addon.status.shown.waiting)
    counts = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.film").counts
    assert counts(addon.status.shown) == ["Frames are counted after the model", "has been read once"]
    assert addon.status.shown.problem is None
    gate.set()
    ticking(lambda: not addon.status.shown.waiting)
    assert (addon.status.shown.frames, addon.status.shown.missing) == (96, 96)
    assert gate.read_in_window and weights(gate.read_in_window) == []


def test_a_second_count_reads_nothing(ticking, addon, core):
    ticking(lambda: addon.status.shown and not addon.status.shown.waiting)
    core.hash_cache.forget()  # as after a restart
    addon.changes.mark_changed()
    addon.status.shown, waited = None, []
    ticking(lambda: waited.append(addon.reading.current() is not None) or addon.status.shown)
    assert addon.status.shown.frames == 96
    # Of mini only the UNet and CLIP are large enough to be kept on the disk.
    with watched() as found:
        addon.changes.mark_changed()
        addon.status.shown = None
        ticking(lambda: addon.status.shown)
    assert weights(found) == []


def test_the_panel_says_how_far_the_reading_is(strip, addon, core, gate):
    with pytest.raises(core.file_hashes.Unread) as raised:
        core.references.resolve("painter", addon.preferences.model_folders())
    reading = addon.reading.begin(raised.value)
    reading.tell(raised.value.paths[0], 43, 100)
    panel = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.film").BEND_PT_film
    layout = Layout()
    own = {key: value for key, value in vars(panel).items() if callable(value)}
    panel.draw(type("Panel", (), {**own, "layout": layout})(), bpy.context)
    assert f"Reading once, 43%: {raised.value.paths[0].name}" in layout.said


def test_generate_waits_and_then_plans(strip, scene, addon, gate):
    addon.activity.begin("Generating")
    try:
        planning = addon.generate.prepare(scene, strip, [1])
        with watched(main_only=True) as found:
            for _ in range(3):
                next(planning)
            assert addon.activity.current.text().startswith("Reading ")
            gate.set()
            plan, _ = carried_out(planning)
    finally:
        addon.activity.end()
    assert plan.missing == [1]
    assert weights(found) == []


def test_generate_can_be_cancelled_while_it_waits_and_the_reading_goes_on(strip, scene, addon, gate):
    planning = addon.generate.prepare(scene, strip, [1])
    next(planning)
    planning.close()
    assert addon.reading.current()
    gate.set()
    addon.reading.current().wait(60)
    assert carried_out(addon.generate.prepare(scene, strip, [1]))[0].missing == [1]


def test_a_strip_that_goes_while_its_model_is_read_is_missed(strip, scene, addon, core, gate):
    planning = addon.generate.prepare(scene, strip, [1])
    next(planning)
    scene.sequence_editor.strips.remove(strip)
    gate.set()
    with pytest.raises(core.errors.BendError) as raised:
        carried_out(planning)
    assert raised.value.code == core.errors.Code.STRIP_MISSING


def test_who_waits_anyhow_reads_at_once(strip, scene, addon):
    assert addon.snapshot.take(scene, strip, [1]).fingerprint
    assert addon.reading.current() is None
    assert addon.generate.fill_store(scene, strip, [1]).rendered == 1


def test_the_clean_up_waits_until_it_knows_which_frames_are_used(strip, scene, addon, core, store):
    assert addon.generate.fill_store(scene, strip, [1]).rendered == 1
    strip.elements[0].filename = "not-rendered-64x64.png"  # used only by what Generate would show
    core.hash_cache.forget()
    shutil.rmtree(core.hash_cache.place().parent)
    found, slices = carried_out(addon.frame_use.search())
    assert slices > 1 and not [name for name in found.unused if len(name) == 68]


def test_the_export_waits_too(strip, scene, addon, core, tmp_path):
    slices = addon.export_frames.export(scene, strip, tmp_path / "out", "film")
    with pytest.raises(core.errors.BendError) as raised:
        carried_out(slices)
    assert raised.value.code == core.errors.Code.FRAMES_MISSING


def test_the_tower_is_read_before_the_sound_is_embedded(window, core, addon):
    sonic_files = importlib.import_module(f"{MODULE}.blender_bend.core.models.sonic_files")

    def slices():
        yield
        return sonic_files.resolve("mini", {})

    with watched(main_only=True) as found:
        files, _ = carried_out(addon.reading.once_read(slices))
    assert len(files.tower.fingerprint) == 64
    assert weights(found) == []


def test_a_file_that_cannot_be_read_is_told_once_and_tried_again_by_a_button(
    ticking, strip, scene, addon, core, monkeypatch
):
    tries = []

    def broken(path, size):
        tries.append(path)
        raise OSError(5, "Input/output error", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(core.file_hashes, "digest_of", lambda p, s, own=core.file_hashes.digest_of: (
            broken(p, s) if p.suffix == ".safetensors" else own(p, s)
        ))  # fmt: skip
        ticking(lambda: addon.status.shown and addon.status.shown.problem)
        problem = addon.status.shown.problem
        assert problem.code == core.errors.Code.MODEL_INVALID and "Input/output error" in problem.message
        addon.changes.mark_changed()
        addon.status.shown = None
        ticking(lambda: addon.status.shown and addon.status.shown.problem)
        assert len(tries) == 1
        with pytest.raises(core.errors.BendError, match="can't be read"):
            carried_out(addon.generate.prepare(scene, strip, [1]))
        assert len(tries) == 2
    assert carried_out(addon.generate.prepare(scene, strip, [1]))[0].missing == [1]


def test_a_reading_ends_with_the_add_on(window, addon, core, tmp_path):
    huge = tmp_path / "huge.safetensors"
    with open(huge, "wb") as file:
        os.truncate(file.fileno(), 1 << 40)  # a terabyte of nothing
    reading = addon.reading.begin(core.file_hashes.Unread([huge]))
    addon.reading.unregister()
    reading.wait(60)
    assert not reading.running and reading.failure is None
    assert addon.reading.current() is None


def test_what_is_being_written_is_left_alone_until_it_is_whole(window, addon, core, tmp_path, monkeypatch):
    monkeypatch.setattr(core.file_hashes, "FRESH_NS", 1 << 62)
    path = tmp_path / "copied.safetensors"
    path.write_bytes(b"half")
    reading = addon.reading.begin(core.file_hashes.Unread([path]))
    reading.wait(0.5)
    assert reading.running and reading.text == "Reading once, 0%: copied.safetensors"
    path.write_bytes(b"half and half")
    monkeypatch.setattr(core.file_hashes, "FRESH_NS", 0)
    reading.wait(60)
    assert not reading.running
    assert core.file_hashes.of(path) == core.file_hashes.digest_of(path, 13)
