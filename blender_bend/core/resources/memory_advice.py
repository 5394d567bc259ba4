"""What is said of a job's memory before it starts: how much it takes, what Bend will do, and what would fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..job.job import Job
from ..job.tiling import TILED, WHOLE
from ..precision import Precision
from . import footprint
from .footprint import RESERVE, SHARE, STAGES, Offload, Stage
from .speeds import LABELS, Speeds

#: What a stage means for the artist.
_SAYS: dict[tuple[Offload, str], str] = {
    (Offload.NOTHING, TILED): "decode in tiles",
    (Offload.MODEL, WHOLE): "keep only the active part of the model on the GPU",
    (Offload.MODEL, TILED): "keep only the active part of the model on the GPU and decode in tiles",
    (Offload.SEQUENTIAL, TILED): "load the model layer by layer, which is slow, and decode in tiles",
}
#: Smaller pictures are suggested in steps of this many pixels of the longer side.
_STEP = 64


@dataclass(frozen=True)
class Advice:
    """What is known of a job's memory.

    Parameters
    ----------
    needs : bytes without any measure
    available : bytes that there are
    stage : what will fit; None if nothing does
    place : ``GPU`` or ``CPU``
    suggestions : changes with which it would fit at full speed
    """

    needs: int
    available: int
    stage: Stage | None
    place: str
    suggestions: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether there is nothing to be said."""
        return self.stage == STAGES[0]

    def lines(self) -> list[str]:
        """The same in words, one sentence a line."""
        where = "the GPU has" if self.place == "GPU" else "this machine has"
        first = f"Needs about {_gigabytes(self.needs)} of memory; {where} {_gigabytes(self.available)}"
        if self.fits:
            return [first]
        said = f"Bend will {_SAYS[self.stage.offload, self.stage.decode]}" if self.stage else "This won't fit"
        return [first, said, *([f"Fits: {' · '.join(self.suggestions)}"] if self.suggestions else [])]


def advise(job: Job, speeds: Speeds, free: int | None = None) -> Advice | None:
    """Look at a job's memory; None if its model cannot be told.

    Parameters
    ----------
    free : bytes of the device that are free now; None if only its whole memory is known
    """
    found = footprint.of_job(job, speeds.device)
    if found is None or not speeds.memory:
        return None
    available = available_of(speeds) if free is None else free
    stage = found.fitting(available, speeds.device == "cuda")
    place = "GPU" if speeds.device == "cuda" else "CPU"
    suggestions = () if stage == STAGES[0] else tuple(_suggestions(job, speeds, available))
    return Advice(found.needs(STAGES[0]), available, stage, place, suggestions)


def available_of(speeds: Speeds) -> int:
    """Bytes that a job may take of a device's whole memory."""
    return max(0, speeds.memory - RESERVE) if speeds.device == "cuda" else int(speeds.memory * SHARE)


def batch_that_fits(job: Job, speeds: Speeds) -> int:
    """The batch that Automatic means for a job: what gains time, and needs no offload that 1 would not need."""
    batch = speeds.batch(job.precision)
    if batch == 1:
        return 1
    alone = _stage(replace(job, batch=1), speeds)
    while batch > 1 and _stage(replace(job, batch=batch), speeds) != alone:
        batch //= 2
    return batch


def _stage(job: Job, speeds: Speeds) -> Stage | None:
    found = footprint.of_job(job, speeds.device)
    return found.fitting(available_of(speeds), speeds.device == "cuda") if found else None


def _suggestions(job: Job, speeds: Speeds, available: int) -> Iterator[str]:
    """Single changes with which a job fits as it is."""

    def fits(changed: Job) -> bool:
        found = footprint.of_job(changed, speeds.device)
        return found is not None and found.needs(STAGES[0]) <= available

    if job.batch > 1 and fits(replace(job, batch=1)):
        yield "a batch of 1"
    for precision in (Precision.FLOAT16, Precision.BFLOAT16):
        whole = job.precision == Precision.FLOAT32
        if whole and not speeds.is_slow(precision) and fits(replace(job, precision=precision)):
            yield LABELS[precision]
            break
    longer = max(job.size)
    for side in range(longer - _STEP, 4 * _STEP - 1, -_STEP):
        width, height = (max(64, round(length * side / longer / 8) * 8) for length in job.size)
        if fits(replace(job, size=(width, height))):
            yield f"{width} × {height}"
            break


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
