"""The explorer: a sheet of the playhead's frame, whose cells are what the strip would show once they are applied."""

from __future__ import annotations

import time
from dataclasses import replace

import bpy
import pytest

ANGLE = "Rotate Channels · angle"
#: A deadline far away, for busy machines.
SECONDS = 120


@pytest.fixture
def kinds(core):
    """What rows and columns can compare."""
    return core.sheet.Kind


@pytest.fixture
def explore(bend_strip, scene, addon, tmp_path, monkeypatch):
    """Opens an explorer of the bend strip, with drafts in a folder of its own; background has no window for it."""
    folder = addon.preferences.user_folder
    monkeypatch.setattr(addon.preferences, "user_folder", lambda name: _folder(tmp_path, folder, name))
    scene.frame_set(5)

    def begin(rows="sites", columns="values", **chosen):
        group = addon.choices.of_window_manager()
        for name, value in {
            "rows": rows,
            "columns": columns,
            "down": 3,
            "across": 3,
            "finish": False,
            **chosen,
        }.items():
            setattr(group, name, value)
        return addon.session.begin(scene, bend_strip)

    yield begin
    addon.session.close()


def _folder(tmp_path, folder, name):
    if name != "drafts":
        return folder(name)
    (tmp_path / name).mkdir(exist_ok=True)
    return tmp_path / name


def until(explorer, done):
    """Go on until something is so."""
    end = time.monotonic() + SECONDS
    while not done():
        explorer.step()
        time.sleep(0.002)
        assert time.monotonic() < end, (explorer.problem, explorer.asking.phase)


def planned(explorer):
    """The explorer with its cells put together; nothing is asked for."""
    explorer.asking.ask = lambda wanted: None
    until(explorer, lambda: explorer.sheet is not None and _is_planned(explorer))
    return explorer


def _is_planned(explorer):
    sheet = explorer.sheet
    return len(explorer.shown) == len(sheet.rows.lines) * len(sheet.columns.lines)


def filled(explorer):
    """The explorer with all its pictures."""
    until(explorer, lambda: explorer.sheet is not None and _is_planned(explorer) and not explorer.waits)
    assert explorer.problem is None
    return explorer


def key_now(addon, scene, strip, number=5):
    """The key of the draft of what the strip is set to."""
    return addon.wanted.of(scene, strip, number).key


AXES = [
    ("sites", "values"),
    ("operators", "steps"),
    ("operators", "values"),
    ("prompts", "seeds"),
    ("steps", "sites"),
]


@pytest.mark.parametrize(("rows", "columns"), AXES)
def test_applying_any_cell_sets_the_strip_to_what_it_shows(rows, columns, explore, bend_strip, scene, addon):
    explorer = planned(explore(rows, columns))
    before = key_now(addon, scene, bend_strip)
    assert before in {shown.draft.key for shown in explorer.shown.values()}, "what is set now is on the sheet"
    order = [*explorer.shown, *reversed(explorer.shown)]
    for row, column in order:
        shown = explorer.shown[row, column]
        assert not shown.problem
        assert bpy.ops.bend.apply_cell(row=row, column=column) == {"FINISHED"}
        assert key_now(addon, scene, bend_strip) == shown.draft.key, (row, column)


@pytest.mark.parametrize("kind", ["looks", "bends"])
def test_applying_a_preset_sets_the_strip_to_what_its_cell_shows(kind, explore, bend_strip, scene, addon):
    explorer = planned(explore("presets", "sound", down=6, across=3, presets=kind))
    strength = {column: line.label for column, line in enumerate(explorer.sheet.columns.lines)}
    assert strength == {0: "silence", 1: "half as loud", 2: "loud"}
    for (row, column), shown in explorer.shown.items():
        if row == 0:
            continue
        assert not shown.problem
        assert bpy.ops.bend.apply_cell(row=row, column=column) == {"FINISHED"}
        assert key_now(addon, scene, bend_strip) == shown.draft.key, explorer.sheet.rows.lines[row].label
    assert "bake" in addon.opened.said
    bpy.ops.bend.apply_cell(row=0, column=0)
    assert "Undo" in addon.opened.said


