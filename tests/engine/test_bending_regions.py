"""Regions against their formulas, cell by cell; and what is restored after a bend."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import Place, Rows, bend_tensor

HEIGHT, WIDTH = 6, 9


def resolved(region: str, inverted: bool = False, restore: str = "none", **values: float) -> dict[str, Any]:
    """A bend that adds 1 within a region."""
    return {
        "name": "My bend",
        "operator": "add",
        "site": "latent",
        "channels": "all",
        "choices": {},
        "values": {"mix": 1.0, "amount": 1.0, **{f"region_{name}": value for name, value in values.items()}},
        "steps": [0, 9],
        "region": region,
        "inverted": inverted,
        "mask": "",
        "restore": restore,
    }


def share(*bends: dict[str, Any], masks: Any = (), seed: int = 0, site: str = "s", step: int = 0) -> Tensor:
    """How much of the bend is in each cell, shape (rows, HEIGHT, WIDTH)."""
    x = torch.zeros(len(bends), 3, HEIGHT, WIDTH)
    y = bend_tensor(x, Rows.of(list(bends), masks), Place(seed, step, 9, site, (HEIGHT, WIDTH)))
    assert torch.equal(y[:, :1].expand_as(y), y)
    return y[:, 0]


def edge(distance: float, softness: float) -> float:
    """Smoothstep over the softness about the edge; sharp without."""
    if softness <= 1e-6:
        return float(distance >= 0)
    t = min(max(distance / softness + 0.5, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def box(x: float, y: float, v: dict[str, float]) -> float:
    across = edge(x - v["left"], v["softness"]) * edge(v["right"] - x, v["softness"])
    return across * edge(y - v["bottom"], v["softness"]) * edge(v["top"] - y, v["softness"])


def disc(x: float, y: float, v: dict[str, float]) -> float:
    shorter = min(HEIGHT, WIDTH)
    distance = math.hypot((x - v["x"]) * WIDTH / shorter, (y - v["y"]) * HEIGHT / shorter)
    return edge(v["radius"] - distance, v["softness"])


def gradient(x: float, y: float, v: dict[str, float]) -> float:
    along = (x - 0.5) * math.cos(v["angle"]) + (y - 0.5) * math.sin(v["angle"]) + 0.5
    return min(max((along - v["middle"]) / max(abs(v["width"]), 1e-6) + 0.5, 0.0), 1.0)


FORMULAS: dict[str, tuple[Callable[..., float], tuple[str, ...]]] = {
    "box": (box, ("left", "right", "bottom", "top", "softness")),
    "disc": (disc, ("x", "y", "radius", "softness")),
    "gradient": (gradient, ("angle", "middle", "width")),
}
amounts = st.sampled_from([-0.27, 0.03, 0.13, 0.31, 0.52, 0.77, 0.97, 1.23])


@given(st.data(), st.sampled_from(sorted(FORMULAS)), st.booleans())
def test_a_region_is_its_formula(data: st.DataObject, region: str, inverted: bool) -> None:
    formula, names = FORMULAS[region]
    values = {name: data.draw(amounts, name) for name in names}
    got = share(resolved(region, inverted, **values))[0]
    for row in range(HEIGHT):
        for column in range(WIDTH):
            wanted = formula((column + 0.5) / WIDTH, 1 - (row + 0.5) / HEIGHT, values)
            assert math.isclose(got[row, column], 1 - wanted if inverted else wanted, abs_tol=1e-4)


def test_a_sharp_box_takes_whole_cells_and_its_top_is_up() -> None:
    got = share(resolved("box", left=1 / 3, right=2 / 3, bottom=0.5, top=1.0, softness=0.0))[0]
    expected = torch.zeros(HEIGHT, WIDTH)
    expected[:3, 3:6] = 1
    assert torch.equal(got, expected)


def test_a_gradient_of_a_quarter_turn_grows_to_the_top() -> None:
    got = share(resolved("gradient", angle=math.pi / 2, middle=0.5, width=1.0))[0]
    assert bool((got[:-1] > got[1:]).all())
    assert torch.allclose(got[:, :1].expand_as(got), got, atol=1e-6)


def test_each_row_has_its_own_region() -> None:
    spots = [resolved("disc", x=x, y=0.5, radius=0.3, softness=0.1) for x in (0.1, 0.5, 0.9)]
    together = share(*spots)
    assert all(torch.equal(together[row], share(spot)[0]) for row, spot in enumerate(spots))
    assert not torch.equal(together[0], together[1])


def test_scattered_cells_stay_over_the_steps_and_grow_with_the_share() -> None:
    few, more = (share(resolved("scatter", share=part))[0] for part in (0.2, 0.6))
    assert set(few.unique().tolist()) <= {0.0, 1.0}
    assert bool((more >= few).all()) and more.sum() > few.sum()
    assert torch.equal(share(resolved("scatter", share=0.6), step=5)[0], more)
    assert not torch.equal(share(resolved("scatter", share=0.6), seed=1)[0], more)
    assert share(resolved("scatter", share=0.0)).sum() == 0
    assert share(resolved("scatter", share=1.0)).sum() == HEIGHT * WIDTH


def test_a_mask_is_averaged_over_each_cell() -> None:
    mask = torch.rand(1, 1, 4 * HEIGHT, 4 * WIDTH, generator=torch.Generator().manual_seed(0))
    expected = mask[0, 0].reshape(HEIGHT, 4, WIDTH, 4).mean(dim=(1, 3))
    assert torch.allclose(share(resolved("mask"), masks=[mask])[0], expected, atol=1e-6)
    assert torch.allclose(share(resolved("mask", inverted=True), masks=[mask])[0], 1 - expected, atol=1e-6)


def test_rows_have_masks_of_their_own_whatever_their_sizes() -> None:
    masks = [torch.full((1, 1, side, side), value) for side, value in ((3, 0.25), (50, 0.75))]
    got = share(resolved("mask"), resolved("mask"), masks=masks)
    assert torch.allclose(got[0], torch.tensor(0.25)) and torch.allclose(got[1], torch.tensor(0.75))


@pytest.mark.parametrize("region", ["box", "disc", "gradient", "scatter", "mask"])
def test_tokens_have_the_region_of_their_picture(region: str) -> None:
    values = {"box": {"left": 0.2, "right": 0.7, "bottom": 0.3, "top": 0.9, "softness": 0.2}}
    values |= {"disc": {"x": 0.4, "y": 0.6, "radius": 0.3, "softness": 0.2}, "scatter": {"share": 0.4}, "mask": {}}
    values |= {"gradient": {"angle": 1.0, "middle": 0.5, "width": 0.7}}
    bend, masks = resolved(region, **values[region]), [torch.rand(1, 1, 12, 18)]
    tokens = torch.zeros(1, HEIGHT * WIDTH, 3)
    got = bend_tensor(tokens, Rows.of([bend], masks), Place(0, 0, 9, "s", (HEIGHT, WIDTH)))
    assert torch.equal(got[0, :, 0].reshape(HEIGHT, WIDTH), share(bend, masks=masks)[0])


@pytest.mark.parametrize(
    ("x", "grid"),
    [(torch.zeros(1, 77, 4), None), (torch.zeros(1, 77, 4), (6, 9)), (torch.zeros(1, 4), (1, 1))],
    ids=["words", "another grid", "vector"],
)
def test_a_region_of_what_is_no_picture_is_refused(x: Tensor, grid: tuple[int, int] | None) -> None:
    bend = resolved("disc", x=0.5, y=0.5, radius=0.3, softness=0.1)
    with pytest.raises(BendError) as caught:
        bend_tensor(x, Rows.of([bend]), Place(0, 0, 9, "text", grid))
    assert caught.value.code == Code.SITE_SHAPE
    assert "My bend" in caught.value.message


def restored(restore: str, x: Tensor, operator: str = "multiply", channels: str = "all", **values: float) -> Tensor:
    """A tensor after a bend whose statistics are put back."""
    bend = {**resolved("everywhere", restore=restore), "operator": operator, "channels": channels}
    bend["values"] = {"mix": 1.0, **values}
    return bend_tensor(x, Rows.of([bend] * x.shape[0]), Place(0, 0, 9, "s"))


def drawn(*shape: int) -> Tensor:
    """A seeded tensor whose rows and channels differ in mean and deviation."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(4))
    return x * torch.arange(1, x.shape[1] + 1).reshape(1, -1, *[1] * (x.ndim - 2)) + 0.5


