"""Half precision that holds: bends compute in float32, round once, and never make infinity of what was large."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from operator_formulas import CASES
from torch import Tensor

from blender_bend.core import catalogue
from blender_bend.core.catalogue import OPERATORS, Operator
from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import BendStack, Place, Rows, apply, bend_tensor
from blender_bend.engine.bending.operators import registry

OPERATORS_ALONE = [operator for operator in OPERATORS if operator.name != "add_direction"]
HALF = [torch.float16, torch.bfloat16]
RESTORATIONS = [name for name, _, _ in catalogue.RESTORATIONS]
SHAPES = {"picture": (2, 8, 8, 8), "tokens": (2, 64, 8), "words": (2, 7, 8), "vectors": (2, 8), "latent": (1, 4, 8, 8)}
each_half = pytest.mark.parametrize("precision", HALF, ids=str)
each_operator = pytest.mark.parametrize("operator", OPERATORS_ALONE, ids=lambda operator: operator.name)


def activations(kind: str, shape: tuple[int, ...], precision: torch.dtype, seed: int) -> Tensor:
    """Tensors as a model in float16 has them at its worst."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator)
    if kind == "large":
        x = torch.where(x < 0, -1.0, 1.0) * (6e4 + 5e3 * torch.rand(shape, generator=generator))
    elif kind == "tiny":
        x = x * 6e-8  # less than the smallest normal number of float16
    elif kind == "both":
        x = torch.where(x.abs() > 1, x * 3e4, x * 1e-7)
    elif kind == "flat":
        x = torch.full(shape, 6.2e4)
    limit = torch.finfo(precision).max
    return x.clamp(-limit, limit).to(precision)


def resolved(operator: Operator, case: dict[str, Any], **settings: Any) -> dict[str, Any]:
    values = {parameter.name: case.get(parameter.name, parameter.default) for parameter in operator.parameters}
    parts = {part.name: part.default for region in catalogue.REGIONS for part in region.parameters}
    return {
        "name": "My bend",
        "operator": operator.name,
        "site": "latent",
        "channels": "all",
        "choices": {choice.name: case.get(choice.name, choice.default) for choice in operator.choices},
        "values": {"mix": 1.0, **values, **parts},
        "steps": [0, 4],
        "region": "everywhere",
        "inverted": False,
        "mask": "",
        "restore": "none",
        **settings,
    }


def rounded(x: Tensor, precision: torch.dtype) -> Tensor:
    """What is beyond the range becomes its largest number."""
    limit = torch.finfo(precision).max
    return x.clamp(-limit, limit).to(precision)


@each_operator
@each_half
@given(
    st.data(),
    st.sampled_from(["large", "tiny", "both", "flat"]),
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(RESTORATIONS),
    st.sampled_from([1.0, 0.35]),
    st.sampled_from(["everywhere", "disc"]),
    st.sampled_from(["all", "1-2", "top 2"]),
)
def test_every_bend_stays_finite_or_stops_with_its_name(
    operator: Operator,
    precision: torch.dtype,
    data: st.DataObject,
    kind: str,
    place: str,
    restore: str,
    mix: float,
    region: str,
    channels: str,
) -> None:
    assume(not operator.spatial or place not in ("words", "vectors"))
    assume(region == "everywhere" or place not in ("words", "vectors"))
    case = data.draw(st.sampled_from(CASES[operator.name]))
    bend = resolved(operator, case, restore=restore, region=region, channels=channels)
    bend["values"]["mix"] = mix
    x = activations(kind, SHAPES[place], precision, data.draw(st.integers(0, 3)))
    before, grid = x.clone(), (8, 8) if place == "tokens" else None
    stack = BendStack([[bend]], seed=1, step=2, steps=4)
    try:
        y = stack.bend(stack.rows[0], x, "latent", grid)
        stack.check()
    except BendError as error:
        assert error.code in (Code.NON_FINITE, Code.CHANNEL_MISSING, Code.SITE_SHAPE)
        assert error.code != Code.NON_FINITE or "'My bend'" in error.message
        return
    assert torch.isfinite(y).all()
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert torch.equal(x, before)
    single = bend_tensor(x.float(), Rows.of([bend]), Place(1, 2, 4, "latent", grid))
    assert torch.equal(y, rounded(single, precision))


def checked(x: Tensor, bend: dict[str, Any]) -> Tensor:
    """A bend on a tensor, its numbers looked at as the sampler does."""
    stack = BendStack([[bend]], seed=0, step=0, steps=4)
    y = stack.bend_state("latent", x)
    stack.check()
    return y


BY_NAME = {operator.name: operator for operator in OPERATORS}


