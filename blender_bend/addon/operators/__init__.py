"""The Blender operators: thin, one subject a file; plain functions of the add-on do the work."""

from . import bake, bends, capture, generate, loras, preferences, presets, preview, repairs, setup, sounds, strip

CLASSES = tuple(
    cls
    for module in (strip, sounds, loras, bends, bake, capture, generate, preview, presets, repairs, setup, preferences)
    for cls in module.CLASSES
)
