"""The modules of the enabled extension by name, whatever room they are in."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType

from timeline import MODULE, ROOT


class Side:
    """One side of Bend, whose modules are its attributes: ``Side("addon").strips``.

    Parameters
    ----------
    side : ``addon`` or ``core``
    aside : rooms whose modules are not looked for, because their names are those of other rooms' modules too
    """

    def __init__(self, side: str, aside: tuple[str, ...] = ()) -> None:
        self._package = ROOT / "blender_bend" / side
        self._aside = {self._package / room for room in aside}

    @functools.cache  # noqa: B019 (there is one of each)
    def __getattr__(self, name: str) -> ModuleType:
        found = [file for file in self._package.rglob(f"{name}.py") if not self._aside & set(file.parents)]
        found = found or [self._package / name]
        if len(found) > 1 or not (found[0].is_file() or found[0].is_dir()):
            raise AttributeError(f"{len(found)} modules are called {name}")
        path = found[0].relative_to(ROOT).with_suffix("")
        return importlib.import_module(".".join((MODULE, *path.parts)))


#: Operators and panels have modules of the same names as the rooms that they show.
ADDON, CORE = Side("addon", aside=("operators", "panels")), Side("core")
