"""From a sound file to features: one number per video frame."""

from ..host import compiled_cache as compiled_cache  # before librosa compiles anything
from .measure_file import measure_file
from .settings import Settings

__all__ = ["Settings", "measure_file"]
