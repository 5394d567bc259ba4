"""Long work in slices, so that the window never waits."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from ..core import file_hashes

Result = TypeVar("Result")
Slices = Generator[None, None, Result]


def at_once(slices: Slices[Result]) -> Result:
    """Carry out slices without a pause, for a caller who waits for all of it."""
    with file_hashes.reading_here():
        while True:
            try:
                next(slices)
            except StopIteration as done:
                return done.value
