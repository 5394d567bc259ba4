"""The engine as seen from Blender: installing, starting, requests, supervision."""
