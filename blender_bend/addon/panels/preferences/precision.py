"""Precision and batch in the preferences, and what is to be said of them and of memory before the work starts."""

from __future__ import annotations

from typing import Any

from ...frames import status
from ...process import automatic
from ..main import wrap


def draw_precision(layout: Any, preferences: Any) -> None:
    """The settings, what Automatic means here, and a warning where a choice is slow."""
    layout.prop(preferences, "precision")
    slow = "" if preferences.precision == automatic.AUTOMATIC else automatic.slow(preferences.precision)
    text = f"{slow}: Automatic is faster" if slow else automatic.summary()
    if slow or preferences.precision == automatic.AUTOMATIC:
        beside = layout.split(factor=0.4)  # as wide as the labels of the settings
        beside.label()
        beside.label(text=text, icon="ERROR" if slow else "INFO")
    layout.prop(preferences, "batch", text="Batch (0: Automatic)")


def draw_notices(layout: Any, known: status.Status) -> None:
    """Before Generate: a precision that is slow or not chosen here, and memory that does not suffice."""
    for lines, icon in ((notices(known), "INFO"), (known.memory, "MEMORY")):
        if lines:
            box = layout.box().column(align=True)
            for index, line in enumerate(part for text in lines for part in wrap(f"{text}.")):
                box.label(text=line, icon="BLANK1" if index else icon)
            if known.kept and lines is not known.memory:
                box.operator("bend.forget_precision", icon="FILE_REFRESH")


def notices(known: status.Status) -> list[str]:
    """What is said of the precision while frames are missing."""
    if not known.missing:
        return []
    kept = "This strip keeps the precision its frames were rendered with"
    return [text for text in (known.slow, kept if known.kept else "") if text]
