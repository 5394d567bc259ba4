"""The demo's music: twelve seconds, composed as tables and synthesised with numpy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from synthesis import SAMPLE_RATE, add, band, clock, gate, hertz, lowpass, ping_pong, reverb, saw, write

DURATION = 12.0
SAMPLES = int(DURATION * SAMPLE_RATE)
BPM = 124.0
BEAT = 60.0 / BPM
STEP = BEAT / 4
SWING = 0.16
SEED = 1204

SECTIONS = {"intro": 0, "drop": 16, "lift": 32, "break": 64, "return": 80, "last_hit": 88}

# A column a bar, a character a sixteenth. A drum's digit is how hard it is struck, 9 the hardest; the pluck's picks the
# note of the pad that it plays an octave higher.
SCORE = """
kick      ................ 9...9...9...9... 9...9...9...9..5 9...9...9..79.6. ................ 9..8..8.9.......
clap      ................ ....9.......9... ....9.......9..3 ....9..3....9.58 ............2345 ......6.9.......
hat       5.2.6.2.5.2.6234 4263426342634264 4253425342534254 4253425342535263 4...3...4...3.2. 6.36.36.........
open_hat  ................ ..............5. ..6...6...6...6. ..6...6...6...6. ................ ................
crash     ................ 7............... 5............... ................ 6............... 7.......9.......
pluck     ................ ..............4. 3..4..2..1..3... 4..2..3..4..1.2. 4..3..1..2..3..4 ................
"""
PATTERNS = {name: "".join(bars) for name, *bars in map(str.split, SCORE.strip().splitlines())}
LEVELS = {"kick": 0.66, "clap": 0.38, "hat": 0.34, "open_hat": 0.28, "crash": 0.13}
PANS = {"kick": 0.0, "clap": 0.05, "hat": 0.25, "open_hat": -0.25, "crash": -0.1}

# MIDI note numbers: the bass note, then the pad from low to high.
CHORDS = {
    "Gm9": (31, (53, 55, 58, 62, 69)),
    "Dm9": (38, (50, 53, 57, 60, 64)),
    "Bbmaj9": (34, (50, 53, 57, 60, 65)),
    "A7sus4": (33, (52, 55, 57, 62, 67)),
    "A7": (33, (52, 55, 57, 61, 67)),
}
# First sixteenth, length in sixteenths, chord.
PROGRESSION = (
    (0, 16, "Gm9"),
    (16, 16, "Dm9"),
    (32, 16, "Bbmaj9"),
    (48, 16, "Gm9"),
    (64, 8, "A7sus4"),
    (72, 8, "A7"),
    (80, 2.4, "Dm9"),
    (83, 2.4, "Dm9"),
    (86, 1.6, "Dm9"),
    (88, 12, "Dm9"),
)
# Sixteenth within the bar, length in sixteenths, semitones above the chord's bass note.
BASS_FIGURE = (
    (0, 1.6, 0),
    (2, 0.9, 0),
    (3, 1.6, 12),
    (6, 1.7, 0),
    (8, 1.0, 0),
    (10, 0.9, 0),
    (11, 1.6, 7),
    (14, 1.8, 12),
)
BASS_ENDING = ((80, 2.4, 38), (83, 2.4, 38), (86, 1.6, 36), (88, 11.0, 26))
# (sixteenth, hertz) and (sixteenth, gain): where the pad's filter and fader stand; between them they glide.
PAD_SWEEP = (
    (0, 260),
    (15, 2600),
    (16, 900),
    (32, 1300),
    (46, 2000),
    (63, 4600),
    (65, 420),
    (79, 3800),
    (88, 5200),
    (99, 240),
)
PAD_FADER = ((0, 0.55), (15, 0.9), (16, 1.05), (63, 1.15), (64, 0.6), (79, 0.95), (80, 1.25), (99, 1.0))


def compose(path: Path) -> dict[str, float | dict[str, float]]:
    """Write the piece as a 16-bit stereo wav.

    Returns
    -------
    ``bpm``, ``duration`` in seconds, and ``sections``: the second at which each begins
    """
    rng = np.random.default_rng(SEED)
    duck = sidechain()
    drums, drum_room = drum_kit(rng)
    pad_track = pad(rng) * (1.0 - 0.75 * duck)
    bass_track = bass() * (1.0 - 0.9 * duck)
    pluck_track = ping_pong(pluck(rng), 3 * STEP, 0.46) * (1.0 - 0.3 * duck)
    noise_track = risers(rng)
    room = reverb(0.22 * pad_track + 0.5 * pluck_track + 0.5 * noise_track + drum_room, rng) * (1.0 - 0.6 * duck)
    write(path, master(drums + pad_track + bass_track + pluck_track + noise_track + room), rng)
    return {"bpm": BPM, "duration": DURATION, "sections": {name: round(second(at), 4) for name, at in SECTIONS.items()}}


def second(step: float) -> float:
    """When a sixteenth sounds; every second one comes late, which is the swing."""
    return (step + SWING * (step % 2 == 1)) * STEP


def struck(name: str) -> list[tuple[int, int]]:
    """The (sixteenth, digit) pairs of one row of the score."""
    return [(step, int(mark)) for step, mark in enumerate(PATTERNS[name]) if mark.isdigit()]


def kick() -> np.ndarray:
    """A sine that falls from 240 Hz to 48 Hz, with a beater's click."""
    time = clock(0.42)
    phase = 48.0 * time + 190.0 * 0.028 * (1.0 - np.exp(-time / 0.028))
    body = np.sin(2 * np.pi * phase) * np.exp(-time / 0.13)
    click = 0.25 * np.sin(2 * np.pi * 1900 * time) * np.exp(-time / 0.004)
    return np.tanh(1.5 * (body + click)) * gate(0.3, 0.001, 0.12)


