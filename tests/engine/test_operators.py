"""Every operator does what its formula says, on every shape and precision, and leaves its input alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.catalogue import OPERATORS, Operator
from blender_bend.core.catalogue.channels import PLANES
from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import apply
from blender_bend.engine.bending.operators import FUNCTIONS

SHAPES = [(1, 4, 8, 8), (3, 4, 7, 13), (2, 5, 1, 1), (2, 4, 1, 9)]
PRECISIONS = [torch.float32, torch.bfloat16, torch.float16]
OPERATORS = [operator for operator in OPERATORS if operator.name != "add_direction"]  # see test_study.py
each_operator = pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def picture(shape: tuple[int, ...], seed: int = 1) -> torch.Tensor:
    """A tensor like a latent."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def morph(x: np.ndarray, radius: float, choose: Callable[..., np.ndarray]) -> np.ndarray:
    """Largest or smallest value in a square window, one cell at a time; blended between whole radii."""

    def whole(reach: int) -> np.ndarray:
        y = np.empty_like(x)
        for row in range(x.shape[2]):
            for column in range(x.shape[3]):
                rows, columns = (
                    slice(max(row - reach, 0), row + reach + 1),
                    slice(max(column - reach, 0), column + reach + 1),
                )
                y[:, :, row, column] = choose(x[:, :, rows, columns], axis=(2, 3))
        return y

    below = int(np.floor(radius))
    return whole(below) + (radius - below) * (whole(below + 1) - whole(below))


def rotated(x: np.ndarray, angle: float, plane: str = "1-2") -> np.ndarray:
    """The rotation of the plane of two channels, as a matrix."""
    first, second = (int(channel) for channel in plane.split("-"))
    matrix = np.eye(x.shape[1])
    matrix[[first, first, second, second], [first, second, first, second]] = (
        np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle),
    )  # fmt: skip
    return np.einsum("dc,bc...->bd...", matrix, x)


FORMULAS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "add": lambda x, amount: x + amount,
    "multiply": lambda x, factor: factor * x,
    "rotate_channels": rotated,
    "threshold": lambda x, level: np.where(np.abs(x) >= np.float32(level), x, 0.0),
    "dilate": lambda x, radius: morph(x, radius, np.max),
    "erode": lambda x, radius: morph(x, radius, np.min),
}
VALUES = {
    "add": [-0.7, 0.5],
    "multiply": [0.0, -1.0, 1.5],
    "rotate_channels": [0.3, np.pi, -1.2],
    "threshold": [0.5, 1.3],
    "dilate": [1.0, 2.0, 0.25, 1.5],
    "erode": [1.0, 2.0, 0.25, 1.5],
    "add_noise": [0.3, 2.0],
}


def parameter(operator: Operator) -> str:
    """The one parameter that the operators of the main job have."""
    (found,) = operator.parameters
    return found.name


def test_every_operator_of_the_catalogue_has_a_function_and_no_function_is_hidden() -> None:
    assert set(FUNCTIONS) - {"add_direction"} == {operator.name for operator in OPERATORS}


@each_operator
def test_every_operator_is_compared_here(operator: Operator) -> None:
    assert operator.name in VALUES
    assert operator.name in FORMULAS or operator.name == "add_noise"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in FORMULAS for value in VALUES[name]])
