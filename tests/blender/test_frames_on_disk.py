"""Frames on the disk: unused ones go and no others, sequences are exported, a project is collected and moves."""

from __future__ import annotations

import importlib
import shutil
from contextlib import suppress
from pathlib import Path

import bpy
import numpy as np
import pytest
from sounds import clicks, write_wav
from timeline import MODULE, sequencer, trim

ANGLE = "Rotate Channels · angle"


@pytest.fixture
def short(bend_strip, curve):
    """A baked bend strip of six frames, every one different."""
    trim(bend_strip, 1, 7)
    bpy.ops.bend.bake()
    for index, key in enumerate(curve(bend_strip, ANGLE).keyframe_points):
        key.co.y = 0.1 * (index + 1)
    return bend_strip


def frames(store: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in store.glob("*.png") if len(file.stem) == 64}


def search(addon):
    return addon.slices.at_once(addon.frame_use.search())


def use_other_values(strip, curve, value=2.0):
    curve(strip, ANGLE).keyframe_points[2].co.y = value


def test_only_frames_that_no_strip_shows_are_deleted(short, scene, addon, curve, store):
    addon.generate.fill_store(scene, short)
    first = frames(store)
    use_other_values(short, curve)
    addon.generate.fill_store(scene, short)
    now = frames(store)
    (store / "notes.txt").write_text("mine")
    (store / ".tmpabc123.tmp").write_bytes(bytes(10))
    found = search(addon)
    old = set(first) - {element.filename for element in short.elements}
    assert len(old) == 1 and len(now) == 7
    assert set(found.unused) == old | {".tmpabc123.tmp"}
    assert found.size == len(first[old.pop()]) + 10 and found.used == 6
    assert frames(store) == now, "a search deletes nothing"
    assert bpy.ops.bend.delete_unused_frames() == {"FINISHED"}
    left = {file.name for file in store.iterdir()}
    assert {element.filename for element in short.elements} <= left
    assert set(frames(store)) == set(now) - set(found.unused) and "notes.txt" in left
    assert any(name.startswith("not-rendered") for name in left)
    assert search(addon).unused == {}


def test_what_another_scene_or_any_strip_shows_stays(short, scene, addon, curve, store):
    addon.generate.fill_store(scene, short)
    shown = [element.filename for element in short.elements][:6]
    other = bpy.data.scenes.new("Other")
    other.sequence_editor_create()
    other.sequence_editor.strips.new_image("Still", str(store / shown[0]), 1, 1)
    with sequencer(scene):
        meta = scene.sequence_editor.strips.new_meta("Meta", 20, 1)
        meta.strips.new_image("Inner", str(store / shown[1]), 1, 1)
    bpy.data.images.load(str(store / shown[2]))
    for index, key in enumerate(curve(short, ANGLE).keyframe_points):
        key.co.y = 3.0 + index
    addon.generate.fill_store(scene, short)
    assert set(search(addon).unused) == set(shown[3:])
    bpy.ops.bend.delete_unused_frames()
    assert set(shown[:3]) <= set(frames(store)) and not set(shown[3:]) & set(frames(store))


def test_frames_that_a_strip_would_show_after_generate_stay(short, scene, addon, curve, store):
    """A curve was set back by hand: the elements show other frames, the right ones are in the store."""
    addon.generate.fill_store(scene, short)
    use_other_values(short, curve)
    addon.generate.fill_store(scene, short)
    use_other_values(short, curve, 0.3)
    assert search(addon).unused == {}


def test_what_has_come_into_use_since_the_search_stays(short, scene, addon, curve, store):
    addon.generate.fill_store(scene, short)
    first = frames(store)
    use_other_values(short, curve)
    addon.generate.fill_store(scene, short)
    announced = search(addon)
    assert len(announced.unused) == 1
    use_other_values(short, curve, 0.3)
    short.bend_settings.bends[0].mix = 1.0
    bpy.ops.bend.delete_unused_frames()
    assert set(first) <= set(frames(store))


