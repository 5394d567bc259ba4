"""The links of a chain: frames that start from the one before. Of those that are missing, not all must be rendered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice, takewhile
from pathlib import Path

from ...core.job.frame_keys import FrameKeys
from ...core.job.frames import Frames
from ...core.job.job import Job
from ...core.job.resolve import Traced, Tracer
from .searching import SLICE, Part, Parts, Search, Takes, trace
from .stored import Stored


class Links(Search):
    """Looks for the links of a chain, part by part from its first one.

    Rendered must be what is missing and asked for, and what is missing right before that, up to a link that is there:
    whether links that nobody asked for are among these is known only later. They are kept until then, packed.

    Parameters
    ----------
    former : the stores that the strip used until now, from which frames are brought along
    wanted : the numbers of the links that were asked for
    known : keys of the links by number, as far as the job was traced before
    """

    def __init__(
        self,
        job: Job,
        stored: Stored,
        former: Sequence[Path],
        wanted: Collection[int],
        known: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(job, (), stored, former, known)
        self._job, self._wanted = job, wanted
        #: Missing links that may lead to one that is asked for.
        self._held, self._held_keys = Frames(), FrameKeys()
        #: The chain's first link as long as it is missing and nothing needs it, once it was looked for.
        self._anchor: Traced | None = None
        self._begun = False

    def parts(self, takes: Takes) -> Parts:
        for frames in takes:
            if not frames:
                yield None
                continue
            found = yield from self.look(frames)
            if not self._begun:
                self._begun, first = True, found.traced[0]
                self._anchor = first if first.frame.number in found.lacking else None
            needed, leads = self._needed(found)
            if leads:
                held, keys = self._held, self._held_keys
                self._held, self._held_keys = Frames(), FrameKeys()
                yield from self._led(held, keys)
            self._hold(found, needed)
            yield self._anchored(found.traced, needed)

    def _needed(self, found: Part) -> tuple[set[int], bool]:
        """The links of a part that must be rendered as far as is known by now, and whether so must those before it."""
        needed, leads = set[int](), False
        for number in (traced.frame.number for traced in reversed(found.traced)):
            leads = number in found.lacking and (leads or number in self._wanted)
            if leads:
                needed.add(number)
        return needed, leads

    def _hold(self, found: Part, needed: Collection[int]) -> None:
        """Keep the missing links at the end of a part, for they may lead to one that comes later."""
        held = list(
            takewhile(
                lambda traced: traced.frame.number in found.lacking and traced.frame.number not in needed,
                reversed(found.traced),
            )
        )
        if len(held) < len(found.traced):
            self._held, self._held_keys = Frames(), FrameKeys()
        for traced in reversed(held):
            self._held.append(traced.frame)
            self._held_keys.append(traced.frame.number, traced.key)

    def _led(self, held: Frames, keys: FrameKeys) -> Parts:
        """The links that were held, for they lead to one that is asked for."""
        frames, tracer = iter(held), Tracer(self._job, keys)
        while some := list(islice(frames, SLICE)):
            traced = yield from trace(tracer, some)
            yield self._anchored(traced, {frame.number for frame in some})

    def _anchored(self, traced: Sequence[Traced], needed: Collection[int]) -> Part:
        """A part of which some must be rendered, with what these need before all others."""
        if self._anchor is not None and self._anchor.frame.number in needed:
            self._anchor = None
        anchor = None
        if any(_is_matched(one) for one in traced if one.frame.number in needed):
            anchor, self._anchor = self._anchor, None
        return Part(traced, needed, anchor)


def _is_matched(traced: Traced) -> bool:
    """Whether a link's colors are matched to the first one's."""
    source = traced.data["source"]
    return source is not None and "previous" in source and source["colour"] is not None
