"""How fast a machine computes in each precision, as the engine measured it, and what *Automatic* makes of that.

The measuring is in ``engine.host.speeds``; its result is kept in a file, which Blender's side reads as well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..files import foreign_json
from ..precision import Precision

#: How many pictures are computed at once for measuring what batches gain; also what Automatic then chooses at most.
BATCH = 4
#: A processor changes to 16 bit, or to batches, if that is so many times as fast. What machines with the instructions
#: gain lies far above (1.9 on AVX512-BF16), and a measurement beside other work is not more exact than a tenth.
GAIN = 1.25
#: A GPU computes in 16 bit unless that is slower than this: it halves the memory.
LOSS = 0.8
#: Below this a choice is called slow before the work starts.
SLOW = 0.5

LABELS: dict[str, str] = {Precision.FLOAT32: "32 bit", Precision.FLOAT16: "16 bit", Precision.BFLOAT16: "bfloat16"}


@dataclass(frozen=True)
class Speeds:
    """What was measured on a machine.

    Parameters
    ----------
    machine : what the result depends on; where it differs, it is measured again
    device : ``cpu``, ``cuda`` or ``mps``
    name : of the processor or GPU, to be shown
    seconds : of a convolution and a matrix product by precision; infinite where it does not work
    batched : how many times as fast a picture is in a batch of ``BATCH``, by precision; 1 where it was not measured
    memory : bytes of the device, or of the machine if the device has none of its own
    """

    machine: dict[str, str]
    device: str
    name: str
    seconds: dict[str, float]
    batched: dict[str, float]
    memory: int = 0

    def factor(self, precision: str) -> float:
        """How many times as fast a precision is as 32 bit."""
        return self.seconds[Precision.FLOAT32] / self.seconds[precision]

    def is_slow(self, precision: str) -> bool:
        """Whether a precision is much slower here than 32 bit."""
        return self.factor(precision) < SLOW

    def precision(self, wants_bfloat16: bool = False) -> str:
        """What Automatic means.

        Parameters
        ----------
        wants_bfloat16 : whether the model was published in bfloat16: its numbers may be too large for float16
        """
        if self.device == "cpu":
            return Precision.BFLOAT16 if self.factor(Precision.BFLOAT16) >= GAIN else Precision.FLOAT32
        half = Precision.BFLOAT16 if wants_bfloat16 else Precision.FLOAT16
        return half if self.factor(half) >= LOSS else Precision.FLOAT32

    def batch(self, precision: str) -> int:
        """The batch that Automatic means, as far as memory allows.

        On a CPU it is 1, with which every picture is bit-equal to itself alone: Stable Diffusion 1.5 gained 0 to 12 %
        by batches there.
        """
        return BATCH if self.device != "cpu" and self.batched[precision] >= GAIN else 1

    @property
    def place(self) -> str:
        """What computes, in a word."""
        return "CPU" if self.device == "cpu" else "GPU"

    def summary(self, precision: str) -> str:
        """One line for the preferences."""
        if precision == Precision.FLOAT32:
            best = max((Precision.FLOAT16, Precision.BFLOAT16), key=self.factor)
            return f"Automatic: 32 bit; {LABELS[best]} is {times(self.factor(best))} on this {self.place}"
        return f"Automatic: {LABELS[precision]}, {times(self.factor(precision))} as 32 bit on this {self.place}"

    def warning(self, precision: str) -> str:
        """What is to be said before the work starts; empty for a sound choice."""
        if not self.is_slow(precision):
            return ""
        if not math.isfinite(self.seconds[precision]):
            return f"{LABELS[precision]} doesn't work on this {self.place}"
        return f"{LABELS[precision]} is {times(self.factor(precision))} as 32 bit on this {self.place}"

    def to_json(self) -> str:
        """The speeds as text; infinite seconds are null, as JSON has no infinity."""
        plain = asdict(self)
        plain["seconds"] = {name: value if math.isfinite(value) else None for name, value in self.seconds.items()}
        return json.dumps(plain, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Speeds:
        """Read speeds.

        Raises
        ------
        ValueError if the text is something else
        """
        try:
            data: dict[str, Any] = foreign_json.parse(text)
            seconds: dict[str, float] = {
                p: math.inf if data["seconds"][p] is None else float(data["seconds"][p]) for p in Precision
            }
            batched: dict[str, float] = {p: float(data["batched"][p]) for p in Precision}
            if not all(value > 0 for value in (*seconds.values(), *batched.values())):
                raise ValueError("what takes no time was not measured")
            if not math.isfinite(seconds[Precision.FLOAT32]):
                raise ValueError("nothing works without 32 bit")
            machine = {str(name): str(value) for name, value in dict(data["machine"]).items()}
            return cls(machine, str(data["device"]), str(data["name"]), seconds, batched, int(data["memory"]))
        except (KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise ValueError(f"no speeds: {error}") from error


def times(factor: float) -> str:
    """A speed in words: ``1.9 × as fast``, ``38 × slower``."""
    if factor <= 0 or not math.isfinite(factor):
        return "not usable"
    if 0.95 <= factor < 1.05:
        return "as fast"
    amount = factor if factor > 1 else 1 / factor
    return f"{amount:.{0 if amount >= 10 else 1}f} × as {'fast' if factor > 1 else 'slow'}"


def file_in(folder: Path, device: str) -> Path:
    """Where the speeds of a device are kept, by the name that the preferences have for it."""
    return folder / f"speeds-{device}.json"


def kept(folder: Path, device: str, machine: Mapping[str, str] | None = None) -> Speeds | None:
    """The speeds that were kept; None if there are none, or if they are those of another ``machine``."""
    try:
        text = foreign_json.read_text(file_in(folder, device))
        found = None if text is None else Speeds.from_json(text)
    except ValueError:
        return None
    if found is None:
        return None
    return found if machine is None or found.machine == machine else None
