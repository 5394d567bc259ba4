"""The Blender operators: thin, one subject a file; plain functions of the add-on do the work."""

from . import bake, beats, capture, explore, film, flashes, frames, gallery, generate, measuring, preview, sounds, strip
from .engine import models, preferences, repairs, setup
from .stack import bends, layers, loras, presets

_EDITING = (strip, sounds, loras, bends, layers, measuring, beats, bake, capture, presets, gallery)
_MAKING = (film, generate, preview, frames, flashes, explore)

CLASSES = tuple(cls for module in (*_EDITING, *_MAKING, repairs, setup, models, preferences) for cls in module.CLASSES)
