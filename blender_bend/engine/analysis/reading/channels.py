"""The channels of a sound: left, right, what both have in common, and what differs."""

from __future__ import annotations

import numpy as np

from ....core.sound.features import Channel
from .sound_file import SILENCE


def of(samples: np.ndarray, channel: str) -> np.ndarray:
    """What is measured of a sound.

    Of more than two channels left and right are the first two, which is the front pair in every usual layout. The
    middle and the sides are half the sum and half the difference. What only rounding leaves of them is silence.

    Parameters
    ----------
    samples : float32 array, shape (channels, samples)
    channel : one of ``core.sound.features.Channel``

    Returns
    -------
    float32 array, shape (channels, samples), (1, samples) for all but what is heard
    """
    if channel == Channel.HEARD:
        return samples
    left, right = samples[:1], samples[1:2] if len(samples) > 1 else samples[:1]
    if channel in {Channel.LEFT, Channel.RIGHT}:
        return left if channel == Channel.LEFT else right
    chosen = left + right if channel == Channel.MID else left - right
    chosen /= np.float32(2.0)  # in place, as all here: an hour takes 0.7 GB
    if max(chosen.max(initial=0.0), -chosen.min(initial=0.0)) <= SILENCE:
        chosen.fill(0.0)
    return chosen
