"""The Bend tab in the sequencer's sidebar, and Bend's entries in the sequencer's menus."""

from . import beats, bends, condition, explorer, film, frames, main, menus, operators, route, sounds
from .preferences import overview, setup

_SHOWN = (overview, setup, film, main, sounds, condition, operators, bends, route, beats, frames, explorer)

CLASSES = tuple(cls for module in _SHOWN for cls in module.CLASSES)

register = menus.register
unregister = menus.unregister
