"""Where formulas break (zeros, constants, limits), an operator still has a result, and it is said here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from blender_bend.core.catalogue import OPERATORS, Operator
from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import apply

OPERATORS = [operator for operator in OPERATORS if operator.name != "add_direction"]  # see test_study.py
each_operator = pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)


def picture(shape: tuple[int, ...], seed: int = 1) -> torch.Tensor:
    """A tensor like a latent."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@st.composite
def pictures(draw: st.DrawFn, largest: float = 100.0) -> torch.Tensor:
    shape = draw(st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(1, 7), st.integers(1, 7)))
    return torch.from_numpy(draw(arrays(np.float32, shape, elements=st.floats(-largest, largest, width=32))))


@each_operator
@given(data=st.data())
def test_what_is_finite_stays_finite(operator: Operator, data: st.DataObject) -> None:
    x = data.draw(pictures(3.0 if operator.name == "matrix_exponential" else 100.0))
    settings: dict[str, Any] = {p.name: data.draw(st.floats(*p.soft), label=p.name) for p in operator.parameters}
    settings |= {choice.name: data.draw(st.sampled_from(choice.options)) for choice in operator.choices}
    before = x.clone()
    try:
        y = apply(operator.name, x, **settings)
    except BendError as refused:
        assert refused.code in {Code.CHANNEL_MISSING, Code.SITE_SHAPE}
        assert operator.name in {"rotate_channels", "six_plane_rotation", "reflect", "hadamard"}
        return
    assert y.shape == x.shape and y.dtype == x.dtype
    assert torch.isfinite(y).all()
    assert torch.equal(x, before)


@each_operator
@pytest.mark.parametrize("x", [torch.zeros(1, 4, 4, 4), torch.full((1, 4, 4, 4), 0.7)], ids=["zeros", "constant"])
@pytest.mark.parametrize("end", ["minimum", "maximum"])
def test_the_limits_of_the_parameters_give_no_nan(operator: Operator, x: torch.Tensor, end: str) -> None:
    if operator.name == "matrix_exponential":
        return  # it overflows, as its page says
    for parameter in operator.parameters:
        y = apply(operator.name, x, **{parameter.name: getattr(parameter, end)})
        assert torch.isfinite(y).all()


