"""The Blender operators: thin, one subject a file; plain functions of the add-on do the work."""

from . import (
    bake,
    beats,
    bends,
    capture,
    frames,
    generate,
    layers,
    listening,
    loras,
    models,
    preferences,
    presets,
    preview,
    repairs,
    setup,
    sounds,
    strip,
)

_EDITING = (strip, sounds, loras, bends, layers, listening, beats, bake, capture, generate, preview, presets, frames)

CLASSES = tuple(cls for module in (*_EDITING, repairs, setup, models, preferences) for cls in module.CLASSES)
