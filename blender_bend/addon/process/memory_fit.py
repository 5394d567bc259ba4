"""How jobs fit into memory, as found out by the engine since Blender was started."""

from __future__ import annotations

from dataclasses import replace

from ...core.job.job import Job
from ...core.job.tiling import TILED, WHOLE
from ...core.resources.ways import Way, way_of

remembered: dict[tuple[str, tuple[int, int], str], Way] = {}


def _kind(job: Job) -> tuple[str, tuple[int, int], str]:
    """What decides how much memory a state takes."""
    return job.fingerprint, job.size, job.precision


def learn(job: Job, batch: int, decode: str = WHOLE) -> None:
    """Remember how a job was rendered."""
    if batch < job.batch or decode != job.decode:
        remembered[_kind(job)] = Way(job.precision, batch, decode)


def fitting(job: Job) -> Way:
    """The way for a job: the one that it asks for, or one with less memory that is known to fit."""
    known = remembered.get(_kind(job), way_of(job))
    decode = TILED if TILED in (job.decode, known.decode) else WHOLE
    return replace(known, batch=min(job.batch, known.batch), decode=decode)
