"""The Bend tab in the sequencer's sidebar, and Bend's entries in the sequencer's menus."""

from . import beats, bends, frames, generate, main, menus, operators, route, setup

CLASSES = tuple(
    cls for module in (setup, main, operators, bends, route, beats, generate, frames) for cls in module.CLASSES
)

register = menus.register
unregister = menus.unregister
