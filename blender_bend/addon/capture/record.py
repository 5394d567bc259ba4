"""The record of captured pictures: which picture each frame has, as text on the strip."""

from __future__ import annotations

import functools
import zlib
from base64 import b85encode
from collections.abc import Iterator, Mapping

import numpy as np

from ...core.errors import BendError, Code
from ...core.files.packing import longest_text, unpack85

#: Bytes of a SHA-256 digest, and of the place of one frame.
_WIDTH, _ROW = 32, 8
#: More frames than Blender's timeline has.
_FRAMES = 1 << 21
#: A frame may have a window of sound before its strip and one behind it.
_BEYOND = 16


def encode(digests: Mapping[int, str]) -> str:
    """A record as text: a table of the different pictures, and for every frame its place in the table.

    Parameters
    ----------
    digests : digest by element number, counted from the strip's first element; a still costs one entry of the table
    """
    table = list(dict.fromkeys(digests.values()))
    places = {digest: place for place, digest in enumerate(table)}
    rows = np.array([(number, places[digest]) for number, digest in digests.items()], "<i4").reshape(-1, 2)
    rows[1:] -= rows[:-1].copy()
    packed = len(table).to_bytes(4, "little") + bytes.fromhex("".join(table)) + rows.tobytes()
    return b85encode(zlib.compress(packed, 6)).decode()


class Record(Mapping[int, str]):
    """Digests by number as they lie in a record; a text is made only of those that are asked for.

    Parameters
    ----------
    table : the digests, one after the other
    places : place in the table by number, less ``first``; -1 where there is none
    """

    def __init__(self, table: bytes = b"", places: np.ndarray | None = None, first: int = 0) -> None:
        self._table, self._first = table, first
        self._places = np.empty(0, np.int32) if places is None else places

    def __getitem__(self, number: int) -> str:
        index = number - self._first
        place = int(self._places[index]) if 0 <= index < len(self._places) else -1
        if place < 0:
            raise KeyError(number)
        return self._digest(place)

    def __iter__(self) -> Iterator[int]:
        return iter((np.flatnonzero(self._places >= 0) + self._first).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self._places >= 0))

    def different(self) -> set[str]:
        """Every digest that a number has, once."""
        return {self._digest(place) for place in np.unique(self._places[self._places >= 0]).tolist()}

    def _digest(self, place: int) -> str:
        return self._table[place * _WIDTH : (place + 1) * _WIDTH].hex()


def decode(text: str, elements: int) -> Record:
    """Read what ``encode`` wrote; text from elsewhere, or of more than a strip can have, counts as no record.

    Parameters
    ----------
    elements : how many elements the strip has
    """
    elements = min(max(elements, 0), _FRAMES)
    if not text or len(text) > longest_text(_most_bytes(elements), 5, 4):
        return Record()  # before anybody counts its characters
    return _decode(text, elements)


def _most_bytes(elements: int) -> int:
    """The bytes of a record in which every frame has a picture of its own."""
    return 5 + (elements + 2 * _BEYOND) * (_WIDTH + _ROW)


# The window is redrawn and frames are counted again with every change; the record is the same each time.
@functools.lru_cache(maxsize=16)
def _decode(text: str, elements: int) -> Record:
    most = elements + 2 * _BEYOND
    try:
        packed = unpack85(text, _most_bytes(elements))
        count = int.from_bytes(packed[:4], "little")
        end = 4 + count * _WIDTH
        if count > most or end > len(packed) or len(packed) - end > most * _ROW:
            return Record()
        rows = np.frombuffer(packed[end:], "<i4").reshape(-1, 2).astype(np.int64).cumsum(axis=0)
    except ValueError:
        return Record()
    numbers, places = rows[:, 0], rows[:, 1]
    if not len(rows):
        return Record()
    first, last = int(numbers.min()), int(numbers.max())
    if first < -_BEYOND or last > elements + _BEYOND or places.min() < 0 or places.max() >= count:
        return Record()
    by_number = np.full(last - first + 1, -1, np.int32)
    by_number[numbers - first] = places
    return Record(packed[4:end], by_number, first)


def missing(what: str) -> BendError:
    """What to say when pictures of the sequencer are needed and not there."""
    return BendError(
        Code.CAPTURE_MISSING,
        f"{what} haven't been captured yet.",
        "Press Capture; repeat it whenever they change.",
        "bend.capture",
    )
