"""Synthetic drum tracks with known beats.

"The beat" is the quarter note of the written pattern, with one exception: in half time (kick on 1, snare on 3, hi-hat
in eighths) people count and nod on the slower pulse of kick and snare, so that style is written here in that pulse,
with four hi-hats to a beat. In a drop-out the beat goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BEATS_IN_A_BAR = 4


@dataclass(frozen=True)
class Style:
    """Bars of drums, played in turn, each hit written as one character per step.

    Parameters
    ----------
    bars : for each bar the rows of kick, snare, hi-hat and open hi-hat; X loud, x usual, o soft, . nothing
    slowest, fastest : beats per minute at which it is played
    """

    bars: tuple[dict[str, str], ...]
    slowest: float = 60
    fastest: float = 200


LEVELS = {"X": 1.0, "x": 0.8, "o": 0.25, ".": 0.0}
STYLES = {
    "rock": Style(
        (
            {"kick": "X.......X.......", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.......X.x.....", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
        )
    ),
    "four on the floor": Style(
        ({"kick": "X...X...X...X...", "snare": "....x.......x...", "open": "..x...x...x...x."},)
    ),
    "half time": Style(
        ({"kick": "X..x....X.x.....", "snare": "....X.......X...", "hat": "xoxoxoxoxoxoxoxo"},), slowest=60, fastest=100
    ),
    "breakbeat": Style(
        (
            {"kick": "X.X.......xX....", "snare": "....X..o.o..X..o", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.X.......xX....", "snare": "....X..o.o..X..o", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.X.......xX....", "snare": "....X..o.o..X..o", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.X.......X.....", "snare": "....X..o.o....X.", "hat": "x.x.x.x.x.x.x.x."},
        )
    ),
    "shuffle": Style(({"kick": "X.....X....x", "snare": "...X.....X..", "hat": "x.xx.xx.xx.x"},)),
    "jazz": Style(({"kick": "o..o..o..o..", "snare": "...x.....x..", "hat": "x..x.xx..x.x"},)),
}


def track(
    style: str,
    bpm: float,
    seconds: float,
    *,
    seed: int = 0,
    sample_rate: int = 22050,
    swing: float = 0.5,
    human: float = 0.008,
    drop_outs: bool = False,
    later_bpm: float | None = None,
    backing: float = 0.0,
    start: float = 0.4,
) -> tuple[np.ndarray, np.ndarray]:
    """A drum track.

    Parameters
    ----------
    bpm : beats per minute
    swing : where between two beats the eighth between them lies, 0.5 straight, 0.667 triplets
    human : seconds; every hit comes up to so much earlier or later, and its strength varies by 12 %
    drop_outs : some bars from the third on are silent, others have the hi-hat only
    later_bpm : tempo from the first bar after the middle on
    backing : level of a bass and of noise behind the drums
    start : second of the first beat

    Returns
    -------
    samples : float32, shape (seconds * sample_rate,)
    beats : float64 seconds, all beats within the track
    """
    random = np.random.default_rng([seed, *style.encode()])
    samples = np.zeros(int(seconds * sample_rate), dtype=np.float32)
    kit = _kit(sample_rate, random)
    rows = STYLES[style].bars
    beats: list[float] = []
    bar, at, period = 0, start, 60 / bpm
    while at < seconds:
        if later_bpm and at > seconds / 2:
            period = 60 / later_bpm
        beats.extend(at + period * np.arange(BEATS_IN_A_BAR))
        missing = random.choice(["all", "drums", "nothing"], p=[0.15, 0.15, 0.7])
        for part, row in rows[bar % len(rows)].items():
            if drop_outs and bar >= 2 and (missing == "all" or (missing == "drums" and part in ("kick", "snare"))):
                continue
            _play(samples, row, kit[part], at, period, swing, human, random, sample_rate)
        if backing:
            _bass(samples, at, period, backing, random, sample_rate)
        at += BEATS_IN_A_BAR * period
        bar += 1
    if backing:
        samples += (0.1 * backing * random.standard_normal(len(samples))).astype(np.float32)
    samples += (1e-4 * random.standard_normal(len(samples))).astype(np.float32)
    within = np.array(beats)
    return 0.5 * samples, within[within < seconds]


def _play(
    samples: np.ndarray,
    row: str,
    sounds: Sequence[np.ndarray],
    at: float,
    period: float,
    swing: float,
    human: float,
    random: np.random.Generator,
    sample_rate: int,
) -> None:
    """One row of a bar."""
    steps = len(row) // BEATS_IN_A_BAR
    for step, character in enumerate(row):
        if character == ".":
            continue
        beat, share = divmod(step, steps)
        place = np.interp(share / steps, [0, 0.5, 1], [0, swing, 1])
        moment = at + (beat + place) * period + random.uniform(-human, human)
        level = LEVELS[character] * max(0.3, 1 + 0.12 * random.standard_normal())
        _add(samples, level * sounds[random.integers(len(sounds))], round(moment * sample_rate))


def _bass(
    samples: np.ndarray, at: float, period: float, level: float, random: np.random.Generator, sample_rate: int
) -> None:
    """Two notes a bar and a chord that lies under it."""
    root = 55 * 2 ** (random.integers(0, 12) / 12)
    for beat, length in ((0, 2.5), (2.5, 1.5)):
        time = np.arange(int(length * period * sample_rate)) / sample_rate
        note = np.sin(2 * np.pi * root * time) * np.minimum(1, time / 0.01) * np.exp(-time / 0.8)
        _add(samples, 0.5 * level * note, round((at + beat * period) * sample_rate))
    time = np.arange(int(4 * period * sample_rate)) / sample_rate
    chord = sum(np.sin(2 * np.pi * root * ratio * time) for ratio in (4, 5, 6))
    _add(samples, 0.1 * level * chord * np.hanning(len(time)), round(at * sample_rate))


def _add(samples: np.ndarray, sound: np.ndarray, start: int) -> None:
    sound = sound[max(0, -start) :]
    start = max(0, start)
    room = max(0, min(len(sound), len(samples) - start))
    samples[start : start + room] += sound[:room].astype(np.float32)


def _kit(sample_rate: int, random: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Four takes of each drum."""

    def noise(time: np.ndarray) -> np.ndarray:
        return random.standard_normal(len(time))

    def kick(time: np.ndarray) -> np.ndarray:
        frequency = 50 + 110 * np.exp(-time / 0.025)
        body = np.sin(2 * np.pi * np.cumsum(frequency) / sample_rate) * np.exp(-time / 0.1)
        return body + 0.15 * noise(time) * np.exp(-time / 0.003)

    def snare(time: np.ndarray) -> np.ndarray:
        tone = 0.4 * np.sin(2 * np.pi * 190 * time) * np.exp(-time / 0.06)
        return tone + 0.3 * noise(time) * np.exp(-time / 0.07)

    def hat(time: np.ndarray) -> np.ndarray:
        return 0.12 * np.diff(noise(time), prepend=0) * np.exp(-time / 0.02)

    def open_hat(time: np.ndarray) -> np.ndarray:
        return 0.12 * np.diff(noise(time), prepend=0) * np.exp(-time / 0.1)

    sounds = {"kick": (kick, 0.4), "snare": (snare, 0.3), "hat": (hat, 0.1), "open": (open_hat, 0.35)}
    return {
        name: [sound(np.arange(int(length * sample_rate)) / sample_rate) for _ in range(4)]
        for name, (sound, length) in sounds.items()
    }
