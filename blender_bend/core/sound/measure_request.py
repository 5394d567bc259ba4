"""What is asked of a sound: written by the add-on and read by the engine here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..limits import FRAMES, SECONDS
from ..timebase import FrameRate
from . import beats


@dataclass(frozen=True)
class MeasureRequest:
    """Which features of which stretch of which sound, and what besides the sound decides them.

    Parameters
    ----------
    sound : the file of the stretch, which is measured whole
    rate, frames : of the film, and how many of its frames the stretch lasts
    features : spelled as ``core.sound.features`` has it
    cache : folder of what was measured before
    out : file for the answer
    beats : how the beat grid is found and corrected
    midi : a MIDI file; None if there is none
    midi_start : seconds from the start of the sound to the MIDI file's time 0
    encodec : folder of an EnCodec model; None if there is none
    """

    sound: Path
    rate: FrameRate
    frames: int
    features: tuple[str, ...]
    cache: Path
    out: Path
    beats: beats.Settings = field(default_factory=beats.Settings)
    midi: Path | None = None
    midi_start: float = 0.0
    encodec: Path | None = None

    def to_data(self) -> dict[str, Any]:
        """The data of the message that asks for it."""
        data: dict[str, Any] = {
            "sound": str(self.sound),
            "fps": str(self.rate),
            "frames": self.frames,
            "features": list(self.features),
            "cache": str(self.cache),
            "out": str(self.out),
            "beats": asdict(self.beats),
        }
        if self.midi is not None:
            data["midi"] = {"path": str(self.midi), "start": self.midi_start}
        if self.encodec is not None:
            data["encodec"] = str(self.encodec)
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> MeasureRequest:
        """What a message asks for.

        Raises
        ------
        BendError(PARAMETER_INVALID) for numbers beyond their limits and for beat settings that do not exist
        """
        midi, folder = data.get("midi") or {}, data.get("encodec")
        return cls(
            Path(data["sound"]),
            FrameRate.parse(data["fps"]),
            FRAMES(data["frames"]),
            tuple(data["features"]),
            Path(data["cache"]),
            Path(data["out"]),
            beats.Settings.from_dict(data.get("beats") or {}),
            Path(midi["path"]) if midi.get("path") else None,
            SECONDS(midi.get("start", 0.0)),
            Path(folder) if folder else None,
        )
