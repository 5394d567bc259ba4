"""Asking the engine for drafts: always for the latest one only, whose picture comes through a shared file."""

from __future__ import annotations

import math
import time
from pathlib import Path

from ...core.errors import BendError, Code, store_unwritable
from ...core.process import messages
from ...core.process.shared_picture import Picture, Shared
from ..host import preferences, temporary
from ..process import engine_client
from ..process.engine_request import Request
from .wanted import Wanted


class Asking:
    """What the engine was asked for last.

    Parameters
    ----------
    kept : folder of the drafts that are kept

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self.folder = temporary.folder()
        self._shared: Shared | None = None
        self._count = 0
        self._request: Request | None = None
        self._began = math.nan
        #: What is being made; None if nothing is.
        self.wanted: Wanted | None = None
        #: What the engine is at, in words.
        self.phase = ""
        #: How long the last drafts took from question to picture, without the loading of a model; nan before the first.
        self.seconds = math.nan

    def ask(self, wanted: Wanted) -> None:
        """Ask for a draft; the one that is being made is given up within a denoising step.

        Raises
        ------
        BendError if there is no engine, or no room for pictures
        """
        shared = self._room(wanted.job.size)
        self._request = engine_client.client().request(
            messages.DRAFT,
            job=wanted.job.to_json(),
            store=str(preferences.frame_folder()),
            kept=str(self._kept),
            picture=str(shared.path),
        )
        self.wanted, self._began = wanted, time.monotonic()

    def follow(self) -> Picture | None:
        """The picture that has come since the last time.

        Raises
        ------
        BendError with what the engine said, if it could not make the draft
        """
        if self._request is None or self._shared is None:
            return None
        for message in self._request.poll():
            if message.type == messages.PHASE:
                self.phase = str(message.data["text"])
                self._began = time.monotonic()
        if not self._request.ended:
            return None
        request, wanted = self._request, self.wanted
        self._request = self.wanted = None
        try:
            request.result()
        except BendError as error:
            if error.code == Code.CANCELLED:
                return None
            raise
        took = time.monotonic() - self._began
        self.seconds = took if math.isnan(self.seconds) else 0.5 * (self.seconds + took)
        picture = self._shared.take()
        return picture if picture is not None and wanted is not None and picture.key == wanted.key else None

    def cancel(self) -> None:
        """Ask for nothing any more."""
        if self._request is not None and not self._request.ended:
            self._request.cancel()
        self._request = self.wanted = None

    def close(self) -> None:
        """Let go of everything."""
        self.cancel()
        if self._shared is not None:
            self._shared.close()
            self._shared = None
        self.folder.cleanup()

    def _room(self, size: tuple[int, int]) -> Shared:
        """A shared file in which a picture has room; the engine may still write into the one before."""
        if self._shared is not None and self._shared.holds(size):
            return self._shared
        self._count += 1
        path = Path(self.folder.name, f"draft-{self._count}")
        try:
            shared = Shared(path, size)
        except OSError as error:
            raise store_unwritable(path.parent, error) from error
        if self._shared is not None:
            self._shared.close()
        self._shared = shared
        return shared
