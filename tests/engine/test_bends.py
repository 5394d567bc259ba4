"""A bend is (1 - mix) x + mix f(x) on its channels, and says so by name when its numbers break."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import BendStack, Place, Rows, apply, bend_tensor

X = torch.randn((2, 6, 5, 7), generator=torch.Generator().manual_seed(1))
TOKENS = X.flatten(2).transpose(1, 2)


def bend(operator: str = "add", channels: str = "all", **values: float) -> dict[str, Any]:
    """A resolved bend."""
    choices = {"plane": "1-2"} if operator == "rotate_channels" else {}
    return {
        "name": "My bend",
        "operator": operator,
        "site": "latent",
        "channels": channels,
        "choices": choices,
        "values": {"mix": 1.0, **values},
        "steps": [0, 4],
        "region": "everywhere",
        "inverted": False,
        "mask": "",
        "restore": "none",
    }


def bent(x: torch.Tensor, bend: dict[str, Any], seed: int = 0, step: int = 0) -> torch.Tensor:
    """A tensor with the same bend on every row."""
    return bend_tensor(x, Rows.of([bend] * x.shape[0]), Place(seed, step, 4, "latent"))


@pytest.mark.parametrize("mix", [0.25, 0.5, 1.0])
@pytest.mark.parametrize(("operator", "values"), [("multiply", {"factor": 3.0}), ("dilate", {"radius": 1.0})])
def test_the_mix_lies_between_the_picture_and_the_bent_one(operator: str, values: dict[str, float], mix: float) -> None:
    expected = (1 - mix) * X + mix * apply(operator, X, **values)
    assert torch.allclose(bent(X, bend(operator, mix=mix, **values), 0, 0), expected)


@pytest.mark.parametrize("x", [X, TOKENS], ids=["picture", "tokens"])
@pytest.mark.parametrize(
    ("channels", "chosen"), [("all", range(6)), ("0", [0]), ("1-2,5", [1, 2, 5]), ("0-5", range(6))]
)
def test_only_the_chosen_channels_are_bent(x: torch.Tensor, channels: str, chosen: list[int]) -> None:
    y = bent(x, bend("add", channels, amount=10.0), 0, 0)
    axis = 1 if x.ndim == 4 else 2
    for channel in range(6):
        before, after = x.select(axis, channel), y.select(axis, channel)
        assert torch.equal(after, before + 10.0) if channel in chosen else torch.equal(after, before)


def test_a_bend_leaves_its_input_alone() -> None:
    before = X.clone()
    y = bent(X, bend("multiply", "1-2", factor=0.0), 0, 0)
    y += 1
    assert torch.equal(X, before)


def test_a_channel_that_the_site_lacks_is_refused() -> None:
    with pytest.raises(BendError) as caught:
        bent(X, bend("add", "6", amount=1.0), 0, 0)
    assert caught.value.code == Code.CHANNEL_MISSING


def checked(x: torch.Tensor, bend: dict[str, Any]) -> None:
    """Bend a tensor and look at its numbers, as the sampler does after every step."""
    stack = BendStack([[bend]], seed=0, step=0, steps=4)
    stack.bend_state("latent", x)
    stack.check()


@pytest.mark.parametrize("precision", [torch.float32, torch.float16, torch.bfloat16])
def test_numbers_that_are_not_finite_are_caught_by_the_bends_name(precision: torch.dtype) -> None:
    largest = torch.full((1, 4, 4, 4), torch.finfo(precision).max, dtype=precision)
    with pytest.raises(BendError) as caught:
        checked(largest, bend("multiply", factor=1e37))  # beyond float32, in which every bend computes
    assert caught.value.code == Code.NON_FINITE
    assert "My bend" in caught.value.message


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_a_broken_number_in_one_cell_is_caught(broken: float) -> None:
    x = X[:1].clone()
    x[0, 3, 2, 2] = broken
    with pytest.raises(BendError) as caught:
        checked(x, bend("add", amount=1.0))
    assert caught.value.code == Code.NON_FINITE


def test_the_noise_of_a_bend_follows_seed_and_step() -> None:
    noisy = bend("add_noise", amount=1.0)
    first = bent(X, noisy, 1, 0)
    assert torch.equal(bent(X, noisy, 1, 0), first)
    assert not torch.equal(bent(X, noisy, 2, 0), first)
    assert not torch.equal(bent(X, noisy, 1, 1), first)
