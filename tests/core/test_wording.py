"""Numbers and lengths of time in words."""

from __future__ import annotations

import pytest

from blender_bend.core import wording


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 frame"), (0, "0 frames"), (24, "24 frames"), (14_400, "14,400 frames")]
)
def test_a_number_has_its_noun(count: int, words: str) -> None:
    assert wording.counted(count, "frame") == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (20.4, "20 s"),
        (89, "89 s"),
        (91, "2 min"),
        (720, "12 min"),
        (5_340, "89 min"),
        (5_400, "1 h 30 min"),
        (7_200, "2 h"),
        (90_000, "25 h"),
    ],
)
def test_a_length_of_time_is_as_exact_as_an_estimate(seconds: float, words: str) -> None:
    assert wording.about(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(1, "a"), (3, "a, b, c"), (4, "a, b and 2 more"), (9, "a, b and 7 more")])
def test_the_first_of_many_names(count: int, words: str) -> None:
    assert wording.some(list("abcdefghi")[:count]) == words
