"""From a sound file to features: one number per video frame."""

from .analyse import analyse

__all__ = ["analyse"]
