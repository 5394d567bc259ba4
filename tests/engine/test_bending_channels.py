"""Which channels a bend takes: a list, a seeded share, the most active ones of each row, a cluster."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import Place, Rows, bend_tensor


def draw(*shape: int, seed: int = 1) -> Tensor:
    """A seeded tensor."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


X = draw(3, 10, 4, 5)
LAYOUTS = {"picture": X, "tokens": X.flatten(2).transpose(1, 2).contiguous(), "vector": X[:, :, 0, 0].contiguous()}


def resolved(channels: str, operator: str = "add", **values: float) -> dict[str, Any]:
    """A resolved bend; adds 10 if nothing else is said."""
    return {
        "name": "My bend",
        "operator": operator,
        "site": "latent",
        "channels": channels,
        "choices": {},
        "values": {"mix": 1.0, **(values or {"amount": 10.0})},
        "steps": [0, 9],
        "region": "everywhere",
        "inverted": False,
        "mask": "",
        "restore": "none",
    }


class Clusters:
    """A study that knows one site: the even and the odd channels."""

    def cluster(self, site: str, number: int, count: int) -> list[int]:
        assert count == 2
        return list(range(number, 10, 2))

    def at(self, site: str, progress: float, grid: tuple[int, int] | None) -> None:
        return None


def changed(x: Tensor, channels: str, *, seed: int = 0, step: int = 0, site: str = "s", study: Any = None) -> Tensor:
    """Which channels of each row became others, shape (B, C); all cells of a channel go together."""
    y = bend_tensor(x, Rows.of([resolved(channels)] * x.shape[0]), Place(seed, step, 9, site, None, study))
    assert y.shape == x.shape
    different = torch.isclose(y, x + 10)
    assert torch.equal(different, y != x)
    different = different if x.ndim != 3 else different.transpose(1, 2)
    flat = different.reshape(*different.shape[:2], -1)
    assert torch.equal(flat.any(2), flat.all(2))
    return flat.any(2)


def numbers(row: Tensor) -> list[int]:
    """The channels that are marked."""
    return row.nonzero().flatten().tolist()


@pytest.fixture(params=LAYOUTS)
def x(request: pytest.FixtureRequest) -> Tensor:
    """Three rows of ten channels, as a picture, as tokens, and as a vector."""
    return LAYOUTS[request.param]


@pytest.mark.parametrize(
    ("channels", "chosen"), [("0", [0]), ("9, 2-4", [2, 3, 4, 9]), ("0-9", list(range(10))), ("all", list(range(10)))]
)
def test_a_list_takes_its_numbers(x: Tensor, channels: str, chosen: list[int]) -> None:
    assert all(numbers(row) == chosen for row in changed(x, channels))


@given(st.integers(1, 100), st.integers(1, 200), st.integers(0, 2**31))
def test_a_random_share_takes_so_many_channels(percent: int, count: int, seed: int) -> None:
    """Rounded down, as ComfyUI-Model-Bending does, but never none."""
    taken = changed(draw(1, count), f"random {percent}%", seed=seed)
    assert taken.sum() == max(1, percent * count // 100)


def test_a_random_choice_follows_seed_and_site_and_stays_the_same_over_the_steps(x: Tensor) -> None:
    first = changed(x, "random 50%", seed=3)
    assert all(torch.equal(changed(x, "random 50%", seed=3, step=step), first) for step in range(9))
    assert torch.equal(first[0], first[1])
    assert any(not torch.equal(changed(x, "random 50%", seed=seed), first) for seed in range(5))
    assert any(not torch.equal(changed(x, "random 50%", seed=3, site=site), first) for site in "abcde")


def test_a_larger_random_share_keeps_the_channels_of_a_smaller_one(x: Tensor) -> None:
    for seed in range(5):
        small, large = (changed(x, f"random {share}%", seed=seed) for share in (30, 60))
        assert bool((large | ~small).all())


@pytest.mark.parametrize("count", [1, 3, 10, 99])
def test_top_takes_the_most_active_channels_of_each_row(x: Tensor, count: int) -> None:
    channels_second = x if x.ndim != 3 else x.transpose(1, 2)
    for row, taken in zip(channels_second, changed(x, f"top {count}"), strict=True):
        activity = [row[channel].abs().mean().item() for channel in range(10)]
        expected = sorted(sorted(range(10), key=lambda channel: -activity[channel])[:count])
        assert numbers(taken) == expected


def test_the_rows_of_top_do_not_depend_on_each_other() -> None:
    together = changed(X, "top 4")
    assert all(torch.equal(changed(X[row : row + 1], "top 4")[0], together[row]) for row in range(3))


@pytest.mark.parametrize("cluster", [0, 1])
def test_a_cluster_is_asked_of_the_study(x: Tensor, cluster: int) -> None:
    taken = changed(x, f"cluster {cluster} of 2", study=Clusters())
    assert all(numbers(row) == list(range(cluster, 10, 2)) for row in taken)


def test_a_cluster_of_a_place_that_is_not_studied_is_refused() -> None:
    with pytest.raises(BendError) as caught:
        changed(X, "cluster 1", site="latent")
    assert caught.value.code == Code.CHANNEL_MISSING
    assert "latent" in caught.value.message


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("channels", ["all", "1-3", "top 4"])
def test_the_mix_of_half_precision_is_that_of_whole_precision(precision: torch.dtype, channels: str) -> None:
    half = X.to(precision)
    rows = Rows.of([resolved(channels, "multiply", mix=mix, factor=3.0) for mix in (0.25, 0.5, 1.0)])
    y = bend_tensor(half, rows, Place(0, 0, 9, "s"))
    exact = bend_tensor(half.float(), rows, Place(0, 0, 9, "s"))
    assert y.dtype == precision
    assert torch.allclose(y.float(), exact, rtol=3 * torch.finfo(precision).eps, atol=1e-3)


def test_rows_have_their_own_values() -> None:
    bends = [
        resolved("2-5", "multiply", factor=factor, mix=mix) for factor, mix in ((2.0, 1.0), (3.0, 0.5), (4.0, 0.0))
    ]
    together = bend_tensor(X, Rows.of(bends), Place(0, 0, 9, "s"))
    for row, bend in enumerate(bends):
        assert torch.equal(together[row], bend_tensor(X[row : row + 1], Rows.of([bend]), Place(0, 0, 9, "s"))[0])
    assert torch.equal(together[2], X[2])


def test_rows_with_and_without_the_prompt_have_the_values_of_their_state() -> None:
    bends = [resolved("all", "multiply", factor=factor) for factor in (2.0, 3.0, 4.0)]
    both = bend_tensor(torch.cat([X, -X]), Rows.of(bends), Place(0, 0, 9, "s"))
    once = bend_tensor(X, Rows.of(bends), Place(0, 0, 9, "s"))
    assert torch.equal(both, torch.cat([once, -once]))


def test_a_tensor_whose_rows_are_no_states_is_refused() -> None:
    with pytest.raises(BendError) as caught:
        bend_tensor(X[:2], Rows.of([resolved("all")] * 3), Place(0, 0, 9, "s"))
    assert caught.value.code == Code.SITE_SHAPE
