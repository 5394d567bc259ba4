"""Long work in slices, so that the window never waits."""

from __future__ import annotations

from ...core.models import file_hashes
from ...core.slices import Result, Slices, carry_out

__all__ = ["Result", "Slices", "at_once"]


def at_once(slices: Slices[Result]) -> Result:
    """Carry out slices without a pause, for a caller who waits for all of it: files are read where they must be."""
    with file_hashes.reading_here():
        return carry_out(slices)
