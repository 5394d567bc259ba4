"""Prompt travel: reading schedules and markers, and blending between prompts."""

from __future__ import annotations

import math

import pytest
from counting import steps_of
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code
from blender_bend.core.prompts.schedule import parse_schedule, prompt_of_marker, travel

SCHEDULE = {10: "a calm sea", 20: "waves", 40: "a burning forest"}


def test_lines_of_frame_and_prompt_are_read() -> None:
    text = "# travel\n\n10: a calm sea\n  20 :waves  \n-5: fire: and lava\n"
    assert parse_schedule(text) == {10: "a calm sea", 20: "waves", -5: "fire: and lava"}


def test_the_later_of_two_lines_for_one_frame_counts() -> None:
    assert parse_schedule("1: sea\n1: fire") == {1: "fire"}


@pytest.mark.parametrize("line", ["a calm sea", "10 a calm sea", "10:", "10:   ", "1.5: sea", ": sea"])
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(BendError) as caught:
        parse_schedule(f"1: sea\n\n{line}")
    assert caught.value.code == Code.PROMPT_INVALID
    assert "Line 3" in caught.value.message


@given(st.text())
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        schedule = parse_schedule(text)
    except BendError as error:
        assert error.code == Code.PROMPT_INVALID
    else:
        assert all(isinstance(frame, int) and prompt for frame, prompt in schedule.items())


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("prompt: a calm sea", "a calm sea"),
        ("Prompt:fire ", "fire"),
        ("prompt:", None),
        ("Chorus", None),
        ("a prompt: no", None),
    ],
)
def test_a_marker_carries_a_prompt_after_the_word(name: str, prompt: str | None) -> None:
    assert prompt_of_marker(name) == prompt


@pytest.mark.parametrize(
    ("frame", "blend"),
    [
        (0, (("a calm sea", 1.0),)),
        (10, (("a calm sea", 1.0),)),
        (15, (("a calm sea", 0.5), ("waves", 0.5))),
        (20, (("waves", 1.0),)),
        (25, (("waves", 0.75), ("a burning forest", 0.25))),
        (40, (("a burning forest", 1.0),)),
        (999, (("a burning forest", 1.0),)),
    ],
)
def test_prompts_are_held_at_the_ends_and_blended_between(frame: int, blend: tuple[tuple[str, float], ...]) -> None:
    assert travel(SCHEDULE)(frame) == blend


def test_two_equal_prompts_are_one() -> None:
    assert travel({10: "sea", 20: "sea"})(15) == (("sea", 1.0),)


@given(
    schedule=st.dictionaries(st.integers(-1000, 1000), st.sampled_from(["sea", "fire", "forest"]), min_size=1),
    frame=st.integers(-1100, 1100),
)
def test_the_shares_of_a_frame_add_up_to_1(schedule: dict[int, str], frame: int) -> None:
    blend = travel(schedule)(frame)
    assert math.isclose(sum(share for _, share in blend), 1.0)
    assert all(0 < share <= 1 and prompt in schedule.values() for prompt, share in blend)


def test_a_long_schedule_is_sorted_once_for_all_frames():
    few, many = ({10 * line: f"prompt {line}" for line in range(count)} for count in (10, 10_000))
    assert steps_of(lambda: list(map(travel(many), range(2000)))) < 3 * steps_of(
        lambda: list(map(travel(few), range(2000)))
    )