def test_undo_after_the_deletion_renders_the_same_frames_again(short, scene, addon, curve, store):
    addon.generate.fill_store(scene, short)
    before, name = frames(store), short.name
    bpy.ops.ed.undo_push(message="generated")
    use_other_values(short, curve)
    bpy.ops.ed.undo_push(message="edited")
    addon.generate.fill_store(scene, short)
    search(addon)
    bpy.ops.bend.delete_unused_frames()
    assert len(frames(store)) == 6
    bpy.ops.ed.undo()
    strip = addon.strips.find(bpy.context.scene.name, name)
    work = addon.generate.fill_store(bpy.context.scene, strip)
    assert work.rendered == 1
    assert before.items() <= frames(store).items()


def test_captured_pictures_stay_while_they_are_used(bend_strip, scene, addon, store, tmp_path):
    bend_strip.channel = 10
    trim(bend_strip, 1, 3)
    bend_strip.bend_settings.source = "pictures"
    picture = tmp_path / "below.png"
    for red in (100, 200):
        picture.write_bytes(addon.png.encode(np.full((64, 64, 3), red, np.uint8)))
        for strip in scene.sequence_editor.strips:
            if strip.name.startswith("Below"):
                scene.sequence_editor.strips.remove(strip)
        below = scene.sequence_editor.strips.new_image(f"Below {red}", str(picture), 3, 1)
        trim(below, 1, 3)
        bpy.ops.sequencer.refresh_all()
        addon.capture.capture_all(scene, bend_strip)
    used = addon.record.decode(bend_strip.bend_settings.captured, 1000).different()
    there = {file.stem for file in (store / "inputs").glob("*.png")}
    assert used < there
    unused = search(addon)
    assert set(unused.unused) == {f"inputs/{digest}.png" for digest in there - used}
    assert unused.words() == "1 captured picture"
    assert [tally.words() for tally in addon.store_size.measure(store).tallies] == ["2 captured pictures"]


def test_the_button_is_grey_until_something_was_found_for_this_file(short, scene, addon, store, tmp_path):
    addon.frame_use.found = None
    assert not bpy.ops.bend.delete_unused_frames.poll()
    assert bpy.ops.bend.find_unused_frames() == {"FINISHED"}
    assert bpy.ops.bend.delete_unused_frames.poll()
    addon.preferences.preferences().frame_folder = str(tmp_path / "elsewhere")
    assert not bpy.ops.bend.delete_unused_frames.poll()


def test_a_store_that_cannot_be_changed_is_said(short, scene, addon, core, store, monkeypatch):
    (store / f"{'0' * 64}.png").mkdir(parents=True)  # root may delete every file, but no folder by unlink
    search(addon)
    with pytest.raises(core.errors.BendError) as raised:
        addon.slices.at_once(addon.frame_use.remove(addon.frame_use.found))
    assert raised.value.code == core.errors.Code.STORE_UNWRITABLE


def test_the_size_of_the_store_is_measured(short, scene, addon, store):
    assert addon.store_size.measure(store / "nowhere") == addon.store_size.Size((), 0)
    addon.generate.fill_store(scene, short)
    size = addon.store_size.measure(store)
    assert [tally.words() for tally in size.tallies] == ["6 frames"]
    assert size.bytes == sum(file.stat().st_size for file in store.rglob("*") if file.is_file())


def test_frames_are_exported_by_their_numbers(short, scene, addon, store, tmp_path):
    addon.generate.fill_store(scene, short)
    target = tmp_path / "für den Schnitt"
    assert bpy.ops.bend.export_frames(directory=str(target), name="shot") == {"FINISHED"}
    names = [element.filename for element in short.elements][:6]
    exported = {file.name: file.read_bytes() for file in target.iterdir()}
    assert exported == {f"shot_{n + 1:04}.png": (store / name).read_bytes() for n, name in enumerate(names)}


