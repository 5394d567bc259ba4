"""A request for features as Blender sends it: settings, moments, phases, cancel, and what the cache keeps apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import MOMENTS, clicks

from blender_bend.core.errors import BendError, Code
from blender_bend.core.sound import beats
from blender_bend.core.sound.measure_request import MeasureRequest
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import Settings, measure_file
from blender_bend.engine.analysis.spectra import parts

RATE = FrameRate(Fraction(24))
WriteSound = Callable[..., Path]


@pytest.fixture
def sound(write_sound: WriteSound) -> Path:
    """Clicks for ten seconds."""
    return write_sound(clicks(10, 48000)[0])


def request(sound: Path, **settings: Any) -> MeasureRequest:
    """What Blender asks of a sound of ten seconds."""
    return MeasureRequest(sound, RATE, 240, ("rms",), sound.parent / "cache", sound.parent / "out.npz", **settings)


@pytest.mark.parametrize("rate", ["24", "30000/1001"])
def test_a_request_is_read_as_it_was_written(sound: Path, tmp_path: Path, rate: str) -> None:
    grid = beats.Settings("tempo", 90.0, -0.5, 2.0, 0.01, 3, 1)
    asked = replace(request(sound, beats=grid), rate=FrameRate.parse(rate), features=("rms", "side/band:200-800"))
    for each in (asked, replace(asked, midi=tmp_path / "a.mid", midi_start=-1.5, encodec=tmp_path)):
        assert MeasureRequest.from_data(json.loads(json.dumps(each.to_data()))) == each


def test_a_fixed_tempo_is_asked_for_as_plain_data(sound: Path) -> None:
    asked = request(sound, beats=beats.Settings(source="tempo", bpm=90.0, first=0.5))
    settings = Settings(MeasureRequest.from_data(asked.to_data()).beats)
    measured = measure_file(sound, RATE, ["tempo", "times:beats", "times:bars", "beat_phase"], settings=settings)
    assert np.allclose(measured["tempo"], 90)
    assert np.allclose(measured["times:beats"], 0.5 + np.arange(len(measured["times:beats"])) * 60 / 90)
    assert np.array_equal(measured["times:bars"], measured["times:beats"][::4])


@pytest.mark.parametrize("grid", [{"colour": 3}, {"bpm": -1.0}])
def test_beat_settings_that_do_not_exist_are_refused(sound: Path, grid: dict[str, object]) -> None:
    with pytest.raises(BendError) as caught:
        MeasureRequest.from_data(request(sound).to_data() | {"beats": grid})
    assert caught.value.code == Code.PARAMETER_INVALID


@pytest.mark.parametrize("moments", MOMENTS)
def test_moments_are_ascending_seconds_within_the_sound(sound: Path, moments: str) -> None:
    times = measure_file(sound, RATE, [moments])[moments]
    assert times.dtype == np.float64 and times.ndim == 1 and len(times)
    assert np.all(np.diff(times) > 0) and times[0] >= 0 and times[-1] < 10


def test_onsets_are_named_to_the_millisecond(write_sound: WriteSound) -> None:
    samples, starts = clicks(20, 44100)
    times = measure_file(write_sound(samples, sample_rate=44100), RATE, ["times:onsets"])["times:onsets"]
    assert len(times) == len(starts)
    assert np.abs(times - starts / 44100).max() < 0.001


def test_the_cache_keeps_beat_settings_apart_and_shares_the_rest(sound: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fast, slow = (Settings(beats.Settings(source="tempo", bpm=bpm)) for bpm in (160.0, 80.0))
    for settings, bpm in ((fast, 160), (slow, 80), (fast, 160)):
        measured = measure_file(sound, RATE, ["tempo", "rms", "times:beats"], cache=cache, settings=settings)
        assert np.allclose(measured["tempo"], bpm)
    assert len(list(cache.iterdir())) == 5


def test_parts_and_bands_have_file_names_that_every_system_allows(sound: Path, tmp_path: Path) -> None:
    measure_file(sound, RATE, ["percussive/band:200-800", "times:onsets", "chroma:3"], cache=tmp_path / "cache")
    names = [file.name for file in (tmp_path / "cache").iterdir()]
    assert len(names) == 3 and not any(set(name) & set('<>:"/\\|?*') for name in names)


def test_what_takes_long_is_announced(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "kept", {})  # a part that is still there from the test before takes no time
    said: list[str] = []
    names = ["rms", "beat", "times:sections", "percussive/flux", "pitch", "chroma:1"]
    measure_file(sound, RATE, names, settings=Settings(phase=said.append))
    assert {"Tracking beats", "Separating harmonic and percussive", "Tracking pitch"} <= set(said)


def test_cancel_ends_the_analysis_and_keeps_what_is_measured(sound: Path, tmp_path: Path) -> None:
    cache, asked = tmp_path / "cache", 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return any(cache.iterdir()) if cache.exists() else False

    with pytest.raises(BendError) as caught:
        measure_file(sound, RATE, ["rms", "percussive/rms"], cache=cache, settings=Settings(cancelled=cancelled))
    assert caught.value.code == Code.CANCELLED
    assert len(list(cache.iterdir())) == 1 and asked > 1


def test_midi_features_without_a_file_say_what_is_missing(sound: Path) -> None:
    with pytest.raises(BendError) as caught:
        measure_file(sound, RATE, ["midi_velocity"])
    assert caught.value.code == Code.INPUT_MISSING and caught.value.hint
