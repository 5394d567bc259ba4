"""Long work in slices, between which whoever carries it out may do something else."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Slices = Generator[None, None, Result]


def carry_out(slices: Slices[Result]) -> Result:
    """Carry out slices without a pause."""
    while True:
        try:
            next(slices)
        except StopIteration as done:
            result: Result = done.value
            return result
