"""The Blender operators: thin, one subject a file; plain functions of the add-on do the work."""

from . import bake, bends, capture, generate, layers, loras, preferences, presets, preview, repairs, sounds, strip

CLASSES = tuple(
    cls
    for module in (strip, sounds, loras, bends, layers, bake, capture, generate, preview, presets, repairs, preferences)
    for cls in module.CLASSES
)