def test_an_export_of_unrendered_frames_says_how_many_are_missing(short, scene, addon, core, store, tmp_path):
    addon.generate.fill_store(scene, short, [1, 2])
    with pytest.raises(core.errors.BendError, match="4 of 6 frames") as raised:
        addon.slices.at_once(addon.export_frames.export(scene, short, tmp_path / "out", "shot"))
    assert raised.value.code == core.errors.Code.FRAMES_MISSING
    assert raised.value.action == "bend.generate"
    assert not (tmp_path / "out").exists()


def test_an_export_writes_over_nothing_unasked(short, scene, addon, core, store, tmp_path):
    addon.generate.fill_store(scene, short)
    (tmp_path / "shot_0003.png").write_text("mine")
    with pytest.raises(core.errors.BendError) as raised:
        addon.slices.at_once(addon.export_frames.export(scene, short, tmp_path, "shot"))
    assert raised.value.code == core.errors.Code.FILE_EXISTS
    assert len(list(tmp_path.glob("shot_*"))) == 1
    assert bpy.ops.bend.export_frames(directory=str(tmp_path), name="shot", overwrite=True) == {"FINISHED"}
    assert (tmp_path / "shot_0003.png").read_bytes()[1:4] == b"PNG"


def save(folder: Path):
    folder.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "film.blend"))
    return bpy.context.scene


def test_a_collected_project_can_be_moved(short, song, scene, addon, store, tmp_path):
    addon.generate.fill_store(scene, short)
    samples, _ = clicks(1.0, 48000)
    (tmp_path / "other").mkdir()
    second = write_wav(tmp_path / "other" / "song.wav", samples, 48000)  # another sound of the same name
    scene.sequence_editor.strips.new_sound("Second", str(second), 5, 200)
    scene = save(tmp_path / "film")
    before = frames(store)
    assert bpy.ops.bend.collect() == {"FINISHED"}
    strip = next(addon.strips.bend_strips(scene))
    assert strip.directory == "//bend_frames/"
    paths = {name: scene.sequence_editor.strips[name].sound.filepath for name in ("Song", "Second")}
    assert sorted(paths.values()) == ["//sounds/song 2.wav", "//sounds/song.wav"]
    assert not addon.sound_print.stale(scene, strip)
    bpy.ops.wm.save_mainfile()

    shutil.move(tmp_path / "film", tmp_path / "moved")
    shutil.rmtree(store)
    (tmp_path / "song.wav").unlink()
    second.unlink()
    addon.preferences.preferences().frame_folder = ""
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "moved" / "film.blend"))
    scene = bpy.context.scene
    strip = next(addon.strips.bend_strips(scene))
    with sequencer(scene):
        work = addon.generate.fill_store(scene, strip)
        assert (work.plan.missing, work.rendered) == ([], 0)
        assert before.items() <= frames(tmp_path / "moved" / "bend_frames").items()
        assert bpy.ops.bend.bake() == {"FINISHED"}


def test_a_collected_project_stays_collected_whatever_the_frame_folder_is(short, scene, addon, curve, store, tmp_path):
    addon.generate.fill_store(scene, short)
    scene = save(tmp_path / "film")
    assert bpy.ops.bend.collect() == {"FINISHED"}
    strip = next(addon.strips.bend_strips(scene))
    before = frames(store)
    use_other_values(strip, curve)
    assert addon.generate.fill_store(scene, strip).rendered == 1
    assert strip.directory == "//bend_frames/" and frames(store) == before
    assert len(frames(tmp_path / "film" / "bend_frames")) == 7
    scene.bend_beside = False
    assert addon.generate.fill_store(scene, strip).rendered == 0, "the frames come along"
    assert Path(bpy.path.abspath(strip.directory)) == store


def test_collecting_twice_copies_nothing_again(short, scene, addon, store, tmp_path):
    addon.generate.fill_store(scene, short)
    save(tmp_path / "film")
    first = addon.slices.at_once(addon.collect.collect())
    assert first.files > 6 and first.bytes > 0 and not first.lost
    assert addon.slices.at_once(addon.collect.collect()).files == 0


