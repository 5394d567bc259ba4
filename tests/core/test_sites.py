"""Sites: reading names, matching patterns, step windows and channel lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.bends import sites
from blender_bend.core.bends.sites import Site, window_steps
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.resolve import settle

PATHS = [
    "conv_in",
    "down_blocks.0",
    "down_blocks.0.resnets.1",
    "mid_block",
    "up_blocks.0",
    "up_blocks.1",
    "up_blocks.10",
]
STEPS = st.integers(1, 1000)
FRACTION = st.floats(0, 1).map(settle)


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("noise", Site("noise")),
        ("latent", Site("latent")),
        (" latent ", Site("latent")),
        ("unet:mid_block", Site("unet", "mid_block")),
        ("unet:up_blocks.*.resnets.0", Site("unet", "up_blocks.*.resnets.0")),
    ],
)
def test_a_site_name_is_read(text: str, site: Site) -> None:
    assert sites.parse(text) == site
    assert str(site) == text.strip()


@pytest.mark.parametrize("text", [text for text, _ in sites.COMMON_SITES])
def test_every_offered_site_can_be_read(text: str) -> None:
    assert str(sites.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Latent",
        "latent:",
        "latent:x",
        "unet",
        "unet:",
        "unet:a..b",
        "unet:.a",
        "unet:a.",
        "unet:a/b",
        "unet:a b",
        "x:y",
    ],
)
def test_what_is_not_a_site_is_refused(text: str) -> None:
    with pytest.raises(BendError) as caught:
        sites.parse(text)
    assert caught.value.code == Code.SITE_UNKNOWN


def test_a_plain_path_names_one_place() -> None:
    assert Site("unet", "mid_block").matches(PATHS) == ["mid_block"]


def test_a_star_stands_for_letters_within_one_part_of_the_path() -> None:
    assert Site("unet", "up_blocks.*").matches(PATHS) == ["up_blocks.0", "up_blocks.1", "up_blocks.10"]
    assert Site("unet", "up_blocks.1*").matches(PATHS) == ["up_blocks.1", "up_blocks.10"]
    assert Site("unet", "*.0").matches(PATHS) == ["down_blocks.0", "up_blocks.0"]
    assert Site("unet", "*").matches(PATHS) == ["conv_in", "mid_block"]


def test_a_place_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(BendError) as caught:
        Site("unet", "midblock").matches(PATHS)
    assert caught.value.code == Code.SITE_UNKNOWN
    assert "unet:midblock" in caught.value.message
    assert "unet:mid_block" in caught.value.hint


@given(start=FRACTION, end=FRACTION, steps=STEPS)
def test_a_window_always_holds_at_least_one_step(start: float, end: float, steps: int) -> None:
    first, last = window_steps("latent", min(start, end), max(start, end), steps)
    assert 0 <= first < last <= steps + 1


@given(steps=STEPS)
def test_the_whole_window_holds_every_step(steps: int) -> None:
    assert window_steps("latent", 0.0, 1.0, steps) == (0, steps)


@given(steps=STEPS)
def test_a_window_at_the_end_is_the_moment_after_the_last_step(steps: int) -> None:
    """The papers' ``layer >= steps``."""
    assert window_steps("latent", 1.0, 1.0, steps) == (steps, steps + 1)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6, 7, 8, 12, 15, 20, 25, 30, 50, 100, 999])
def test_a_moment_is_its_step_also_after_rounding_to_six_decimals(steps: int) -> None:
    moments = [settle(step / steps) for step in range(steps + 1)]
    windows = [window_steps("latent", moment, moment, steps) for moment in moments]
    assert windows == [(k, k + 1) for k in range(steps + 1)]


@given(cut=st.floats(0.01, 0.99), steps=st.integers(100, 1000))
def test_two_windows_that_touch_cover_each_step_once(cut: float, steps: int) -> None:
    before, after = window_steps("latent", 0.0, cut, steps), window_steps("latent", cut, 1.0, steps)
    assert [*range(*before), *range(*after)] == list(range(steps))


@given(start=st.integers(0, 50), length=st.integers(1, 50), steps=st.just(50))
def test_a_window_takes_the_steps_from_its_start_up_to_its_end(start: int, length: int, steps: int) -> None:
    end = min(start + length, steps)
    expected = (start, max(end, start + 1))
    assert window_steps("latent", start / steps, end / steps, steps) == expected
