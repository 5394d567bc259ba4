"""Prompts on Blender's side: their settings reach the job, embeddings are found, and what a model cuts is shown."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from types import SimpleNamespace

import bpy
import pytest
from drawing import Layout
from timeline import MODULE, trim


@pytest.fixture
def notices():
    """What the engine has said, nothing at first."""
    module = importlib.import_module(f"{MODULE}.blender_bend.addon.prompts.notices")
    module.forget()
    yield module
    module.forget()


@pytest.fixture
def embedding(addon, tmp_path):
    """The preferences' entry of an embedding called style."""
    path = tmp_path / "style.safetensors"
    path.write_bytes(b"vectors")
    bpy.ops.bend.add_file(kind="embeddings")
    item = addon.preferences.preferences().embeddings[0]
    item.name, item.folder = "style", str(path)
    yield item
    bpy.ops.bend.remove_file(kind="embeddings", index=0)


def panel(name):
    """What a panel of the Bend tab says of the active strip."""
    main = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.main")
    drawn = getattr(main, f"BEND_PT_{name}")
    own = {key: value for key, value in vars(drawn).items() if callable(value)}
    layout = Layout()
    drawn.draw(type(name, (), {**own, "layout": layout})(), bpy.context)
    return " ".join(layout.said)


def test_a_new_strip_reads_weights_and_skips_nothing(bend_strip, scene, addon):
    job = addon.snapshot.take(scene, bend_strip, [1])
    assert (job.prompt_weights, job.clip_skip, job.embeddings) == (True, 0, ())


def test_the_settings_of_prompts_reach_the_job(bend_strip, scene, addon):
    bend_strip.bend_settings.prompt_weights = False
    bend_strip.bend_settings.clip_skip = 2  # as artists count: one layer is left out
    job = addon.snapshot.take(scene, bend_strip, [1])
    assert (job.prompt_weights, job.clip_skip) == (False, 1)


def test_an_embedding_is_part_of_the_job_where_a_prompt_names_it(bend_strip, scene, addon, core, embedding):
    settings = bend_strip.bend_settings

    def named(frame=1):
        return [(one.name, one.path) for one in addon.snapshot.take(scene, bend_strip, [frame]).embeddings]

    wanted = [("style", embedding.folder)]
    for text, found in (("a calm sea", []), ("styles", []), ("a sea in STYLE", wanted), ("(style:1.3)", wanted)):
        settings.prompt = text
        assert named() == found, text
    settings.prompt, settings.negative = "a calm sea", "style, dark"
    assert named() == wanted
    settings.negative = ""
    text = bpy.data.texts.new("travel")
    text.from_string("1: sea\n5: fire in style")
    settings.travel, settings.travel_text = "TEXT", text
    assert (named(1), named(3)) == ([], wanted)
    settings.travel = "NONE"
    settings.prompt = "a sea in style"
    for name, told, code in (
        ("style.pt", "is a pickle", "model_invalid"),
        ("gone.safetensors", "is missing", "model_missing"),
    ):
        embedding.folder = embedding.folder.rpartition("style")[0] + name
        with pytest.raises(core.errors.BendError, match=told) as raised:
            addon.snapshot.take(scene, bend_strip, [1])
        assert (raised.value.code, raised.value.action) == (code, "bend.open_preferences")
        embedding.folder = embedding.folder.rpartition(name)[0] + "style.safetensors"


def test_the_prompts_settings_are_shown(bend_strip, monkeypatch):
    shown, draw = [], Layout.__getattr__

    def noting(layout, function):
        def drawn(*arguments, **settings):
            shown.extend(arguments[1:] if function == "prop" else ())
            return draw(layout, function)(*arguments, **settings)

        return drawn

    monkeypatch.setattr(Layout, "__getattr__", noting)
    panel("prompt")
    assert {"prompt_weights", "clip_skip"} <= set(shown)


def told(bend_strip, scene, addon, *found):
    """What a generation keeps when its engine tells what of the prompts is lost."""
    core_messages = sys.modules[f"{MODULE}.blender_bend.core.process.messages"]
    plan = addon.slices.at_once(addon.generate.plan(scene, bend_strip, [1]))
    generation = addon.generate.Generation(replace(plan, missing=[]))  # which needs no engine
    data = {"notices": [{"prompt": prompt, "text": text, "cut": ""} for prompt, text in found]}
    said = [core_messages.Message(core_messages.NOTICES, "1", data)]
    generation.request = SimpleNamespace(poll=lambda: said, ended=False)
    generation.update()


def test_what_a_model_cuts_is_shown_until_the_prompt_is_written_otherwise(bend_strip, scene, addon, notices):
    settings = bend_strip.bend_settings
    settings.prompt, settings.negative = "a very long prompt", "dark and long"
    told(
        bend_strip,
        scene,
        addon,
        ("a very long prompt", "The prompt is too long for this model, which doesn't read “long prompt”."),
        ("dark and long", "CLIP doesn't read “long”, only T5 does."),
    )
    drawn = panel("main")
    assert "doesn't read “long prompt”." in drawn and "only T5 does." in drawn
    settings.prompt = "short"
    drawn = panel("main")
    assert "long prompt" not in drawn and "only T5 does." in drawn
    settings.model = "another"
    assert "only T5 does." not in panel("main")


def test_a_new_render_forgets_what_was_said_before(bend_strip, scene, addon, notices):
    trim(bend_strip, 1, 3)
    told(bend_strip, scene, addon, (bend_strip.bend_settings.prompt, "The prompt is too long"))
    assert notices.of(bend_strip)
    assert addon.generate.fill_store(scene, bend_strip).rendered
    assert notices.of(bend_strip) == ()  # mini reads all of it


def test_a_weighted_and_long_prompt_is_rendered_and_weights_change_the_picture(bend_strip, scene, addon):
    settings = bend_strip.bend_settings
    shown = []
    for prompt in ("a calm sea", "a (calm:1.6) sea", ", ".join(["a calm sea"] * 20)):
        settings.prompt = prompt
        assert addon.generate.fill_store(scene, bend_strip, [1]).rendered == 1
        shown.append(bend_strip.elements[0].filename)
    assert len(set(shown)) == 3
    settings.prompt, settings.prompt_weights = "a calm sea", False
    assert addon.generate.fill_store(scene, bend_strip, [1]).rendered == 0  # without brackets it is the same frame
