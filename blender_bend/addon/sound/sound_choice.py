"""Which sound strips a bend strip uses: strips, known by a mark whatever they are called, or all of a channel.

A copy of a strip has its mark too. It is not meant; what was cut off a strip is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from bpy.types import Scene, Strip

from ..host import compat
from ..timeline import strips


class Found(NamedTuple):
    """The strips that are meant, and what was chosen and is gone."""

    strips: list[Strip]
    gone: list[Any]


def find(sounds: Sequence[Strip], items: Iterable[Any]) -> Found:
    """What a choice means among the sound strips of a scene; all of them if nothing was chosen.

    Parameters
    ----------
    items : ``sounds`` of a bend strip, or of its sound condition
    """
    chosen = [(item, _matching(sounds, item)) for item in items]
    if not chosen:
        return Found(list(sounds), [])
    meant = [strip for _, matching in chosen for strip in matching]
    return Found([strip for strip in sounds if strip in meant], [item for item, matching in chosen if not matching])


def words(item: Any) -> str:
    """What was chosen, in words."""
    return f"channel {item.channel}" if item.channel else item.name


def _matching(sounds: Sequence[Strip], item: Any) -> list[Strip]:
    if item.channel:
        return [strip for strip in sounds if channel_of(strip) == item.channel]
    if not item.mark:
        return [strip for strip in sounds if strip.name == item.name]
    marked = [strip for strip in sounds if strip.bend_settings.sound_mark == item.mark]
    original = next((strip for strip in marked if strip.name == item.name), None) or _whole(marked)
    return [strip for strip in marked if strip == original or (original and _is_piece(strip, original))]


def _whole(marked: list[Strip]) -> Strip | None:
    """The first of some strips if they are one and its pieces; of copies, none is the original."""
    return marked[0] if marked and all(_is_piece(strip, marked[0]) for strip in marked[1:]) else None


def _is_piece(strip: Strip, original: Strip) -> bool:
    """Whether one strip was cut off another: the same content at the same place, shown before or after."""
    same = _content(strip) == _content(original)
    near = abs(compat.exact_content_start(strip) - compat.exact_content_start(original)) < 0.5
    ends = compat.right_handle(strip) <= compat.left_handle(original)
    return same and near and (ends or compat.right_handle(original) <= compat.left_handle(strip))


def _content(strip: Strip) -> Any:
    return strip.sound if strip.type == "SOUND" else strip.scene


def channel_of(strip: Strip) -> int:
    """The channel of the sequencer in which a strip, or the meta strip around it, lies."""
    return [strip, *strips.parents(strip)][-1].channel


def is_selected(strip: Strip) -> bool:
    """Whether a strip is selected, or a meta strip around it."""
    return any(one.select for one in (strip, *strips.parents(strip)))


def add(items: Any, strip: Strip) -> None:
    """Use a strip in addition to those chosen before."""
    settings = strip.bend_settings
    settings.sound_mark = settings.sound_mark or secrets.token_hex(8)
    if all(item.mark != settings.sound_mark for item in items):
        item = items.add()
        item.name, item.mark = strip.name, settings.sound_mark


def tidy(scene: Scene, sounds: Sequence[Strip]) -> None:
    """Let every choice know its strips by their present names, and take its mark from copies; pieces are chosen too."""
    choices: list[Any] = list(_choices(scene)) if scene.library is None else []
    for mark in {item.mark for items in choices for item in items if item.mark}:
        naming = [items for items in choices if any(item.mark == mark for item in items)]
        meant = find(sounds, [item for item in naming[0] if item.mark == mark]).strips
        if not meant:
            continue
        original = _named(meant, naming, mark)
        others = [one for one in sounds if one.bend_settings.sound_mark == mark and one != original]
        for other in others:
            other.bend_settings.sound_mark = ""
        for items in naming:
            for piece in (other for other in others if other in meant):
                add(items, piece)
            next(item for item in items if item.mark == mark).name = original.name


def _named(meant: list[Strip], naming: list[Any], mark: str) -> Strip:
    """The strip that is called as it was when it was chosen."""
    names = {item.name for items in naming for item in items if item.mark == mark}
    return next((strip for strip in meant if strip.name in names), meant[0])


def _choices(scene: Scene) -> Iterator[Any]:
    for strip in strips.bend_strips(scene):
        yield strip.bend_settings.sounds
        yield strip.bend_settings.condition.sounds
