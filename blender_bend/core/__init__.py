"""The vocabulary that Blender's side and the engine share: standard library and numpy only."""
