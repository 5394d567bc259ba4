"""The explorer: a sheet of pictures in a window of its own, any of which can be applied by a click."""
