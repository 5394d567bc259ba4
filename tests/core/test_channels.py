"""Channels are chosen in words: all, lists, shares, the most active, clusters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.bends.channel_selection import CLUSTERS, Selection, parse
from blender_bend.core.errors import BendError, Code


@pytest.mark.parametrize("text", ["all", "", " All "])
def test_all_channels_need_no_list(text: str) -> None:
    assert parse(text) == Selection()
    assert str(parse(text)) == "all"


@given(chosen=st.sets(st.integers(0, 63), min_size=1))
def test_written_channels_are_read_back(chosen: set[int]) -> None:
    assert parse(", ".join(map(str, chosen))) == Selection("list", tuple(sorted(chosen)))


@pytest.mark.parametrize(
    ("text", "channels", "short"),
    [
        ("0-3, 7", (0, 1, 2, 3, 7), "0-3, 7"),
        ("2", (2,), "2"),
        (" 1 - 2 ", (1, 2), "1-2"),
        ("3-3", (3,), "3"),
        ("0-2,1-3", (0, 1, 2, 3), "0-3"),
        ("5, 3, 4", (3, 4, 5), "3-5"),
    ],
)
def test_ranges_of_channels_are_read_and_written_in_one_way(text: str, channels: tuple[int, ...], short: str) -> None:
    assert parse(text).numbers == channels
    assert str(parse(text)) == short


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("random 25%", Selection("random", share=0.25)),
        ("random 0.25", Selection("random", share=0.25)),
        ("Random 100 %", Selection("random", share=1.0)),
        ("top 16", Selection("top", count=16)),
        ("cluster 2", Selection("cluster", cluster=2, count=CLUSTERS)),
        ("cluster 7 of 8", Selection("cluster", cluster=7, count=8)),
    ],
)
def test_a_choice_in_words_is_read_and_survives_being_written(text: str, selection: Selection) -> None:
    assert parse(text) == selection
    assert parse(str(selection)) == selection


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "1,",
        ",",
        "3-1",
        "-1",
        "1-",
        "0 1",
        "1.5",
        "0-99999999",
        "random",
        "random 0%",
        "random 101%",
        "top",
        "top x",
    ],
)
def test_what_is_no_choice_of_channels_is_refused(text: str) -> None:
    with pytest.raises(BendError) as caught:
        parse(text)
    assert caught.value.code == Code.PARAMETER_INVALID
    assert "top 16" in caught.value.hint


@pytest.mark.parametrize("text", ["4", "0-4", "0, 1, 9"])
def test_a_channel_that_the_site_lacks_is_refused(text: str) -> None:
    with pytest.raises(BendError) as caught:
        parse(text).check(4)
    assert caught.value.code == Code.CHANNEL_MISSING
    assert "0 to 3" in caught.value.hint


def test_a_cluster_beyond_the_last_is_refused() -> None:
    with pytest.raises(BendError) as caught:
        parse("cluster 5")
    assert caught.value.code == Code.CHANNEL_MISSING
