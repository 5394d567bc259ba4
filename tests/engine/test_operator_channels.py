"""What the channel operators promise: planes, matrices and permutations of any site, and refusals in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import apply
from blender_bend.engine.bending.operators.matrices import largest_gain


def picture(shape: tuple[int, ...], seed: int = 1) -> torch.Tensor:
    """A tensor like a latent."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def refused(operator: str, x: torch.Tensor, **settings: Any) -> Code:
    with pytest.raises(BendError) as caught:
        apply(operator, x, **settings)
    assert caught.value.message and caught.value.hint
    return caught.value.code


@pytest.mark.parametrize("plane", ["1-2", "0-3", "7-1"])
def test_a_plane_that_the_site_lacks_is_refused(plane: str) -> None:
    assert refused("rotate_channels", picture((1, 2, 4, 4)), angle=1.0, plane=plane) == Code.CHANNEL_MISSING


@pytest.mark.parametrize("plane", ["1-1", "2", "x-y", "", "01-1", "1-2-3"])
def test_a_plane_that_is_none_is_refused(plane: str) -> None:
    assert refused("rotate_channels", picture((1, 9, 4, 4)), angle=1.0, plane=plane) == Code.PARAMETER_INVALID


def test_a_layer_of_the_network_has_planes_of_its_own() -> None:
    x = picture((1, 320, 2, 2))
    y = apply("rotate_channels", x, angle=np.pi / 2, plane="7-319")
    assert torch.allclose(y[:, 319], x[:, 7], atol=1e-6) and torch.allclose(y[:, 7], -x[:, 319], atol=1e-6)
    assert torch.equal(y[:, :7], x[:, :7])


def test_a_rotation_of_every_four_channels_needs_four_and_a_plane_among_them() -> None:
    every = {"angle": 1.0, "repeat": "every four"}
    assert refused("rotate_channels", picture((1, 3, 4, 4)), plane="0-1", **every) == Code.CHANNEL_MISSING
    assert refused("rotate_channels", picture((1, 8, 4, 4)), plane="3-4", **every) == Code.CHANNEL_MISSING
    assert refused("six_plane_rotation", picture((1, 3, 4, 4))) == Code.CHANNEL_MISSING
    x = picture((1, 7, 4, 4))
    for y in (apply("rotate_channels", x, plane="0-1", **every), apply("six_plane_rotation", x)):
        assert torch.equal(y[:, 4:], x[:, 4:]) and not torch.equal(y[:, :4], x[:, :4])


@pytest.mark.parametrize("name", ["six_plane_rotation", "hadamard", "permute_channels", "reflect"])
def test_what_only_turns_keeps_the_energy(name: str) -> None:
    x = picture((2, 12, 7, 5))
    assert torch.allclose(apply(name, x).norm(), x.norm())


def test_a_rotation_keeps_the_energy_and_comes_round() -> None:
    x = picture((2, 4, 5, 6))
    assert torch.allclose(apply("rotate_channels", x, angle=0.8).norm(), x.norm())
    assert torch.allclose(apply("rotate_channels", x, angle=2 * np.pi), x, atol=1e-5)


@pytest.mark.parametrize("matrix", ["0 1, 1 0", "0, 1,\n1, 0", " 0;1;1;0 ", "0 1e0 +1. -0"])
def test_a_matrix_can_be_written_in_many_ways(matrix: str) -> None:
    x = picture((2, 2, 3, 4))
    assert torch.equal(apply("channel_matrix", x, amount=1.0, form="raw", matrix=matrix), x.flip(1))


def test_a_normalised_matrix_has_a_gain_of_one_whatever_its_size() -> None:
    x = picture((1, 3, 5, 5))
    small = apply("channel_matrix", x, amount=0.7, matrix="1 2 3 4 5 6 7 8 9")
    large = apply("channel_matrix", x, amount=0.7, matrix="10 20 30 40 50 60 70 80 90")
    assert torch.allclose(small, large, atol=1e-5)
    assert ((small - x).norm() <= 0.7001 * x.norm()).all()
    assert torch.equal(apply("channel_matrix", x, amount=0.7, matrix="0 0 0 0 0 0 0 0 0"), x)


@pytest.mark.parametrize("channels", [1, 2, 63, 200, 320])
def test_the_gain_of_a_drawn_matrix_is_its_spectral_norm(channels: int) -> None:
    matrix = picture((channels, channels)).double()
    assert abs(largest_gain(matrix) / np.linalg.norm(matrix.numpy(), 2) - 1) < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_the_gain_of_a_large_drawn_matrix_is_near_its_spectral_norm(seed: int) -> None:
    matrix = picture((1280, 1280), seed).double()
    squared = torch.linalg.eigvalsh(matrix.T @ matrix)[-1]
    assert 0.995 < largest_gain(matrix) / squared.sqrt() <= 1.000001


@pytest.mark.parametrize("matrix", ["1 2 3", "1 2 3 4 5", "1 2 e 4", "- 1 1 1", "1e39 0 0 1", "1e999 0 0 1"])
def test_a_matrix_of_the_wrong_size_or_of_no_numbers_is_refused(matrix: str) -> None:
    assert refused("channel_matrix", picture((1, 2, 3, 3)), matrix=matrix) == Code.PARAMETER_INVALID


def test_a_channel_that_the_site_lacks_cannot_be_reflected() -> None:
    assert refused("reflect", picture((1, 3, 4, 4)), channel="3") == Code.CHANNEL_MISSING


@pytest.mark.parametrize("size", [(8, 4), (6, 6), (1, 2)])
def test_hadamard_over_rows_needs_a_square_of_a_power_of_two(size: tuple[int, int]) -> None:
    assert refused("hadamard", picture((1, 4, *size)), form="raw rows") == Code.SITE_SHAPE
    assert refused("hadamard", picture((1, 16, 4)), form="raw rows") == Code.SITE_SHAPE


def test_hadamard_leaves_an_odd_number_of_channels_alone_and_undoes_itself() -> None:
    assert torch.equal(apply("hadamard", picture((1, 5, 3, 3))), picture((1, 5, 3, 3)))
    x = picture((2, 12, 3, 3))
    assert torch.allclose(apply("hadamard", apply("hadamard", x)), x, atol=1e-5)


@pytest.mark.parametrize("channels", [2, 3, 4, 320])
def test_a_permutation_leaves_no_channel_in_its_place(channels: int) -> None:
    x = torch.arange(channels).float().reshape(1, -1, 1, 1)
    for variation in range(20):
        y = apply("permute_channels", x, variation=str(variation))
        assert not (y == x).any()
        assert torch.equal(y.flatten().sort().values, x.flatten())
