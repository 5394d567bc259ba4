"""One bend on one tensor: operator, channels, restoration, mix and region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ...core import catalogue
from ...core.errors import BendError, Code
from .apply import Grid, apply
from .channels import Study, take
from .regions import weight
from .restore import restore


@dataclass(frozen=True)
class Rows:
    """A bend as it acts on a batch of states.

    Parameters
    ----------
    bend : what the rows have in common: one of the bends of ``core.resolve``
    values : shape (B,) for each animated parameter, ``mix`` among them
    masks : for a bend with a mask one for each row, shape (1, 1, h, w), 0...1; their sizes may differ
    mixed : whether a row has a mix other than 1
    neutral : whether the values of a row may be neutral; the bends of a resolved frame never are
    """

    bend: dict[str, Any]
    values: dict[str, Tensor]
    masks: Sequence[Tensor] = ()
    mixed: bool = True
    neutral: bool = True

    @classmethod
    def of(cls, bends: list[dict[str, Any]], masks: Sequence[Tensor] = ()) -> Rows:
        """The same bend of several states, which differ in its values."""
        each = [bend["values"] for bend in bends]
        operator = catalogue.operator(bends[0]["operator"])
        return cls(
            bends[0],
            {name: torch.tensor([values[name] for values in each]) for name in each[0]},
            masks,
            mixed=any(values["mix"] != 1.0 for values in each),
            neutral=any(operator.is_neutral(values) for values in each),
        )

    def repeated(self, rows: int) -> Rows:
        """For a tensor that holds every state several times: with and without the prompt."""
        count = len(self.values["mix"])
        if rows == count:
            return self
        if count > 1 and rows != 2 * count:
            raise BendError(
                Code.SITE_SHAPE,
                f"The bend '{self.bend['name']}' sits where the states of a batch are not told apart.",
                "Choose another site, or a batch of 1.",
            )
        times = rows // count
        values = {n: v.expand(rows) if count == 1 else v.repeat(times) for n, v in self.values.items()}
        return replace(self, values=values, masks=[*self.masks] * times)


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


def bend_tensor(x: Tensor, rows: Rows, place: Place) -> Tensor:
    """Apply a bend: ``(1 - mix) x + mix f(x)`` on its channels and region, the statistics of x put back if wished.

    Parameters
    ----------
    x : Tensor, shape (B, C, H, W), (B, N, C) or (B, C), or several times B rows

    Returns
    -------
    a new tensor; it may hold numbers that are not finite, which the caller must look for

    Raises
    ------
    the errors of ``apply``; BendError(CHANNEL_MISSING)
    """
    bend, rows = rows.bend, rows.repeated(x.shape[0])
    axis = x.ndim - 1 if x.ndim == 3 else 1
    part, put_back = take(x, axis, bend["channels"], place.seed, place.site, place.study)
    own = {parameter.name for parameter in catalogue.operator(bend["operator"]).parameters}
    bent = apply(
        bend["operator"],
        part,
        seed=place.seed,
        step=place.step,
        site=place.site,
        grid=place.grid,
        may_be_neutral=rows.neutral,
        directions=None if place.study is None else place.study.at(place.site, place.step / place.steps, place.grid),
        **{name: value for name, value in rows.values.items() if name in own},
        **bend["choices"],
    )
    mix = rows.values["mix"]
    if bend["restore"] != "none" or rows.mixed:
        share = mix.to(device=x.device, dtype=x.dtype).reshape(-1, *([1] * (x.ndim - 1)))
        bent = restore(bend["restore"], (1 - share) * part + share * bent, part)
    if bend["region"] != catalogue.EVERYWHERE:
        within = weight(rows, part, place)
        bent = (1 - within) * part + within * bent
    return put_back(bent)
