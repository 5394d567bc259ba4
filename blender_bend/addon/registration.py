"""Everything that Bend puts into Blender, and takes out again in the reverse order."""

from __future__ import annotations

import bpy

from . import operators, panels
from .condition import former_names
from .explorer import choices, session
from .film import state_overlay
from .frames import render_handler, status
from .gallery import state as gallery
from .host import changes, log_files, named_files, preferences, reading
from .live import switch
from .measuring import keep_measured, overlay
from .operators import explore
from .panels.gallery import icons
from .process import engine_client
from .settings import strip_settings
from .timeline import curve_changes

CLASSES = (
    *preferences.CLASSES,
    *strip_settings.CLASSES,
    *gallery.CLASSES,
    *choices.CLASSES,
    *operators.CLASSES,
    *panels.CLASSES,
)
PARTS = (
    named_files,
    icons,
    log_files,
    reading,
    preferences,
    strip_settings,
    gallery,
    panels,
    operators,
    render_handler,
    former_names,
    changes,
    curve_changes,
    status,
    overlay,
    state_overlay,
    keep_measured,
    switch,
    choices,
    session,
    explore,
)


def register() -> None:
    """Enable the add-on."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    for part in PARTS:
        part.register()


def unregister() -> None:
    """Disable the add-on and end the engine."""
    engine_client.shut_down()
    for part in reversed(PARTS):
        part.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
