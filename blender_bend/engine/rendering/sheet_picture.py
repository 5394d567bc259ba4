"""A sheet as a picture: rows and columns of pictures with their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import PIL.Image
from PIL import ImageDraw, ImageFont
from PIL.Image import Image

from ...core.errors import BendError, Code
from ...core.process import shared_picture
from ..host.results import write_picture

_MARGIN, _GAP, _TITLE, _LINE = 12, 6, 22, 16
_INK, _PALE, _PAPER, _EMPTY, _MARK = (235,) * 3, (150,) * 3, (24,) * 3, (40,) * 3, (255, 160, 40)


@dataclass(frozen=True)
class Page:
    """What is on a sheet.

    Parameters
    ----------
    rows, columns : their labels
    pictures : of the cells, row by row; None where there is none. All of one size
    captions : below each of them
    marked : places of cells in that list that have a frame around them
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    pictures: Sequence[Image | None]
    captions: Sequence[str]
    marked: frozenset[int] = field(default_factory=frozenset)


def sheet(page: Page, first: tuple[str, Image] | None = None) -> Image:
    """Draw a sheet.

    Parameters
    ----------
    first : a picture to compare with, in front of every row, and what it is

    Raises
    ------
    BendError if there is no picture at all
    """
    some = first[1] if first else next((picture for picture in page.pictures if picture is not None), None)
    if some is None:
        raise BendError(Code.PARAMETER_INVALID, "The sheet has no pictures yet.", "Wait for the first ones.")
    width, height = some.size
    font, small = ImageFont.load_default(15), ImageFont.load_default(12)
    names = [name for row in page.rows for name in row.splitlines()]
    beside = width if first else int(max(map(small.getlength, names), default=0))
    label = _LINE * max(2, *(1 + row.count("\n") for row in page.rows)) + 4 if first else _LINE + 4
    across, down = width + _GAP, height + label + _GAP
    size = (2 * _MARGIN + beside + len(page.columns) * across, 2 * _MARGIN + 2 * _TITLE + len(page.rows) * down)
    canvas = PIL.Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(canvas)
    left_of, top_of = _MARGIN + beside + _GAP, _MARGIN + 2 * _TITLE
    draw.text((_MARGIN, _MARGIN), page.title, _INK, font)
    for column, name in enumerate(page.columns):
        draw.text((left_of + column * across, _MARGIN + _TITLE), _fitted(name, font, width), _INK, font)
    for row, name in enumerate(page.rows):
        top = top_of + row * down
        draw.text((_MARGIN, top + (height + 3 if first else 0)), name, _INK, small)
        if first:
            canvas.paste(first[1], (_MARGIN, top))
    if first:
        draw.text((_MARGIN, _MARGIN + _TITLE), first[0], _INK, font)
    for place, (picture, caption) in enumerate(zip(page.pictures, page.captions, strict=True)):
        row, column = divmod(place, len(page.columns))
        left, top = left_of + column * across, top_of + row * down
        if picture is None:
            draw.rectangle((left, top, left + width - 1, top + height - 1), _EMPTY)
        else:
            canvas.paste(picture, (left, top))
        if place in page.marked:
            draw.rectangle((left - 2, top - 2, left + width + 1, top + height + 1), outline=_MARK, width=2)
        draw.text((left, top + height + 3), _fitted(caption, small, width), _PALE, small)
    return canvas


def _fitted(text: str, font: Any, width: int) -> str:
    """As much of a text as has room."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def sheet_of_drafts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Write a sheet that Blender shows, from the drafts that are kept; see the message ``SHEET``.

    Raises
    ------
    BendError if no draft is there, or the file cannot be written
    """
    folder, out = Path(data["kept"]), Path(data["out"])
    pictures = [_kept(folder, str(key)) for key in data["pictures"]]
    largest = max((picture.size for picture in pictures if picture), default=(0, 0))
    fitted = [picture if picture is None else picture.resize(largest) for picture in pictures]
    marked = frozenset(int(place) for place in data["marked"])
    page = Page(data["title"], data["rows"], data["columns"], fitted, data["captions"], marked)
    if len(fitted) != len(page.rows) * len(page.columns) or len(page.captions) != len(fitted):
        raise BendError(Code.MESSAGE_INVALID, "The sheet has other numbers of pictures and labels.")
    write_picture(out, sheet(page))
    return {"out": str(out)}


def _kept(folder: Path, key: str) -> Image | None:
    found = shared_picture.read(shared_picture.kept_path(folder, key)) if key else None
    return PIL.Image.frombytes("RGB", found.size, found.pixels) if found else None
