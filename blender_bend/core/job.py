"""The job: everything that is needed to make the frames, with every per-frame value resolved; and the frame keys."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import catalogue, sites
from .errors import BendError, Code
from .prompts import Blend

SCHEMA = 1

#: Raise it whenever the engine makes other pixels from the same resolved frame.
RENDERER = "1"

PRECISIONS = ("float32", "float16", "bfloat16")


def settle(value: float) -> float:
    """A value as jobs hold it: six decimals, so that a float32 curve read twice gives the same frame."""
    return round(float(value), 6) + 0.0


@dataclass(frozen=True)
class Bend:
    """One bend of the stack, without its animated values.

    Parameters
    ----------
    name : unique in the stack; shown in messages
    operator : a name from the catalogue
    site : see ``core.sites``
    start, end : step window, 0...1
    channels : ``all`` or a list such as ``0-3, 7``
    choices : the operator's choices by name
    """

    name: str
    operator: str
    site: str
    start: float = 0.0
    end: float = 1.0
    channels: str = "all"
    choices: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """What is special about one frame.

    Parameters
    ----------
    number : the frame on the timeline
    prompt : prompts and their shares
    walk : position on the noise walk's circle, in turns 0...1; None without a walk
    values : for each bend of the stack its parameters by name, ``mix`` among them
    """

    number: int
    prompt: Blend
    values: tuple[dict[str, float], ...] = ()
    walk: float | None = None


@dataclass(frozen=True)
class Job:
    """All that determines a run of frames.

    Parameters
    ----------
    model : folder of the model; ``fingerprint`` is its content's hash
    size : width and height in pixels, multiples of 8
    precision : ``float32``, ``float16`` or ``bfloat16``
    walk_amount : 0...1, the share of the walking noise in the starting noise
    """

    model: str
    fingerprint: str
    size: tuple[int, int]
    steps: int
    guidance: float
    seed: int
    negative: str
    bends: tuple[Bend, ...]
    frames: tuple[Frame, ...]
    walk_amount: float = 0.0
    precision: str = "float32"
    schema: int = SCHEMA

    def to_json(self) -> str:
        """The job as text, to be read back with ``from_json``."""
        plain = {
            **vars(self),
            "bends": [vars(bend) for bend in self.bends],
            "frames": [vars(frame) for frame in self.frames],
        }
        return json.dumps(plain, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Read and check a job.

        Raises
        ------
        BendError(JOB_INVALID) and the errors of unknown operators and sites.
        """
        try:
            data = json.loads(text)
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']} instead of {SCHEMA}")
            bends = tuple(Bend(**bend) for bend in data["bends"])
            frames = tuple(
                Frame(
                    int(frame["number"]),
                    tuple((str(text), float(share)) for text, share in frame["prompt"]),
                    tuple({str(name): float(value) for name, value in values.items()} for values in frame["values"]),
                    None if frame["walk"] is None else float(frame["walk"]),
                )
                for frame in data["frames"]
            )
            width, height = (int(side) for side in data["size"])
            job = cls(
                **{
                    **data,
                    "bends": bends,
                    "frames": frames,
                    "size": (width, height),
                    "steps": int(data["steps"]),
                    "guidance": float(data["guidance"]),
                    "seed": int(data["seed"]),
                    "walk_amount": float(data["walk_amount"]),
                }
            )
            job.check()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise BendError(
                Code.JOB_INVALID, f"This is not a job that Bend can render: {type(error).__name__} {error}."
            ) from error
        return job

    @classmethod
    def read(cls, path: Path) -> Job:
        """Read a job file.

        Raises
        ------
        BendError(JOB_INVALID) if it cannot be opened or read.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BendError(Code.JOB_INVALID, f"The job {path} cannot be read: {error}.") from error
        return cls.from_json(text)

    def check(self) -> None:
        """Refuse what no engine can render.

        Raises
        ------
        BendError(JOB_INVALID), and the errors of unknown operators and sites.
        """

        def demand(holds: bool, what: str) -> None:
            if not holds:
                raise BendError(Code.JOB_INVALID, f"The job cannot be rendered: {what}.")

        demand(
            all(64 <= side <= 4096 and side % 8 == 0 for side in self.size),
            "width and height must be multiples of 8 from 64 to 4096",
        )
        demand(1 <= self.steps <= 1000, "steps must be from 1 to 1000")
        demand(math.isfinite(self.guidance) and 0 <= self.guidance <= 100, "guidance must be from 0 to 100")
        demand(0 <= self.seed < 2**32, "the seed must be from 0 to 4294967295")
        demand(0 <= self.walk_amount <= 1, "the noise walk's amount must be from 0 to 1")
        demand(self.precision in PRECISIONS, f"precision must be one of {', '.join(PRECISIONS)}")
        demand(isinstance(self.negative, str) and isinstance(self.model, str), "model and negative prompt must be text")
        for bend in self.bends:
            sites.parse(bend.site)
            catalogue.operator(bend.operator)
            demand(isinstance(bend.channels, str), f"the channels of {bend.name} must be text")
            demand(0 <= bend.start <= bend.end <= 1, f"the step window of {bend.name} must lie within 0 to 1")
            _check_choices(bend)
        for frame in self.frames:
            demand(
                len(frame.values) == len(self.bends),
                f"frame {frame.number} has values for {len(frame.values)} bends instead of {len(self.bends)}",
            )
            demand(bool(frame.prompt), f"frame {frame.number} has no prompt")
            numbers = [
                *(share for _, share in frame.prompt),
                *(v for values in frame.values for v in values.values()),
                frame.walk or 0.0,
            ]
            demand(all(math.isfinite(number) for number in numbers), f"a value of frame {frame.number} is not a number")

    def resolve(self, frame: Frame) -> dict[str, Any]:
        """All that determines one frame's pixels and nothing else, as plain data.

        Bends that change nothing (mix 0, neutral values) are left out, and so is what a setting does not reach:
        frames that look the same are the same data.
        """
        bends = []
        for bend, values in zip(self.bends, frame.values, strict=True):
            operator = catalogue.operator(bend.operator)
            resolved = {
                p.name: settle(values.get(p.name, p.default)) for p in catalogue.animated_parameters(bend.operator)
            }
            if resolved["mix"] == 0.0 or operator.is_neutral(resolved):
                continue
            site = sites.parse(bend.site)
            bends.append(
                {
                    "name": bend.name,
                    "operator": bend.operator,
                    "site": str(site),
                    "steps": [0, 1]
                    if site.kind == "noise"
                    else list(sites.window_steps(bend.start, bend.end, self.steps)),
                    "channels": ", ".join(part.strip() for part in bend.channels.split(",")) or "all",
                    "choices": {
                        choice.name: bend.choices.get(choice.name, choice.default) for choice in operator.choices
                    },
                    "values": resolved,
                }
            )
        walking = frame.walk is not None and self.walk_amount > 0
        return {
            "renderer": RENDERER,
            "model": self.fingerprint,
            "precision": self.precision,
            "size": list(self.size),
            "steps": self.steps,
            "guidance": settle(self.guidance),
            "seed": self.seed,
            "prompt": [[text, settle(share)] for text, share in frame.prompt],
            "negative": self.negative if self.guidance > 1 else "",
            "walk": [settle(self.walk_amount), settle(frame.walk or 0.0) % 1.0] if walking else None,
            "bends": bends,
        }

    def key(self, frame: Frame) -> str:
        """The frame key."""
        return frame_key(self.resolve(frame))


def _check_choices(bend: Bend) -> None:
    choices = {choice.name: choice for choice in catalogue.operator(bend.operator).choices}
    for name, value in bend.choices.items():
        if name not in choices or not choices[name].allows(value):
            raise BendError(Code.PARAMETER_INVALID, f"{bend.name} has no choice '{name}: {value}'.")


def frame_key(resolved: dict[str, Any]) -> str:
    """The hash of a resolved frame: 64 hexadecimal digits, also the name of its file.

    A bend's name is for messages only and does not count.
    """
    plain = {**resolved, "bends": [{k: v for k, v in bend.items() if k != "name"} for bend in resolved["bends"]]}
    return hashlib.sha256(
        json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    ).hexdigest()


def file_name(key: str) -> str:
    """The name of a frame's file in the frame store."""
    return f"{key}.png"
