"""Procedural pictures: what mini learns from, and what a bend strip can start from without any file."""

from .moods import MOODS
from .paint import paint
from .palettes import PALETTES
from .table import SCENES

__all__ = ["MOODS", "PALETTES", "SCENES", "paint"]
