"""The Bend tab in the sequencer's sidebar, and Bend's entries in the sequencer's menus."""

from . import beats, bends, condition, frames, generate, main, menus, operators, route, sounds
from .preferences import overview, setup

_SHOWN = (overview, setup, main, sounds, condition, operators, bends, route, beats, generate, frames)

CLASSES = tuple(cls for module in _SHOWN for cls in module.CLASSES)

register = menus.register
unregister = menus.unregister
