"""The Blender operators: thin, one subject a file; plain functions of the add-on do the work."""

from . import bake, bends, generate, preferences, preview, repairs, sounds, strip

CLASSES = tuple(
    cls for module in (strip, sounds, bends, bake, generate, preview, repairs, preferences) for cls in module.CLASSES
)
