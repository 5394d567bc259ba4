"""Long work in slices, so that the window never waits."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Slices = Generator[None, None, Result]


def at_once(slices: Slices[Result]) -> Result:
    """Carry out slices without a pause."""
    while True:
        try:
            next(slices)
        except StopIteration as done:
            return done.value
