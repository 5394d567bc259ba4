"""The Blender side's foundation: versions, preferences, slices of work, pictures."""
