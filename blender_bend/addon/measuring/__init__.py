"""Measured sound: overlay, beats, and values at the playhead."""