@each_shape
def test_an_operator_follows_its_formula(name: str, value: float, shape: tuple[int, ...]) -> None:
    (operator,) = (operator for operator in OPERATORS if operator.name == name)
    x = picture(shape)
    y = apply(name, x, **{parameter(operator): value})
    assert y.shape == x.shape and y.dtype == x.dtype
    np.testing.assert_allclose(y.double().numpy(), FORMULAS[name](x.double().numpy(), value), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("plane", PLANES)
def test_a_rotation_turns_its_own_plane(plane: str) -> None:
    x = picture((2, 4, 5, 6))
    y = apply("rotate_channels", x, angle=0.8, plane=plane)
    np.testing.assert_allclose(y.double().numpy(), rotated(x.double().numpy(), 0.8, plane), rtol=1e-5, atol=1e-6)
    assert torch.allclose(y.norm(), x.norm())


@each_operator
@each_shape
def test_the_neutral_value_is_the_identity_bit_for_bit(operator: Operator, shape: tuple[int, ...]) -> None:
    for precision in PRECISIONS:
        x = picture(shape).to(precision)
        assert torch.equal(apply(operator.name, x, **{parameter(operator): operator.parameters[0].neutral}), x)


@each_operator
@each_shape
def test_the_input_is_never_changed(operator: Operator, shape: tuple[int, ...]) -> None:
    for value in (operator.parameters[0].neutral, *VALUES[operator.name]):
        x = picture(shape)
        y = apply(operator.name, x, **{parameter(operator): value})
        y += 1
        assert torch.equal(x, picture(shape))


@each_operator
def test_a_value_per_row_is_each_row_by_itself(operator: Operator) -> None:
    values = [operator.parameters[0].neutral, *VALUES[operator.name]]
    x = picture((len(values), 4, 7, 9))
    together = apply(operator.name, x, seed=3, step=2, **{parameter(operator): torch.tensor(values)})
    alone = [
        apply(operator.name, x[row : row + 1], seed=3, step=2, **{parameter(operator): value})
        for row, value in enumerate(values)
    ]
    assert torch.equal(together, torch.cat(alone))


@each_operator
@pytest.mark.parametrize("precision", PRECISIONS[1:], ids=str)
def test_half_precision_gives_the_same_up_to_its_rounding(operator: Operator, precision: torch.dtype) -> None:
    x = picture((2, 4, 8, 8)).to(precision)
    for value in VALUES[operator.name]:
        y = apply(operator.name, x, **{parameter(operator): value})
        exact = apply(operator.name, x.float(), **{parameter(operator): torch.tensor(value).to(precision).float()})
        assert y.dtype == precision
        assert torch.allclose(y.float(), exact, rtol=0.02, atol=0.05)


@each_operator
def test_tokens_are_bent_as_the_picture_they_stand_for(operator: Operator) -> None:
    x = picture((2, 5, 3, 4))
    tokens = x.flatten(2).transpose(1, 2)
    bend = {parameter(operator): VALUES[operator.name][0]}
    if operator.spatial:
        with pytest.raises(BendError) as caught:
            apply(operator.name, tokens, **bend)
        assert caught.value.code == Code.SITE_SHAPE
        return
    bent = apply(operator.name, tokens, **bend)
    assert bent.shape == tokens.shape
    if operator.name != "add_noise":
        assert torch.equal(bent, apply(operator.name, x, **bend).flatten(2).transpose(1, 2))


@each_operator
@pytest.mark.parametrize("shape", [(4,), (1, 2, 3, 4, 5)], ids=str)
def test_a_tensor_that_is_no_picture_and_no_tokens_is_refused(operator: Operator, shape: tuple[int, ...]) -> None:
    with pytest.raises(BendError) as caught:
        apply(operator.name, picture(shape))
    assert caught.value.code == Code.SITE_SHAPE
    assert operator.label in caught.value.message


@pytest.mark.parametrize("plane", ["1-2", "0-3"])
def test_a_plane_that_the_site_lacks_is_refused(plane: str) -> None:
    with pytest.raises(BendError) as caught:
        apply("rotate_channels", picture((1, 2, 4, 4)), angle=1.0, plane=plane)
    assert caught.value.code == Code.CHANNEL_MISSING
    assert plane in caught.value.message


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(BendError) as caught:
        apply("explode", picture((1, 4, 4, 4)))
    assert caught.value.code == Code.OPERATOR_UNKNOWN


@each_operator
def test_an_unknown_parameter_is_refused_with_the_known_ones(operator: Operator) -> None:
    with pytest.raises(BendError) as caught:
        apply(operator.name, picture((1, 4, 4, 4)), strength=1.0)
    assert caught.value.code == Code.PARAMETER_INVALID
    assert parameter(operator) in caught.value.hint


@pytest.mark.parametrize("plane", ["7-8", "1-1", "2", "x-y", ""])
def test_a_choice_that_does_not_exist_is_refused(plane: str) -> None:
    with pytest.raises(BendError) as caught:
        apply("rotate_channels", picture((1, 9, 4, 4)), angle=1.0, plane=plane)
    assert caught.value.code == Code.PARAMETER_INVALID


@each_operator
def test_what_is_not_given_has_its_default(operator: Operator) -> None:
    x = picture((1, 4, 6, 6))
    assert torch.equal(
        apply(operator.name, x), apply(operator.name, x, **{parameter(operator): operator.parameters[0].default})
    )
    assert not torch.equal(apply(operator.name, x), x)


@given(radius=st.floats(0, 16), side=st.integers(1, 6))
def test_dilation_never_falls_and_erosion_never_rises(radius: float, side: int) -> None:
    x = picture((1, 2, side, 5))
    assert (apply("dilate", x, radius=radius) >= x - 1e-5).all()
    assert (apply("erode", x, radius=radius) <= x + 1e-5).all()


def test_noise_has_its_amount_as_spread() -> None:
    x = torch.zeros(1, 4, 64, 64)
    noise = apply("add_noise", x, amount=0.7)
    assert abs(noise.std().item() - 0.7) < 0.02 and abs(noise.mean().item()) < 0.02


def test_noise_is_drawn_from_seed_step_and_site_alone() -> None:
    x = torch.zeros(2, 4, 8, 8)
    usual = {"seed": 1, "step": 2, "site": "latent"}
    noise = apply("add_noise", x, amount=1.0, **usual)
    torch.manual_seed(999)
    torch.randn(5)
    assert torch.equal(apply("add_noise", x, amount=1.0, **usual), noise)
    assert torch.equal(noise[0], noise[1])
    for other in ({"seed": 2}, {"step": 3}, {"site": "unet:mid_block"}):
        assert not torch.equal(apply("add_noise", x, amount=1.0, **{**usual, **other}), noise)


def test_drawing_noise_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    apply("add_noise", torch.zeros(1, 4, 8, 8), amount=1.0)
    assert torch.equal(torch.randn(3), expected)
