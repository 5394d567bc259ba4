"""Where the lines of the overlay run."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def geometry(addon):
    return addon.overlay_geometry


def view(geometry, left=0.0, right=100.0, width=1000):
    return geometry.View(left, right, 1.0, 6.0, width, 200)


def test_a_frame_and_a_channel_are_where_the_sequencer_draws_them(geometry):
    shown = view(geometry)
    assert (shown.x(0), shown.x(50), shown.y(1), shown.y(3.5)) == (0, 500, 0, 100)


def test_the_band_takes_the_free_row_above_else_the_strips_own_under_its_name(geometry):
    shown = view(geometry)
    above = geometry.band(shown, range(10, 60), 2, True, 10)
    own = geometry.band(shown, range(10, 60), 2, False, 10)
    assert (above.left, above.right) == (100, 600)
    assert (above.bottom, above.top) == pytest.approx((82, 118))
    assert (own.bottom, own.top) == pytest.approx((42, 68)), "below the ten pixels of the name"


@pytest.mark.parametrize(
    ("frames", "channel"), [(range(200, 300), 2), (range(-90, -5), 2), (range(10, 60), 20), (range(10, 10), 2)]
)
def test_nothing_is_drawn_of_a_strip_that_is_not_seen(geometry, frames, channel):
    assert geometry.band(view(geometry), frames, channel, True, 10) is None


@pytest.mark.parametrize("shown", [20, 300, 1000, 5000, 86400])
@pytest.mark.parametrize("left", [-5, 0, 777])
def test_there_are_never_more_points_in_sight_than_pixels(geometry, shown, left):
    values = np.random.default_rng(1).random(86400)
    seen = view(geometry, left, left + shown)
    points = geometry.curve(values, geometry.detail(seen, range(86400)), 0, 1)
    inside = points[(points[:, 0] >= left) & (points[:, 0] <= left + shown)]
    assert 0 < len(inside) <= seen.width + 2
    assert len(points) <= 5 * seen.width


@pytest.mark.parametrize("width", [100, 640, 1000])
def test_no_peak_is_lost_however_far_away_it_is_seen(geometry, width):
    values = np.zeros(20000)
    peaks = [0, 1234, 9999, 19999]
    values[peaks] = 1.0
    points = geometry.curve(values, geometry.detail(view(geometry, 0, 20000, width), range(20000)), 0, 1)
    assert [point[0] for point in points if point[1] == 1.0] == peaks
    assert np.all(np.diff(points[:, 0]) > 0)


def test_every_frame_is_drawn_when_there_is_room(geometry):
    values = np.linspace(2, 4, 60)
    points = geometry.curve(values, geometry.detail(view(geometry), range(10, 70)), 2, 4)
    np.testing.assert_allclose(points, np.stack([np.arange(60), np.linspace(0, 1, 60)], axis=1), atol=1e-6)


def test_a_small_scroll_needs_no_new_points(geometry):
    frames = range(1, 5000)
    assert geometry.detail(view(geometry, 100, 200), frames) == geometry.detail(view(geometry, 104, 204), frames)


def test_the_part_that_is_made_covers_what_is_seen(geometry):
    for left in np.linspace(-200, 5200, 55):
        part = geometry.detail(view(geometry, left, left + 130), range(1, 5001))
        assert part.first <= max(left - 1, 0)
        assert part.last >= min(left + 130 - 1, 5000)


def test_a_constant_curve_and_an_empty_one_are_no_trouble(geometry):
    flat = geometry.curve(np.full(10, 3.0), geometry.Detail(0, 10, 1), 3.0, 3.0)
    assert np.all(flat[:, 1] == 0)
    assert geometry.curve(np.empty(0), geometry.Detail(0, 0, 4), 0, 1).shape == (0, 2)
    assert geometry.waveform(np.zeros(0), geometry.Detail(0, 0, 1)).shape == (0, 2)


def test_the_fill_reaches_from_the_line_to_the_foot(geometry):
    line = np.array([[0, 0.5], [1, 0.75]], dtype=np.float32)
    assert geometry.fill(line).tolist() == [[0, 0], [0, 0.5], [1, 0], [1, 0.75]]


def test_the_waveform_is_even_around_the_middle_and_fits_the_band(geometry):
    peaks = np.array([0.0, 0.2, 0.4])
    strip = geometry.waveform(peaks, geometry.Detail(0, 3, 1))
    np.testing.assert_allclose(strip[0::2, 1] + strip[1::2, 1], 1.0, atol=1e-6)
    np.testing.assert_allclose(strip[1::2, 1] - strip[0::2, 1], [0, 0.48, 0.96], atol=1e-6)


def test_beats_are_drawn_where_they_are_and_not_when_they_would_crowd(geometry):
    moments = np.arange(0, 100, 0.5)
    near = geometry.ticks(moments, view(geometry, 1, 101), 1, 24.0)
    np.testing.assert_allclose(near, np.arange(0, 9) * 120, atol=1e-9)
    assert len(geometry.ticks(moments, view(geometry, 0, 2400), 1, 24.0)) == 0
    assert geometry.segments(near[:2], 5, 9).tolist() == [[0, 5], [0, 9], [120, 5], [120, 9]]
