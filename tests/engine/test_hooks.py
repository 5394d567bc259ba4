"""The bend stack on a network: hooks that act in their window, at their place, and are gone afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import BendStack


class Block(nn.Module):
    """A block that gives its result and a skip, as the way down of a UNet does."""

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor]]:
        return 2 * x, (x,)


class Network(nn.Module):
    """Two blocks, a convolution and a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])
        self.last = nn.Identity()
        self.vector = nn.Flatten()

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x, _ = block(x)
        self.vector(x)
        return self.last(x)


def bend(site: str, steps: tuple[int, int] = (0, 100), operator: str = "add", **values: float) -> dict[str, Any]:
    """A resolved bend."""
    return {
        "name": f"Bend at {site}",
        "operator": operator,
        "site": site,
        "steps": list(steps),
        "channels": "all",
        "choices": {},
        "values": {"mix": 1.0, **values},
        "region": "everywhere",
        "inverted": False,
        "mask": "",
        "restore": "none",
    }


def stack(*bends: dict[str, Any], step: int = 0) -> BendStack:
    """The bends of one state at a step of four."""
    return BendStack([list(bends)], seed=0, step=step, steps=4)


def hooks(network: nn.Module) -> int:
    """How many hooks there are."""
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


X = torch.ones(1, 2, 3, 3)


@pytest.mark.parametrize(
    ("site", "result"), [("unet:blocks.0", 6.0), ("unet:blocks.1", 5.0), ("unet:blocks.*", 7.0), ("unet:last", 5.0)]
)
def test_a_bend_acts_at_its_place(site: str, result: float) -> None:
    network = Network()
    with stack(bend(site, amount=1.0)).hooked({"unet": network}):
        assert torch.equal(network(X), result * X)
    assert torch.equal(network(X), 4 * X)


def test_bends_at_one_place_act_in_the_order_of_the_stack() -> None:
    add, multiply = bend("unet:last", amount=1.0), bend("unet:last", operator="multiply", factor=3.0)
    network = Network()
    with stack(add, multiply).hooked({"unet": network}):
        assert torch.equal(network(X), 15 * X)
    with stack(multiply, add).hooked({"unet": network}):
        assert torch.equal(network(X), 13 * X)


def test_a_bend_acts_in_its_window_only() -> None:
    network, seen = Network(), []
    for step in range(4):
        with stack(bend("unet:last", (1, 3), amount=1.0), step=step).hooked({"unet": network}):
            seen.append(network(X)[0, 0, 0, 0].item())
    assert seen == [4, 5, 5, 4]


def test_the_skips_of_a_block_stay_as_they_are() -> None:
    network = Network()
    with stack(bend("unet:blocks.0", amount=1.0)).hooked({"unet": network}):
        result, (skip,) = network.blocks[0](X)
    assert torch.equal(result, 3 * X) and torch.equal(skip, X)


def test_state_bends_act_on_their_own_kind_and_step() -> None:
    bends = bend("latent", (1, 2), amount=1.0), bend("noise", (0, 1), amount=5.0)
    assert torch.equal(stack(*bends).bend_state("noise", X), 6 * X)
    assert torch.equal(stack(*bends).bend_state("latent", X), X)
    assert torch.equal(stack(*bends, step=1).bend_state("latent", X), 2 * X)
    assert torch.equal(stack(*bends, step=1).bend_state("noise", X), X)


def test_no_hook_is_left_afterwards() -> None:
    network = Network()
    with stack(bend("unet:blocks.*", amount=1.0), bend("unet:last", amount=1.0)).hooked({"unet": network}):
        assert hooks(network) == 3
    assert hooks(network) == 0


@pytest.mark.parametrize(
    "bends",
    [
        [bend("unet:last", amount=1.0), bend("unet:lost", amount=1.0)],
        [bend("unet:last", operator="rotate_channels", angle=1.0)],
        [bend("unet:last", operator="multiply", factor=1e39)],
        [bend("unet:vector", operator="dilate", radius=1.0)],
    ],
    ids=["unknown site", "missing channel", "not finite", "no picture"],
)
def test_no_hook_is_left_after_a_failure(bends: list[dict[str, Any]]) -> None:
    network = Network()
    acting = stack(*bends)
    with pytest.raises(BendError), acting.hooked({"unet": network}):
        network(X)
        acting.check()
    assert hooks(network) == 0


def test_a_place_that_is_not_there_is_refused_with_the_nearest() -> None:
    with (
        pytest.raises(BendError) as caught,
        stack(bend("unet:block.0", amount=1.0)).hooked({"unet": Network()}),
    ):
        pass
    assert caught.value.code == Code.SITE_UNKNOWN
    assert "unet:blocks.0" in caught.value.hint


def test_a_place_that_never_speaks_is_refused_instead_of_doing_nothing() -> None:
    """``blocks`` is a list of modules: it is never called itself, so a bend there would silently be lost."""
    with (
        pytest.raises(BendError) as caught,
        stack(bend("unet:blocks", amount=1.0)).hooked({"unet": Network()}),
    ):
        pass
    assert caught.value.code == Code.SITE_UNKNOWN


def test_a_place_without_a_picture_is_refused() -> None:
    network = Network()
    with (
        pytest.raises(BendError) as caught,
        stack(bend("unet:vector", operator="dilate", radius=1.0)).hooked({"unet": network}),
    ):
        network(X)
    assert caught.value.code == Code.SITE_SHAPE
