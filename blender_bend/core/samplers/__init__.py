"""Samplers, their settings, and the models that are made for few steps."""