def test_what_is_beyond_the_range_of_float16_becomes_its_largest_number() -> None:
    x = activations("large", (1, 4, 8, 8), torch.float16, 0)
    y = checked(x, resolved(BY_NAME["multiply"], {"factor": 3.0}))
    assert torch.equal(y, torch.sign(x) * torch.finfo(torch.float16).max)


@pytest.mark.parametrize("restore", ["statistics", "energy"])
def test_what_is_restored_was_never_cut_off(restore: str) -> None:
    """The bend goes far beyond the range, and its restoration comes back into it: so nothing is lost."""
    x = activations("large", (1, 4, 8, 8), torch.float16, 0)
    y = checked(x, resolved(BY_NAME["multiply"], {"factor": 100.0}, restore=restore))
    assert torch.allclose(y.float(), x.float(), rtol=2e-3)


def test_what_is_mixed_back_was_never_cut_off() -> None:
    x = activations("large", (1, 4, 8, 8), torch.float16, 0)
    bend = resolved(BY_NAME["multiply"], {"factor": -2.0})
    bend["values"]["mix"] = 0.5
    assert torch.equal(checked(x, bend), (-0.5 * x.float()).half())


@each_half
@pytest.mark.parametrize("restore", RESTORATIONS)
@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_what_a_model_breaks_is_not_hidden_by_the_range(broken: float, restore: str, precision: torch.dtype) -> None:
    x = activations("large", (1, 4, 8, 8), precision, 0)
    x[0, 1, 2, 3] = broken
    with pytest.raises(BendError) as caught:
        checked(x, resolved(BY_NAME["add"], {"amount": 1.0}, restore=restore))
    assert caught.value.code == Code.NON_FINITE and "'My bend'" in caught.value.message


@each_half
def test_infinity_made_in_float32_is_reported(precision: torch.dtype) -> None:
    x = activations("large", (1, 4, 8, 8), precision, 0)
    for operator, case in (("power", {"exponent": 16.0}), ("matrix_exponential", {"scale": 1.0})):
        with pytest.raises(BendError) as caught:
            checked(x, resolved(BY_NAME[operator], case))
        assert caught.value.code == Code.NON_FINITE


@each_half
@each_operator
def test_what_is_neutral_keeps_every_bit(operator: Operator, precision: torch.dtype) -> None:
    neutral = {parameter.name: parameter.neutral for parameter in operator.parameters if parameter.neutral is not None}
    if not neutral:
        return
    x = activations("both", (2, 8, 8, 8), precision, 0)
    x[0, 0, 0, 0], x[1, 1, 1, 1] = float("nan"), float("inf")
    still, moved = resolved(operator, neutral), resolved(operator, CASES[operator.name][-1])
    for restore in RESTORATIONS:
        still["values"]["mix"], still["restore"], moved["restore"] = 0.4, restore, restore
        moved["choices"] = still["choices"]
        both = bend_tensor(x, Rows.of([still, moved]), Place(0, 0, 4, "latent"))
        assert torch.equal(both[0].view(torch.int16), x[0].view(torch.int16))
        alone = bend_tensor(x, Rows.of([still, still]), Place(0, 0, 4, "latent"))
        assert torch.equal(alone.view(torch.int16), x.view(torch.int16))


@each_half
def test_channels_that_are_not_chosen_keep_every_bit(precision: torch.dtype) -> None:
    x = activations("both", (2, 8, 8, 8), precision, 0)
    y = bend_tensor(x, Rows.of([resolved(BY_NAME["blur"], {"radius": 2.0}, channels="2-3")]), Place(0, 0, 4, "latent"))
    others = [0, 1, 4, 5, 6, 7]
    assert torch.equal(y[:, others].view(torch.int16), x[:, others].view(torch.int16))


@each_half
def test_only_the_chosen_channels_are_held_in_float32(precision: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    multiply = registry.FUNCTIONS["multiply"]

    def watched(x: Tensor, *arguments: Any, **named: Any) -> Tensor:
        seen.append(tuple(x.shape))
        assert x.dtype == torch.float32
        return multiply(x, *arguments, **named)

    monkeypatch.setitem(registry.FUNCTIONS, "multiply", watched)
    x = activations("both", (2, 64, 8, 8), precision, 0)
    bend_tensor(x, Rows.of([resolved(BY_NAME["multiply"], {"factor": 2.0}, channels="2-3")]), Place(0, 0, 4, "latent"))
    assert seen == [(2, 2, 8, 8)]


@each_half
@each_operator
def test_an_operator_alone_is_float32_rounded_once(operator: Operator, precision: torch.dtype) -> None:
    x = activations("large", (1, 8, 8, 8), precision, 0)
    for case in CASES[operator.name]:
        y, single = (apply(operator.name, tensor, seed=3, step=2, **case) for tensor in (x, x.float()))
        assert torch.equal(y.nan_to_num(7.0), rounded(single, precision).nan_to_num(7.0))
