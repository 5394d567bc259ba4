"""From the sound to keys on the strip's curves."""
