"""Bend: music on the timeline bends the inside of a diffusion model, frame by frame.

Three rooms: ``core`` (the shared vocabulary), ``addon`` (inside Blender) and ``engine`` (the child process).
"""
