"""What is measured in the sound: overlay, beats, and values under the playhead."""
