"""Patterns of strangers: they fit what a regular expression fits, and no number of stars takes long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core import sites
from blender_bend.core.errors import BendError, Code
from blender_bend.core.patterns import Pattern, wildcard

LETTERS = st.text(st.sampled_from("ab.*"), max_size=9)
PATHS = st.text(st.sampled_from("ab."), max_size=9)
LONG_PATH = ".".join(["aaaaaaaa"] * 30)


def expression(pattern: str) -> re.Pattern[str]:
    """The same as a regular expression, which is safe where both texts are short."""
    return re.compile(re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^.]*"))


@given(LETTERS, PATHS)
def test_a_pattern_fits_what_the_regular_expression_fits(pattern: str, path: str) -> None:
    assert wildcard(pattern).fits(path) == bool(expression(pattern).fullmatch(path))


@pytest.mark.parametrize("stars", [16, 100, 290])
@pytest.mark.parametrize("piece", ["*", "**", "*a*", "**.*", "a**", "**a"])
def test_no_number_of_stars_takes_long(piece: str, stars: int) -> None:
    pattern = piece * stars
    assert not wildcard(f"{pattern}!").fits(LONG_PATH)
    assert wildcard(f"**{pattern}**").fits(LONG_PATH + ".".join("a" * 2 * stars))


@pytest.mark.parametrize("site", ["unet:*a*" + "*" * 16, "unet:" + "**a" * 40, "lora:" + "*a" * 100])
def test_a_site_of_many_stars_answers_at_once(site: str) -> None:
    asked = sites.parse(site)
    assert not asked.fits("b" * 250)
    assert asked.fits("a" * 250)


@pytest.mark.parametrize("length", [10, 100, 1000])
def test_every_letter_is_looked_at_once_however_many_stars_there_are(length: int) -> None:
    class Watched(Pattern):
        looks = 0

        def _that_accept(self, letter: str) -> int:
            Watched.looks += 1
            return super()._that_accept(letter)

    Watched(wildcard("*a" * 100)._pieces).fits("ab" * length)
    assert Watched.looks == 2 * length


@pytest.mark.parametrize("kind", ["unet", "vae", "transformer", "lora"])
def test_a_site_longer_than_any_path_is_refused(kind: str) -> None:
    sites.parse(f"{kind}:{'a' * sites.LONGEST}")
    with pytest.raises(BendError) as caught:
        sites.parse(f"{kind}:{'a*' * 1_000_000}")
    assert caught.value.code == Code.SITE_UNKNOWN
