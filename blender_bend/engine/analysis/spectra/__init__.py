"""The shared spectrum, and what is taken from it."""
