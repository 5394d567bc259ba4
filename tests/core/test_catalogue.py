"""The catalogue is complete and consistent for every operator."""

from __future__ import annotations

import pytest

from blender_bend.core import catalogue, site_kinds
from blender_bend.core.catalogue import MIX, OPERATORS, Operator, Parameter, Unit
from blender_bend.core.errors import BendError, Code

each_operator = pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
each_parameter = pytest.mark.parametrize(
    "parameter",
    [MIX, *(parameter for operator in OPERATORS for parameter in operator.parameters)],
    ids=["mix", *(f"{operator.name}-{p.name}" for operator in OPERATORS for p in operator.parameters)],
)


def test_the_operators_of_the_main_job_are_there() -> None:
    expected = {"add", "multiply", "rotate_channels", "threshold", "dilate", "erode", "add_noise"}
    assert expected <= {operator.name for operator in OPERATORS}


def test_the_operators_of_both_papers_and_of_network_bending_are_there() -> None:
    papers = """add subtract multiply invert_offset invert_sign threshold soft_threshold shrink_threshold power absolute
        log clamp rescale rotate_channels six_plane_rotation channel_matrix reflect hadamard dilate erode gradient sobel
        add_noise add_sparse random_rows random_columns add_bump normalise matrix_exponential"""
    peers = "binary_threshold rotate_picture zoom translate flip blend_noise"
    assert {*papers.split(), *peers.split()} <= {operator.name for operator in OPERATORS}


def test_no_name_or_label_is_used_twice() -> None:
    assert len({operator.name for operator in OPERATORS}) == len(OPERATORS)
    assert len({operator.label for operator in OPERATORS}) == len(OPERATORS)


@each_operator
def test_an_operator_says_what_it_does_and_where_it_comes_from(operator: Operator) -> None:
    assert operator.label and operator.summary and operator.source
    assert operator.family


@each_operator
def test_an_operator_has_distinct_parameters_and_none_called_mix(operator: Operator) -> None:
    names = [p.name for p in operator.parameters] + [choice.name for choice in operator.choices]
    assert len(set(names)) == len(names)
    assert "mix" not in names


@each_operator
def test_an_operator_is_neutral_at_its_neutral_values_only(operator: Operator) -> None:
    neutral = {p.name: p.neutral for p in operator.parameters if p.neutral is not None}
    assert operator.is_neutral(neutral) == bool(neutral)
    for name, value in neutral.items():
        assert not operator.is_neutral({**neutral, name: value + 0.125})


@each_operator
def test_a_new_bend_changes_something(operator: Operator) -> None:
    assert not operator.is_neutral({})


@each_operator
def test_no_parameter_or_choice_is_named_like_something_else_that_a_bend_has(operator: Operator) -> None:
    names = {p.name for p in operator.parameters} | {choice.name for choice in operator.choices}
    assert not names & {"seed", "step", "site", "grid"}
    assert all(name.isidentifier() for name in names)


@each_operator
def test_a_choice_is_described_and_its_default_is_an_option(operator: Operator) -> None:
    for choice in operator.choices:
        assert choice.label and choice.summary
        assert choice.default in choice.options
        assert all(choice.allows(option) for option in choice.options)
        assert len(set(choice.options)) == len(choice.options)


@each_parameter
def test_a_parameter_is_described(parameter: Parameter) -> None:
    assert parameter.label and parameter.summary


@each_parameter
def test_the_values_of_a_parameter_lie_within_its_limits(parameter: Parameter) -> None:
    low, high = parameter.soft
    assert parameter.minimum <= low < high <= parameter.maximum
    assert low <= parameter.default <= high
    assert parameter.neutral is None or parameter.minimum <= parameter.neutral <= parameter.maximum


@each_parameter
def test_a_parameter_in_spreads_has_a_wider_range_inside_the_network(parameter: Parameter) -> None:
    if parameter.unit == Unit.SIGMA:
        assert parameter.inside == tuple(4 * limit for limit in parameter.soft)
    if parameter.inside:
        low, high = parameter.inside
        assert parameter.minimum <= low <= parameter.soft[0] < parameter.soft[1] <= high <= parameter.maximum
        assert parameter.soft_at("unet") == parameter.inside and parameter.soft_at("latent") == parameter.soft


@each_parameter
def test_a_tighter_range_is_a_part_of_the_wider_one_and_new_bends_keep_to_it(parameter: Parameter) -> None:
    for kind, (low, high) in parameter.tighter.items():
        assert kind in (*site_kinds.MODULE_KINDS, *site_kinds.STATE_KINDS)
        least, most = parameter.inside or parameter.soft
        assert least <= low < high <= most
        assert parameter.soft_at(kind) == (low, high)
        assert low <= parameter.default_at(kind) <= high and parameter.default_at(kind) != parameter.neutral
    assert parameter.default_at("latent") == parameter.default


@pytest.mark.parametrize(
    ("plane", "allowed"),
    [("0-1", True), ("1-12", True), ("319-7", True), ("2-2", False), ("12-12", False), ("01-1", False)],
)
def test_a_plane_is_two_different_channels(plane: str, allowed: bool) -> None:
    (choice,) = (choice for choice in catalogue.operator("rotate_channels").choices if choice.name == "plane")
    assert choice.allows(plane) == allowed


@each_parameter
def test_the_default_of_a_parameter_is_not_neutral(parameter: Parameter) -> None:
    assert parameter.default != parameter.neutral


@each_operator
def test_the_mix_comes_first_among_the_animated_parameters(operator: Operator) -> None:
    assert catalogue.animated_parameters(operator.name) == (MIX, *operator.parameters)


def test_an_unknown_operator_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BendError) as caught:
        catalogue.operator("explode")
    assert caught.value.code == Code.OPERATOR_UNKNOWN
    assert "explode" in caught.value.message
    assert all(operator.name in caught.value.hint for operator in OPERATORS)
