"""Every operator of DAFx24 and JAES25, in the papers' own terms, is one of ours (or two after another).

The papers' functions are written down here from their description, for one latent [C, H, W] in float64, with their
faults left out where the intended function is plain (the reference lists them).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import expm, hadamard
from scipy.ndimage import maximum_filter, minimum_filter

from blender_bend.engine.bending import apply
from blender_bend.engine.bending.operators import Moment

LATENT = torch.randn((1, 4, 64, 64), generator=torch.Generator().manual_seed(46))
X = LATENT[0].double().numpy()
Bends = list[tuple[str, dict[str, Any]]]
Paper = Callable[[np.ndarray], np.ndarray]


def generator() -> torch.Generator:
    return Moment(0, 0, "latent").generator()


def mixed(*rows: list[float]) -> Paper:
    """y[o] = sum over c of M[o, c] x[c]."""
    return lambda x: np.tensordot(np.array(rows), x, axes=(1, 0))


def six(angles: list[float]) -> np.ndarray:
    def plane(a: int, b: int, angle: float) -> np.ndarray:
        g = np.eye(4)
        g[a, a], g[a, b], g[b, a], g[b, b] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        return g

    g01, g02, g03, g12, g13, g23 = (
        plane(a, b, angle)
        for (a, b), angle in zip([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], angles, strict=True)
    )
    return g01 @ g02 @ g03 @ g12 @ g13 @ g23


def dilation(x: np.ndarray, side: int) -> np.ndarray:
    """As in kornia 0.6: an even window reaches one cell further up and left."""
    return np.stack([maximum_filter(c, side, mode="constant", cval=-np.inf) for c in x])


def erosion(x: np.ndarray, side: int) -> np.ndarray:
    return np.stack([minimum_filter(c, side, mode="constant", cval=np.inf) for c in x])


def sobel(x: np.ndarray) -> np.ndarray:
    p = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="edge")
    top, middle, bottom = p[:, :-2], p[:, 1:-1], p[:, 2:]
    gx = (top + 2 * middle + bottom)[:, :, 2:] - (top + 2 * middle + bottom)[:, :, :-2]
    left, centre, right = p[:, :, :-2], p[:, :, 1:-1], p[:, :, 2:]
    gy = (left + 2 * centre + right)[:, 2:] - (left + 2 * centre + right)[:, :-2]
    return np.sqrt((gx / 8) ** 2 + (gy / 8) ** 2 + 1e-6)


def add_normal(x: np.ndarray, r: float) -> np.ndarray:
    u, v = np.meshgrid(np.linspace(-5, 5, 64), np.linspace(-5, 5, 64))
    return x + r * np.exp(-(u**2 + v**2) / (2 * 1.5**2)) / (2 * np.pi * 1.5**2)


def random_lines(x: np.ndarray, r: float, k: float, axis: int) -> np.ndarray:
    lines = torch.randperm(x.shape[axis], generator=generator()).argsort()[: int(k * x.shape[axis])]
    y = np.moveaxis(x.copy(), axis, 0)
    y[lines] += r
    return np.moveaxis(y, 0, axis)


def noise() -> np.ndarray:
    return torch.randn(LATENT.shape[1:], generator=generator()).double().numpy()


def drawn() -> np.ndarray:
    return torch.rand(LATENT.shape[1:], generator=generator()).double().numpy()


c, s = np.cos(0.9), np.sin(0.9)
MATRIX = np.random.default_rng(1).normal(0, 20, (4, 4)).round(3)
ANGLES = [0.3, -1.1, 2.0, 0.7, -0.2, 4.0]
SIX = dict(zip([f"angle_{plane}" for plane in ("01", "02", "03", "12", "13", "23")], ANGLES, strict=True))
DILATE: Bends = [("dilate", {"radius": 2.0, "window": "even"})]
ERODE: Bends = [("erode", {"radius": 2.0, "window": "even"})]

PAPERS: dict[str, tuple[Paper, Bends]] = {
    "add_full(2)": (lambda x: x + 2, [("add", {"amount": 2.0})]),
    "subtract_full(2)": (lambda x: x - 2, [("subtract", {"amount": 2.0})]),
    "multiply(5)": (lambda x: 5 * x, [("multiply", {"factor": 5.0})]),
    "inversion(4)": (lambda x: 1 / 4 - x, [("invert_offset", {"offset": 1 / 4})]),
    "inversion(-0.3)": (lambda x: 1 / -0.3 - x, [("invert_offset", {"offset": 1 / -0.3})]),
    "inversion2": (lambda x: -x, [("invert_sign", {})]),
    "threshold(1)": (lambda x: np.where(np.abs(x) >= 1, x, 0), [("threshold", {"level": 1.0})]),
    "soft_threshold(0.5)": (lambda x: x / np.abs(x) * np.maximum(np.abs(x) - 0.5, 0), [("soft_threshold", {})]),
    "soft_threshold2(1.5)": (lambda x: np.where(np.abs(x) < 1.5, 0, -0.5 * x), [("shrink_threshold", {"level": 1.5})]),
    "power(3)": (lambda x: x**3, [("power", {"exponent": 3.0})]),
    "absolute": (np.abs, [("absolute", {})]),
    "log(e)": (lambda x: np.log(np.abs(x)), [("log", {})]),
    "log(10)": (lambda x: np.log(np.abs(x)) / np.log(10), [("log", {"base": 10.0})]),
    "clamp((-0.5, 0))": (lambda x: np.clip(x, -0.5, 0), [("clamp", {"low": -0.5, "high": 0.0})]),
    "scale((-1, 3))": (
        lambda x: (x - x.min()) / (x.max() - x.min()) * 4 - 1,
        [("rescale", {"low": -1.0, "high": 3.0})],
    ),
    "rotate_x": (
        mixed([1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]),
        [("rotate_channels", {"angle": 0.9, "plane": "1-2"})],
    ),
    "rotate_y": (
        mixed([c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1]),
        [("rotate_channels", {"angle": 0.9, "plane": "2-0"})],
    ),
    "rotate_y2": (
        mixed([c, 0, 0, s], [0, 1, 0, 0], [0, 0, 1, 0], [-s, 0, 0, c]),
        [("rotate_channels", {"angle": 0.9, "plane": "3-0"})],
    ),
    "rotate_z": (
        mixed([c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]),
        [("rotate_channels", {"angle": 0.9, "plane": "0-1"})],
    ),
    "six_plane_rotation": (mixed(*six(ANGLES)), [("six_plane_rotation", SIX)]),
    "tensor_multiply(M)": (
        mixed(*MATRIX),
        [("channel_matrix", {"amount": 1.0, "form": "raw", "matrix": ", ".join(map(str, MATRIX.ravel()))})],
    ),
    **{
        f"reflect({i})": (mixed(*np.diag(np.where(np.arange(4) == i, -1, 1))), [("reflect", {"channel": str(i)})])
        for i in range(4)
    },
    "hadamard1": (mixed(*hadamard(4)), [("hadamard", {"form": "raw"})]),
    "hadamard2": (lambda x: np.tensordot(x, hadamard(64), axes=(1, 0)), [("hadamard", {"form": "raw rows"})]),
    "dilation(4)": (lambda x: dilation(x, 4), DILATE),
    "dilation(3)": (lambda x: dilation(x, 3), [("dilate", {"radius": 1.0})]),
    "dilation(5)": (lambda x: dilation(x, 5), [("dilate", {"radius": 2.0})]),
    "erosion(4)": (lambda x: erosion(x, 4), ERODE),
    "erosion(3)": (lambda x: erosion(x, 3), [("erode", {"radius": 1.0})]),
    "gradient": (
        lambda x: dilation(x, 4) - erosion(x, 4),
        [("gradient", {"radius": 2.0, "window": "even"})],
    ),
    "sobel": (sobel, [("sobel", {})]),
    "normalize(dilation)": (
        lambda x: dilation(x, 4) / np.abs(dilation(x, 4)).max(),
        [*DILATE, ("normalise", {"form": "peak"})],
    ),
    "normalize2(dilation)": (
        lambda x: dilation(x, 4) / np.maximum(np.linalg.norm(dilation(x, 4), axis=0), 1e-12),
        [*DILATE, ("normalise", {"form": "unit"})],
    ),
    "normalize3(erosion)": (
        lambda x: erosion(x, 4) - erosion(x, 4).mean(),
        [*ERODE, ("normalise", {"form": "centre"})],
    ),
    **{
        f"normalize4({dim})(erosion)": (
            lambda x, dim=dim: erosion(x, 4) - erosion(x, 4).mean(axis=dim, keepdims=True),
            [*ERODE, ("normalise", {"form": f"centre {name}"})],
        )
        for dim, name in enumerate(("channels", "rows", "columns"))
    },
    "normalize3(hadamard1)": (
        lambda x: mixed(*hadamard(4))(x) - mixed(*hadamard(4))(x).mean(),
        [("hadamard", {"form": "raw"}), ("normalise", {"form": "centre"})],
    ),
    "add_noise(1.5)": (lambda x: x + 1.5 * noise(), [("add_noise", {"amount": 1.5})]),
    "add_sparse(10)": (lambda x: x + 10 * (drawn() < 0.05), [("add_sparse", {"amount": 10.0})]),
    "apply_sparse(multiply(0), 0.3)": (lambda x: np.where(drawn() < 0.3, 0, x), [("dropout", {"fraction": 0.3})]),
    "add_rand_rows(2, 0.3)": (
        lambda x: random_lines(x, 2, 0.3, 1),
        [("random_rows", {"amount": 2.0, "fraction": 0.3})],
    ),
    "add_rand_cols(2, 0.7)": (
        lambda x: random_lines(x, 2, 0.7, 2),
        [("random_columns", {"amount": 2.0, "fraction": 0.7})],
    ),
    "add_normal(20)": (lambda x: add_normal(x, 20), [("add_bump", {"amount": 20 / (2 * np.pi * 1.5**2)})]),
}


@pytest.mark.parametrize("name", PAPERS)
def test_a_function_of_the_papers_is_one_of_ours(name: str) -> None:
    paper, bends = PAPERS[name]
    y = LATENT
    for operator, settings in bends:
        y = apply(operator, y, **settings)
    wanted = paper(X)
    assert y.shape[1:] == wanted.shape
    np.testing.assert_allclose(y[0].double().numpy(), wanted, rtol=2e-5, atol=2e-5 * np.abs(wanted).max())


def test_the_matrix_exponential_of_the_papers() -> None:
    y = apply("matrix_exponential", LATENT, scale=1.0)[0].double().numpy()
    wanted = np.stack([expm(channel) for channel in X])
    assert np.abs(wanted).max() > 500  # it explodes
    np.testing.assert_allclose(y, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_an_even_window_reaches_further_before_than_after_for_both() -> None:
    """Erosion in every kornia and dilation in kornia 0.6, with which the papers' pictures were made."""
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 4, 4] = 1.0
    lit = apply("dilate", x, radius=2.0, window="even")[0, 0].nonzero()
    dark = apply("erode", -x, radius=2.0, window="even")[0, 0].nonzero()
    assert lit.amin(dim=0).tolist() == [3, 3] and lit.amax(dim=0).tolist() == [6, 6]
    assert torch.equal(lit, dark)


def test_what_dilation_does_to_noise_is_what_the_reference_measured() -> None:
    y = apply("dilate", LATENT, radius=2.0, window="even")
    assert abs(y.mean().item() - 1.76) < 0.03 and abs(y.std().item() - 0.56) < 0.03
    hadamard_raw = apply("hadamard", LATENT, form="raw")
    assert abs(hadamard_raw.std().item() / LATENT.std().item() - 2) < 0.01
