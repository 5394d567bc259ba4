"""Every feature is described, and only known ones are accepted."""

from __future__ import annotations

import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.sound import features


@pytest.mark.parametrize("feature", features.FEATURES, ids=lambda feature: feature.name)
def test_a_feature_is_described(feature: features.Feature) -> None:
    assert feature.label and feature.unit and feature.summary


def test_no_feature_is_listed_twice() -> None:
    assert len(set(features.NAMES)) == len(features.FEATURES)


def test_known_names_are_accepted_in_their_order() -> None:
    assert features.check_names(["onset", "rms"]) == ["onset", "rms"]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BendError) as caught:
        features.check_names(["rms", "smell"])
    assert caught.value.code == Code.PARAMETER_INVALID
    assert "smell" in caught.value.message and "onset" in caught.value.hint


@pytest.mark.parametrize("channel", list(features.Channel))
@pytest.mark.parametrize("part", list(features.Part))
@pytest.mark.parametrize("feature", features.FEATURES, ids=lambda feature: feature.name)
def test_a_spelling_is_read_as_it_is_written(feature: features.Feature, part: str, channel: str) -> None:
    asked = features.Asked(
        feature.name,
        feature.first if feature.which else 0,
        200.0 if feature.hertz else 0.0,
        800.0 if feature.hertz else 0.0,
        part if feature.separable else "all",
        channel if feature.of_channels else "heard",
    )
    assert features.parse(str(asked)) == asked
    assert all(word.title() in asked.label() for word in str(asked).split("/")[:-1])


def test_a_channel_stands_before_a_part() -> None:
    asked = features.parse("side/percussive/band:200-800")
    assert (asked.channel, asked.part, asked.label()) == (
        "side",
        "percussive",
        "Side Percussive Any Band 200 to 800 Hz",
    )
    assert features.expand("left/chroma")[3] == "left/chroma:4"
    for wrong in ("percussive/side/rms", "left/right/rms", "left/paper", "left/times:beats", "middle/rms"):
        with pytest.raises(BendError):
            features.check_names([wrong])
    with pytest.raises(BendError, match="channel"):
        features.parse("left/midi_velocity")
