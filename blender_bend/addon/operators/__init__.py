"""The Blender operators: thin, one subject a file; plain functions of the add-on do the work."""

from . import bake, beats, capture, explore, film, flashes, frames, gallery, generate, measuring, preview, sounds, strip
from .engine import models, preferences, repairs, setup
from .shared import shortcuts
from .stack import bends, curves, layers, loras, presets

_EDITING = (strip, sounds, loras, bends, layers, measuring, beats, bake, capture, curves, presets, gallery)
_MAKING = (film, generate, preview, frames, flashes, explore)

CLASSES = tuple(cls for module in (*_EDITING, *_MAKING, repairs, setup, models, preferences) for cls in module.CLASSES)

#: Few, and where Blender has none of its own; a test looks.
SHORTCUTS = tuple(shortcut for module in (bake, generate, preview, film) for shortcut in module.SHORTCUTS)


def register() -> None:
    """Enter the shortcuts."""
    shortcuts.register(SHORTCUTS)


def unregister() -> None:
    """Take them out."""
    shortcuts.unregister()
