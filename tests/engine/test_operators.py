"""Every operator does what its formula says, on every shape and precision, and leaves its input alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from operator_formulas import CASES, EACH_CASE, FORMULAS, expected

from blender_bend.core.catalogue import OPERATORS, Operator
from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import apply
from blender_bend.engine.bending.operators import FUNCTIONS

SHAPES = [(1, 4, 8, 8), (3, 4, 7, 13), (2, 5, 1, 1), (2, 4, 1, 9), (2, 8, 6, 5)]
PRECISIONS = [torch.float32, torch.bfloat16, torch.float16]
OPERATORS = [operator for operator in OPERATORS if operator.name != "add_direction"]  # see test_study.py
BY_NAME = {operator.name: operator for operator in OPERATORS}
WITH_NEUTRAL = [operator for operator in OPERATORS if any(p.neutral is not None for p in operator.parameters)]

each_operator = pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_precision = pytest.mark.parametrize("precision", PRECISIONS, ids=str)
each_case = pytest.mark.parametrize(("name", "case"), EACH_CASE, ids=[f"{name} {case}" for name, case in EACH_CASE])


def picture(shape: tuple[int, ...], seed: int = 1) -> torch.Tensor:
    """A tensor like a latent."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def neutral_values(operator: Operator) -> dict[str, float]:
    return {p.name: p.neutral for p in operator.parameters if p.neutral is not None}


def rows_of(operator: Operator) -> list[tuple[dict[str, str], dict[str, list[float]]]]:
    """For each setting of the choices, the values of its cases as rows of one batch, a neutral row first."""
    found = []
    choices = {choice.name for choice in operator.choices}
    settings = {tuple((k, v) for k, v in case.items() if k in choices) for case in CASES[operator.name]}
    for setting in sorted(settings):
        cases = [case for case in CASES[operator.name] if tuple((k, case[k]) for k in case if k in choices) == setting]
        rows = [neutral_values(operator), *cases]
        values = {p.name: [float(row.get(p.name, p.default)) for row in rows] for p in operator.parameters}
        found.append((dict(setting), values))
    return found


def test_every_operator_of_the_catalogue_has_a_function_and_no_function_is_hidden() -> None:
    assert set(FUNCTIONS) == {*BY_NAME, "add_direction"}


def test_every_operator_has_a_formula_and_cases() -> None:
    assert set(FORMULAS) == set(CASES) == set(BY_NAME)


@each_operator
def test_the_cases_try_every_parameter(operator: Operator) -> None:
    tried = {name for case in CASES[operator.name] for name in case}
    apart = {"matrix", "variation"} if operator.name == "channel_matrix" else {"variation"}
    if any(set(case) == set() for case in CASES[operator.name]):
        return  # the defaults are a case
    assert {p.name for p in operator.parameters} | {c.name for c in operator.choices} <= tried | apart