@pytest.mark.parametrize(
    ("operator", "settings", "x", "y"),
    [
        ("soft_threshold", {"level": 1.0}, [0.0, -2.0, 0.5], [0.0, -1.0, 0.0]),
        ("soft_threshold", {"level": -1.0}, [0.0, -2.0, 0.5], [0.0, -3.0, 1.5]),
        ("threshold", {"level": 0.5}, [0.5, -0.5, 0.25], [0.5, -0.5, 0.0]),
        ("shrink_threshold", {"level": 2.0}, [3.0, -2.0, 1.0], [-3.0, 2.0, 0.0]),
        ("binary_threshold", {"level": 0.5}, [0.5, 0.75, -3.0], [0.0, 1.0, 0.0]),
        ("power", {"exponent": 0.5}, [-4.0, 0.0, 9.0], [-2.0, 0.0, 3.0]),
        ("power", {"exponent": 0.0}, [-4.0, 0.0, 9.0], [-1.0, 0.0, 1.0]),
        ("power", {"exponent": -1.0}, [-4.0, 0.0, 2.0], [-0.25, 0.0, 0.5]),
        ("log", {"base": 10.0}, [0.0, -10.0, 1.0], [-6.0, 1.0, 0.0]),
        ("log", {"base": 1.0}, [np.exp(-1), 1.0, np.e], [-100.0, 0.0, 100.0]),
        ("log", {"base": 0.0}, [1.0, 1e-6, 1e6], [0.0, 1.0, -1.0]),
        ("log", {"base": -3.0}, [1.0, 1e-6, 1e6], [0.0, 1.0, -1.0]),
        ("clamp", {"low": -1.0, "high": 1000.0}, [-5000.0, 0.5, 5000.0], [-1.0, 0.5, 5000.0]),
        ("clamp", {"low": -1000.0, "high": 1.0}, [-5000.0, 0.5, 5000.0], [-5000.0, 0.5, 1.0]),
        ("clamp", {"low": 1.0, "high": -1.0}, [-5.0, 0.0, 5.0], [-1.0, -1.0, -1.0]),
        ("rescale", {"low": -1.0, "high": 3.0}, [0.5, 0.5, 0.5], [-1.0, -1.0, -1.0]),
        ("quantise", {"interval": 1.0}, [0.5, 1.5, -0.75], [0.0, 2.0, -1.0]),
        ("quantise", {"interval": 1e-38}, [0.5, 0.0, -3.0], [0.5, 0.0, -3.0]),
        ("quantise", {"interval": 10.0}, [0.5, 4.9, -3.0], [0.0, 0.0, 0.0]),
        ("sine", {"frequency": 1e-30}, [0.5, 0.0, -3.0], [0.5, 0.0, -3.0]),
        *(
            ("normalise", {"form": form}, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
            for form in ("peak", "unit", "centre", "centre channels", "centre rows", "centre columns")
        ),
        ("matrix_exponential", {"scale": 1.0}, [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
        ("sobel", {}, [2.0, 2.0, 2.0], [1e-3, 1e-3, 1e-3]),
        ("phase_shift", {"angle": 2.0}, [2.0, 2.0, 2.0], [2.0, 2.0, 2.0]),
        ("spectral_noise", {"amount": 2.0}, [2.0, 2.0, 2.0], [2.0, 2.0, 2.0]),
        ("spectrum_swap", {"amount": 1.0, "keep": "phase"}, [2.0, 2.0, 2.0], [2.0, 2.0, 2.0]),
        ("blur", {"radius": 1000.0}, [2.0, 2.0, 2.0], [2.0, 2.0, 2.0]),
        ("dilate", {"radius": 1000.0}, [2.0, -1.0, 0.0], [2.0, 2.0, 2.0]),
        ("erode", {"radius": 1000.0, "window": "even"}, [2.0, -1.0, 0.0], [-1.0, -1.0, -1.0]),
        ("gradient", {"radius": 0.0}, [2.0, -1.0, 0.0], [0.0, 0.0, 0.0]),
        ("gradient", {"radius": 3.0}, [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]),
    ],
)
def test_what_breaks_a_formula_has_a_result(operator: str, settings: dict[str, Any], x: Any, y: Any) -> None:
    bent = apply(operator, torch.tensor(x, dtype=torch.float32).reshape(1, 1, 1, 3), **settings)
    np.testing.assert_allclose(bent.flatten().numpy(), y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_a_clamp_at_one_limit_holds_back_on_one_side_only_in_every_row(precision: torch.dtype) -> None:
    x = torch.tensor([-2000.0, 0.5, 2000.0]).to(precision).reshape(1, 1, 1, 3).expand(3, -1, -1, -1)
    low, high = torch.tensor([-1000.0, -1.0, -1000.0]), torch.tensor([1.0, 1000.0, 1000.0])
    y = apply("clamp", x, low=low, high=high)[:, 0, 0].float()
    assert y[0].tolist() == [float(x[0, 0, 0, 0]), 0.5, 1.0]
    assert y[1].tolist() == [-1.0, 0.5, float(x[0, 0, 0, 2])]
    assert torch.equal(y[2], x[2, 0, 0].float())


@pytest.mark.parametrize(
    ("operator", "settings"),
    [
        *((name, {"radius": -1.0}) for name in ("dilate", "erode", "open", "close", "blur")),
        ("hadamard", {"form": "raw rows"}),
        ("hadamard", {"form": "raw"}),
        ("clamp", {"low": -2000.0, "high": 2000.0}),
        ("add_noise", {"amount": 1e-30}),
    ],
)
def test_what_happens_to_change_nothing_is_still_a_new_tensor(operator: str, settings: dict[str, Any]) -> None:
    x = picture((1, 1, 1, 1))
    y = apply(operator, x, **settings)
    assert torch.allclose(y, x)
    y += 1
    assert torch.equal(x, picture((1, 1, 1, 1)))


def test_an_exploding_exponential_is_not_hidden() -> None:
    assert not torch.isfinite(apply("matrix_exponential", picture((1, 1, 8, 8)), scale=1000.0)).all()
