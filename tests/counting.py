"""Counts what work costs in Python's own steps, which are the same on every machine, however busy it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


def steps_of(work: Callable[[], Any]) -> int:
    """How many instructions Python carries out; what numpy and Blender do within a call counts as one."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def steps_of_slices(slices: Iterator[Any]) -> list[int]:
    """The instructions of every slice of a work, down to its end."""
    steps, over = [], False

    def go_on() -> None:
        nonlocal over
        over = next(slices, slices) is slices

    while not over:
        steps.append(steps_of(go_on))
    return steps