def test_cells_are_what_a_draft_and_preview_frame_make(explore, bend_strip, scene, addon, store):
    bend_strip.bend_settings.steps = 12
    explorer = filled(explore("seeds", "steps", down=2, across=2, finish=True))
    for (row, column), shown in explorer.shown.items():
        assert shown.is_finished
        bpy.ops.bend.apply_cell(row=row, column=column)
        addon.generate.fill_store(scene, bend_strip, [5])
        job = addon.wanted.job_at(scene, bend_strip, 5)
        key = next(iter(addon.wanted.trace(job))).key
        image = bpy.data.images.load(str(store / f"{key}.png"))
        pixels = [round(value * 255) for index, value in enumerate(image.pixels) if index % 4 < 3]
        rows = [pixels[start : start + 3 * 64] for start in range(0, len(pixels), 3 * 64)]
        assert bytes(value for line in reversed(rows) for value in line) == shown.picture.pixels
        bpy.data.images.remove(image)


def test_the_sheet_fills_from_coarse_to_fine_and_drafts_come_first(explore, addon):
    explorer = explore("seeds", "sites", down=3, across=5)
    asked = []
    ask = explorer.asking.ask
    explorer.asking.ask = lambda wanted: (asked.append(wanted.key), ask(wanted))
    filled(explorer)
    order = [explorer.shown[place].draft.key for place in explorer.shown]
    assert asked == list(dict.fromkeys(order))
    assert list(explorer.shown)[:2] == [(0, 0), (0, 4)] and list(explorer.shown)[-1] == (2, 3)


def test_applying_is_one_undo_step_and_the_sheet_stays(explore, bend_strip, scene, addon):
    bend_strip[ANGLE] = 0.5
    explorer = planned(explore("sites", "values"))
    name = bend_strip.name
    bpy.ops.ed.undo_push(message="before")
    before = key_now(addon, scene, bend_strip)
    place = next(place for place, shown in explorer.shown.items() if shown.draft.key != before)
    assert bpy.ops.bend.apply_cell("EXEC_DEFAULT", True, row=place[0], column=place[1]) == {"FINISHED"}
    assert key_now(addon, scene, bend_strip) != before
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert key_now(addon, scene, scene.sequence_editor.strips_all[name]) == before
    assert addon.opened.explorer is explorer and _is_planned(explorer)


def test_the_cell_that_the_strip_is_set_to_is_marked(explore, addon):
    explorer = planned(explore("sites", "values"))
    until(explorer, lambda: explorer.current)
    (first,) = explorer.current
    other = next(place for place in explorer.shown if place != first)
    bpy.ops.bend.apply_cell(row=other[0], column=other[1])
    until(explorer, lambda: explorer.current == {other})


def test_a_parameter_with_a_curve_gets_a_keyframe(explore, bend_strip, scene, addon, curve):
    bpy.ops.bend.bake()
    explorer = planned(explore("values", "seeds", down=3, across=1))
    keys = len(curve(bend_strip, ANGLE).keyframe_points)
    around = [curve(bend_strip, ANGLE).evaluate(frame) for frame in (3, 4, 6, 7)]
    place = next(place for place in explorer.shown if place not in explorer.current and place[0] == 2)
    assert bpy.ops.bend.apply_cell(row=place[0], column=place[1]) == {"FINISHED"}
    assert key_now(addon, scene, bend_strip) == explorer.shown[place].draft.key
    assert len(curve(bend_strip, ANGLE).keyframe_points) - keys in {0, 1}
    assert [curve(bend_strip, ANGLE).evaluate(frame) for frame in (3, 4, 6, 7)] == pytest.approx(around)
    assert "keyframe on frame 5" in addon.opened.said


def test_a_driven_parameter_is_told_in_words_and_nothing_changes(explore, bend_strip, scene, addon):
    scene.driver_add(addon.strips.data_path(bend_strip, ANGLE)).driver.expression = "0.25"
    explorer = planned(explore("values", "seeds", down=3, across=1))
    before = bend_strip.bend_settings.seed
    assert bpy.ops.bend.apply_cell(row=2, column=0) == {"CANCELLED"}
    assert "driven" in addon.opened.said and bend_strip.bend_settings.seed == before
    assert explorer.problem is None


def test_a_strip_that_is_removed_stops_the_sheet_and_says_so(explore, bend_strip, scene, addon):
    explorer = explore("seeds", "sites", finish=True)
    until(explorer, lambda: any(shown.picture for shown in explorer.shown.values()))
    scene.sequence_editor.strips.remove(bend_strip)
    explorer.step()
    assert explorer.problem is not None and "no longer exists" in str(explorer.problem)
    assert explorer.asking.wanted is None and not explorer.waits
    assert bpy.ops.bend.apply_cell(row=0, column=0) == {"CANCELLED"}
    assert "no longer exists" in addon.opened.said