def clap(rng: np.random.Generator) -> np.ndarray:
    """A snare's two-tone body under four quick bursts of noise."""
    time = clock(0.4)
    body = np.sin(2 * np.pi * 190 * time - 1.2 * np.exp(-time / 0.02)) + 0.5 * np.sin(2 * np.pi * 331 * time)
    bursts = sum(np.where(time >= at, np.exp(-(time - at).clip(0) / 0.007), 0.0) for at in (0.0, 0.011, 0.022))
    noise = band(rng.standard_normal(len(time)), 900, 7500)
    tail = np.where(time >= 0.03, np.exp(-(time - 0.03).clip(0) / 0.085), 0.0)
    return (0.75 * body * np.exp(-time / 0.06) + noise * (0.7 * bursts + 0.9 * tail)) * gate(0.3, 0.001, 0.1)


def cymbal(rng: np.random.Generator, decay: float, low: float) -> np.ndarray:
    """Noise and a few unrelated high partials, as of struck metal."""
    time = clock(6 * decay)
    partials = sum(np.sin(2 * np.pi * (f * time + rng.random())) for f in (5397, 6353, 7789, 8671, 10061, 11743))
    metal = band(rng.standard_normal(len(time)) + 0.14 * partials, low, 12_500)
    return metal * np.exp(-time / decay) * gate(5 * decay, 0.0015, decay)


