"""All values of a thing in the file, found by Blender's own description of it: those of a later Blender count too."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from bpy.types import ID, bpy_prop_collection

#: What is only looked at, and decides nothing.
SHOWN = frozenset(("rna_type", "name", "select", "is_active", "show_expanded", "show_preview"))

_DECIMALS = 5


def values(thing: Any, leave: Collection[str] = ()) -> tuple[Any, ...]:
    """All values of a thing and of what lies within it, besides what an add-on gave it.

    Parameters
    ----------
    leave : names of properties that do not count, wherever they are
    """
    return tuple(value(getattr(thing, name), leave) for name in names(type(thing)) if name not in leave)


def value(found: Any, leave: Collection[str] = ()) -> Any:
    """One value as plain data; of another data-block, which it is."""
    if isinstance(found, float):
        return round(found, _DECIMALS)
    if found is None or isinstance(found, (bool, int, str)):
        return found
    if isinstance(found, ID):
        return found.name_full
    if isinstance(found, (set, frozenset)):
        return sorted(found)
    if isinstance(found, bpy_prop_collection) or not hasattr(found, "bl_rna"):
        return tuple(value(item, leave) for item in found)
    return values(found, leave)


_known: dict[type, tuple[str, ...]] = {}


def names(kind: type) -> tuple[str, ...]:
    """The properties of a kind of thing that decide something; kinds live as long as Blender does."""
    if kind not in _known:
        _known[kind] = tuple(_names(kind))
    return _known[kind]


def _names(kind: Any) -> Iterator[str]:
    for described in kind.bl_rna.properties:
        if described.identifier not in SHOWN and not described.is_runtime and not _is_found_out(described):
            yield described.identifier


def _is_found_out(described: Any) -> bool:
    """Whether a property only tells what others decide: what cannot be written and leads nowhere."""
    return bool(described.is_readonly and described.type not in {"POINTER", "COLLECTION"})
