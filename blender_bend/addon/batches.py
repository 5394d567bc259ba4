"""Which batches fit into memory, as the engine has found out since Blender was started."""

from __future__ import annotations

from ..core.job import Job

_fitting: dict[tuple[str, tuple[int, int], str], int] = {}


def _kind(job: Job) -> tuple[str, tuple[int, int], str]:
    """What decides how much memory a state takes."""
    return job.fingerprint, job.size, job.precision


def learn(job: Job, batch: int) -> None:
    """Note the batch that a job came through with."""
    if batch < job.batch:
        _fitting[_kind(job)] = batch


def fitting(job: Job) -> int:
    """The batch for a job: the one that it asks for, or a smaller one that is known to fit."""
    return min(job.batch, _fitting.get(_kind(job), job.batch))
