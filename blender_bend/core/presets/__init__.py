"""Presets: bends that belong together, read and written, at a strength, and their pictures."""
