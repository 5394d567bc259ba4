"""Trains mini, the diffusion model that ships with Bend, on pictures that Bend's own scenes paint."""
