"""Which sound is embedded for which frames: written by the add-on and read by the engine here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..limits import FRAMES, SECONDS, WINDOW, WINDOW_STEP
from ..timebase import FrameRate
from .windows import Windows


@dataclass(frozen=True)
class EmbedRequest:
    """Which windows of which sound are embedded by which tower.

    Parameters
    ----------
    sound : the file
    tower : file of CLAP's audio tower
    windows : of the film
    frames : how many frames the strip has
    start : seconds from the sound's first sample to the strip's first frame; negative where the strip begins earlier
    length : of a window, in seconds
    store : the frame store that keeps the embeddings
    cache : folder of what was embedded before
    out : file for the answer
    """

    sound: Path
    tower: Path
    windows: Windows
    frames: int
    start: float
    length: float
    store: Path
    cache: Path
    out: Path

    def to_data(self) -> dict[str, Any]:
        """The data of the message that asks for it."""
        return {
            "sound": str(self.sound),
            "clap": str(self.tower),
            "fps": str(self.windows.rate),
            "step": self.windows.step,
            "blended": self.windows.blended,
            "frames": self.frames,
            "start": self.start,
            "length": self.length,
            "store": str(self.store),
            "cache": str(self.cache),
            "out": str(self.out),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> EmbedRequest:
        """What a message asks for.

        Raises
        ------
        BendError(PARAMETER_INVALID) for numbers beyond their limits
        """
        windows = Windows(FrameRate.parse(data["fps"]), WINDOW_STEP(data["step"]), bool(data["blended"]))
        frames, start, length = FRAMES(data["frames"]), SECONDS(data["start"]), WINDOW(data["length"])
        SECONDS(float(windows.rate.seconds(frames)))
        return cls(
            Path(data["sound"]),
            Path(data["clap"]),
            windows,
            frames,
            start,
            length,
            Path(data["store"]),
            Path(data["cache"]),
            Path(data["out"]),
        )
