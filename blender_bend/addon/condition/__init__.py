"""The sound as a condition of the pictures."""