@pytest.mark.parametrize("shape", [(2, 4, 5, 7), (2, 12, 4), (2, 9)])
def test_restored_statistics_are_those_of_each_channel_of_each_row(shape: tuple[int, ...]) -> None:
    x = drawn(*shape)
    space = {4: (2, 3), 3: (1,), 2: (1,)}[x.ndim]
    y = restored("statistics", x, "threshold", level=0.7)
    assert not torch.allclose(y, x, atol=1e-2)
    assert torch.allclose(y.mean(space), x.mean(space), atol=1e-4)
    assert torch.allclose(y.std(space), x.std(space), rtol=1e-3)


def test_what_only_shifts_or_scales_is_undone_by_restoring() -> None:
    x = drawn(2, 4, 5, 7)
    assert torch.allclose(restored("statistics", x, "add", amount=3.0), x, atol=1e-4)
    assert torch.allclose(restored("energy", x, factor=3.0), x, atol=1e-4)


def test_restored_energy_is_that_of_each_row() -> None:
    x = drawn(2, 4, 5, 7)
    y = restored("energy", x, "add", amount=3.0)
    assert torch.allclose(y.square().sum((1, 2, 3)), x.square().sum((1, 2, 3)), rtol=1e-4)
    shifted = x + 3.0
    ratio = (x.square().sum((1, 2, 3)) / shifted.square().sum((1, 2, 3))).sqrt().reshape(-1, 1, 1, 1)
    assert torch.allclose(y, shifted * ratio, rtol=1e-4)


@pytest.mark.parametrize("restore", ["statistics", "energy"])
def test_what_was_silenced_stays_finite(restore: str) -> None:
    x = drawn(2, 4, 5, 7)
    y = restored(restore, x, factor=0.0)
    assert torch.isfinite(y).all()
    if restore == "statistics":
        assert torch.allclose(y, x.mean((2, 3), keepdim=True).expand_as(x), atol=1e-5)
    else:
        assert not y.any()


@pytest.mark.parametrize("restore", ["statistics", "energy"])
def test_restoring_keeps_to_the_chosen_channels(restore: str) -> None:
    x = drawn(2, 4, 5, 7)
    y = restored(restore, x, "threshold", "1-2", level=0.7)
    assert torch.equal(y[:, [0, 3]], x[:, [0, 3]])
    assert not torch.allclose(y[:, 1:3], x[:, 1:3], atol=1e-2)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_restoring_in_half_precision_neither_overflows_nor_changes_the_type(precision: torch.dtype) -> None:
    x = (drawn(1, 4, 32, 32) * 100).to(precision)
    for restore in ("statistics", "energy"):
        y = restored(restore, x, factor=2.0)
        assert y.dtype == precision
        assert torch.allclose(y.float(), x.float(), rtol=0.02, atol=2.0)
