"""Ogg files that hold several sounds one after the other, as joined files and recorded web radio do.

libsndfile reads the first of them only. So each is opened as a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from typing import IO

#: Of one file: the songs of some days of radio.
MOST_LINKS = 1 << 12
#: Of sounds with pictures, each stream begins.
_MOST_BEGINS = 8 * MOST_LINKS
_HEADER, _SEGMENTS = 27, 26
#: How the page begins on which a stream does: version 0, the flag of the first page alone, and before sample 0.
_BEGIN = b"OggS\0\2" + bytes(8)
_PAGE = b"OggS\0"
_BLOCK = 1 << 20


class Link:
    """A stretch of a file that seems to be all of it.

    Parameters
    ----------
    first, last : where it begins and ends in the file
    """

    def __init__(self, file: IO[bytes], first: int, last: int) -> None:
        self._file, self._first, self._last = file, first, last
        file.seek(first)

    def read(self, count: int) -> bytes:
        """So many bytes from here on; less at the end."""
        return self._file.read(max(0, min(count, self._last - self._file.tell())))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        start = (self._first, self._file.tell(), self._last)[whence]
        return self._file.seek(start + offset) - self._first

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell() - self._first


def links(file: IO[bytes]) -> list[tuple[int, int]]:
    """Where each sound of an Ogg file begins and ends, at most one more than ``MOST_LINKS``; other files are one.

    Streams that play at the same time begin together, before anything else of them. So a page on which a stream begins,
    not right behind one of the same kind, is the first of another sound.
    """
    size = file.seek(0, 2)
    file.seek(0)
    firsts, end = [0], 0
    for at in islice(_begins(file), _MOST_BEGINS) if file.read(4) == b"OggS" else ():
        if at > end:
            firsts.append(at)
        if len(firsts) > MOST_LINKS:
            break
        end = _end(file, at)
    if len(firsts) == 1:
        return [(0, size)]
    return [(first, _close(file, first, last)) for first, last in pairwise([*firsts, size])]


def _begins(file: IO[bytes]) -> Iterator[int]:
    """Where streams begin: found by their bytes, as walking over pages of a few bytes each would take a minute."""
    first, kept = 0, b""
    while True:
        file.seek(first + len(kept))
        if not (read := file.read(_BLOCK)):
            return
        block, at = kept + read, -1
        while (at := block.find(_BEGIN, at + 1)) >= 0:
            yield first + at
        kept = block[1 - len(_BEGIN) :]
        first += len(block) - len(kept)


def _end(file: IO[bytes], at: int) -> int:
    """Where the page that begins at a place ends."""
    file.seek(at)
    header = file.read(_HEADER)
    count = header[_SEGMENTS] if len(header) == _HEADER else 0
    return at + _HEADER + count + sum(file.read(count))


def _close(file: IO[bytes], first: int, last: int) -> int:
    """Where the last page of a stretch ends: libsndfile takes a sound for broken that something long follows."""
    begin = last
    while begin > first:
        begin = max(first, begin - _BLOCK)
        file.seek(begin)
        if (at := file.read(min(_BLOCK + len(_PAGE), last - begin)).rfind(_PAGE)) >= 0:
            return min(last, _end(file, begin + at))
    return last
