"""What the registered classes show is American English, in the form that Blender gives its own labels and tooltips."""

from __future__ import annotations

import importlib

import bpy
import pytest
from timeline import MODULE
from words import label_faults, tooltip_faults

#: Verbs with which Blender's own operators begin too.
BLENDERS = {
    "Add", "Apply", "Bake", "Browse", "Cancel", "Clear", "Copy", "Delete", "Duplicate", "Edit", "Export", "Find", "Fit",
    "Make", "Move", "Open", "Remove", "Render", "Restore", "Save", "Set", "Show", "Snap", "Use",
}  # fmt: skip
#: Verbs for what Blender has no operator for.
OURS = {
    "Capture", "Check", "Collect", "Compare", "Dismiss", "Download", "Embed", "Explore", "Generate", "Key", "Log",
    "Mark", "Measure", "Preview", "Re-bake", "Renew", "Soften", "Tap",
}  # fmt: skip


@pytest.fixture(scope="module")
def registered():
    return importlib.import_module(f"{MODULE}.blender_bend.addon.registration").CLASSES


def of_kind(registered, kind):
    return [cls for cls in registered if issubclass(cls, kind)]


def shown_properties(registered):
    """Class, property of every property that the interface shows."""
    for cls in registered:
        for item in cls.bl_rna.properties:
            if item.identifier in getattr(cls, "__annotations__", {}) and not item.is_hidden and item.name:
                yield cls, item


def first_words_of_blenders_operators():
    for module in set(dir(bpy.ops)) - {"bend"}:
        for name in dir(getattr(bpy.ops, module)):
            yield getattr(getattr(bpy.ops, module), name).get_rna_type().name.partition(" ")[0]


def test_every_operator_begins_with_a_verb(registered):
    used = {cls.bl_label.partition(" ")[0].rstrip("…") for cls in of_kind(registered, bpy.types.Operator)}
    assert used <= BLENDERS | OURS
    assert set(first_words_of_blenders_operators()) >= BLENDERS & used


def test_labels_are_titles(registered):
    wrong = []
    for cls in of_kind(registered, bpy.types.Operator | bpy.types.Panel | bpy.types.Menu):
        if cls.bl_label:
            wrong += [(cls.bl_label, fault) for fault in label_faults(cls.bl_label.rstrip("…"))]
    for cls, item in shown_properties(registered):
        if item.name != item.identifier:
            wrong += [(cls.__name__, item.name, fault) for fault in label_faults(item.name)]
    assert not wrong


def test_tooltips_are_sentences_without_a_period(registered):
    wrong = []
    for cls in registered:
        text = (cls.__doc__ or "").strip()
        wrong += [(cls.__name__, text, fault) for fault in tooltip_faults(text)]
    for cls, item in shown_properties(registered):
        wrong += [(cls.__name__, item.identifier, fault) for fault in tooltip_faults(item.description)]
    assert not wrong


def test_the_items_of_enums_are_titles_with_tooltips(registered):
    wrong = []
    for cls, item in shown_properties(registered):
        for option in item.enum_items if item.type == "ENUM" else ():
            wrong += [(cls.__name__, option.name, fault) for fault in label_faults(option.name)]
            wrong += [(cls.__name__, option.description, fault) for fault in tooltip_faults(option.description)]
    assert not wrong