def drum_kit(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The drums, and what they send to the room."""
    drums, room = np.zeros((2, SAMPLES)), np.zeros((2, SAMPLES))
    sounds = {
        "kick": kick(),
        "clap": clap(rng),
        "hat": cymbal(rng, 0.022, 7200),
        "open_hat": cymbal(rng, 0.085, 6400),
        "crash": cymbal(rng, 0.42, 3200),
    }
    sends = {"kick": 0.03, "clap": 0.28, "hat": 0.10, "open_hat": 0.12, "crash": 0.40}
    for name in sounds:
        for step, digit in struck(name):
            strength = (digit / 9) ** 1.3 * (1.0 + 0.08 * rng.uniform(-1, 1) * (name != "kick"))
            struck_sound = sounds[name] * (LEVELS[name] * strength)
            add(drums, struck_sound, second(step), PANS[name])
            add(room, struck_sound * sends[name], second(step), PANS[name])
    return drums, room


def sidechain() -> np.ndarray:
    """How far the kick pushes the rest down: near 1 as it strikes, back to 0 within a beat."""
    kicks = np.array([second(step) for step, digit in struck("kick") if digit > 6])
    time = clock(DURATION)
    since = time - np.append(-9.0, kicks)[np.searchsorted(kicks, time, side="right")]
    return np.clip(since / 0.004, 0, 1) * np.exp(-((since / 0.17) ** 1.5))


def pad(rng: np.random.Generator) -> np.ndarray:
    """The chords: six detuned saws a note, spread from left to right, through a filter that sweeps slowly."""
    track = np.zeros((2, SAMPLES))
    for step, length, name in PROGRESSION:
        envelope = gate(length * STEP, 0.09 if length >= 8 and step < 80 else 0.006, 0.22 if length >= 8 else 0.05)
        onset = np.arange(len(envelope)) / SAMPLE_RATE
        for note in CHORDS[name][1]:
            for spread in np.linspace(-1, 1, 6):
                tone = saw(hertz(note + 0.13 * spread), onset, rng.random())
                add(track, 0.032 * tone * envelope, second(step), 0.9 * spread)
    time = clock(DURATION)
    cutoff = 2.0 ** np.interp(time / STEP, *zip(*((step, np.log2(at)) for step, at in PAD_SWEEP), strict=True))
    track *= np.interp(time / STEP, *zip(*PAD_FADER, strict=True))
    sway = 2.0 ** (0.22 * np.sin(2 * np.pi * time / (3 * BEAT) + np.array([[0.0], [1.1]])))
    return np.stack([lowpass(side, cutoff * move, 0.5) for side, move in zip(track, sway, strict=True)])


def bass() -> np.ndarray:
    """A saw under a filter that opens with each note, on a sine that stays in the lowest octave."""
    notes = [
        (start + step, length, CHORDS[name][0] + semitones)
        for start, _, name in PROGRESSION
        if SECTIONS["drop"] <= start < SECTIONS["break"]
        for step, length, semitones in BASS_FIGURE
    ]
    sound, cutoff = np.zeros(SAMPLES), np.full(SAMPLES, 120.0)
    for step, length, note in (*notes, *BASS_ENDING):
        first = round(second(step) * SAMPLE_RATE)
        envelope = gate(length * STEP, 0.004, 0.025 if length < 4 else 0.5)[: SAMPLES - first]
        time = np.arange(len(envelope)) / SAMPLE_RATE
        sub = np.sin(2 * np.pi * hertz(note if note < 43 else note - 12) * time)
        tone = saw(hertz(note), time, 0.5)
        here = slice(first, first + len(time))
        sound[here] += envelope * (0.34 * tone + 0.42 * sub) * np.exp(-time / 1.2)
        lift = 1.0 if step < SECTIONS["lift"] else 1.6
        cutoff[here] = 300.0 + 1500.0 * lift * np.exp(-time / (0.09 if length < 4 else 0.6))
    return np.tile(0.62 * np.tanh(1.5 * lowpass(sound, cutoff, 0.6)), (2, 1))


def pluck(rng: np.random.Generator) -> np.ndarray:
    """Single notes of the chord, bright as they begin and soon dark."""
    track = np.zeros((2, SAMPLES))
    for step, index in struck("pluck"):
        name = next(name for start, length, name in PROGRESSION if start <= step < start + length)
        envelope = gate(0.5, 0.003, 0.1)
        time = np.arange(len(envelope)) / SAMPLE_RATE
        tone = saw(hertz(CHORDS[name][1][index] + 12), time, rng.random())
        tone = lowpass(tone, 500.0 + 4200.0 * np.exp(-time / 0.07)) * envelope * np.exp(-time / 0.16)
        add(track, 0.24 * tone, second(step), 0.35 * rng.uniform(-1, 1))
    return track


def risers(rng: np.random.Generator) -> np.ndarray:
    """Noise that swells and brightens into the drop and into the return."""
    track = np.zeros((2, SAMPLES))
    for start, end in ((6, 16), (68, 80)):
        envelope = gate((end - start) * STEP - 0.02, 0.05, 0.02)
        climb = np.linspace(0, 1, len(envelope))
        for pan in (-0.8, 0.8):
            noise = lowpass(rng.standard_normal(len(envelope)), 250.0 * 32.0**climb, 1.2)
            add(track, 0.075 * band(noise, 180, 14_000) * climb**2 * envelope, start * STEP, pan)
    return track


def master(mix: np.ndarray) -> np.ndarray:
    """Cut what lies below hearing, clip softly, fade at the end and bring the peak to -1 dBFS."""
    mix = np.stack([band(side, 24, 19_000) for side in mix])
    mix = np.tanh(1.15 * mix)
    left = DURATION - clock(DURATION)
    mix *= 0.5 - 0.5 * np.cos(np.pi * np.clip(left / 0.7, 0, 1))
    return mix * (10.0 ** (-1.0 / 20) / np.abs(mix).max())


if __name__ == "__main__":
    print(compose(Path(sys.argv[1])))
