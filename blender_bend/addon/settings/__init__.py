"""A bend strip's settings as Blender properties, and its bend stack."""
