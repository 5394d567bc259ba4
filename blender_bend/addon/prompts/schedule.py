"""The prompts along a bend strip: from the lines of a text, or from the markers of the timeline."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from bpy.types import Scene

from ...core.errors import BendError, Code
from ...core.prompts import schedule as prompts
from ..settings.strip_settings import BEND_PG_settings

#: Lines and characters of a text of prompts: more than a film has.
LINES, CHARACTERS = 50_000, 4_000_000


def of(scene: Scene, settings: BEND_PG_settings, frames: Sequence[int]) -> dict[int, str]:
    """The prompts that some frames can have, by frame; none if the prompt does not travel.

    Raises
    ------
    BendError(PROMPT_INVALID)
    """
    return _within(written_at(scene, settings), frames)


def written(scene: Scene, settings: BEND_PG_settings) -> list[str]:
    """The prompts of a strip, as they are written.

    Raises
    ------
    BendError(PROMPT_INVALID) for a prompt schedule that cannot be read
    """
    return list(written_at(scene, settings).values()) or [settings.prompt]


def written_at(scene: Scene, settings: BEND_PG_settings) -> dict[int, str]:
    """Every prompt of a strip by its frame; none if the prompt does not travel.

    Raises
    ------
    BendError(PROMPT_INVALID)
    """
    if settings.travel == "TEXT":
        if settings.travel_text is None:
            raise BendError(
                Code.PROMPT_INVALID,
                "No text is chosen for prompt travel.",
                "Choose a text with lines such as 120: a burning forest.",
            )
        text = settings.travel_text
        written = text.as_string() if len(text.lines) <= LINES else None
        if written is None or len(written) > CHARACTERS:
            raise BendError(
                Code.PROMPT_INVALID,
                f"The prompt text is too long: {len(text.lines)} lines.",
                f"Use up to {LINES} lines.",
            )
        return prompts.parse_schedule(written)
    if settings.travel == "MARKERS":
        named = ((marker.frame, prompts.prompt_of_marker(marker.name)) for marker in scene.timeline_markers)
        return {frame: prompt for frame, prompt in named if prompt}
    return {}


def _within(schedule: dict[int, str], frames: Sequence[int]) -> dict[int, str]:
    """The prompts that some frames can have: those at them, the last before them and the first behind."""
    if not schedule or not frames:
        return schedule
    known = sorted(schedule)
    begin, end = bisect.bisect_right(known, min(frames)) - 1, bisect.bisect_left(known, max(frames)) + 1
    return {frame: schedule[frame] for frame in known[max(begin, 0) : end] or known[-1:]}
