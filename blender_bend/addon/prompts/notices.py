"""What the engine could not take of a strip's prompts, kept for the panel until the prompts are written otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bpy.types import ImageStrip

from ...core.errors import BendError
from . import schedule


@dataclass(frozen=True)
class Notice:
    """A prompt, and what of it is lost, in words; see ``engine.prompts.notices``."""

    prompt: str
    text: str


@dataclass(frozen=True)
class _Kept:
    model: str
    notices: tuple[Notice, ...]


_kept: dict[tuple[str, str], _Kept] = {}


def keep(scene: str, strip: str, model: str, told: Iterable[Mapping[str, Any]]) -> None:
    """Note what the engine said at the start of a render; what it said before is over.

    Parameters
    ----------
    scene, strip : their names
    model : the model's name as the strip has it
    """
    found = tuple(Notice(str(one["prompt"]), str(one["text"])) for one in told)
    _kept.pop((scene, strip), None)
    if found:
        _kept[scene, strip] = _Kept(model, found)


def of(strip: ImageStrip) -> tuple[Notice, ...]:
    """What is still to be said about a strip: its model and these prompts are as they were."""
    kept = _kept.get((strip.id_data.name, strip.name))
    if kept is None or kept.model != strip.bend_settings.model:
        return ()
    written = {*_written(strip), strip.bend_settings.negative}
    return tuple(notice for notice in kept.notices if notice.prompt in written)


def _written(strip: ImageStrip) -> Iterable[str]:
    """The prompts of a strip; none where its schedule can't be read, which is said elsewhere."""
    try:
        return schedule.written(strip.id_data, strip.bend_settings)
    except BendError:
        return ()


def forget() -> None:
    """Nothing was said."""
    _kept.clear()
