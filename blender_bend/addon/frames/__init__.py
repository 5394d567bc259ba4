"""Rendering, counting and loading frames."""
