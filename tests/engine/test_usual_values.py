"""At the ends of the usual ranges every operator makes a picture of mini, at every site: finite and not flat.

A sample is tried always, everything with BEND_TEST_ALL=1. The decoder is left out: to silence its layers is to silence
the picture.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
import pytest

from blender_bend.core import catalogue, sites
from blender_bend.core.catalogue import OPERATORS
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job import Bend, Frame, Job
from blender_bend.core.models import MINI_PATH, fingerprint
from blender_bend.core.resolve import resolve
from blender_bend.engine.render import Renderer

SITES = (
    "latent",
    "noise",
    "prediction",
    "guidance",
    "text",
    "unet:mid_block",
    "unet:down_blocks.*",
    "unet:up_blocks.*",
    "unet:up_blocks.0",
    "unet:up_blocks.2",
    "unet:skips.*",
    "unet:**.attn1",
    "unet:**.attn2",
)
#: What was found to fail.
ALWAYS = {
    ("power", "latent", "exponent"),
    ("power", "unet:up_blocks.*", "exponent"),
    ("power", "unet:down_blocks.*", "exponent"),
    ("matrix_exponential", "unet:up_blocks.2", "scale"),
    ("matrix_exponential", "unet:up_blocks.*", "scale"),
    ("matrix_exponential", "unet:down_blocks.*", "scale"),
    ("binary_threshold", "latent", "level"),
}
SHARE = 40
Case = tuple[str, str, str, float]


def cases() -> list[Case]:
    """Operator, site, parameter and value: both ends of each usual range, and 0 if that lies between them."""
    found = []
    for operator in OPERATORS:
        for site in SITES:
            for parameter in operator.parameters:
                low, high = parameter.soft_at(sites.parse(site).kind)
                for value in dict.fromkeys((low, high, *([0.0] if low < 0 < high else []))):
                    found.append((operator.name, site, parameter.name, value))
    return found


def is_tried(case: Case) -> bool:
    """Whether a case is tried without BEND_TEST_ALL."""
    return case[:3] in ALWAYS or hashlib.sha256(repr(case).encode()).digest()[0] * SHARE < 256


EVERYTHING = os.environ.get("BEND_TEST_ALL") == "1"
TRIED = [case for case in cases() if EVERYTHING or is_tried(case)]


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    """A renderer that keeps mini."""
    return Renderer("cpu")


@pytest.mark.parametrize(
    ("operator", "site", "parameter", "value"), TRIED, ids=lambda part: f"{part:g}" if isinstance(part, float) else part
)
def test_a_usual_value_makes_a_picture(
    renderer: Renderer, operator: str, site: str, parameter: str, value: float
) -> None:
    values: dict[str, Any] = {"mix": 1.0, parameter: value}
    frame = Frame(1, (("teal ocean waves", 1.0),), (values,))
    bend = Bend("It", operator, site)
    job = Job(str(MINI_PATH), fingerprint(MINI_PATH), (64, 64), 8, 5.0, 0, "", (bend,), (frame,))
    try:
        picture = renderer.sampler(job, job.bends).render(resolve(job, frame))
    except BendError as refused:
        assert refused.code in {Code.SITE_SHAPE, Code.CHANNEL_MISSING}, refused
        assert site == "text" or catalogue.operator(operator).family == "Channels" or operator == "add_direction"
        return
    assert np.asarray(picture).std(axis=(0, 1)).max() >= 1
