"""Prompt travel: prompts at frames, and the blend of two prompts between them."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable

from ..choices import Name
from ..errors import BendError, Code

#: The prompts of one frame with their shares, which add up to 1.
Blend = tuple[tuple[str, float], ...]


class Blending(Name):
    """How two prompts are blended: in a straight line, or along the circle that keeps their length."""

    LINEAR = "linear"
    SPHERICAL = "spherical"


#: Blender's frames have seven digits at most.
_FRAME = re.compile(r"-?\d{1,9}")


def parse_schedule(text: str) -> dict[int, str]:
    """Read ``frame: prompt`` lines; empty lines and lines that begin with # are skipped.

    Raises
    ------
    BendError(PROMPT_INVALID) naming the line that cannot be read.
    """
    schedule: dict[int, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        frame, _, prompt = (part.strip() for part in line.partition(":"))
        if not _FRAME.fullmatch(frame) or not prompt:
            raise BendError(
                Code.PROMPT_INVALID,
                f"Line {number} of the prompts is not 'frame: prompt'.",
                "Use lines such as 120: a burning forest.",
            )
        schedule[int(frame)] = prompt
    return schedule


def prompt_of_marker(name: str) -> str | None:
    """The prompt in the name of a timeline marker: ``prompt: a calm sea``; None if it is another kind of marker."""
    word, _, prompt = (part.strip() for part in name.partition(":"))
    return prompt if word.lower() == "prompt" and prompt else None


def travel(schedule: dict[int, str]) -> Callable[[int], Blend]:
    """The prompts of any frame: held before the first and after the last, blended linearly between two.

    Parameters
    ----------
    schedule : prompts by frame, at least one
    """
    frames = sorted(schedule)

    def blend(frame: int) -> Blend:
        before = frames[max(bisect.bisect_right(frames, frame) - 1, 0)]
        after = frames[min(bisect.bisect_left(frames, frame), len(frames) - 1)]
        first, second = schedule[before], schedule[after]
        if first == second or before >= after:
            return ((first, 1.0),)
        share = (frame - before) / (after - before)
        return ((first, 1.0),) if share <= 0 else ((first, 1.0 - share), (second, share))

    return blend
