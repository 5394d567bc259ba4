"""What the operators on pictures promise: space, shapes, spectra and chance, as properties that one would see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.engine.bending import apply

BORDERS = ("empty", "repeat", "mirror", "wrap")


def picture(shape: tuple[int, ...], seed: int = 1) -> torch.Tensor:
    """A tensor like a latent."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [(8, 8), (7, 7)])
@pytest.mark.parametrize("border", BORDERS)
def test_quarter_turns_and_whole_cells_are_exact(size: tuple[int, int], border: str) -> None:
    x = picture((1, 3, *size))
    for quarters in (1, 2, 3, -1):
        turned = apply("rotate_picture", x, angle=quarters * np.pi / 2, border=border)
        assert torch.allclose(turned, torch.rot90(x, quarters, (2, 3)), atol=1e-5)
    right = apply("translate", x, x=2 / size[1], y=0.0, border=border)
    up = apply("translate", x, x=0.0, y=3 / size[0], border=border)
    assert torch.allclose(right[..., 2:], x[..., :-2], atol=1e-5)
    assert torch.allclose(up[:, :, :-3], x[:, :, 3:], atol=1e-5)
    if border == "wrap":
        assert torch.allclose(right, x.roll(2, 3), atol=1e-5) and torch.allclose(up, x.roll(-3, 2), atol=1e-5)
    if border == "empty":
        assert right[..., :2].abs().max() < 1e-5


@pytest.mark.parametrize("border", BORDERS)
def test_a_zoom_to_nothing_is_finite(border: str) -> None:
    assert torch.isfinite(apply("zoom", picture((1, 2, 5, 6)), factor=0.0, border=border)).all()


@pytest.mark.parametrize(("side", "axis"), [("left", 3), ("right", 3), ("top", 2), ("bottom", 2)])
@pytest.mark.parametrize("size", [(6, 8), (5, 7), (1, 1)])
def test_a_mirrored_picture_is_its_own_mirror_image_and_keeps_its_half(
    side: str, axis: int, size: tuple[int, int]
) -> None:
    x = picture((1, 2, *size))
    y = apply("mirror", x, side=side)
    half = (x.shape[axis] + 1) // 2
    start = 0 if side in {"left", "top"} else x.shape[axis] - half
    assert torch.equal(y, y.flip(axis))
    assert torch.equal(y.narrow(axis, start, half), x.narrow(axis, start, half))


def test_a_kaleidoscope_looks_the_same_after_a_turn_by_one_segment() -> None:
    y = apply("kaleidoscope", picture((1, 2, 17, 17)), segments=4.0, angle=0.4)
    assert torch.allclose(torch.rot90(y, 1, (2, 3)), y, atol=1e-4)


@given(radius=st.floats(0, 16), side=st.integers(1, 6), window=st.sampled_from(["centred", "even"]))
def test_shapes_grow_and_shrink_the_way_they_should(radius: float, side: int, window: str) -> None:
    x = picture((1, 2, side, 5))
    how = {"radius": radius, "window": window}
    assert (apply("dilate", x, **how) >= x - 1e-5).all()
    assert (apply("erode", x, **how) <= x + 1e-5).all()
    assert (apply("open", x, **how) <= x + 1e-5).all()
    assert (apply("close", x, **how) >= x - 1e-5).all()
    assert (apply("gradient", x, **how) >= -1e-5).all()


@pytest.mark.parametrize("window", ["centred", "even"])
@pytest.mark.parametrize("name", ["open", "close"])
def test_opening_or_closing_again_changes_nothing_more(name: str, window: str) -> None:
    x = picture((1, 2, 11, 8))
    once = apply(name, x, radius=2.0, window=window)
    assert torch.equal(apply(name, once, radius=2.0, window=window), once)


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 6), (5, 1)])
def test_the_bands_of_the_spectrum_add_up_and_phases_come_round(size: tuple[int, int]) -> None:
    x = picture((1, 2, *size))
    low, high = (apply(f"{part}_gain", x, gain=0.0, cutoff=0.4) for part in ("low", "high"))
    assert torch.allclose(low + high, x, atol=1e-5)
    assert torch.allclose(apply("phase_shift", x, angle=2 * np.pi), x, atol=1e-5)


