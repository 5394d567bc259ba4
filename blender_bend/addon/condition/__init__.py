"""Sound as a condition of the pictures."""
