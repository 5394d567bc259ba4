"""Drafts of many settings of one frame, one after the other: for sheets and for the pictures of presets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...core.errors import BendError
from ...core.files import caches
from ...core.job.job import Job
from ...core.process.shared_picture import Picture
from ..host import preferences
from .asking import Asking
from .controller import ENDING
from .kept import Kept
from .wanted import of_job

Label = TypeVar("Label")


@dataclass(frozen=True)
class Made(Generic[Label]):
    """What came of one setting: its draft, or why there is none."""

    label: Label
    picture: Picture | None
    problem: BendError | None = None


class Series(Generic[Label]):
    """Drafts under way; one that was made before is there at once.

    Parameters
    ----------
    wanted : the jobs of one frame each, in the order in which they are made, with whatever tells them apart

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """

    def __init__(self, wanted: Iterable[tuple[Label, Job]]) -> None:
        folder = preferences.cache_folder(caches.DRAFTS)
        self._asking, self._kept = Asking(folder), Kept(folder)
        self._waiting = deque(wanted)
        self.total = len(self._waiting)
        self._label: Label | None = None
        self._key = ""

    @property
    def phase(self) -> str:
        """What the engine is at, in words."""
        return self._asking.phase

    @property
    def running(self) -> bool:
        """Whether more will come."""
        return bool(self._waiting) or self._asking.wanted is not None

    @property
    def left(self) -> int:
        """How many have not come yet."""
        return len(self._waiting) + (self._asking.wanted is not None)

    def update(self) -> Made[Label] | None:
        """Go on for a moment; what has come, if something has.

        Raises
        ------
        BendError if there is no engine any more
        """
        if self._asking.wanted is None:
            return self._begin() if self._waiting else None
        label = self._label
        assert label is not None
        try:
            picture = self._asking.follow()
        except BendError as error:
            if error.code in ENDING:
                raise
            return Made(label, None, error)
        if picture is None:
            return None
        self._kept.put(picture)
        return Made(label, picture)

    def _begin(self) -> Made[Label] | None:
        """Ask for the next, or take it from those that are kept."""
        label, job = self._waiting.popleft()
        self._label = label
        try:
            wanted = of_job("", "", job)
        except BendError as error:
            return Made(label, None, error)
        if (found := self._kept.get(wanted.key)) is not None:
            return Made(label, found)
        self._asking.ask(wanted)
        return None

    def close(self) -> None:
        """Let go of everything; what is under way ends within a denoising step."""
        self._waiting.clear()
        self._asking.close()
