"""Sheets of the explorer: which pictures are compared, and in which order they are made."""
