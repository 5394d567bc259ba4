"""Patterns of strangers: they fit what a regular expression fits, and no number of stars takes long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.bends import sites
from blender_bend.core.bends.patterns import LONGEST, Pattern, fits_end, wildcard
from blender_bend.core.errors import BendError, Code

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

        def that_accept(self, letter: str) -> int:
            Watched.looks += 1
            return super().that_accept(letter)

    Watched(wildcard("*a" * 100).pieces).fits("ab" * length)
    assert Watched.looks == 2 * length


@pytest.mark.parametrize("kind", ["unet", "vae", "transformer", "lora"])
def test_a_site_longer_than_any_path_is_refused(kind: str) -> None:
    sites.parse(f"{kind}:{'a' * LONGEST}")
    with pytest.raises(BendError) as caught:
        sites.parse(f"{kind}:{'a*' * 1_000_000}")
    assert caught.value.code == Code.SITE_UNKNOWN


PIECES = st.sampled_from(["a", "b", ".", "\\.", "*", "+", "\\d", "[0-9]", "1", "^", "$"])


@given(st.lists(PIECES, max_size=7).map("".join), PATHS)
def test_a_simple_expression_fits_what_peft_lets_it_fit(expression: str, path: str) -> None:
    fits = fits_end(expression, path)
    if fits is not None:
        assert fits == bool(re.fullmatch(rf"(.*\.)?({expression})", path))


@pytest.mark.parametrize("simple", ["to_q", "^proj_in", r"blocks\.\d+\.to_q", "mid_block.attentions.0", ".*to_[0-9]+$"])
def test_what_peft_writes_is_simple(simple: str) -> None:
    assert fits_end(simple, "any.path") is False


@pytest.mark.parametrize("text", ["(a+)+", "(", "a|b", "[a-z]+", "a{9}", "x" * 10_000, "(.*)*" * 30, "a**"])
def test_an_expression_that_could_hang_is_not_tried(text: str) -> None:
    assert fits_end(text, "a" * 200) is None


def test_many_stars_of_a_simple_expression_do_not_hang() -> None:
    assert fits_end(".*" * 100 + "b", "a" * 250) is False
