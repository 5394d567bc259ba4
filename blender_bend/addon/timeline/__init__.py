"""The bend strip on the timeline: its place, its time, and its curves."""
