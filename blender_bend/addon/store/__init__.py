"""The frame store and the project: what is used, how much there is, and exporting it."""
