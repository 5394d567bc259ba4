"""Flashes: made films just below and just above each limit of WCAG 2.3.1, at several frame rates."""

from __future__ import annotations

import numpy as np
import pytest

from blender_bend.core.pictures import flashes
from blender_bend.core.pictures.flashes import Flashes, Stretch
from blender_bend.core.timebase import FrameRate

SIZE = (192, 144)
RATES = ("24", "30", "60", "30000/1001")


def shade(luminance: float) -> int:
    """The sRGB value that is nearest to a relative luminance of gray."""
    return int(np.abs(flashes.LINEAR - luminance).argmin())


def gray(luminance: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((size[1], size[0], 3), shade(luminance), np.uint8)


def colored(red: float, green: float, blue: float) -> np.ndarray:
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:] = [shade(red), shade(green), shade(blue)]
    return picture


def blinking(rate: str, hertz: float, off: np.ndarray, on: np.ndarray, seconds: float = 3.0) -> list[np.ndarray]:
    """A film that is off in the first half of every period and on in the second."""
    fps = float(FrameRate.parse(rate).value)
    count = round(seconds * fps)
    return [on if (number * 2 * hertz / fps + 1e-6) % 2 >= 1 else off for number in range(count)]


def stretches(film: list[np.ndarray], rate: str = "24") -> list[Stretch]:
    height, width, _ = film[0].shape
    found = Flashes(FrameRate.parse(rate), (width, height))
    for number, picture in enumerate(film):
        found.add(number, picture)
    return found.stretches


def kinds(film: list[np.ndarray], rate: str = "24") -> list[str]:
    return [one.kind for one in stretches(film, rate)]


@pytest.mark.parametrize("rate", RATES)
def test_three_flashes_a_second_are_within_the_limit_and_four_are_above_it(rate: str) -> None:
    assert kinds(blinking(rate, 3.0, gray(0.1), gray(0.5)), rate) == []
    assert kinds(blinking(rate, 4.0, gray(0.1), gray(0.5)), rate) == ["general"]


@pytest.mark.parametrize("rate", RATES)
def test_three_quick_flashes_are_within_the_limit_and_a_fourth_in_the_same_second_is_not(rate: str) -> None:
    fps = round(FrameRate.parse(rate).value)
    off, on = gray(0.1), gray(0.5)
    pulse = [on, on, off, off]
    assert kinds([off] * fps + pulse * 3 + [off] * fps, rate) == []
    assert kinds([off] * fps + pulse * 4 + [off] * fps, rate) == ["general"]


