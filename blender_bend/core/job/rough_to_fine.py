"""The order in which the frames of a range are wanted: a rough film soon, and a finer one with time."""

from __future__ import annotations

from collections.abc import Iterator

#: Every so many frames first, and all of them in the end.
STRIDES = (8, 4, 2, 1)


def rough_to_fine(frames: range, playhead: int) -> Iterator[int]:
    """Every frame of a range once: each 8th from the playhead on and then from the beginning, each 4th, each 2nd, all.

    Parameters
    ----------
    playhead : where it begins; the range's own beginning if that is elsewhere
    """
    begin = playhead if playhead in frames else frames.start
    before = 0
    for stride in STRIDES:
        for number in (*range(begin, frames.stop, stride), *range(begin - stride, frames.start - 1, -stride)[::-1]):
            if not before or (number - begin) % before:
                yield number
        before = stride
