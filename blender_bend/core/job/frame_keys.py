"""Frame keys by the numbers of their frames, packed: those of 100,000 frames take 4 MB instead of 25."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping

#: Bytes of a key.
WIDTH = 32


class FrameKeys(Mapping[int, str]):
    """Keys of frames, in the order of their numbers.

    Parameters
    ----------
    keys : frame keys, 64 hexadecimal digits each, by number, ascending; more can be appended
    """

    def __init__(self, keys: Mapping[int, str] | None = None) -> None:
        self._numbers = array("q")
        self._digests = bytearray()
        for number, key in (keys or {}).items():
            self.append(number, key)

    def append(self, number: int, key: str) -> None:
        """Add a frame behind all others.

        Raises
        ------
        ValueError if it does not lie behind them, or the key is none
        """
        digest = bytes.fromhex(key)
        if len(digest) != WIDTH or (self._numbers and number <= self._numbers[-1]):
            raise ValueError(f"frame {number} with the key {key!r} cannot be added")
        self._numbers.append(number)
        self._digests += digest

    def __getitem__(self, number: int) -> str:
        place = bisect_left(self._numbers, number)
        if place == len(self._numbers) or self._numbers[place] != number:
            raise KeyError(number)
        return self._digests[WIDTH * place : WIDTH * (place + 1)].hex()

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
