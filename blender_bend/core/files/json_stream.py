"""Reading a JSON object that has one long list: its text comes piece by piece, and so do the list's elements."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TextIO

#: Characters that are read at a time.
PIECE = 1 << 16

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class JsonStream:
    """JSON values and the signs between them, one after the other.

    Parameters
    ----------
    text : open for reading

    Raises
    ------
    ValueError if it is not JSON
    """

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._read, self._at = "", 0

    def peek(self) -> str:
        """The next sign that is not a space, which stays; empty at the end."""
        while True:
            match = _SPACE.match(self._read, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._read):
                return self._read[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> bool:
        """Go past a sign if it is the next one."""
        found = self.peek() == wanted
        self._at += found
        return found

    def expect(self, wanted: str) -> None:
        """Go past a sign."""
        if not self.take(wanted):
            raise ValueError(f"expected {wanted!r}")

    def value(self) -> Any:
        """The next value as a whole."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._read, self._at)
            except ValueError:
                if not self._more():
                    raise
                continue
            # What seems to be a number's end may be the end of what has been read of it.
            if self._read[end : end + 1] in (" ", "\t", "\n", "\r", ",", ":", "]", "}") or not self._more():
                self._at = end
                return value

    def _more(self) -> bool:
        """Read on, twice as much each time that a value is longer; False at the end."""
        left = self._read[self._at :]
        piece = self._text.read(max(PIECE, len(left)))
        self._read, self._at = left + piece, 0
        return bool(piece)


def read_object(text: TextIO, name: str, element: Callable[[Any], None]) -> dict[str, Any]:
    """The members of a JSON object but one list, the elements of which are handed on one by one.

    Parameters
    ----------
    name : of the list
    element : takes the next element; it may raise

    Raises
    ------
    ValueError if it is not such an object, KeyError if it has no such list
    """
    members: dict[str, Any] = {}
    stream, found = JsonStream(text), False
    stream.expect("{")
    while stream.peek() != "}":
        if members or found:
            stream.expect(",")
        key = stream.value()
        stream.expect(":")
        if key != name:
            members[_text(key)] = stream.value()
        elif found:
            raise ValueError(f"{name} are there twice")
        else:
            _elements(stream, element)
            found = True
    stream.expect("}")
    if stream.peek():
        raise ValueError("more than one object")
    if not found:
        raise KeyError(name)
    return members


def _text(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError("a name is a text")
    return key


def _elements(stream: JsonStream, element: Callable[[Any], None]) -> None:
    stream.expect("[")
    if stream.take("]"):
        return
    element(stream.value())
    while stream.take(","):
        element(stream.value())
    stream.expect("]")