def test_a_collection_that_is_interrupted_leaves_the_file_as_it_was(short, song, scene, addon, store, tmp_path):
    addon.generate.fill_store(scene, short)
    scene = save(tmp_path / "film")
    strip = next(addon.strips.bend_strips(scene))
    before = strip.directory, scene.sequence_editor.strips["Song"].sound.filepath
    work = addon.collect.collect()
    for _ in range(3):
        next(work)
    work.close()
    assert (strip.directory, scene.sequence_editor.strips["Song"].sound.filepath) == before
    assert len(list((tmp_path / "film" / "bend_frames").iterdir())) == 3
    assert bpy.ops.bend.collect() == {"FINISHED"}
    assert strip.directory == "//bend_frames/"


def test_a_lost_sound_is_named_and_the_rest_collected(short, song, scene, addon, store, tmp_path):
    scene = save(tmp_path / "film")
    (tmp_path / "song.wav").unlink()
    result = addon.slices.at_once(addon.collect.collect())
    assert result.lost == ["song.wav"]
    assert next(addon.strips.bend_strips(scene)).directory == "//bend_frames/"


def test_an_unsaved_file_cannot_be_collected(short, addon, core):
    with pytest.raises(core.errors.BendError) as raised:
        addon.slices.at_once(addon.collect.collect())
    assert raised.value.code == core.errors.Code.FILE_UNSAVED


def test_work_in_a_window_goes_on_in_slices_and_can_be_cancelled(short, scene, addon, core):
    slicing = importlib.import_module(f"{MODULE}.blender_bend.addon.operators.shared.slicing")
    told = []

    class Counting(slicing.InSlices):
        title = "Counting"

        def work(self, context):
            for number in range(1, 4):
                self.count(number, 3)
                told.append(addon.activity.current.fraction)
                assert addon.activity.current.text() == f"Counting: {number} of 3"
                yield
            return "three"

        def tell(self, result):
            return result

        def report(self, kind, text):
            told.append(text)

    work = Counting()
    work.start(bpy.context)
    assert addon.activity.current.text() == "Counting…"
    assert not work.update()
    work.finish()
    assert told == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0, "three"]
    work = Counting()
    work.start(bpy.context)
    addon.activity.current.cancel_asked = True
    assert not work.update()
    work.cancel_work()
    with pytest.raises(core.errors.BendError) as raised:
        work.finish()
    assert raised.value.code == core.errors.Code.CANCELLED and told[-1] == "three"
    with suppress(AttributeError):
        addon.activity.end()


def test_what_is_kept_to_save_work_is_shown_and_cleared(bend_strip, addon, store):
    """Baking keeps features; the button removes them and nothing else, and the next bake measures again."""
    bpy.ops.bend.bake()
    folders = {cache.name: folder for cache, folder in addon.store_size.folders().items()}
    (folders["studies"] / "speeds-cpu.json").write_text("{}")
    (folders["studies"] / "model").mkdir(exist_ok=True)
    (folders["studies"] / "model" / "site.npz").write_bytes(bytes(1000))
    (folders["embeddings"] / "window.f32").write_bytes(bytes(4096))
    addon.store_size.forget()
    while addon.store_size.known(store) is None:
        addon.store_size.look()
    kept = addon.store_size.known(store).caches
    assert kept["Model studies"] >= 1000 and kept["Sound embeddings"] >= 4096 and kept["Measured sound"] > 0
    assert bpy.ops.bend.clear_caches() == {"FINISHED"}
    assert set(addon.store_size.kept(addon.store_size.folders()).values()) == {0}
    assert (folders["studies"] / "speeds-cpu.json").exists() and not (folders["studies"] / "model").exists()
    bpy.ops.bend.bake()
    assert any(folders["features"].iterdir())
    (folders["studies"] / "speeds-cpu.json").unlink()


def test_caches_are_not_cleared_while_something_is_under_way(addon):
    addon.activity.begin("Baking")
    try:
        assert not bpy.ops.bend.clear_caches.poll()
    finally:
        addon.activity.end()
