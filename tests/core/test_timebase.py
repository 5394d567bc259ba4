"""Rational time: the right fraction from Blender, and no drift."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from first_samples import first_sample
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code
from blender_bend.core.timebase import FrameRate

USUAL = {
    (24, 1.001): Fraction(24000, 1001),
    (24, 1.0): Fraction(24),
    (25, 1.0): Fraction(25),
    (30, 1.001): Fraction(30000, 1001),
    (30, 1.0): Fraction(30),
    (50, 1.0): Fraction(50),
    (60, 1.001): Fraction(60000, 1001),
    (60, 1.0): Fraction(60),
    (120, 1.001): Fraction(120000, 1001),
    (240, 1.0): Fraction(240),
}
RATES = [FrameRate(value) for value in USUAL.values()]
SAMPLE_RATES = [8000, 11025, 22050, 44100, 48000, 96000, 192000]
TEN_HOURS = 36000


@pytest.mark.parametrize(("fps", "base"), USUAL)
def test_blenders_float32_fps_base_gives_the_exact_fraction(fps: int, base: float) -> None:
    assert FrameRate.from_blender(fps, float(np.float32(base))).value == USUAL[fps, base]


def test_a_broken_fps_of_blender_keeps_its_value() -> None:
    assert FrameRate.from_blender(float(np.float32(12.5)), 1.0).value == Fraction(25, 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24", Fraction(24)),
        ("12.5", Fraction(25, 2)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
    ],
)
def test_a_typed_rate_means_what_editors_mean(text: str, value: Fraction) -> None:
    assert FrameRate.parse(text).value == value


@pytest.mark.parametrize("more", ["", "/1"])
@pytest.mark.parametrize(
    "text",
    ["", "0", "-24", "abc", "nan", "inf", "24 fps", "1/0", "1/2/3", "1/-2", "1e9", "1e-9", "1e999999999", "9" * 99],
)
def test_what_is_no_rate_of_a_film_is_refused_in_words(text: str, more: str) -> None:
    with pytest.raises(BendError, match="The frame rate can't be") as caught:
        FrameRate.parse(text + more)
    assert caught.value.code == Code.PARAMETER_INVALID


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_rate_reads_back_from_its_own_text(rate: FrameRate) -> None:
    assert FrameRate.parse(str(rate)) == rate


@pytest.mark.parametrize("sample_rate", [44100, 48000])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_ten_hours_of_frames_do_not_drift(rate: FrameRate, sample_rate: int) -> None:
    frames = [*range(0, int(TEN_HOURS * rate.value), 997), int(TEN_HOURS * rate.value)]
    for frame in frames:
        exact = Fraction(frame) / rate.value
        assert rate.seconds(frame) == exact
        assert 0 <= first_sample(rate, frame, sample_rate) - exact * sample_rate < 1


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_frames_of_ten_hours_differ_by_at_most_one_sample_in_length(rate: FrameRate) -> None:
    end = int(TEN_HOURS * rate.value)
    starts = np.array([first_sample(rate, frame, 48000) for frame in range(end - 5000, end)])
    assert set(np.diff(starts)) <= {math.floor(48000 / rate.value), math.ceil(48000 / rate.value)}


@given(
    rate=st.sampled_from(RATES),
    sample_rate=st.sampled_from(SAMPLE_RATES),
    frame=st.integers(-10_000_000, 10_000_000),
)
def test_the_first_sample_of_a_frame_is_in_it_and_the_one_before_is_not(
    rate: FrameRate, sample_rate: int, frame: int
) -> None:
    first = first_sample(rate, frame, sample_rate)
    assert rate.frame_of(np.array([first - 1, first]), sample_rate).tolist() == [frame - 1, frame]


@given(
    rate=st.builds(lambda a, b: FrameRate(Fraction(a, b)), st.integers(1, 240_000), st.integers(1001, 10_000)),
    sample_rate=st.integers(8000, 192_000),
    sample=st.integers(-(10**10), 10**10),
)
def test_every_sample_lies_between_the_borders_of_its_frame(rate: FrameRate, sample_rate: int, sample: int) -> None:
    frame = int(rate.frame_of(np.array([sample]), sample_rate)[0])
    assert first_sample(rate, frame, sample_rate) <= sample < first_sample(rate, frame + 1, sample_rate)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_moment_on_the_border_of_a_frame_belongs_to_it(rate: FrameRate) -> None:
    frames = np.arange(0, float(TEN_HOURS * rate.value), 997).astype(np.int64)
    seconds = np.array([float(rate.seconds(frame)) for frame in frames.tolist()])
    assert np.array_equal(rate.frames_at(seconds), frames)
    assert np.array_equal(rate.frames_at(np.nextafter(seconds, -1)), frames)
    assert np.array_equal(rate.frames_at(seconds + 0.99 / float(rate.value)), frames)
    assert np.array_equal(rate.frames_at(seconds - 1e-5 / float(rate.value)), frames - 1)


def test_what_blender_adds_in_32_bits_brings_a_moment_on_a_border_to_no_other_frame() -> None:
    earlier = float(np.float32(-0.1))  # as an offset, and as the shift of the beats
    assert FrameRate(Fraction(24)).frames_at(np.array([1.1 + earlier, 0.9 - earlier])).tolist() == [24, 24]
