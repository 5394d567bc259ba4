"""The models of the Hugging Face hub as the preferences list them: those that are known, and those that are here."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ...core.models import hub_cache, known_models
from ...core.models.hub_cache import Found, Stored
from ...core.models.known_models import Known

#: Seconds for which a look into the cache of the hub counts; panels are drawn with every movement of the mouse.
FRESH_SECONDS = 5.0

_seen: tuple[float, Found] = (-FRESH_SECONDS, Found())


def stored(fresh: bool = False) -> Found:
    """The diffusion models in the hub's cache.

    Parameters
    ----------
    fresh : look again, however short ago the last look was
    """
    global _seen
    if fresh or time.monotonic() - _seen[0] > FRESH_SECONDS:
        _seen = (time.monotonic(), hub_cache.stored())
    return _seen[1]


@dataclass(frozen=True)
class Row:
    """A line of the list: a model that is known, or here, or both."""

    name: str
    known: Known | None
    here: Stored | None

    @property
    def label(self) -> str:
        """What it is called."""
        return self.known.label if self.known else self.name

    @property
    def whole(self) -> bool:
        """Whether it can be used."""
        return self.here is not None and not self.here.missing


def unreadable() -> str:
    """How many folders of the cache are left out of the list, in words; empty if none is."""
    count = stored().unreadable
    return f"{count} more {'folder' if count == 1 else 'folders'} can't be read" if count else ""


def rows() -> list[Row]:
    """The known models, and the others that are here."""
    here = {model.name: model for model in stored()}
    known = [Row(model.name, model, here.pop(model.name, None)) for model in known_models.MODELS]
    return known + [Row(name, None, model) for name, model in here.items()]