@each_case
@each_shape
def test_an_operator_follows_its_formula(name: str, case: dict[str, Any], shape: tuple[int, ...]) -> None:
    x = picture(shape)
    y = apply(name, x, **case)
    wanted = expected(name, x.numpy(), case)
    assert y.shape == x.shape and y.dtype == x.dtype
    np.testing.assert_allclose(y.double().numpy(), wanted, rtol=2e-5, atol=2e-5 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("operator", WITH_NEUTRAL, ids=lambda operator: operator.name)
@each_shape
@each_precision
def test_the_neutral_values_are_the_identity_bit_for_bit(
    operator: Operator, shape: tuple[int, ...], precision: torch.dtype
) -> None:
    x = picture(shape).to(precision)
    assert torch.equal(apply(operator.name, x, **neutral_values(operator)), x)


@each_case
@each_shape
def test_the_input_is_never_changed(name: str, case: dict[str, Any], shape: tuple[int, ...]) -> None:
    x = picture(shape)
    y = apply(name, x, **case)
    y += 1
    assert torch.equal(x, picture(shape))


@each_operator
@each_precision
@pytest.mark.parametrize("size", [(7, 9), (8, 8), (1, 1)], ids=str)
def test_a_value_per_row_is_each_row_by_itself(
    operator: Operator, precision: torch.dtype, size: tuple[int, int]
) -> None:
    for choices, values in rows_of(operator):
        count = len(next(iter(values.values()), [0, 0]))
        x = picture((count, 4, *size)).to(precision)
        many = {name: torch.tensor(column) for name, column in values.items()}
        together = apply(operator.name, x, seed=3, step=2, **choices, **many)
        alone = [
            apply(operator.name, x[r : r + 1], seed=3, step=2, **choices, **{n: c[r] for n, c in values.items()})
            for r in range(count)
        ]
        assert torch.equal(together, torch.cat(alone))
        if neutral_values(operator):
            assert torch.equal(together[0], x[0])


@each_case
@pytest.mark.parametrize("precision", PRECISIONS[1:], ids=str)
def test_half_precision_gives_the_same_up_to_its_rounding(
    name: str, case: dict[str, Any], precision: torch.dtype
) -> None:
    x = picture((2, 4, 8, 8)).to(precision)
    y = apply(name, x, **case)
    exact = apply(name, x.float(), **case)
    assert y.dtype == precision
    assert torch.allclose(y.float(), exact, rtol=0.02, atol=0.02)


@each_case
def test_tokens_are_bent_as_the_picture_they_stand_for(name: str, case: dict[str, Any]) -> None:
    x = picture((2, 5, 3, 4))
    tokens = x.flatten(2).transpose(1, 2)
    grid = (3, 4)
    if BY_NAME[name].spatial:
        with pytest.raises(BendError) as caught:
            apply(name, tokens, **case)
        assert caught.value.code == Code.SITE_SHAPE
    elif case.get("form") in {"centre rows", "centre columns"}:
        with pytest.raises(BendError) as caught:
            apply(name, tokens, **case)
        assert caught.value.code == Code.SITE_SHAPE
        return
    else:
        grid = None
    bent = apply(name, tokens, grid=grid, **case)
    assert bent.shape == tokens.shape
    assert torch.allclose(bent, apply(name, x, **case).flatten(2).transpose(1, 2), rtol=1e-5, atol=1e-5)


@each_case
def test_the_layout_in_memory_does_not_matter(name: str, case: dict[str, Any]) -> None:
    x = picture((2, 8, 6, 5))
    wanted = apply(name, x, **case)
    for other in (x.to(memory_format=torch.channels_last), picture((2, 8, 6, 10))[..., ::2].copy_(x)):
        assert torch.allclose(apply(name, other, **case), wanted, rtol=1e-5, atol=1e-5)


@each_operator
def test_no_gradient_is_kept(operator: Operator) -> None:
    x = picture((2, 4, 4, 4))
    assert not apply(operator.name, x).requires_grad
    with torch.inference_mode():
        assert torch.equal(apply(operator.name, x.clone()), apply(operator.name, x))


@each_operator
@pytest.mark.parametrize("shape", [(4,), (1, 2, 3, 4, 5)], ids=str)
def test_a_tensor_that_is_no_picture_and_no_tokens_is_refused(operator: Operator, shape: tuple[int, ...]) -> None:
    with pytest.raises(BendError) as caught:
        apply(operator.name, picture(shape))
    assert caught.value.code == Code.SITE_SHAPE
    assert operator.label in caught.value.message


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(BendError) as caught:
        apply("explode", picture((1, 4, 4, 4)))
    assert caught.value.code == Code.OPERATOR_UNKNOWN


@each_operator
def test_an_unknown_parameter_is_refused_with_the_known_ones(operator: Operator) -> None:
    with pytest.raises(BendError) as caught:
        apply(operator.name, picture((1, 4, 4, 4)), strength=1.0)
    assert caught.value.code == Code.PARAMETER_INVALID
    for named in (*operator.parameters, *operator.choices):
        assert named.name in caught.value.hint


@pytest.mark.parametrize(
    ("operator", "choice"),
    [(operator.name, choice.name) for operator in OPERATORS for choice in operator.choices],
)
@pytest.mark.parametrize("value", ["?", "once more", "1-1", "-1", 1])
def test_a_choice_that_does_not_exist_is_refused(operator: str, choice: str, value: Any) -> None:
    with pytest.raises(BendError) as caught:
        apply(operator, picture((1, 4, 4, 4)), **{choice: value})
    assert caught.value.code == Code.PARAMETER_INVALID


@each_operator
def test_what_is_not_given_has_its_default(operator: Operator) -> None:
    x = picture((1, 4, 6, 6))
    defaults: dict[str, Any] = {p.name: p.default for p in operator.parameters}
    defaults |= {choice.name: choice.default for choice in operator.choices}
    assert torch.equal(apply(operator.name, x), apply(operator.name, x, **defaults))
    assert not torch.equal(apply(operator.name, x), x)


@pytest.mark.parametrize("operator", [o for o in OPERATORS if "variation" in str(o.choices)], ids=lambda o: o.name)
def test_chance_is_drawn_from_seed_step_site_and_variation_alone(operator: Operator) -> None:
    x = picture((1, 16, 16, 16)).expand(2, -1, -1, -1)
    usual: dict[str, Any] = {"seed": 1, "step": 2, "site": "latent"}
    bent = apply(operator.name, x, **usual)
    torch.manual_seed(999)
    torch.randn(5)
    assert torch.equal(apply(operator.name, x, **usual), bent)
    assert torch.equal(apply(operator.name, x, **usual, variation="000"), bent)
    assert torch.equal(bent[0], bent[1])
    for other in ({"seed": 2}, {"step": 3}, {"site": "unet:mid_block"}, {"variation": "1"}):
        assert not torch.equal(apply(operator.name, x, **{**usual, **other}), bent)


@each_operator
def test_drawing_chance_leaves_the_global_generator_alone(operator: Operator) -> None:
    torch.manual_seed(5)
    wanted = torch.randn(3)
    torch.manual_seed(5)
    apply(operator.name, picture((1, 4, 8, 8)))
    assert torch.equal(torch.randn(3), wanted)
