"""The smoothing and the ranges of the papers, in their order and in the form that they intend.

Source: Dzwonczyk, Cella & Ban, DAFx24 and JAES25, ``smooth`` and ``gate_median`` of their published code.
Where that code errs, this is what it means to do:

- its gate compares with ``share * (max - min) + min`` without taking the sign into account, so that it gates nothing in
  data below 0, and what it gates becomes 0, which is a hole below the former least value and stretches the map that
  follows; here what is gated becomes the least value;
- its map divides by zero for a constant feature; here that becomes the lower end;
- its envelope cuts whole numbers off; here every number is a float.
"""

from __future__ import annotations

import math

import numpy as np

from .shaping import window_median

#: The ranges of JAES25 by the names of its operators. ``multiply`` from 0 means that silence erases the picture; a
#: rotation by 2 pi looks like none, so there the quietest and the loudest frame are the same.
RANGES: dict[str, tuple[float, float]] = {
    "add_full": (0.0, 5.0),
    "multiply": (0.0, 10.0),
    "add_noise": (0.0, 3.0),
    "subtract_full": (0.0, 5.0),
    "threshold": (0.0, 4.0),
    "soft_threshold": (0.0, 2.0),
    "soft_threshold2": (0.0, 2.0),
    "inversion": (0.0, 5.0),
    "log": (0.0, 10.0),
    "rotate_x": (0.0, 2 * math.pi),
    "rotate_y": (0.0, 2 * math.pi),
    "rotate_z": (0.0, 2 * math.pi),
    "rotate_y2": (0.0, 2 * math.pi),
}
#: The operator and parameter of the catalogue that the numbers of a range mean. ``inversion`` has none: our offset is
#: one divided by its number, which a range cannot express.
PARAMETERS: dict[str, tuple[str, str]] = {
    "add_full": ("add", "amount"),
    "multiply": ("multiply", "factor"),
    "add_noise": ("add_noise", "amount"),
    "subtract_full": ("subtract", "amount"),
    "threshold": ("threshold", "level"),
    "soft_threshold": ("soft_threshold", "level"),
    "soft_threshold2": ("shrink_threshold", "level"),
    "log": ("log", "base"),
    "rotate_x": ("rotate_channels", "angle"),
    "rotate_y": ("rotate_channels", "angle"),
    "rotate_z": ("rotate_channels", "angle"),
    "rotate_y2": ("rotate_channels", "angle"),
}


def median(values: np.ndarray, kernel: int) -> np.ndarray:
    """The median of ``kernel`` frames around each, with zeros beyond the ends (they pull the ends towards 0).

    Parameters
    ----------
    values : float array, shape (frames,)
    kernel : frames, odd; 1 changes nothing

    Raises
    ------
    ValueError if the kernel is even or below 1
    """
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"the kernel of a median must be odd, not {kernel}")
    values = np.array(values, dtype=np.float64)
    if kernel == 1 or len(values) == 0:
        return values
    return window_median(np.pad(values, kernel // 2), kernel)


def envelope(values: np.ndarray, keep: float) -> np.ndarray:
    """Rises at once, falls exponentially: ``e = x`` if ``|x| > |e before|``, else ``(1 - keep) x + keep * e before``.

    Parameters
    ----------
    values : float array, shape (frames,)
    keep : 0...1, the papers' alpha; 0 changes nothing, 1 holds for ever
    """
    numbers = np.array(values, dtype=np.float64).tolist()
    followed = numbers[:1]
    for value in numbers[1:]:
        before = followed[-1]
        followed.append(value if abs(value) > abs(before) else (1 - keep) * value + keep * before)
    return np.array(followed, dtype=np.float64)


def gate(values: np.ndarray, share: float) -> np.ndarray:
    """What lies less than a share of the whole range above the least value becomes the least value.

    Parameters
    ----------
    values : float array, shape (frames,)
    share : 0...1, the papers' p; 0 changes nothing
    """
    values = np.array(values, dtype=np.float64)
    if len(values) == 0:
        return values
    least, most = values.min(), values.max()
    return np.where(values - least < share * (most - least), least, values)


def smooth(values: np.ndarray, kernel: int, keep: float, share: float) -> np.ndarray:
    """The papers' smoothing: median, envelope, gate. They use kernels of 5 to 41, keep 0.5 to 0.9, gate 0 or 0.05."""
    return gate(envelope(median(values, kernel), keep), share)


def gate_median(values: np.ndarray, share: float, kernel: int) -> np.ndarray:
    """The papers' other order: gate, then median."""
    return median(gate(values, share), kernel)


def to_range(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map the whole track from its least and greatest value to a range; a constant one becomes ``low``.

    Parameters
    ----------
    values : float array, shape (frames,)
    low, high : in the parameter's unit, such as those of ``RANGES``
    """
    values = np.array(values, dtype=np.float64)
    if len(values) == 0:
        return values
    least, most = values.min(), values.max()
    if most == least:
        return np.full(len(values), low)
    return (values - least) * (high - low) / (most - least) + low
