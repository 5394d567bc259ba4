"""In which way frames are computed: precision, batch and decoding. A strip remembers the ways of its frames.

What a machine does best decides what *Automatic* means, but a frame that is there must not become outdated because its
file was opened on another machine, or because memory was short when it was made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..job.job import Job
from ..job.resolve import renders_singly
from ..job.tiling import WHOLE, Decoding, tile_side
from ..precision import Precision

#: What the preferences call a precision that is chosen by measuring.
AUTOMATIC = "auto"
#: What they call such a batch.
AUTOMATIC_BATCH = 0
#: How many ways a strip remembers; the batch is halved at most four times.
MOST = 8

_WAY = re.compile(r"(\w+) (\d{1,2}) (\w+)")


@dataclass(frozen=True)
class Way:
    """One way to compute frames; the fields are those of a job."""

    precision: str
    batch: int = 1
    decode: str = WHOLE

    def of(self, job: Job) -> Job:
        """A job that goes this way."""
        return replace(job, precision=self.precision, batch=self.batch, decode=self.decode)


def way_of(job: Job) -> Way:
    """The way of a job."""
    return Way(job.precision, job.batch, job.decode)


def telling(way: Way, job: Job) -> Way:
    """What of a way makes a difference to a job's frames: in ways of which that is equal, they have equal keys."""
    batch = 1 if renders_singly(job) else way.batch
    return replace(way, batch=batch, decode=WHOLE if tile_side(job.size) is None else way.decode)


def read(text: str) -> tuple[Way, ...]:
    """The ways that a strip remembers, the last one last; what cannot be read is left out."""
    found = [_WAY.fullmatch(part.strip()) for part in text.split(";")]
    ways = [Way(match[1], int(match[2]), match[3]) for match in found if match]
    sound = [w for w in ways if w.precision in tuple(Precision) and 1 <= w.batch <= 64 and w.decode in tuple(Decoding)]
    return tuple(way for way in sound if way.precision == sound[-1].precision)


def remember(text: str, way: Way) -> str:
    """The text that remembers one more way. Ways of another precision are forgotten: a film has one."""
    kept = [known for known in read(text) if known != way and known.precision == way.precision]
    return "; ".join(f"{known.precision} {known.batch} {known.decode}" for known in [*kept, way][-MOST:])


@dataclass(frozen=True)
class Choice:
    """The ways of a strip's frames.

    Parameters
    ----------
    making : for frames that are missing
    good : others under which frames that are there stay
    fresh : for a strip of whose frames none is there
    """

    making: Way
    good: tuple[Way, ...]
    fresh: Way


def choose(precision: str, batch: int, here: Way, text: str) -> Choice:
    """What preferences, machine and a strip's memory come to.

    Parameters
    ----------
    precision, batch : of the preferences; may be automatic
    here : what Automatic means on this machine, for the strip's model and size
    text : what the strip remembers
    """
    fresh = Way(
        here.precision if precision == AUTOMATIC else precision,
        here.batch if batch == AUTOMATIC_BATCH else batch,
        here.decode,
    )
    known = read(text)
    if precision != AUTOMATIC:
        known = tuple(way for way in known if way.precision == precision)
    if batch != AUTOMATIC_BATCH:  # frames of a larger batch are not what was asked for
        known = tuple(way for way in known if way.batch <= batch)
    if not known:
        return Choice(fresh, (), fresh)
    making = replace(known[-1], batch=known[-1].batch if batch == AUTOMATIC_BATCH else batch)
    if making.precision == fresh.precision:
        making = fresh
    return Choice(making, tuple(way for way in reversed(known) if way != making), fresh)
