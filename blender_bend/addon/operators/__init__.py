"""The Blender operators: thin, one subject a file; plain functions of the add-on do the work."""

from . import (
    bake,
    beats,
    bends,
    capture,
    generate,
    layers,
    listening,
    loras,
    preferences,
    presets,
    preview,
    repairs,
    sounds,
    strip,
)

_MODULES = (strip, sounds, loras, bends, layers, listening, beats, bake, capture, generate, preview, presets, repairs)

CLASSES = tuple(cls for module in (*_MODULES, preferences) for cls in module.CLASSES)
