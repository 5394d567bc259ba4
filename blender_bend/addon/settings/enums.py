"""The catalogue's tables as Blender's properties: what is in a table is in the interface."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from bpy.props import EnumProperty, StringProperty
from bpy.types import Context

from ...core import catalogue
from ...core.catalogue import Choice, Operator
from ...core.catalogue.strip import StartsFrom
from ...core.errors import BendError, Code
from ...core.limits import Real, Whole
from ...core.prompts.schedule import Blending
from ...core.sound import features

Item = tuple[str, str, str, int]

#: Characters of a text that a person types: more than any prompt has.
LONGEST_TEXT = 20_000


def items(rows: Iterable[tuple[str, str, str]]) -> list[Item]:
    """Rows of name, label and tooltip as the items of an enum.

    Blender keeps the number of an item in the file; it is made of the name, so that a row put in between changes no
    file.
    """
    return [(name, label, tooltip, zlib.crc32(name.encode()) & 0x7FFFFFFF) for name, label, tooltip in rows]


def check(group: Any, names: Iterable[str] | None = None) -> None:
    """Refuse choices that this version of Bend does not have, as a file of another version or of a stranger may hold.

    Blender reads them as empty. What is only shown takes them for the usual ones; what works with them checks first.
    Texts too long to have been typed are refused too: they would be read for every frame. So are numbers beyond their
    limits, which Blender only enforces while typing.

    Parameters
    ----------
    names : the choices that count; None means all of the group

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    wanted = None if names is None else set(names)
    for described in group.bl_rna.properties:
        name = described.identifier
        if described.type == "STRING" and not described.is_hidden and len(getattr(group, name)) > LONGEST_TEXT:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"The text in '{described.name}' is too long: {len(getattr(group, name))} characters.",
                f"Use up to {LONGEST_TEXT}.",
            )
        if described.type in _LIMITS and not described.is_hidden:
            _check_numbers(described, getattr(group, name))
        if described.type == "ENUM" and (wanted is None or name in wanted) and not getattr(group, name):
            raise BendError(
                Code.PARAMETER_INVALID,
                f"'{described.name}' has a value that this version of Bend doesn't support.",
                "Choose it again, or open the file with the version of Bend that made it.",
            )


_LIMITS = {"INT": Whole, "FLOAT": Real}


def _check_numbers(described: Any, value: Any) -> None:
    """Refuse a number, or a row of them, that the interface would not have taken."""
    limit = _LIMITS[described.type](f"'{described.name}'", described.hard_min, described.hard_max)
    for number in value if described.is_array else (value,):
        limit(number)


def families() -> Iterator[tuple[str, list[Operator]]]:
    """The operators of the catalogue by family, in the catalogue's order."""
    known = dict.fromkeys(operator.family for operator in catalogue.OPERATORS)
    yield from ((name, [o for o in catalogue.OPERATORS if o.family == name]) for name in known)


def operator_items() -> list[Item]:
    """The operators as the items of an enum, under the headings of their families."""
    return _under_headings(families())


def feature_items() -> list[Item]:
    """The features of sound as the items of an enum, under the headings of their families."""
    known = dict.fromkeys(feature.family for feature in features.FEATURES)
    return _under_headings((name, [f for f in features.FEATURES if f.family == name]) for name in known)


def _under_headings(families: Iterable[tuple[str, Iterable[Any]]]) -> list[Item]:
    grouped = (
        [("", family, "", 0), *items((row.name, row.label, row.summary) for row in rows)] for family, rows in families
    )
    return list(itertools.chain.from_iterable(grouped))


def choice_name(operator: str, choice: str) -> str:
    """The name of the Blender property that holds an operator's choice."""
    return f"{operator}_{choice}"


def choice_properties() -> dict[str, Any]:
    """A Blender property for every choice of every operator, by name."""
    return {
        choice_name(operator.name, choice.name): _choice_property(choice)
        for operator in catalogue.OPERATORS
        for choice in operator.choices
    }


def _choice_property(choice: Choice) -> Any:
    described: dict[str, Any] = {"name": choice.label, "description": choice.summary, "default": choice.default}
    if not choice.pattern:
        return EnumProperty(items=items((option, option_label(option), "") for option in choice.options), **described)

    def search(self: Any, context: Context, typed: str) -> list[str]:
        return list(choice.options)

    return StringProperty(search=search, search_options={"SUGGESTION"}, **described)


#: Options are part of the names of frames, so they keep the spelling that they were stored with.
_SHOWN = {"centre": "center", "centred": "centered", "normalised": "normalized"}


def option_label(option: str) -> str:
    """An option as the interface writes it: ``top_left`` becomes Top Left, ``centre rows`` Center Rows."""
    words = option.replace("_", " ").split(" ")
    return " ".join(_SHOWN.get(word, word) for word in words).title() if option[:1].isalpha() else option


SOURCES = (
    (StartsFrom.NOISE, "Noise", "Generate every frame from noise, from the prompt alone"),
    (
        StartsFrom.PROCEDURAL,
        "Procedural Scene",
        "Generate every frame from a procedural animation, such as waves, fire or a galaxy",
    ),
    (StartsFrom.PICTURES, "Strips Below", "Generate every frame from the strips below: movie, image or 3D scene"),
    (StartsFrom.PREVIOUS, "Previous Frame", "Generate every frame from the one before it, so the picture drifts"),
)
BLENDINGS = (
    (Blending.LINEAR, "Linear", "Interpolate in a straight line from one prompt to the next"),
    (Blending.SPHERICAL, "Spherical", "Interpolate along an arc, which preserves the strength of the prompts"),
)
