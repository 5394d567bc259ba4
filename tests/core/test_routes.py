"""A route turns a feature into the values of a parameter."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.curves import shaping
from blender_bend.core.curves.routes import CHAINS, COMBINES, LIMITS, Layer, Route, nearest
from blender_bend.core.errors import BendError
from blender_bend.core.timebase import FrameRate

RATE = FrameRate(Fraction(24))
RAMP = np.linspace(0.0, 1.0, 101)
LIMIT = st.floats(-100, 100)


def test_silence_gives_the_low_and_full_strength_the_high_value() -> None:
    values = Route.of("rms", low=-1.0, high=3.0).shape({"rms": RAMP}, RATE)
    assert values[0] == -1.0 and values[-1] == 3.0
    assert np.all(np.diff(values) >= 0)


def test_a_route_may_run_downwards() -> None:
    values = Route.of("rms", low=3.0, high=-1.0).shape({"rms": RAMP}, RATE)
    assert values[0] == 3.0 and values[-1] == -1.0


def test_an_inverted_route_is_its_mirror_image() -> None:
    plain = Route.of("rms", low=2.0, high=6.0).shape({"rms": RAMP}, RATE)
    inverted = Route.of("rms", low=2.0, high=6.0, invert=True).shape({"rms": RAMP}, RATE)
    assert np.allclose(plain + inverted, 8.0)


@pytest.mark.parametrize(("invert", "value"), [(False, 0.25), (True, 0.75)])
def test_a_constant_feature_rests_at_one_end(invert: bool, value: float) -> None:
    values = Route.of("rms", low=0.25, high=0.75, invert=invert).shape({"rms": np.full(50, 0.3)}, RATE)
    assert np.all(values == value)


def test_more_gain_reaches_the_high_value_earlier() -> None:
    soft = Route.of("rms", 0.0, 1.0, gain=1.0).shape({"rms": RAMP}, RATE)
    loud = Route.of("rms", 0.0, 1.0, gain=4.0).shape({"rms": RAMP}, RATE)
    assert np.argmax(loud >= 1.0) < np.argmax(soft >= 1.0) / 3


def test_no_gain_leaves_the_low_value() -> None:
    assert np.all(Route.of("rms", 0.5, 1.0, gain=0.0).shape({"rms": RAMP}, RATE) == 0.5)


def test_a_release_lets_a_hit_ring() -> None:
    feature = np.zeros(100)
    feature[10] = 1.0
    values = Route.of("onset", 0.0, 1.0, release=0.25, scale="whole").shape({"onset": feature}, RATE)
    assert values[9] == 0.0 and values[10] == 1.0
    assert np.isclose(values[16], np.exp(-1))


@given(
    feature=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=100).map(np.array),
    low=LIMIT,
    high=LIMIT,
    gain=st.floats(0, 10),
    attack=st.floats(0, 2),
    release=st.floats(0, 2),
    invert=st.booleans(),
)
def test_a_route_never_leaves_its_range(
    feature: np.ndarray, low: float, high: float, gain: float, attack: float, release: float, invert: bool
) -> None:
    route = Route.of("rms", low, high, gain=gain, attack=attack, release=release, invert=invert)
    values = route.shape({"rms": feature}, RATE)
    assert values.shape == feature.shape
    assert min(low, high) - 1e-9 <= values.min() and values.max() <= max(low, high) + 1e-9


def layer_of(draw_seed: int, **settings: object) -> Layer:
    """A layer with every stage at work, chosen by a seed."""
    rng = np.random.default_rng(draw_seed)
    chosen: dict = {name: float(rng.uniform(low, min(high, 3.0))) for name, (low, high) in LIMITS.items()}
    chosen |= {"bottom": rng.uniform(0, 100), "top": rng.uniform(0, 100), "least": rng.normal(), "most": rng.normal()}
    chosen |= {"offset": rng.normal(), "first": int(rng.integers(0, 20)), "last": int(rng.integers(-20, 40))}
    chosen |= {"kernel": int(rng.choice([1, 5, 41])), "invert": bool(rng.integers(2))}
    chosen |= {"scale": str(rng.choice([row[0] for row in shaping.SCALES]))}
    chosen |= {"ease": str(rng.choice([row[0] for row in shaping.EASES]))}
    chosen |= {
        "combine": str(rng.choice([row[0] for row in COMBINES])),
        "chain": str(rng.choice([r[0] for r in CHAINS])),
    }
    return Layer("rms", **{**chosen, **settings})


WILD = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=60).map(np.array)


@given(
    feature=WILD,
    seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=4),
    low=LIMIT,
    high=LIMIT,
    levels=st.integers(0, 9),
)
def test_no_route_leaves_its_range_whatever_is_measured(
    feature: np.ndarray, seeds: list[int], low: float, high: float, levels: int
) -> None:
    route = Route(tuple(layer_of(seed) for seed in seeds), low, high, levels)
    values = route.shape({"rms": feature}, RATE)
    assert values.shape == feature.shape and np.all(np.isfinite(values))
    assert min(low, high) <= values.min() and values.max() <= max(low, high)


def test_the_stages_come_in_their_fixed_order() -> None:
    shaped = Layer("rms").stages(RAMP, RATE)
    order = ("gate", "median", "follow", "look_ahead", "scale", "gain", "curve", "invert")
    assert tuple(shaped) == ("feature", *order, "offset", "range")
    papers = Layer("rms", chain="papers").stages(RAMP, RATE)
    assert tuple(papers) == ("feature", "median", "envelope", "gate", "scale", "offset", "range")


def test_a_gain_acts_after_the_scale_and_before_the_curve() -> None:
    strength = Layer("rms", scale="whole", gain=2.0, threshold=0.5).strength(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), RATE)
    assert strength.tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_the_envelope_acts_on_the_feature_and_the_scale_on_what_it_leaves() -> None:
    feature = np.zeros(200)
    feature[100] = 5.0
    shaped = Layer("rms", scale="whole", attack=0.5, release=0.5).stages(feature, RATE)
    assert shaped["follow"].max() < 1.0 and shaped["scale"].max() == 1.0


def test_the_last_stage_is_what_the_route_uses() -> None:
    layer = Layer("rms", gamma=2.0, invert=True, offset=0.3, first=5)
    assert np.array_equal(layer.stages(RAMP, RATE)["range"], layer.strength(RAMP, RATE))
    assert np.array_equal(Route((layer,), 0.0, 1.0).strength({"rms": RAMP}, RATE), layer.strength(RAMP, RATE))


@given(feature=st.lists(st.floats(0, 1), min_size=1, max_size=100).map(np.array), rate=st.sampled_from([12, 24, 60]))
def test_a_route_at_its_neutral_values_changes_no_bit(feature: np.ndarray, rate: int) -> None:
    route = Route.of("rms", 0.0, 1.0, scale="fixed", least=0.0, most=1.0)
    assert np.array_equal(route.shape({"rms": feature}, FrameRate(Fraction(rate))), feature)


def test_a_route_looks_the_same_at_any_frame_rate() -> None:
    settings = {"median": 0.2, "attack": 0.1, "release": 0.4, "look_ahead": 0.3, "offset": 0.15, "gate": 0.1}
    curves = []
    for fps in (Fraction(24), Fraction(240)):
        rate = FrameRate(fps)
        time = np.arange(int(10 * fps)) / float(fps)
        feature = np.clip(np.sin(time * 2), 0, None) ** 3
        curves.append((time, Route.of("rms", 0.0, 1.0, **settings).shape({"rms": feature}, rate)))
    (time, coarse), (fine_time, fine) = curves
    assert np.abs(coarse - np.interp(time, fine_time, fine)).max() < 0.05


A, B = np.array([0.0, 0.25, 0.5, 1.0]), np.array([1.0, 0.5, 0.75, 1.0])
COMBINED = {
    "add": [1.0, 0.75, 1.0, 1.0],
    "max": [1.0, 0.5, 0.75, 1.0],
    "multiply": [0.0, 0.125, 0.375, 1.0],
    "difference": [1.0, 0.25, 0.25, 0.0],
    "replace": [1.0, 0.5, 0.75, 1.0],
}


def two(combine: str, **settings: object) -> Route:
    fixed: dict = {"scale": "fixed"}
    return Route((Layer("rms", **fixed), Layer("peak", combine=combine, **{**fixed, **settings})), 0.0, 1.0)


@pytest.mark.parametrize("combine", COMBINED)
def test_two_layers_meet_as_they_are_told(combine: str) -> None:
    assert two(combine).shape({"rms": A, "peak": B}, RATE).tolist() == COMBINED[combine]


@pytest.mark.parametrize("combine", COMBINED)
def test_a_layer_of_no_amount_changes_no_bit(combine: str) -> None:
    assert np.array_equal(two(combine, amount=0.0).shape({"rms": A, "peak": B}, RATE), A)


@pytest.mark.parametrize("combine", COMBINED)
def test_half_an_amount_lies_between(combine: str) -> None:
    none, half, full = (two(combine, amount=amount).shape({"rms": A, "peak": B}, RATE) for amount in (0.0, 0.5, 1.0))
    between = (np.minimum(none, full) <= half) & (half <= np.maximum(none, full))
    assert np.all(between) or combine == "difference"
    assert not np.array_equal(half, none)


@pytest.mark.parametrize("combine", COMBINED)
def test_outside_its_frames_a_layer_leaves_those_above_alone(combine: str) -> None:
    values = two(combine, first=1, last=2).shape({"rms": A, "peak": B}, RATE)
    assert values[[0, 3]].tolist() == A[[0, 3]].tolist()
    assert values[1:3].tolist() == COMBINED[combine][1:3]


@pytest.mark.parametrize("invert", [False, True])
def test_outside_its_frames_the_first_layer_gives_what_silence_gives(invert: bool) -> None:
    values = Route.of("rms", 2.0, 6.0, first=40, last=60, invert=invert).shape({"rms": RAMP}, RATE)
    assert np.all(values[np.r_[0:40, 61:101]] == (6.0 if invert else 2.0))
    assert 2.0 < values[50] < 6.0


def test_layers_meet_from_the_first_to_the_last() -> None:
    fixed: dict = {"scale": "fixed"}
    layers = (Layer("rms", **fixed), Layer("peak", **fixed), Layer("rms", combine="multiply", **fixed))
    values = Route(layers, 0.0, 1.0).shape({"rms": np.array([0.5]), "peak": np.array([0.75])}, RATE)
    assert values.tolist() == [(0.5 + 0.75) * 0.5]


def test_levels_are_steps_of_the_range() -> None:
    values = Route.of("rms", 10.0, 20.0, levels=3, scale="whole").shape({"rms": RAMP}, RATE)
    assert sorted(set(values.tolist())) == [10.0, 15.0, 20.0]
    assert values[0] == 10.0 and values[-1] == 20.0


def test_a_route_names_what_must_be_measured() -> None:
    assert Route((Layer("chroma:4"), Layer("percussive/flux")), 0, 1).asked() == ["chroma:4", "percussive/flux"]
    with pytest.raises(BendError):
        Route.of("smell", 0, 1).asked()


def test_the_words_and_limits_belong_to_settings_of_a_layer() -> None:
    names = {field.name: field for field in fields(Layer)}
    numbers = {name for name, field in names.items() if field.type in ("float", "int")}
    assert numbers == set(LIMITS)
    for name, (least, most) in LIMITS.items():
        assert least <= names[name].default <= most


ANY_NUMBER = st.one_of(st.floats(), st.integers(-(2**64), 2**64), st.sampled_from([-0.0, 1e308, 2.0**31, 5e-324]))


@given(st.dictionaries(st.sampled_from(sorted(LIMITS)), ANY_NUMBER), st.sampled_from([row[0] for row in CHAINS]))
def test_the_nearest_of_any_numbers_are_a_layer_that_can_be_shaped(numbers: dict[str, float], chain: str) -> None:
    brought = {name: nearest(name, number) for name, number in numbers.items()}
    strength = Layer("rms", chain=chain, **brought).strength(RAMP, RATE)  # type: ignore[arg-type]
    assert np.isfinite(strength).all() and strength.min() >= 0.0 and strength.max() <= 1.0
    for name, number in brought.items():
        least, most = LIMITS[name]
        assert least <= number <= most and isinstance(number, type(least)), (name, number)
        assert nearest(name, number) == number
        if least <= numbers[name] <= most and name != "kernel":
            assert number == (int(numbers[name]) if isinstance(least, int) else numbers[name])


def test_an_even_kernel_counts_as_the_next_odd_one() -> None:
    assert [nearest("kernel", number) for number in (-4, 1, 2, 3, 1000, 1001, 10**9, np.nan)] == [
        *(1, 1, 3, 3, 1001, 1001, 1001, 1)
    ]
