"""Bend inside Blender: the only room that imports bpy."""
