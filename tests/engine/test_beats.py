"""Beats are found in drum tracks whose beats are known; a steady tempo does not drift; any sound is survived.

Tracker and tracks are by the same hand: the patterns were written first, the tracker was fitted on other seeds.
Measured on further seeds, 60 to 200 BPM: 476 of 480 tracks of the five ``STYLES`` reach F = 0.95 (each of the four
misses has drop-outs or a change of tempo), but only 62 of 108 breakbeats (14 of 18 as written, 5 of 18 swung): where
the snare is often off the beat, half or double the tempo or the off-beat is heard.
"""

from __future__ import annotations

import os
import zlib
from fractions import Fraction

import drums
import numpy as np
import pytest

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.rhythm.beats import detect
from blender_bend.engine.analysis.sound import Sound
from blender_bend.engine.analysis.spectra.spectrum import Grid

ALL = os.environ.get("BEND_TEST_ALL") == "1"
SAMPLE_RATE = 22050
SECONDS = 30 if ALL else 20
TOLERANCE = 0.07
STYLES = ("rock", "four on the floor", "half time", "shuffle", "jazz")
MANNERS: dict[str, dict[str, float | bool]] = {
    "as written": {},
    "swung": {"swing": 0.6},
    "with drop-outs": {"drop_outs": True},
    "with a bass, a chord and noise": {"backing": 0.4},
    "faster in the second half": {"change": 1.2},
    "slower in the second half": {"change": 0.85},
}


def listen(samples: np.ndarray, sample_rate: int = SAMPLE_RATE, fps: Fraction = Fraction(24)) -> Sound:
    return Sound(samples, Grid(FrameRate(fps), int(len(samples) / sample_rate * fps), sample_rate))


def f_measure(found: np.ndarray, truth: np.ndarray) -> float:
    """Harmonic mean of precision and recall, each beat matched once at most (mir_eval.beat.f_measure, untrimmed)."""
    hits = place = 0
    for beat in truth:
        while place < len(found) and found[place] < beat - TOLERANCE:
            place += 1
        if place < len(found) and found[place] <= beat + TOLERANCE:
            hits, place = hits + 1, place + 1
    return 2 * hits / (len(found) + len(truth)) if len(found) + len(truth) else 1.0


def tempi(style: str, step: float) -> list[float]:
    slowest, fastest = drums.STYLES[style].slowest, drums.STYLES[style].fastest
    return [float(bpm) for bpm in np.arange(slowest, fastest + 1, step)]


def failures(style: str, manner: str, bpms: list[float], seeds: range) -> list[str]:
    failed = []
    for bpm in bpms:
        for seed in seeds:
            options = dict(MANNERS[manner])
            change = options.pop("change", None)
            if change:
                inside = drums.STYLES[style].slowest <= bpm * change <= drums.STYLES[style].fastest
                options["later_bpm"] = bpm * change if inside else bpm / change
            number = zlib.crc32(f"{manner} {bpm} {seed}".encode())
            samples, truth = drums.track(style, bpm, SECONDS, seed=number, **options)  # type: ignore[arg-type]
            score = f_measure(detect(listen(samples)), truth)
            if score < 0.95:
                failed.append(f"{bpm:g} BPM, seed {seed}: F = {score:.2f}")
    return failed


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("style", STYLES)
def test_beats_from_60_to_200_bpm(style: str, manner: str) -> None:
    """In the short run every track must pass; in the long one (27 or more a case) at most one in ten may not."""
    bpms, seeds = tempi(style, 5 if ALL else 20 if manner == "as written" else 60), range(3 if ALL else 1)
    failed = failures(style, manner, bpms, seeds)
    assert len(failed) <= (0.1 * len(bpms) * len(seeds) if ALL else 0), failed


def test_most_breakbeats() -> None:
    """Three quarters of them, as written: see the limits at the top of this file."""
    bpms = [float(bpm) for bpm in np.arange(100, 181, 10)]
    failed = failures("breakbeat", "as written", bpms, range(3 if ALL else 1))
    assert len(failed) <= 0.25 * len(bpms) * (3 if ALL else 1), failed


def test_a_steady_tempo_does_not_drift_over_ten_minutes() -> None:
    samples, truth = drums.track("rock", 123.4, 600, sample_rate=8000, backing=0.2)
    found = detect(listen(samples, 8000))
    assert f_measure(found, truth) > 0.99
    assert abs(found[-1] - truth[-1]) < 0.015
    nearest = found[np.abs(found[:, None] - truth[None, ::20]).argmin(axis=0)]
    assert np.abs(nearest - truth[::20]).max() < 0.015


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25), Fraction(60)])
def test_the_beats_do_not_depend_on_the_frame_rate(fps: Fraction) -> None:
    samples, truth = drums.track("rock", 110, 20, seed=1)
    assert f_measure(detect(listen(samples, fps=fps)), truth) >= 0.95


def test_a_tempo_that_drifts_like_a_live_band_is_followed() -> None:
    random = np.random.default_rng(5)
    truth = 0.5 + np.cumsum(0.5 + 0.04 * np.sin(np.arange(60) / 10) + random.normal(0, 0.004, 60))
    samples = 1e-4 * random.standard_normal(int((truth[-1] + 1) * SAMPLE_RATE))
    time = np.arange(2000) / SAMPLE_RATE
    for beat in truth:
        start = int(beat * SAMPLE_RATE)
        samples[start : start + 2000] += 0.5 * np.sin(2 * np.pi * 70 * time) * np.exp(-time / 0.03)
    assert f_measure(detect(listen(samples.astype(np.float32))), truth) >= 0.95


def sounds() -> dict[str, np.ndarray]:
    random, second = np.random.default_rng(0), SAMPLE_RATE
    click = np.zeros(5 * second, dtype=np.float32)
    click[2 * second] = 1
    return {
        "silence": np.zeros(5 * second, dtype=np.float32),
        "one sample": np.ones(1, dtype=np.float32),
        "a tenth of a second": random.standard_normal(second // 10).astype(np.float32),
        "nothing": np.zeros(0, dtype=np.float32),
        "one click": click,
        "noise": 0.1 * random.standard_normal(10 * second).astype(np.float32),
        "a constant": np.full(5 * second, 0.5, dtype=np.float32),
        "a tone": (0.5 * np.sin(np.arange(10 * second) * 0.1)).astype(np.float32),
        "two clicks": click + np.roll(click, second),
    }


@pytest.mark.parametrize("name", sounds())
def test_sound_without_a_beat_is_survived(name: str) -> None:
    samples = sounds()[name]
    beats = detect(listen(samples))
    assert np.all(np.isfinite(beats)) and np.all(np.diff(beats) > 0)
    assert np.all((beats >= 0) & (beats <= len(samples) / SAMPLE_RATE))
    if name in ("silence", "nothing", "one sample"):
        assert len(beats) == 0
