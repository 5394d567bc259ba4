"""Numbers that no one means: in jobs, presets and settings of beats each is used rightly, or refused in words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_bend.core import limits
from blender_bend.core.errors import LONGEST_MESSAGE, BendError, Code
from blender_bend.core.job.job import Bend, Job, Lora, SoundCondition
from blender_bend.core.job.resolve import trace
from blender_bend.core.limits import Limit, Whole
from blender_bend.core.presets import presets
from blender_bend.core.sound import beats

HUGE = 10**5000
#: Huge, tiny, negative, zero, not finite, not whole, too many digits, and what is no number at all.
ABSURD: tuple[Any, ...] = (
    *(1e308, 1e30, 1e9, HUGE, 2**64, 2**31, 1e-308, 1e-9, 0, -0.0, -1, -1e9, -(2**64), 0.5, 7.3),
    *(math.nan, math.inf, -math.inf, "9" * 5000, "1e999999999", "", "three", None, True, [], {}),
)
LIMITS = {name: limit for name, limit in vars(limits).items() if isinstance(limit, Limit)}


def with_number(data: Any, place: int, value: Any) -> str:
    """Plain data as JSON with another number in one place."""
    changed = json.loads(json.dumps(data))
    holder, key = list(places(changed))[place]
    huge = value == HUGE  # which Python refuses to write
    holder[key] = "huge" if huge else value
    return json.dumps(changed).replace('"huge"', f"1{'0' * 5000}")


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("value", ABSURD, ids=range(len(ABSURD)))
def test_a_number_is_within_its_limits_or_refused_in_words(limit: Limit, value: Any) -> None:
    try:
        number = limit(value)  # type: ignore[operator]
    except BendError as error:
        assert error.code == Code.PARAMETER_INVALID
        assert error.message.startswith(limit.what) and "from" in error.hint
        assert len(str(error)) < 200
    else:
        assert limit.least <= number <= limit.most and number == float(value)
        assert not isinstance(limit, Whole) or number % limit.multiple == 0


@pytest.mark.parametrize(("text", "number"), [("24", 24), (" 7 ", 7), ("1e3", 1000), (512.0, 512)])
def test_what_a_person_types_is_read(text: str, number: int) -> None:
    assert limits.FRAMES(text) == number and isinstance(limits.FRAMES(text), int)


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a number within plain data: what holds it, and its key there."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield data, key
        elif isinstance(value, dict | list):
            yield from places(value)


@pytest.fixture(scope="session")
def whole(job: Job) -> Job:
    """A job in which every number stands that can stand in one."""
    sound_condition = SoundCondition(
        "/a.safetensors", "a" * 64, "/p.safetensors", "b" * 64, True, 0.1, 0.9, {"mid_block": 0.5}
    )
    lora = Lora("ink", "/loras/ink.safetensors", "1" * 64)
    bends = (*job.bends, Bend("More ink", "multiply", "lora:ink"))
    frames = tuple(
        replace(
            frame,
            values=(*frame.values, {"factor": 2.0, "mix": 0.5}),
            picture="d" * 64,
            strip={"strength": 0.5, "seed_travel": 1.25},
            sound=(("e" * 64, 1.0),),
        )
        for frame in job.frames[:1]
    )
    return replace(job, bends=bends, frames=frames, loras=(lora,), sound_condition=sound_condition, source="pictures")


NUMBERS_OF_A_JOB = 28


def test_every_number_of_a_job_is_tried(whole: Job) -> None:
    assert len(list(places(json.loads(whole.to_json())))) >= NUMBERS_OF_A_JOB


@pytest.mark.parametrize("place", range(NUMBERS_OF_A_JOB))
def test_a_job_with_any_number_is_resolved_or_refused_in_words(whole: Job, place: int) -> None:
    for value in ABSURD:
        text = with_number(json.loads(whole.to_json()), place, value)
        try:
            resolved = [traced.data for traced in trace(Job.from_json(text))]
        except BendError as error:
            assert error.code != Code.INTERNAL and 10 < len(error.message) <= LONGEST_MESSAGE
        else:
            numbers = [holder[key] for holder, key in places(resolved)]
            assert all(math.isfinite(number) for number in numbers)


PRESET = {
    "schema": 1,
    "name": "a",
    "summary": "b",
    "bends": [
        {
            "name": "Turn",
            "operator": "rotate_channels",
            "site": "latent",
            "start": 0,
            "end": 1,
            "values": {"angle": 1.0},
            "routes": {
                "angle": {
                    "feature": "rms",
                    "low": 0,
                    "high": 1,
                    "levels": 0,
                    "gate": 0.1,
                    "median": 0.1,
                    "attack": 0.1,
                    "release": 0.1,
                    "look_ahead": 0.1,
                    "gamma": 1.0,
                    "kernel": 3,
                    "offset": 0,
                    "layers": [{"feature": "onset", "amount": 0.5}],
                }
            },
        }
    ],
}


@pytest.mark.parametrize("place", range(len(list(places(PRESET)))))
def test_a_preset_with_any_number_is_read_or_refused_in_words(place: int, tmp_path: Path) -> None:
    for value in ABSURD:
        (tmp_path / "preset.json").write_text(with_number(PRESET, place, value), encoding="utf-8")
        try:
            preset = presets.read(tmp_path / "preset.json")
        except BendError as error:
            assert error.code == Code.PRESET_INVALID and len(error.message) <= LONGEST_MESSAGE
        else:
            kept = [number for part in preset.bends for number in part.values.values()]
            kept += [number for part in preset.bends for r in part.routes.values() for number in (r.low, r.high)]
            assert all(abs(number) <= presets.LARGEST for number in kept)


@pytest.mark.parametrize("name", ["bpm", "first", "factor", "shift", "meter", "one"])
def test_a_grid_of_beats_with_any_number_is_built_or_refused_in_words(name: str) -> None:
    for value in ABSURD:
        try:
            settings = beats.Settings.from_dict({"source": "tempo", name: value})
        except BendError as error:
            assert error.code == Code.PARAMETER_INVALID and len(error.message) <= LONGEST_MESSAGE
        else:
            grid = beats.build(np.arange(8) / 2, settings, 4.0)
            assert len(grid.times) < 1000 and np.isfinite(grid.phase(beats.FrameRate(beats.Fraction(24)), 96)).all()


def test_a_job_or_a_preset_of_too_many_things_is_refused(job: Job, tmp_path: Path) -> None:
    values = {"mix": 1.0}
    many = replace(job, bends=job.bends[2:] * 5000, frames=(replace(job.frames[0], values=(values,) * 5000),))
    with pytest.raises(BendError, match="up to 1000 bends"):
        Job.from_json(many.to_json())
    data = {**PRESET, "bends": PRESET["bends"] * 5000}  # type: ignore[operator]
    (tmp_path / "preset.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(BendError, match="more than 100 bends"):
        presets.read(tmp_path / "preset.json")
    with pytest.raises(BendError, match="more than 100000 characters"):
        Job.from_json(replace(job, frames=(replace(job.frames[0], prompt=(("a" * 10**6, 1.0),)),)).to_json())
