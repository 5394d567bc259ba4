"""Frames are made, counted, and fetched when Blender renders."""
