"""Pulses, hits, and the beats that come of them."""
