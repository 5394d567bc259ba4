"""Texts of strangers that would take hours to read by trying every way: each is read, or refused in words, at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.bends import channel_selection
from blender_bend.core.errors import BendError, Code
from blender_bend.core.prompts import schedule
from blender_bend.core.prompts import weights as prompt_weights

MANY = 50_000


def weighted(text: str) -> list[tuple[str, float]]:
    return [(fragment.text, fragment.weight) for part in prompt_weights.read(text) for fragment in part]


@pytest.mark.parametrize(
    ("prompt", "read"),
    {
        "spaces": (" " * MANY + "a", [(" " * MANY + "a", 1.0)]),
        "digits that are no weight": (f"(a:{'1' * MANY}x)", [(f"a:{'1' * MANY}x", 1.1)]),
        "digits that are a weight": (f"(a:{'1' * MANY})", [("a", 10.0)]),
        "brackets in brackets": ("(" * MANY + "a" + ")" * MANY, [("a", 10.0)]),
        "brackets that never close": ("(" * MANY + "a" + "]" * MANY, [("(" * MANY + "a" + "]" * MANY, 1.0)]),
        "brackets within nothing": ("(" + "(" * MANY + "a:0)" + ")" * MANY, [("a", 0.0)]),
        "nothing around too much": ("(" + "(" * MANY + "a" + ")" * MANY + ":0)", [("a", 0.0)]),
        "colons": (f"({':1' * MANY} )", [(":1" * (MANY - 1), 1.0)]),
        "escapes": ("\\(" * MANY, [("(" * MANY, 1.0)]),
        "breaks": ("a BREAK " * MANY, [("a", 1.0)] * MANY),
    }.values(),
)
def test_a_prompt_of_any_length_is_read(prompt: str, read: list[tuple[str, float]]) -> None:
    assert weighted(prompt) == read


@given(st.text(st.sampled_from("([)]a:1."), max_size=60))
def test_every_weight_of_any_prompt_is_a_number_within_its_limits(prompt: str) -> None:
    weights = [weight for _, weight in weighted(prompt)]
    assert all(prompt_weights.LEAST <= weight <= prompt_weights.MOST for weight in weights)


@pytest.mark.parametrize("line", ["1:" + " " * MANY, " " * MANY + "1", "1" * MANY + ": a", "-" * MANY + ": a"])
def test_a_line_of_prompts_of_any_length_is_refused(line: str) -> None:
    with pytest.raises(BendError) as caught:
        schedule.parse_schedule(line)
    assert caught.value.code == Code.PROMPT_INVALID
    assert schedule.prompt_of_marker(f"prompt{line}") is None


def test_spaces_around_a_prompt_cost_nothing() -> None:
    around = " " * MANY
    assert schedule.parse_schedule(f"{around}1{around}:{around}a{around}b{around}") == {1: f"a{around}b"}
    assert schedule.prompt_of_marker(f"{around}Prompt{around}:{around}a{around}") == "a"


def test_the_prompts_of_a_long_film_are_put_in_order_once() -> None:
    class Counted(dict[int, str]):
        asked = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            Counted.asked += 1
            return super().__iter__()

    blend = schedule.travel(Counted({frame: str(frame) for frame in range(0, 50_000, 2)}))
    assert [blend(frame) for frame in (7, 8)] == [(("6", 0.5), ("8", 0.5)), (("8", 1.0),)]
    assert Counted.asked == 1


@pytest.mark.parametrize(
    "text", ["0-99999," * MANY, "1" * MANY, "0-" + "9" * 5000, "1" + " " * MANY + "x", "random " + "9" * MANY + "%"]
)
def test_channels_without_end_are_refused(text: str) -> None:
    with pytest.raises(BendError) as caught:
        channel_selection.parse(text)
    assert caught.value.code == Code.PARAMETER_INVALID


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=1, max_size=9))
def test_ranges_of_channels_may_overlap(ranges: list[tuple[int, int]]) -> None:
    text = ", ".join(f"{first}-{first + more}" for first, more in ranges)
    named = {number for first, more in ranges for number in range(first, first + more + 1)}
    assert channel_selection.parse(text).numbers == tuple(sorted(named))


def test_the_same_range_many_times_is_one() -> None:
    assert channel_selection.parse(",".join(["0-99999"] * 1000)).numbers == tuple(range(100_000))
