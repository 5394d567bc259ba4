"""Files of sound and MIDI, read to their end."""
