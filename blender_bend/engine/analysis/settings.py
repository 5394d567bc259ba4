"""What besides the sound decides the features: the settings of the beat grid, a MIDI file, an EnCodec model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import BendError, Code
from ...core.files.whole import read_regular
from ...core.models.references import fingerprint
from ...core.sound import beats
from ...core.sound.feature_table import Depends
from ...core.sound.features import depends

#: Bytes of a MIDI file. What larger ones hold is no score; reading one would take minutes and gigabytes.
LARGEST_SCORE = 2_000_000


@dataclass(frozen=True)
class Settings:
    """What besides the sound decides the features, and how a long analysis speaks.

    Parameters
    ----------
    beats : how the beat grid is found and corrected
    midi : a MIDI file; None if there is none
    midi_start : seconds from the start of the sound to the MIDI file's time 0
    encodec : folder of an EnCodec model; None if there is none
    phase : is told what is being done, in words for the artist
    cancelled : asked often; True ends the analysis
    """

    beats: beats.Settings = field(default_factory=beats.Settings)
    midi: Path | None = None
    midi_start: float = 0.0
    encodec: Path | None = None
    phase: Callable[[str], None] = lambda text: None
    cancelled: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Go on, unless someone pressed cancel.

        Raises
        ------
        BendError(CANCELLED)
        """
        if self.cancelled():
            raise BendError(Code.CANCELLED, "Canceled.")

    def digest(self, spelling: str) -> str:
        """What of the settings a feature depends on, as a short hash; empty if on nothing."""
        on = depends(spelling)
        if on is Depends.BEATS:
            return _short(repr(self.beats))
        if on is Depends.MIDI and self.midi is not None and self.midi.is_file():
            return _short(repr(self.midi_start), _content(self.midi))
        if on is Depends.ENCODEC and self.encodec is not None and self.encodec.is_dir():
            return _short(fingerprint(self.encodec))
        return ""


def _content(score: Path) -> bytes:
    """A MIDI file; nothing of one that cannot be read, of which the measuring tells why."""
    try:
        return read_regular(score, LARGEST_SCORE, follow=True)
    except OSError:
        return b""


def _short(text: str, content: bytes = b"") -> str:
    return hashlib.sha256(text.encode() + content).hexdigest()[:16]
