"""The Blender operators: thin, one subject a file; plain functions of the add-on do the work."""

from . import bake, bends, generate, preferences, presets, preview, repairs, sounds, strip

CLASSES = tuple(
    cls
    for module in (strip, sounds, bends, bake, generate, preview, presets, repairs, preferences)
    for cls in module.CLASSES
)
