"""Nothing private gets into a .blend that is given away, or into a clipboard without having been read."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import bpy
import pytest
from drawing import Layout
from timeline import MODULE

SECRET = "a prompt of /home/anna"


@pytest.fixture
def log(addon):
    """What the engine has printed."""
    path = addon.engine_client.log_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"rendering {SECRET}\n", encoding="utf-8")
    yield path
    path.unlink()


def test_the_log_is_shown_from_outside_and_does_not_get_into_the_file(log, scene, tmp_path):
    before = {text.name for text in bpy.data.texts}
    assert bpy.ops.bend.show_log() == {"FINISHED"}
    assert {text.name for text in bpy.data.texts} == before
    path = tmp_path / "film.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=False)
    assert SECRET.encode() not in path.read_bytes()


def test_in_a_window_the_system_opens_it(log, addon, monkeypatch):
    addon.activity.dismiss()  # or the log of what failed last is shown
    repairs = importlib.import_module(f"{MODULE}.blender_bend.addon.operators.engine.repairs")
    opened, said = [], []
    monkeypatch.setattr(
        repairs,
        "bpy",
        SimpleNamespace(
            app=SimpleNamespace(background=False),
            ops=SimpleNamespace(wm=SimpleNamespace(path_open=lambda filepath: opened.append(filepath))),
        ),
    )
    operator = SimpleNamespace(report=lambda kind, words: said.append(words))
    assert repairs.BEND_OT_show_log.execute(operator, bpy.context) == {"FINISHED"}
    assert opened == [str(log)] and str(log) in said[0]
    log.unlink()
    assert repairs.BEND_OT_show_log.execute(operator, bpy.context) == {"CANCELLED"}
    log.touch()


def test_a_log_that_an_earlier_version_put_into_the_file_goes_when_it_is_saved(scene, tmp_path):
    bpy.data.texts.new("Bend Engine Log").from_string(SECRET)
    bpy.data.texts.new("Mine").from_string("stays")
    path = tmp_path / "film.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=False)
    assert SECRET.encode() not in path.read_bytes()
    assert [text.name for text in bpy.data.texts] == ["Mine"]


def test_what_is_copied_is_what_is_shown(addon, monkeypatch):
    setup = importlib.import_module(f"{MODULE}.blender_bend.addon.operators.engine.setup")
    engine_setup = importlib.import_module(f"{MODULE}.blender_bend.addon.process.engine_setup")
    monkeypatch.setattr(engine_setup, "report", lambda: f"first\n\n{'word ' * 100}\nlast")

    class Lines(list):
        def add(self):
            self.append(SimpleNamespace(text=""))
            return self[-1]

    asked, window = [], SimpleNamespace(clipboard="untouched")
    window.invoke_props_dialog = lambda operator, **_: asked.append(operator) or {"RUNNING_MODAL"}
    context = SimpleNamespace(window_manager=window)
    methods = {name: value for name, value in vars(setup.BEND_OT_copy_report).items() if callable(value)}
    operator = type("Report", (), {**methods, "report": lambda *_: None})()
    operator.lines, operator.active, operator.layout = Lines(), 0, Layout()
    assert operator.invoke(context, None) == {"RUNNING_MODAL"}
    assert asked == [operator] and window.clipboard == "untouched", "it is shown first"
    assert max(len(line.text) for line in operator.lines) <= setup.LINE
    operator.lines[0].text = "struck out"
    operator.draw(context)
    operator.execute(context)
    assert window.clipboard == "\n".join(line.text for line in operator.lines)
    assert window.clipboard.startswith("struck out\n\nword") and window.clipboard.endswith("last")


def test_the_report_can_be_copied_by_a_script():
    assert bpy.ops.bend.copy_report() == {"FINISHED"}
