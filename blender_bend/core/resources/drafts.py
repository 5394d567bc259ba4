"""Drafts: cheaper pictures of the same frames, which Live shows before the frames are made.

A draft keeps the frame's noise, reduced with the picture, so that its composition stays. It has a key of its own and is
never part of a film.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from ..job.job import Job
from ..limits import SIDE
from ..samplers.few_steps import FEW_STEPS, FewSteps
from . import footprint

#: A draft has a third of the steps of its frame, within these limits.
SHARE, FEWEST, MOST = 3, 4, 10
#: The sides of a reduced draft are multiples of this: every layout that Bend knows takes them.
UNIT = 16
#: The side that models are trained for if their card does not say so.
USUAL_SIDE = 512


def draft_of(job: Job) -> Job:
    """The draft of a job: fewer steps, half the size where its model still makes pictures of that, or both.

    Models and files for few steps keep them. The model, its precision and its decoder stay, for another one would have
    to be loaded. Every draft is made by itself, whatever the batch.
    """
    steps = _steps(job)
    side = trained_side(Path(job.model))
    # Below the size that it was trained for a model makes another picture, so only where no step can be saved.
    least = side if steps < job.steps else side // 2
    size = half(job.size)
    if min(size) < max(least, SIDE.least):
        size = job.size
    return replace(job, steps=steps, size=size, batch=1, draft_of=job.size)


def half(size: tuple[int, int]) -> tuple[int, int]:
    """Half of a size, rounded up to what every layout takes."""
    width, height = (-(-side // (2 * UNIT)) * UNIT for side in size)
    return width, height


def _steps(job: Job) -> int:
    if job.steps <= FEWEST or any(_is_made_for(job, kind) for kind in FEW_STEPS):
        return job.steps
    return max(FEWEST, min(MOST, -(-job.steps // SHARE)))


def _is_made_for(job: Job, kind: FewSteps) -> bool:
    """Whether a job is set to what a kind of few-step models asks for."""
    least, most = kind.guidance
    return job.scheduler == kind.scheduler and job.steps in kind.steps and least <= job.guidance <= most


@functools.lru_cache(maxsize=32)
def trained_side(model: Path) -> int:
    """The side of the pictures that a model was trained for, in pixels, as its own settings have it."""
    for part in footprint.DENOISERS:
        cells = footprint.config(model, part).get("sample_size")
        if isinstance(cells, int) and 8 <= cells <= SIDE.most // 8:
            return cells * 8
    return USUAL_SIDE