def test_stopping_asks_for_nothing_more_and_going_on_finishes(explore, addon):
    filled(explore("seeds", "sites", down=1, across=1))  # an engine that still starts heeds nothing
    explorer = explore("seeds", "sites")
    until(explorer, lambda: explorer.asking.wanted is not None)
    bpy.ops.bend.explore_stop()
    for _ in range(20):
        explorer.step()
    assert explorer.asking.wanted is None and explorer.stopped and not addon.others.waiting
    bpy.ops.bend.explore_stop()
    filled(explorer)
    assert all(shown.picture for shown in explorer.shown.values())


def test_a_missing_engine_is_told_in_words(explore, addon, monkeypatch, core):
    def missing():
        raise core.errors.BendError(core.errors.Code.ENGINE_MISSING, "The engine isn't installed yet.")

    addon.engine_client.shut_down()
    monkeypatch.setattr(addon.engine_client, "client", missing)
    explorer = explore("seeds", "sites")
    until(explorer, lambda: explorer.problem is not None)
    assert "isn't installed" in addon.words.at(explorer)


def test_a_cell_that_the_model_cannot_make_says_why_and_the_others_come(explore, bend_strip, addon):
    explorer = explore("sites", "seeds", down=2, across=1)
    until(explorer, lambda: explorer.sheet is not None and _is_planned(explorer))
    place = list(explorer.shown)[1]
    broken = explorer.shown[place]
    job = replace(broken.draft.job, bends=(replace(broken.draft.job.bends[0], site="unet:nowhere"),))
    broken.draft = replace(broken.draft, job=job, key="0" * 64)
    filled(explorer)
    assert "nowhere" in broken.problem and broken.picture is None
    assert explorer.shown[next(iter(explorer.shown))].picture is not None
    assert bpy.ops.bend.apply_cell(row=place[0], column=place[1]) == {"CANCELLED"}


def test_the_sheet_is_saved_as_a_picture(explore, addon, tmp_path):
    explorer = filled(explore("seeds", "sites", down=2, across=2))
    for file in (tmp_path / "drafts").glob("*.draft"):
        file.unlink()  # what the disk lacks is put there
    assert bpy.ops.bend.save_sheet(filepath=str(tmp_path / "sheet.png")) == {"FINISHED"}
    image = bpy.data.images.load(str(tmp_path / "sheet.png"))
    assert image.size[0] > 2 * 64 and image.size[1] > 2 * 64
    assert explorer.problem is None


def test_what_cannot_be_compared_is_said(explore, bend_strip, addon):
    same = explore("sites", "sites")
    until(same, lambda: same.problem is not None)
    assert "same thing" in str(same.problem)
    bend_strip.bend_settings.bends[0].enabled = False
    none = explore("sites", "values")
    until(none, lambda: none.problem is not None)
    assert "no active bend" in str(none.problem)
    look = explore("seeds", "prompts")
    planned(look)
    assert look.problem is None


def test_live_leaves_idle_moments_to_the_explorer(explore, addon):
    explorer = explore("seeds", "sites")
    until(explorer, lambda: explorer.asking.wanted is not None)
    assert addon.others.waiting
    filled(explorer)
    explorer.step()
    assert not addon.others.waiting


def test_another_choice_takes_the_place_of_what_is_being_made(explore, addon):
    first = filled(explore("seeds", "sites", down=1, across=1))
    explore("seeds", "sites")
    until(addon.opened.explorer, lambda: addon.opened.explorer.asking.wanted is not None)
    second = explore("seeds", "steps")
    filled(second)
    assert second.asking is first.asking and all(shown.picture for shown in second.shown.values())


def test_the_layout_finds_every_cell_and_nothing_between(addon):
    layout = addon.layout.Layout(1000, 700, 4, 6, (448, 256), 120, 16)
    boxes = {(row, column): layout.box((row, column)) for row in range(4) for column in range(6)}
    for place, box in boxes.items():
        assert layout.at(box.left + box.width / 2, box.bottom + box.height / 2) == place
        assert layout.at(box.left + box.width + 1, box.bottom + 1) is None
        assert box.left >= 120 and box.left + box.width <= 1000 and box.bottom > 0
        assert box.width / box.height == pytest.approx(448 / 256, rel=0.03)
    assert layout.at(3, 3) is None
