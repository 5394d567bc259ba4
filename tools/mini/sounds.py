"""Sounds for mini: synthesised from a seed, each paired with the scene that it should call up.

Only numpy; no recording is behind them, so what is trained on them may be shipped. Every draw of a sound differs in
pitch, pace, loudness, distance and what else is going on, so that no network can go by a single trait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Random = np.random.Generator
RATE = 44_100


@dataclass(frozen=True)
class Sound:
    """One kind of sound.

    ``scene`` is what it should look like; ``make`` gives samples of any loudness from a number of samples.
    """

    name: str
    label: str
    scene: str
    make: Callable[[int, Random], Array]


def sound(name: str, seed: int, seconds: float = 10.0) -> NDArray[np.float32]:
    """A sound of a kind.

    Parameters
    ----------
    name : a key of ``SOUNDS``
    seed : equal seeds give equal samples

    Returns
    -------
    mono at 44.1 kHz, its peak between 0.1 and 0.9

    Raises
    ------
    KeyError if there is no such kind
    """
    kind = SOUNDS[name]
    random = np.random.Generator(np.random.Philox(key=(list(SOUNDS).index(name) << 40) + seed))
    made = kind.make(round(seconds * RATE), random)
    made = made - made.mean()
    if random.random() < 0.4:  # heard in a room, or from further away
        made = _room(made, random)
    made = made + _noise(len(made), random, 1.0, 40, 12_000) * np.abs(made).max() * 10 ** random.uniform(-4.0, -2.3)
    return (made / np.abs(made).max() * 10 ** random.uniform(-1.0, -0.05)).astype(np.float32)


# What all are made of


def _clock(count: int) -> Array:
    return np.arange(count) / RATE


def _noise(count: int, random: Random, slope: float, low: float, high: float) -> Array:
    """Noise whose power falls as 1 / frequency ** slope between two frequencies, with a spread of 1."""
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 1.0)
    gain = frequency ** (-slope / 2) / np.sqrt((1 + (low / frequency) ** 8) * (1 + (frequency / high) ** 8))
    made = np.fft.irfft(np.fft.rfft(random.standard_normal(count)) * gain, count)
    return made / made.std()


def _drift(count: int, random: Random, seconds: float) -> Array:
    """A slow random curve between 0 and 1, with a turn about every so many seconds."""
    points = max(3, int(count / RATE / seconds) + 3)
    curve = np.interp(np.linspace(0, points - 1.001, count), np.arange(points), random.random(points))
    return 0.5 - 0.5 * np.cos(np.pi * curve)


def _moments(count: int, random: Random, per_second: float) -> list[int]:
    """Samples at which something happens, as raindrops fall: independently of each other."""
    return sorted(random.integers(0, count, size=random.poisson(per_second * count / RATE)).tolist())


def _put(track: Array, piece: Array, at: int) -> None:
    piece = piece[: max(0, len(track) - at)]
    track[at : at + len(piece)] += piece


def _decay(seconds: float, tail: float = 6.0) -> Array:
    """An envelope that has fallen to 1 / e after ``seconds``."""
    count = max(8, int(seconds * tail * RATE))
    return np.exp(-_clock(count) / seconds) * np.minimum(1.0, np.arange(count) / 20)


def _tone(frequency: float | Array, count: int, phase: float = 0.0) -> Array:
    """A sine whose frequency may move."""
    return np.sin(2 * np.pi * np.cumsum(np.broadcast_to(frequency, count)) / RATE + phase)


def _room(dry: Array, random: Random) -> Array:
    length = int(random.uniform(0.15, 1.2) * RATE)
    tail = _noise(length, random, 0.6, 150, random.uniform(3000, 9000)) * np.exp(-_clock(length) / (length / RATE / 4))
    size = len(dry) + length
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(tail, size), size)[: len(dry)]
    return dry + wet / (wet.std() + 1e-12) * dry.std() * random.uniform(0.2, 0.8)


def _chord(count: int, random: Random, root: float, partials: int, fall: float, detune: float = 0.002) -> Array:
    made = np.zeros(count)
    for step in random.choice([0, 3, 4, 5, 7, 9, 12], size=4, replace=False):
        frequency = root * 2 ** (step / 12) * (1 + random.normal(0, detune))
        for partial in range(1, partials + 1):
            if frequency * partial < 14_000:
                made += _tone(frequency * partial, count, random.uniform(0, 6.28)) / partial**fall
    return made


# The kinds


def _rain(count: int, random: Random) -> Array:
    made = _noise(count, random, random.uniform(0.0, 0.7), random.uniform(300, 900), random.uniform(7000, 15_000))
    made *= 0.7 + 0.3 * _drift(count, random, 3.0)
    for at in _moments(count, random, random.uniform(25, 90)):
        drop = _decay(random.uniform(0.002, 0.008))
        _put(made, drop * _tone(random.uniform(1500, 7000), len(drop)) * random.gamma(2.0, 1.5), at)
    return made


def _waves(count: int, random: Random) -> Array:
    period, time = random.uniform(4.0, 9.0), _clock(count)
    phase = (time / period + random.random() + 0.1 * _drift(count, random, period)) % 1.0
    swell = np.where(phase < 0.35, phase / 0.35, np.exp(-(phase - 0.35) * random.uniform(3, 6))) ** 1.5
    deep = _noise(count, random, 1.6, 40, 600)
    foam = _noise(count, random, 0.5, 500, random.uniform(5000, 10_000))
    return deep * (0.25 + swell) + foam * (0.04 + np.roll(swell, int(0.3 * RATE)) ** 1.3) * random.uniform(0.7, 1.3)


def _fire(count: int, random: Random) -> Array:
    made = _noise(count, random, 1.8, 30, 500) * (0.5 + 0.5 * _drift(count, random, 0.5)) * random.uniform(0.5, 1.2)
    made += _noise(count, random, 0.5, 800, 6000) * (0.1 + 0.2 * _drift(count, random, 0.3))
    for at in _moments(count, random, random.uniform(8, 30)):
        length = random.uniform(0.0015, 0.012)
        crack = _decay(length)
        crack = crack * random.standard_normal(len(crack)) * random.gamma(1.2, 1.3)
        _put(made, crack, at)
        if random.random() < 0.3:
            _put(made, crack * 0.6, at + int(random.uniform(0.01, 0.05) * RATE))
    return made


def _thunder(count: int, random: Random) -> Array:
    made = _noise(count, random, 0.3, 400, 6000) * random.choice([0.0, 0.03, 0.08])  # some rain
    at = int(random.uniform(0.0, 1.5) * RATE)
    while at < count:
        seconds = random.uniform(2.5, 6.0)
        roll = _noise(int(seconds * RATE), random, 2.0, 25, random.uniform(120, 400))
        roll *= np.exp(-_clock(len(roll)) / (seconds / 3)) * (0.3 + _drift(len(roll), random, 0.25)) * 3
        _put(made, roll, at + int(random.uniform(0.0, 0.4) * RATE))
        if random.random() < 0.7:
            crack = _decay(random.uniform(0.05, 0.2))
            _put(made, crack * _noise(len(crack), random, 0.7, 100, 7000) * random.uniform(1, 4), at)
        at += int(random.uniform(2.5, 7.0) * RATE)
    return made


def _wind(count: int, random: Random) -> Array:
    made = _noise(count, random, 1.3, 60, 900) * (0.2 + _drift(count, random, 2.0))
    for _ in range(int(random.integers(1, 4))):  # whistling: a narrow band that wanders
        centre = random.uniform(300, 1100) * 2 ** (1.2 * (_drift(count, random, 2.5) - 0.5))
        wobble = _noise(count, random, 1.0, 1, random.uniform(20, 60))
        made += _tone(centre, count) * wobble * (_drift(count, random, 1.5) ** 2) * random.uniform(0.3, 1.0)
    return made


def _bells(count: int, random: Random) -> Array:
    made, root = np.zeros(count), random.uniform(180, 700)
    at, gap = 0, random.uniform(0.5, 2.0)
    while at < count:
        pitch = root * 2 ** (random.choice([0, 2, 4, 5, 7, 9]) / 12)
        for ratio, loud, length in ((0.5, 0.6, 4.0), (1, 1, 3), (1.19, 0.7, 2), (1.5, 0.5, 1.6), (2, 0.6, 1.2),
                                    (2.52, 0.4, 0.8), (3.01, 0.25, 0.6), (4.17, 0.2, 0.4)):  # fmt: skip
            envelope = _decay(length * random.uniform(0.7, 1.2), 4.0)
            if pitch * ratio < 16_000:
                _put(made, envelope * _tone(pitch * ratio * (1 + random.normal(0, 0.002)), len(envelope)) * loud, at)
        at += int(gap * random.choice([0.5, 1, 1, 2]) * RATE)
    return made


def _birds(count: int, random: Random) -> Array:
    made = _noise(count, random, 1.0, 200, 6000) * random.uniform(0.005, 0.03)
    for _ in range(int(random.integers(2, 6))):  # each bird has a song
        home, length = random.uniform(2200, 6500), random.uniform(0.04, 0.16)
        shapes = [random.normal(0, 0.25, 4) for _ in range(2)]
        for start in _moments(count, random, random.uniform(0.25, 0.7)):
            at = start
            for _ in range(int(random.integers(2, 9))):
                size = int(length * random.uniform(0.7, 1.3) * RATE)
                line = np.linspace(-1, 1, size)
                pitch = home * 2 ** np.polyval(shapes[int(random.integers(2))], line)
                trill = 1 + 0.05 * np.sin(2 * np.pi * random.uniform(20, 60) * line * length)
                _put(
                    made, np.hanning(size) * _tone(np.minimum(pitch * trill, 12_000), size) * random.uniform(0.3, 1), at
                )
                at += int(size * random.uniform(1.1, 2.0))
    return made


def _drums(count: int, random: Random) -> Array:
    made, beat = np.zeros(count), 60 / random.uniform(85, 150)
    kicks, snares = [0, 8, int(random.choice([3, 6, 10, 11]))], [4, 12]
    hats = range(0, 16, int(random.choice([1, 2, 4])))
    low, bright = random.uniform(45, 70), random.uniform(0.1, 0.4)
    for slot in range(int(count / RATE / beat * 4) + 1):
        at = int(slot * beat / 4 * RATE)
        if slot % 16 in kicks:
            envelope = _decay(0.12)
            _put(made, envelope * _tone(low * (1 + 4 * np.exp(-_clock(len(envelope)) / 0.02)), len(envelope)) * 1.6, at)
        if slot % 16 in snares:
            envelope = _decay(0.07)
            body = 0.5 * _tone(random.uniform(170, 210), len(envelope))
            _put(made, envelope * (body + 0.6 * random.standard_normal(len(envelope))), at)
        if slot % 16 in hats:
            envelope = _decay(0.02)
            _put(made, envelope * np.diff(random.standard_normal(len(envelope) + 1)) * bright, at)
    return made


def _engine(count: int, random: Random) -> Array:
    rate = random.uniform(22, 75) * (1 + random.choice([0.0, 0.5, 1.0]) * _drift(count, random, 3.0))
    made = np.zeros(count)
    for partial in range(1, 25):
        made += _tone(rate * partial, count, random.uniform(0, 6.28)) / partial ** random.uniform(0.5, 1.1)
    made *= 0.8 + 0.2 * _tone(rate / 2, count)
    made = made / made.std() + _noise(count, random, 1.0, 80, 3000) * random.uniform(0.2, 0.6)
    if random.random() < 0.4:  # a horn in the street
        horn = int(random.uniform(0.3, 0.9) * RATE)
        blow = _chord(horn, random, random.uniform(330, 440), 6, 0.8) * np.hanning(horn) ** 0.2
        _put(made, blow * 0.3, int(random.integers(0, count)))
    return made


def _bubbles(count: int, random: Random) -> Array:
    made = _noise(count, random, 1.5, 40, 400) * random.uniform(0.1, 0.4)
    for at in _moments(count, random, random.uniform(6, 25)):
        envelope = _decay(random.uniform(0.015, 0.06))
        pitch = random.uniform(250, 1500) * np.exp(random.uniform(2, 9) * _clock(len(envelope)))
        _put(made, envelope * _tone(np.minimum(pitch, 5000), len(envelope)) * random.gamma(2.0, 0.4), at)
    return made


def _drops(count: int, random: Random) -> Array:
    """Single drops in a cave."""
    made = np.zeros(count)
    for at in _moments(count, random, random.uniform(0.8, 2.5)):
        envelope = _decay(random.uniform(0.02, 0.05))
        pitch = random.uniform(600, 2200) * (1 + random.uniform(0.2, 0.8) * _clock(len(envelope)) / 0.05)
        plink = envelope * _tone(np.minimum(pitch, 8000), len(envelope)) * random.uniform(0.4, 1.0)
        for echo in range(5):
            _put(made, plink * 0.5**echo, at + int(echo * random.uniform(0.07, 0.11) * RATE))
    return made + _noise(count, random, 1.0, 50, 2000) * 0.002


def _fireworks(count: int, random: Random) -> Array:
    made = _noise(count, random, 1.2, 60, 2000) * 0.02
    for at in _moments(count, random, random.uniform(0.5, 1.2)) or [0]:
        rise = int(random.uniform(0.5, 1.1) * RATE)
        whistle = _tone(np.linspace(random.uniform(900, 1500), random.uniform(2500, 4500), rise), rise)
        _put(made, whistle * np.linspace(0, 1, rise) * random.uniform(0.05, 0.35), at)
        bang = _decay(random.uniform(0.06, 0.2))
        _put(made, bang * _noise(len(bang), random, 1.5, 40, 3000) * random.uniform(0.8, 2), at + rise)
        for _ in range(int(random.integers(15, 60))):
            spark = _decay(random.uniform(0.001, 0.004))
            late = at + rise + int(random.uniform(0.2, 1.3) * RATE)
            _put(made, spark * random.standard_normal(len(spark)) * random.uniform(0.2, 1.0), late)
    return made


def _pad(count: int, random: Random) -> Array:
    """A slow, wide chord."""
    made, at = np.zeros(count), 0
    root = random.uniform(60, 160)
    while at < count:
        size = int(random.uniform(3.0, 6.0) * RATE)
        chord = _chord(size, random, root * 2 ** (random.choice([0, 2, 5, 7]) / 12), 6, random.uniform(1.1, 1.8), 0.004)
        _put(made, chord * np.hanning(size) ** 0.7, at)
        at += int(size * 0.6)
    return made * (0.7 + 0.3 * _drift(count, random, 1.5)) + _noise(count, random, 1.0, 1000, 8000) * 0.02


def _arpeggio(count: int, random: Random) -> Array:
    """A quick run of bright synthesiser notes over a bass."""
    made, step = np.zeros(count), 60 / random.uniform(100, 150) / 4
    root, pattern = random.uniform(90, 220), random.choice([0, 3, 7, 10, 12, 15, 19, 24], size=8)
    for slot in range(int(count / RATE / step) + 1):
        pitch = root * 2 ** (pattern[slot % 8] / 12)
        envelope = _decay(random.uniform(0.05, 0.12), 4.0)
        partials = range(1, int(min(16, 12_000 / pitch)) + 1)
        note = sum((_tone(pitch * n, len(envelope)) / n for n in partials), np.zeros(len(envelope)))
        _put(made, envelope * note, int(slot * step * RATE))
        if slot % 4 == 0:
            low = _decay(0.2, 3.0)
            _put(made, low * np.sign(_tone(root / 2, len(low))) * 0.4, int(slot * step * RATE))
    return made


def _crickets(count: int, random: Random) -> Array:
    made, time = _noise(count, random, 1.0, 100, 4000) * random.uniform(0.005, 0.03), _clock(count)
    for _ in range(int(random.integers(2, 6))):
        pitch, pulse, song = random.uniform(3800, 5600), random.uniform(18, 32), random.uniform(0.6, 2.2)
        chirp = np.clip(np.sin(2 * np.pi * pulse * time + random.uniform(0, 6)), 0, 1) ** 2
        rest = np.sin(2 * np.pi * song * time + random.uniform(0, 6)) > random.uniform(-0.5, 0.3)
        made += _tone(pitch, count) * chirp * rest * random.uniform(0.2, 1)
    return made


def _lava(count: int, random: Random) -> Array:
    """A deep boiling."""
    made = _noise(count, random, 2.0, 20, 160) * (0.5 + 0.5 * _drift(count, random, 1.0))
    for at in _moments(count, random, random.uniform(2, 6)):
        envelope = _decay(random.uniform(0.06, 0.2), 4.0)
        pitch = random.uniform(50, 170) * (1 + random.uniform(1, 4) * _clock(len(envelope)))
        gloop = envelope * (_tone(pitch, len(envelope)) + 0.3 * _noise(len(envelope), random, 1.0, 60, 600))
        _put(made, gloop * random.gamma(2.0, 1.2), at)
    return made


def _chimes(count: int, random: Random) -> Array:
    """Glass in the wind."""
    made, notes = np.zeros(count), random.uniform(1800, 5000, size=7)
    for at in _moments(count, random, random.uniform(2.5, 8)):
        pitch = random.choice(notes)
        for ratio, loud in ((1, 1), (2.76, 0.5), (5.4, 0.2)):
            if pitch * ratio < 18_000:
                envelope = _decay(random.uniform(0.25, 0.9) / ratio, 5.0)
                _put(made, envelope * _tone(pitch * ratio, len(envelope)) * loud * random.uniform(0.3, 1), at)
    return made


def _organ(count: int, random: Random) -> Array:
    made, at = np.zeros(count), 0
    while at < count:
        size = int(random.uniform(0.8, 2.5) * RATE)
        root = random.uniform(100, 200) * 2 ** (random.choice([0, 2, 4, 5, 7, 9]) / 12)
        for drawbar in (0.5, 1, 2, 3, 4):
            _put(
                made, _chord(size, random, root * drawbar, 1, 1.0, 0.0005) * np.hanning(size) ** 0.15 / drawbar**0.5, at
            )
        at += size
    return made


_ALL = (
    Sound("rain", "Rain", "rain", _rain),
    Sound("waves", "Waves", "waves", _waves),
    Sound("fire", "Fire", "fire", _fire),
    Sound("thunder", "Thunder", "lightning", _thunder),
    Sound("wind", "Wind", "desert", _wind),
    Sound("bells", "Bells", "mandala", _bells),
    Sound("birds", "Birds", "forest", _birds),
    Sound("drums", "Drums", "geometry", _drums),
    Sound("engine", "Engine", "skyline", _engine),
    Sound("bubbles", "Bubbles", "jellyfish", _bubbles),
    Sound("drops", "Drops", "ripples", _drops),
    Sound("fireworks", "Fireworks", "fireworks", _fireworks),
    Sound("pad", "Slow Chords", "nebula", _pad),
    Sound("arpeggio", "Arpeggio", "tunnel", _arpeggio),
    Sound("crickets", "Crickets", "tree", _crickets),
    Sound("boiling", "Boiling", "lava", _lava),
    Sound("chimes", "Glass Chimes", "crystal", _chimes),
    Sound("organ", "Organ", "stained_glass", _organ),
)

SOUNDS: dict[str, Sound] = {kind.name: kind for kind in _ALL}
