"""The frames of a job. Those of a long film are packed: 100,000 of them take some megabytes instead of hundreds."""

from __future__ import annotations

import json
import math
import operator
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

from ..errors import BendError, Code
from ..files.whole import DIGEST
from ..limits import FRAME
from ..prompts.schedule import Blend

#: Characters of a prompt; models read some hundred words.
LONGEST_PROMPT = 100_000

#: So many frames are packed together.
BLOCK = 512

_PLAIN = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_SEPARATOR = b",\n"


@dataclass(frozen=True)
class Frame:
    """What is special about one frame.

    Parameters
    ----------
    number : the frame on the timeline
    prompt : prompts and their shares
    values : for each bend of the stack its parameters by name, ``mix`` among them
    walk : position on the noise walk's circle, in turns 0...1; None without a walk
    strip : the strip's own parameters by name, see ``core.catalogue.strip``
    picture : digest of the source picture, in the store's inputs
    masks : for each bend of the stack the digest of its mask picture; empty if no bend has one
    previous, anchor : frame keys of the frame before and of the first frame; see ``core.job.resolve.trace``
    sound : digests of the embeddings of its sound, in the store's inputs, and their shares; empty for no sound
    """

    number: int
    prompt: Blend
    values: tuple[dict[str, float], ...] = ()
    walk: float | None = None
    strip: dict[str, float] = field(default_factory=dict)
    picture: str = ""
    masks: tuple[str, ...] = ()
    previous: str = ""
    anchor: str = ""
    sound: Blend = ()


class Form(NamedTuple):
    """What most frames of a film have in common, and all that a job has to know of one to take it."""

    texts: tuple[str, ...]
    values: int
    masked: tuple[bool, ...]
    pictured: bool
    sounding: bool

    @classmethod
    def of(cls, frame: Frame) -> Form:
        """The form of a frame."""
        texts = tuple([text for text, _ in frame.prompt])
        return cls(texts, len(frame.values), tuple(map(bool, frame.masks)), bool(frame.picture), bool(frame.sound))


class Frames(Sequence[Frame]):
    """Packed frames: their numbers and forms are known at once, all else is unpacked when it is asked for.

    Parameters
    ----------
    frames : more can be appended

    Raises
    ------
    BendError(JOB_INVALID) for a frame that no job can have
    """

    def __init__(self, frames: Iterable[Frame] = ()) -> None:
        self.numbers = array("q")
        #: The different forms, each with its place in this table, and the place for every frame.
        self._forms: dict[Form, int] = {}
        self._form_of = array("L")
        self._packed: list[bytes] = []
        self._open: list[bytes] = []
        self._last: tuple[int, list[str]] = (-1, [])
        for frame in frames:
            self.append(frame)

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> Frames:
        """Frames, packed if they are not."""
        return frames if isinstance(frames, cls) else cls(frames)

    def append(self, frame: Frame) -> None:
        """Add a frame at the end."""
        check_alone(frame)
        self._open.append(_PLAIN.encode(vars(frame)).encode())
        self.numbers.append(frame.number)
        self._form_of.append(self._forms.setdefault(Form.of(frame), len(self._forms)))
        if len(self._open) == BLOCK:
            self._packed.append(zlib.compress(_SEPARATOR.join(self._open), 1))
            self._open.clear()

    def forms(self) -> Iterator[tuple[Form, int]]:
        """The different forms, each with the number of the first frame that has it."""
        for form, place in self._forms.items():
            yield form, self.numbers[self._form_of.index(place)]

    def telling(self, among: Collection[int] | None = None) -> Iterator[Frame]:
        """For every choice of prompts one frame that has it.

        Parameters
        ----------
        among : frame numbers; None means all
        """
        texts, told = [form.texts for form in self._forms], set()
        for place, (number, form) in enumerate(zip(self.numbers, self._form_of, strict=True)):
            if texts[form] not in told and (among is None or number in among):
                told.add(texts[form])
                yield self[place]

    def blocks(self) -> Iterator[str]:
        """The frames as JSON, many of them at a time; what lies between two frames belongs between two blocks too."""
        for packed in self._packed:
            yield zlib.decompress(packed).decode()
        if self._open:
            yield _SEPARATOR.join(self._open).decode()

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Frame: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Frame, ...]: ...
    def __getitem__(self, place: int | slice) -> Frame | tuple[Frame, ...]:
        places = range(len(self))[place]
        if isinstance(places, range):
            return tuple([self._at(one) for one in places])
        return self._at(places)

    def __iter__(self) -> Iterator[Frame]:
        for block in self.blocks():
            yield from map(_unpacked, _parted(block))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    def find(self, number: int) -> Frame | None:
        """The frame of a number; None if there is none. The numbers must ascend."""
        place = bisect_left(self.numbers, number)
        if place == len(self.numbers) or self.numbers[place] != number:
            return None
        return self._at(place)

    def _at(self, place: int) -> Frame:
        """The frame at a place; the text of its block stays for the next one."""
        number, within = divmod(place, BLOCK)
        if number >= len(self._packed):
            return _unpacked(self._open[within].decode())
        if self._last[0] != number:
            self._last = number, _parted(zlib.decompress(self._packed[number]).decode())
        return _unpacked(self._last[1][within])


def _parted(block: str) -> list[str]:
    """The frames of a block as JSON, which writes no line break but between two of them."""
    return block.split(_SEPARATOR.decode())


def _unpacked(text: str) -> Frame:
    return from_plain(json.loads(text))


def from_plain(data: dict[str, Any]) -> Frame:
    """A frame of what JSON has of it.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError or OverflowError if it is not one
    """
    return Frame(
        int(data["number"]),
        tuple([(str(text), float(share)) for text, share in data["prompt"]]),
        tuple([_table(values) for values in data["values"]]),
        None if data.get("walk") is None else float(data["walk"]),
        _table(data.get("strip", {})),
        str(data.get("picture", "")),
        tuple([str(digest) for digest in data.get("masks", ())]),
        str(data.get("previous", "")),
        str(data.get("anchor", "")),
        tuple([(str(digest), float(share)) for digest, share in data.get("sound", ())]),
    )


def _table(values: dict[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items()}


def check_alone(frame: Frame) -> None:
    """Refuse a frame that no job can have.

    Raises
    ------
    BendError(JOB_INVALID)
    """
    if what := _fault(frame):
        raise BendError(Code.JOB_INVALID, f"The job cannot be rendered: {what}.")


def _fault(frame: Frame) -> str:
    """What is wrong with a frame, whatever its job; empty if nothing is."""
    if not abs(frame.number) <= FRAME.most:
        return f"a frame lies beyond {FRAME.most:,}, where no timeline has one"
    if any(len(text) > LONGEST_PROMPT for text, _ in frame.prompt):
        return f"the prompt of frame {frame.number} has more than {LONGEST_PROMPT} characters"
    if not frame.prompt:
        return f"frame {frame.number} has no prompt"
    numbers = [share for _, share in (*frame.prompt, *frame.sound)]
    for values in (*frame.values, frame.strip):
        numbers += values.values()
    if not all(map(math.isfinite, numbers)) or not math.isfinite(frame.walk or 0.0):
        return f"a value of frame {frame.number} is not a number"
    if not all(map(DIGEST.fullmatch, filter(None, (frame.picture, frame.previous, frame.anchor, *frame.masks)))):
        return f"frame {frame.number} names a picture by something that is no digest"
    if not all(DIGEST.fullmatch(digest) for digest, _ in frame.sound):
        return f"frame {frame.number} names a sound by something that is no digest"
    return ""
