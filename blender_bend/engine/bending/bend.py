"""One bend on one tensor: operator, channels, restoration, mix and region."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...core import catalogue
from ..host.devices import upload
from .apply import arguments_of, kept_where, neutral_rows, operate
from .channels import take
from .operators import Moment
from .precision import narrowed, widened
from .regions import weight
from .restore import restore
from .rows import Place, Rows


def bend_tensor(x: Tensor, rows: Rows, place: Place, look: Callable[[Tensor], None] = lambda _: None) -> Tensor:
    """Apply a bend: ``(1 - mix) x + mix f(x)`` on its channels and region, the statistics of x put back if wished.

    Half precision is computed in float32 from the operator to the region, and rounded once: what lies beyond its range
    becomes its largest number. Only the chosen channels are held in float32.

    Parameters
    ----------
    x : Tensor, shape (B, C, H, W), (B, N, C) or (B, C), or several times B rows
    look : shown what was made before it is rounded, to see whether all of it is finite

    Returns
    -------
    a new tensor; rows whose operator is neutral are those of x bit for bit

    Raises
    ------
    the errors of ``apply``; BendError(CHANNEL_MISSING)
    """
    bend, rows = rows.bend, rows.repeated(x.shape[0], x.device)
    described = catalogue.operator(bend["operator"])
    own = {parameter.name for parameter in described.parameters}
    given = {name: value for name, value in rows.values.items() if name in own} | bend["choices"]
    on_host = arguments_of(described, given, x.shape[0])
    neutral = neutral_rows(described, on_host) if rows.neutral else None
    if neutral is not None and bool(neutral.all()):
        return x.clone()
    there = rows.on(x.device)
    on_device = {name: there.get(name, value) for name, value in on_host.items()}
    on_device = {name: upload(v, x.device) if isinstance(v, Tensor) else v for name, v in on_device.items()}
    axis = x.ndim - 1 if x.ndim == 3 else 1
    part, put_back = take(x, axis, bend["channels"], place.seed, place.site, place.study)
    wide = widened(part)
    directions = None if place.study is None else place.study.at(place.site, place.step / place.steps, place.grid)
    moment = Moment(place.seed, place.step, place.site, directions)
    bent = operate(described, wide, moment, on_host, on_device, place.grid)
    if bend["restore"] != catalogue.Restoration.NOTHING or rows.mixed:
        share = there["mix"].to(wide.dtype).reshape(-1, *([1] * (x.ndim - 1)))
        bent = restore(bend["restore"], (1 - share) * wide + share * bent, wide)
    if bend["region"] != catalogue.EVERYWHERE:
        within = weight(rows, wide, place)
        bent = (1 - within) * wide + within * bent
    look(bent)
    return put_back(kept_where(neutral, part, narrowed(bent, part.dtype)))
