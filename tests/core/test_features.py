"""Every feature is described, and only known ones are accepted."""

from __future__ import annotations

import pytest

from blender_bend.core import features
from blender_bend.core.errors import BendError, Code


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