def test_a_quarter_of_a_turn_moves_a_wave_by_a_quarter_of_its_length() -> None:
    column = torch.arange(16.0).expand(1, 1, 8, 16)
    wave = 3 + torch.cos(2 * np.pi * column / 16)
    moved = apply("phase_shift", wave, angle=np.pi / 2)
    assert torch.allclose(moved, 3 - torch.sin(2 * np.pi * column / 16), atol=1e-5)


def test_swapped_and_added_spectra_keep_what_they_promise() -> None:
    x = picture((2, 3, 9, 7)) + 2
    swapped = apply("spectrum_swap", x, amount=0.6)
    assert torch.allclose(torch.fft.fft2(swapped).abs(), torch.fft.fft2(x).abs(), atol=1e-3)
    assert torch.allclose(swapped.mean(dim=(2, 3)), x.mean(dim=(2, 3)), atol=1e-5)
    noise = apply("spectral_noise", x, amount=1.0) - x
    assert torch.allclose(noise.std(dim=(2, 3)), x.std(dim=(2, 3)), rtol=1e-4)
    assert noise.mean(dim=(2, 3)).abs().max() < 1e-5


@pytest.mark.parametrize(("distribution", "spread"), [("normal", 0.7), ("uniform", 0.7 / 3**0.5)])
def test_noise_has_its_amount_as_spread_or_reach(distribution: str, spread: float) -> None:
    noise = apply("add_noise", torch.zeros(1, 4, 64, 64), amount=0.7, distribution=distribution)
    assert abs(noise.std().item() - spread) < 0.02 and abs(noise.mean().item()) < 0.02
    assert distribution == "normal" or noise.abs().max() <= 0.7


@pytest.mark.parametrize(
    ("name", "part"),
    [("dropout", "fraction"), ("add_sparse", "density"), ("random_rows", "fraction"), ("random_columns", "fraction")],
)
def test_a_larger_part_holds_the_smaller_one(name: str, part: str) -> None:
    x = torch.ones(1, 2, 20, 30)
    before = torch.zeros_like(x, dtype=torch.bool)
    for share in (0.0, 0.1, 0.29, 0.5, 0.9, 1.0):
        hit = apply(name, x, **{part: share}) != 1
        assert (hit | ~before).all()
        assert abs(hit.float().mean().item() - share) < (0.06 if name in {"dropout", "add_sparse"} else 0.05)
        before = hit
    assert hit.all()


def test_random_rows_and_columns_go_all_the_way_along_their_own_axis() -> None:
    x = torch.zeros(1, 3, 10, 40)
    rows = apply("random_rows", x, amount=1.0, fraction=0.3)[0, :, :, :]
    columns = apply("random_columns", x, amount=1.0, fraction=0.3)[0, :, :, :]
    assert rows.amin(dim=(0, 2)).sum() == rows.amax(dim=(0, 2)).sum() == 3
    assert columns.amin(dim=(0, 1)).sum() == columns.amax(dim=(0, 1)).sum() == 12


@pytest.mark.parametrize(("x", "y", "corner"), [(0.0, 0.0, (8, 0)), (1.0, 1.0, (0, 12)), (1.0, 0.0, (8, 12))])
def test_a_bump_stands_where_it_is_put(x: float, y: float, corner: tuple[int, int]) -> None:
    bump = apply("add_bump", torch.zeros(1, 1, 9, 13), amount=2.0, x=x, y=y, size=0.4)[0, 0]
    assert bump[corner] == bump.max() and abs(bump.max().item() - 2.0) < 1e-6


def test_a_bump_is_round_on_every_picture() -> None:
    bump = apply("add_bump", torch.zeros(1, 1, 9, 13), amount=1.0)[0, 0]
    assert torch.allclose(bump[4 + 3, 6], bump[4, 6 + 3]) and torch.allclose(bump[4 - 3, 6], bump[4, 6 - 3])
