"""The interface agrees with itself: everything has a name and a tooltip, and greyed buttons say why."""

from __future__ import annotations

import importlib

import bpy
import pytest
from timeline import MODULE


@pytest.fixture(scope="module")
def registered():
    return importlib.import_module(f"{MODULE}.blender_bend.addon.registration").CLASSES


def operator_type(cls):
    """What Blender knows of an operator class."""
    return getattr(bpy.ops.bend, cls.bl_idname.removeprefix("bend.")).get_rna_type()


def test_every_operator_has_a_tooltip_and_an_identifier_of_bend(registered):
    for cls in registered:
        if issubclass(cls, bpy.types.Operator):
            tooltip = operator_type(cls).description
            assert len(tooltip) > 20, cls.bl_idname
            assert not tooltip.endswith("."), f"{cls.bl_idname}: Blender adds the full stop"
            assert cls.bl_idname.startswith("bend.")


def test_every_visible_property_has_a_name_and_a_tooltip(registered):
    for cls in registered:
        for item in cls.bl_rna.properties:
            own = item.identifier in getattr(cls, "__annotations__", {})
            if not own or item.is_hidden or item.type in {"COLLECTION", "POINTER"} or not item.name:
                continue
            if item.identifier in {"name", "key", "title", "active_bend", "active_parameter", "active_model", "index"}:
                continue
            assert item.description, f"{cls.__name__}.{item.identifier}"


def test_operators_that_change_the_timeline_can_be_undone(registered):
    changing = {
        "add_strip",
        "film_from_song",
        "use_sounds",
        "add_bend",
        "remove_bend",
        "move_bend",
        "duplicate_bend",
        "bake",
    }
    changing |= {"add_preset", "capture", "add_lora", "remove_lora", "add_layer", "remove_layer", "move_layer"}
    changing |= {"add_sound", "fit_to_song", "bake", "bake_all", "rebake", "collect", "embed_sound", "forget_precision"}
    changing |= {"mark_beats", "remove_markers", "snap_keys", "key_beats", "beat_here"}
    changing |= {"check_flashes", "soften_flashes", "apply_cell", "show_curve"}
    undoable = {
        cls.bl_idname.removeprefix("bend.")
        for cls in registered
        if issubclass(cls, bpy.types.Operator) and "UNDO" in getattr(cls, "bl_options", ())
    }
    assert undoable == changing


def test_without_a_bend_strip_the_buttons_are_grey(scene):
    for name in ("bake", "generate", "preview_frame", "add_bend", "use_sounds"):
        assert not getattr(bpy.ops.bend, name).poll()
    assert bpy.ops.bend.add_strip.poll()


def test_every_action_of_an_error_is_an_operator(addon):
    """The repair that a message offers must exist."""
    import re
    from pathlib import Path

    root = Path(addon.bake.__file__).parents[1]
    named = {name for file in root.rglob("*.py") for name in re.findall(r'"bend\.(\w+)"', file.read_text())}
    for name in named:
        assert hasattr(getattr(bpy.ops.bend, name), "poll"), name
        getattr(bpy.ops.bend, name).get_rna_type()
