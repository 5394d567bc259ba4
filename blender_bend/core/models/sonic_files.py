"""Sound adapters: the files that a name means, and the windows of the sound that condition a frame."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..errors import BendError, Code
from ..prompts.schedule import Blend
from ..timebase import FrameRate
from .references import MINI, MINI_PATH, ModelReference, file_fingerprint, readable

#: Where mini's sound adapters are.
MINI_SOUND = MINI_PATH.parent / "mini_sound"
WEIGHTS = frozenset({".pt", ".pth", ".safetensors"})
#: CLAP takes ten seconds at once.
LONGEST = 10.0

_BLOCK = re.compile(r"\s*([a-z]\w*(?:\.\w+)*)\s+([-+]?[\d.]+)\s*")


@dataclass(frozen=True)
class SoundAdapterFiles:
    """The files of sound adapters: CLAP's audio tower, the projector and the adapters."""

    name: str
    tower: ModelReference
    projector: ModelReference
    adapters: ModelReference


@readable()
def resolve(name: str, folders: Mapping[str, str], clap: str = "") -> SoundAdapterFiles:
    """Find the files of a name.

    A folder holds one file of adapters and one with ``projector`` in its name; one with ``clap`` in its name is the
    tower that they were trained with.

    Parameters
    ----------
    name : ``mini``, or a name from the preferences
    folders : the preferences' folders by name
    clap : file of CLAP's audio tower, for folders without one of their own; may be empty

    Raises
    ------
    BendError(MODEL_MISSING), BendError(MODEL_INVALID)
    """
    folder = MINI_SOUND if name == MINI and name not in folders else _folder(name, folders)
    if not folder.is_dir():
        raise _missing(
            "mini has no sound adapters yet." if folder == MINI_SOUND else f"Folder {folder} not found.",
            "Choose other Sound Adapters, or add a folder with some in the preferences.",
        )
    found: dict[str, list[Path]] = {"clap": [], "projector": [], "adapters": []}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in WEIGHTS:
            found[next((kind for kind in found if kind in path.stem.lower()), "adapters")].append(path)
    if not found["clap"] and clap:
        found["clap"] = [Path(clap)]
    for kind, words in (("adapters", "adapters"), ("projector", "projector"), ("clap", "CLAP")):
        if len(found[kind]) > 1:
            names = ", ".join(path.name for path in found[kind])
            raise BendError(
                Code.MODEL_INVALID,
                f"{folder} has more than one file of {words}: {names}.",
                "Keep only one adapters file and one projector in the folder.",
                "bend.open_preferences",
            )
    for kind, words, hint in (
        ("adapters", "audio adapters", "Add a file such as landscape.pt."),
        ("projector", "an audio projector", "Add the audio_projector file that belongs to the adapters."),
        ("clap", "CLAP's audio tower", "Choose the file in the preferences: Sound, CLAP File."),
    ):
        if not found[kind] or not found[kind][0].is_file():
            raise _missing(f"{words[0].upper()}{words[1:]} for '{name}' not found.", hint)
    tower, projector, adapters = (_reference(found[kind][0]) for kind in ("clap", "projector", "adapters"))
    return SoundAdapterFiles(name, tower, projector, adapters)


def _folder(name: str, folders: Mapping[str, str]) -> Path:
    if name not in folders:
        raise _missing(
            f"Sound adapters '{name}' not found." if name else "No sound adapters are chosen.",
            "Choose others, or add their folder in the preferences.",
        )
    return Path(folders[name])


def _missing(message: str, hint: str) -> BendError:
    return BendError(Code.MODEL_MISSING, message, hint, "bend.open_preferences")


def _reference(path: Path) -> ModelReference:
    return ModelReference(path.name, str(path), file_fingerprint(path))


@dataclass(frozen=True)
class Windows:
    """The windows of the sound that condition the frames of a strip.

    Parameters
    ----------
    rate : frames per second
    step : seconds from one window to the next; up to the length of a frame, every frame has a window of its own
    blended : whether a frame between the middles of two windows has both by their shares, or one is held
    """

    rate: FrameRate
    step: float = 0.0
    blended: bool = False

    @functools.cached_property
    def _step(self) -> Fraction:
        return max(Fraction(round(self.step * 1_000_000), 1_000_000), 1 / self.rate.value)

    @functools.cached_property
    def _frames(self) -> Fraction:
        """How many frames a step is."""
        return self._step * self.rate.value

    def centre(self, number: int) -> Fraction:
        """Seconds from the start of the strip's first frame to the middle of a window."""
        return self._step * (number + Fraction(1, 2))

    def shares(self, frame: int) -> list[tuple[int, float]]:
        """The windows of a frame, by number, and their shares.

        Parameters
        ----------
        frame : counted from the strip's first
        """
        twice = (2 * frame + 1) / self._frames  # twice the place of the frame's middle, in windows
        if not self.blended:
            return [(math.floor(twice / 2), 1.0)]
        before, rest = divmod(twice - 1, 2)
        share = float(rest / 2)
        return [(before, 1 - share), (before + 1, share)] if share else [(before, 1.0)]

    def numbers(self, frames: Iterable[int]) -> list[int]:
        """Every window that is needed."""
        return sorted({number for frame in frames for number, _ in self.shares(frame)})

    def blend(self, frame: int, embedded: Mapping[int, str]) -> tuple[Blend, float]:
        """The embeddings of a frame.

        Parameters
        ----------
        embedded : digest of a window's embedding, by number; a silent window has none

        Returns
        -------
        digests with their shares, and how much of the frame is not silence, 0...1
        """
        parts: dict[str, float] = {}
        for number, share in self.shares(frame):
            if number in embedded:
                parts[embedded[number]] = parts.get(embedded[number], 0.0) + share
        total = sum(parts.values())
        return tuple((digest, share / total) for digest, share in parts.items()), total


def parse_blocks(text: str) -> dict[str, float]:
    """Factors by the beginning of a block's path, from text such as ``mid_block 0.5, up_blocks.1 0``.

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    factors = {}
    for part in filter(str.strip, text.split(",")):
        match = _BLOCK.fullmatch(part)
        try:
            path, number = match.groups() if match else ("", "")
            factors[path] = float(number)
        except ValueError as error:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"'{part.strip()}' isn't a block with a factor.",
                "For example: mid_block 0.5, up_blocks.1 0.",
            ) from error
    return factors
