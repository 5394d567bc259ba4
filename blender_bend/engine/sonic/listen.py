"""What every frame hears: a window of the sound around it, embedded once and kept among the inputs of a frame store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from torch import Tensor

from ...core.errors import BendError, Code
from ..frame_store import FrameStore
from ..inputs import store_vector
from .clap import AudioTower
from .mel import SAMPLE_RATE, WINDOW, window


def listen(
    tower: AudioTower,
    mono: Tensor,
    seconds: Iterable[float],
    store: FrameStore,
    length: float = WINDOW / SAMPLE_RATE,
    hold: float = 0.0,
    known: dict[str, str] | None = None,
    progress: Callable[[int], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[str]:
    """The digests of what is heard around some moments, for the ``sound`` of a job's frames.

    Parameters
    ----------
    mono : shape (m,), see ``mel.prepare``
    seconds : the moments, such as the middle of every frame
    length : of the window around each, in seconds, at most 10
    hold : seconds after which the window moves on; frames in between hear the same and share their states
    known : digests by the hash of what was heard; what is in it is not embedded again, and new ones are added
    progress : called after each moment with how many are done

    Raises
    ------
    BendError(CANCELLED), BendError(STORE_UNWRITABLE)
    """
    known = {} if known is None else known
    digests = []
    for number, moment in enumerate(seconds, 1):
        if cancelled():
            raise BendError(Code.CANCELLED, "Cancelled.")
        held = moment // hold * hold if hold > 0 else moment
        samples = round(length * SAMPLE_RATE)
        heard = window(mono, round(held * SAMPLE_RATE) - samples // 2, samples)
        name = hashlib.sha256(heard.numpy().tobytes()).hexdigest()
        if name not in known:
            known[name] = store_vector(store, tower(heard[None].to(next(tower.parameters()).device)))
        digests.append(known[name])
        progress(number)
    return digests
