"""From a sound file to features: one number per video frame."""

from .analyse import analyse
from .settings import Settings

__all__ = ["Settings", "analyse"]