@pytest.mark.parametrize("rate", RATES)
def test_flashes_of_different_seconds_do_not_add_up(rate: str) -> None:
    fps = round(FrameRate.parse(rate).value)
    off, on = gray(0.1), gray(0.5)
    burst = [on, off] * 3
    assert kinds((burst + [off] * fps) * 4, rate) == []
    assert kinds((burst + [off] * (fps // 4)) * 4, rate) == ["general"]


@pytest.mark.parametrize("rate", RATES)
def test_a_change_of_a_tenth_of_the_luminance_counts_and_a_smaller_one_does_not(rate: str) -> None:
    assert kinds(blinking(rate, 5.0, gray(0.3), gray(0.39)), rate) == []
    assert kinds(blinking(rate, 5.0, gray(0.3), gray(0.41)), rate) == ["general"]


@pytest.mark.parametrize("rate", RATES)
def test_what_flashes_between_bright_and_brighter_does_not_count(rate: str) -> None:
    assert kinds(blinking(rate, 5.0, gray(0.81), gray(1.0)), rate) == []
    assert kinds(blinking(rate, 5.0, gray(0.78), gray(1.0)), rate) == ["general"]


def with_rectangle(share: float, place: tuple[int, int] = (40, 60)) -> np.ndarray:
    """A dark picture with a bright rectangle that takes a share of the central field."""
    picture = gray(0.05)
    width, height = (round(side * share**0.5 * SIZE[0] / 1024) for side in flashes.FIELD)
    picture[place[1] : place[1] + height, place[0] : place[0] + width] = shade(0.9)
    return picture


@pytest.mark.parametrize("rate", RATES)
def test_a_quarter_of_the_field_counts_wherever_it_is_and_less_does_not(rate: str) -> None:
    for place in ((0, 0), (41, 63), (150, 110)):
        assert kinds(blinking(rate, 5.0, gray(0.05), with_rectangle(0.18, place)), rate) == []
        assert kinds(blinking(rate, 5.0, gray(0.05), with_rectangle(0.33, place)), rate) == ["general"]


def test_a_quarter_of_the_field_is_found_to_a_cell() -> None:
    """Rectangles of whole cells: 63 cells of the field's 256 are less than a quarter, 64 are one."""
    cell = 8
    size = (48 * cell, 48 * cell * 3 // 4)
    off = gray(0.05, size)
    for cells, expected in ((63, []), (64, ["general"])):
        on, height = off.copy(), 6
        for index in range(cells):
            top, left = (index // 8) * height, (index % 8) * cell
            on[top : top + height, left : left + cell] = shade(0.9)
        assert kinds(blinking("24", 5.0, off, on)) == expected


def test_the_field_is_that_of_the_screen_whatever_the_size_of_the_pictures() -> None:
    for size in ((256, 256), (448, 256), (256, 448), (1920, 1080), (64, 32)):
        dark, bright = gray(0.1, size), gray(0.5, size)
        half = dark.copy()
        half[:, : size[0] // 2] = bright[:, : size[0] // 2]
        assert kinds(blinking("24", 4.0, dark, bright)) == ["general"], size
        assert kinds(blinking("24", 4.0, dark, half)) == ["general"], size


@pytest.mark.parametrize("rate", RATES)
def test_red_counts_where_the_luminance_hardly_changes(rate: str) -> None:
    red, gray_of_it = colored(0.42, 0.0, 0.0), colored(0.09, 0.09, 0.09)
    assert abs(0.42 * 0.2126 - 0.09) < 0.1
    assert kinds(blinking(rate, 3.0, red, gray_of_it), rate) == []
    assert kinds(blinking(rate, 4.0, red, gray_of_it), rate) == ["red"]


@pytest.mark.parametrize("rate", RATES)
def test_red_counts_from_a_saturation_of_four_fifths(rate: str) -> None:
    other = colored(0.1, 0.1, 0.1)
    assert kinds(blinking(rate, 5.0, colored(0.3, 0.04, 0.045), other), rate) == []
    assert kinds(blinking(rate, 5.0, colored(0.3, 0.03, 0.03), other), rate) == ["red"]


def test_a_small_change_of_a_saturated_red_does_not_count() -> None:
    assert kinds(blinking("24", 5.0, colored(0.30, 0.0, 0.0), colored(0.35, 0.0, 0.0))) == []
    assert kinds(blinking("24", 5.0, colored(0.30, 0.0, 0.0), colored(0.38, 0.0, 0.0))) == ["red"]


def test_saturated_blue_is_not_red() -> None:
    assert kinds(blinking("24", 5.0, colored(0.0, 0.0, 0.6), colored(0.0, 0.0, 0.0))) == []


def test_a_film_of_cuts_counts_each_of_them_once() -> None:
    """Half of the picture brightens while the other half darkens: that is one change, not two."""
    left, right = gray(0.1), gray(0.6)
    left[:, SIZE[0] // 2 :], right[:, SIZE[0] // 2 :] = shade(0.6), shade(0.1)
    assert kinds(([left] * 4 + [right] * 4) * 9) == []
    assert kinds(([left] * 3 + [right] * 3) * 12) == ["general"]


def test_slow_fades_count_by_their_peaks_and_valleys() -> None:
    time = np.arange(96) / 24

    def fading(hertz: float) -> list[np.ndarray]:
        return [gray(0.3 - 0.2 * float(np.cos(2 * np.pi * hertz * moment))) for moment in time]

    assert kinds(fading(2.9)) == []
    assert kinds(fading(4.0)) == ["general"]


def test_one_fade_from_black_to_white_is_no_flash() -> None:
    assert kinds([gray(level) for level in np.linspace(0, 1, 48)]) == []


def test_a_fine_balanced_pattern_does_not_count() -> None:
    board = (np.add.outer(np.arange(SIZE[1]), np.arange(SIZE[0])) % 2).astype(bool)
    one, other = gray(0.0), gray(0.0)
    one[board], other[~board] = 255, 255
    assert kinds([one, other] * 36) == []


def test_a_stretch_says_where_it_is_and_how_many_flashes_a_second_has() -> None:
    still = [gray(0.1)] * 50
    film = still + blinking("24", 6.0, gray(0.1), gray(0.5), 2.0) + still
    (found,) = stretches(film)
    assert (found.kind, found.first, found.last, found.flashes) == ("general", 52, 98, 6.0)


def test_two_stretches_are_two() -> None:
    burst, still = blinking("24", 6.0, gray(0.1), gray(0.5), 1.0), [gray(0.1)] * 72
    assert len(stretches(still + burst + still + burst)) == 2


def test_a_picture_that_stays_is_not_needed_again() -> None:
    film = blinking("24", 4.0, gray(0.1), gray(0.5))
    found, shown = Flashes(FrameRate.parse("24"), SIZE), None
    for number, picture in enumerate(film):
        found.add(number, None if picture is shown else picture)
        shown = picture
    assert found.stretches == stretches(film)


def test_noise_that_changes_on_every_frame_does_not_count() -> None:
    random = np.random.default_rng(3)
    assert kinds([random.integers(0, 256, (576, 768, 3), np.uint8) for _ in range(24)]) == []


def test_the_most_flashes_of_a_second_are_known_below_the_limit_too() -> None:
    found = Flashes(FrameRate.parse("24"), SIZE)
    for number, picture in enumerate(blinking("24", 2.0, gray(0.1), gray(0.5))):
        found.add(number, picture)
    assert found.most == {"general": 2.0, "red": 0.0} and found.stretches == []
