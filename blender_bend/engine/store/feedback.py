"""The frame before as the source of the next: moved by a camera, its colours held."""

from __future__ import annotations

import math

import numpy as np
import PIL.Image
from PIL.Image import Image
from scipy import ndimage

#: From linear sRGB to XYZ (IEC 61966-2-1), divided by the white D65.
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
) / np.array([[0.95047], [1.0], [1.08883]])
_LAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])


def warp(picture: Image, zoom: float, turn: float, shift_x: float, shift_y: float) -> Image:
    """Move a picture as a camera would; what comes in at the border is the mirrored picture.

    Parameters
    ----------
    zoom : above 1 things grow
    turn : radians, counter-clockwise
    shift_x, shift_y : in parts of the width and height, to the right and to the top
    """
    if (zoom, turn, shift_x, shift_y) == (1.0, 0.0, 0.0, 0.0):
        return picture
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float32)
    height, width = pixels.shape[:2]
    cosine, sine = math.cos(turn) / zoom, math.sin(turn) / zoom
    # ndimage asks, for every pixel (row, column) of the result, where it comes from.
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    offset = middle - matrix @ (middle + np.array([-shift_y * height, shift_x * width]))
    moved = [ndimage.affine_transform(pixels[..., c], matrix, offset, order=3, mode="mirror") for c in range(3)]
    return PIL.Image.fromarray(np.clip(np.rint(np.stack(moved, axis=-1)), 0, 255).astype(np.uint8))


def match_colours(picture: Image, anchor: Image, share: float) -> Image:
    """Bring the mean and deviation of a picture's CIE Lab channels towards those of another.

    Parameters
    ----------
    share : 0 leaves the picture, 1 matches fully

    Source: Reinhard et al. 2001, colour transfer; Deforum matches the same way.
    """
    if share == 0:
        return picture
    own, wanted = to_lab(picture), to_lab(anchor)
    mean, deviation = own.mean(axis=(0, 1)), own.std(axis=(0, 1))
    ratio = np.where(deviation > 1e-6, wanted.std(axis=(0, 1)) / np.maximum(deviation, 1e-6), 1.0)
    matched = (own - mean) * ratio + wanted.mean(axis=(0, 1))
    return _from_lab((1 - share) * own + share * matched)


def limit_hue(picture: Image, before: Image, limit: float) -> Image:
    """Turn the hues of a picture back where, on the whole, they turned too far from those of another.

    Parameters
    ----------
    limit : radians, in the plane of CIE Lab's a and b; lightness and the differences between hues stay
    """
    own = to_lab(picture)
    jump = hue_jump(own, to_lab(before))
    back = math.copysign(max(abs(jump) - limit, 0.0), -jump)
    if back == 0:
        return picture
    cosine, sine = math.cos(back), math.sin(back)
    own[..., 1:] = own[..., 1:] @ np.array([[cosine, sine], [-sine, cosine]])
    return _from_lab(own)


def hue_jump(lab: np.ndarray, before: np.ndarray) -> float:
    """How far the hues turned from one picture in CIE Lab to another, in radians; strong colors count most."""
    one, two = (pixels[..., 1] + 1j * pixels[..., 2] for pixels in (before, lab))
    turned = complex(np.vdot(one, two))
    return math.atan2(turned.imag, turned.real)


def to_lab(picture: Image) -> np.ndarray:
    encoded = np.asarray(picture.convert("RGB"), dtype=np.float64) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ.T
    bent = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return bent @ _LAB.T - np.array([16.0, 0.0, 0.0])


def _from_lab(lab: np.ndarray) -> Image:
    bent = (lab + np.array([16.0, 0.0, 0.0])) @ np.linalg.inv(_LAB).T
    xyz = np.where(bent > 6 / 29, bent**3, 3 * (6 / 29) ** 2 * (bent - 4 / 29))
    linear = np.clip(xyz @ np.linalg.inv(_XYZ).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return PIL.Image.fromarray(np.rint(encoded * 255).astype(np.uint8))
