"""Editing what a strip carries: bends, layers of a route, LoRA files, presets, curves."""
