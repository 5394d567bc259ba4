"""What a bend is given: its values for every state of a batch, and where and when it met a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...core import catalogue
from ...core.errors import BendError, Code
from ...core.job.resolved import ResolvedBend
from ..host.devices import upload
from .apply import Grid
from .channels import Study


@dataclass(frozen=True)
class Rows:
    """A bend as it acts on a batch of states.

    Its values are numbers of the job and are looked at on the host; the device is given them once, for all tensors.

    Parameters
    ----------
    bend : what the rows have in common: one of the bends of ``core.job.resolve``
    values : shape (B,) for each animated parameter, ``mix`` among them
    masks : for a bend with a mask one for each row, shape (1, 1, h, w), 0...1; their sizes may differ
    mixed : whether a row has a mix other than 1
    neutral : whether the values of a row may be neutral; the bends of a resolved frame never are
    """

    bend: ResolvedBend
    values: dict[str, Tensor]
    masks: Sequence[Tensor] = ()
    mixed: bool = True
    neutral: bool = True
    _on_device: dict[torch.device, dict[str, Tensor]] = field(default_factory=dict, compare=False, repr=False)
    _repeated: dict[int, Rows] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, bends: Sequence[ResolvedBend], masks: Sequence[Tensor] = ()) -> Rows:
        """The same bend of several states, which differ in its values."""
        each = [bend["values"] for bend in bends]
        operator = catalogue.operator(bends[0]["operator"])
        return cls(
            bends[0],
            {name: torch.tensor([values[name] for values in each], dtype=torch.float32) for name in each[0]},
            masks,
            mixed=any(values["mix"] != 1.0 for values in each),
            neutral=any(operator.is_neutral(values) for values in each),
        )

    def on(self, device: torch.device) -> dict[str, Tensor]:
        """The values on a device."""
        if device not in self._on_device:
            send_values([self], device)
        return self._on_device[device]

    def repeated(self, rows: int, device: torch.device) -> Rows:
        """For a tensor on a device that holds every state several times: with and without the prompt."""
        count = len(self.values["mix"])
        if rows == count:
            return self
        if count > 1 and rows != 2 * count:
            raise BendError(
                Code.SITE_SHAPE,
                f"The bend '{self.bend['name']}' is at a site where the states of a batch can't be separated.",
                "Choose another site, or a batch of 1.",
            )

        def repeat(values: dict[str, Tensor]) -> dict[str, Tensor]:
            return {n: v.expand(rows) if count == 1 else v.repeat(rows // count) for n, v in values.items()}

        if rows not in self._repeated:
            masks = [*self.masks] * (rows // count)
            self._repeated[rows] = replace(self, values=repeat(self.values), masks=masks, _on_device={}, _repeated={})
        repeated = self._repeated[rows]
        if device not in repeated._on_device:
            repeated._on_device[device] = repeat(self.on(device))
        return repeated


def send_values(bends: Sequence[Rows], device: torch.device) -> None:
    """Give a device the values of the bends of a step, all at once, unless it has them."""
    waiting = [rows for rows in bends if device not in rows._on_device]
    if not waiting:
        return
    values = [value for rows in waiting for value in rows.values.values()]
    sent = iter(upload(torch.cat(values), device).split([len(value) for value in values]))
    for rows in waiting:
        rows._on_device[device] = {name: next(sent) for name in rows.values}


@dataclass(frozen=True)
class Place:
    """Where in the model a tensor was met, and when.

    Parameters
    ----------
    site : the full name, without wildcards
    step : the denoising step, of ``steps``
    grid : rows and columns of the picture that tokens stand for; None if they stand for none
    study : what is known about the model's channels and directions
    """

    seed: int
    step: int
    steps: int
    site: str
    grid: Grid | None = None
    study: Study | None = field(default=None, compare=False)
