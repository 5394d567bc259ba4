"""A strip keeps the way its frames were made in, wherever its file is opened; what Automatic means is by measuring."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.job.tiling import Decoding
from blender_bend.core.precision import Precision
from blender_bend.core.resources import speeds, ways
from blender_bend.core.resources.speeds import Speeds
from blender_bend.core.resources.ways import AUTOMATIC, AUTOMATIC_BATCH, Way, choose, read, remember, telling, way_of

EVERY = st.builds(Way, st.sampled_from(Precision), st.integers(1, 64), st.sampled_from(Decoding))
#: Measured on two machines: an EPYC with AVX2 only, and one with AVX512-BF16 (seconds of a convolution).
AVX2 = {"float32": 0.136, "bfloat16": 5.163, "float16": 8.979}
BF16 = {"float32": 0.108, "bfloat16": 0.056, "float16": 0.414}
GPU = {"float32": 0.004, "bfloat16": 0.001, "float16": 0.001}


def machine(seconds: dict[str, float], device: str = "cpu", batched: float = 1.0) -> Speeds:
    return Speeds({"name": "it"}, device, "it", seconds, dict.fromkeys(Precision, batched), 8_000_000_000)


@given(way=EVERY)
def test_a_way_comes_back_as_it_was_remembered(way: Way) -> None:
    assert read(remember("", way)) == (way,)


@given(text=st.text(max_size=60))
def test_whatever_stands_in_a_file_is_read(text: str) -> None:
    assert all(way.precision in tuple(Precision) for way in read(text))


@given(made=st.lists(EVERY, max_size=12))
def test_a_strip_remembers_the_last_ways_of_one_precision(made: list[Way]) -> None:
    text = ""
    for way in made:
        text = remember(text, way)
    known = read(text)
    assert len(known) <= ways.MOST and len(set(known)) == len(known)
    assert {way.precision for way in known} <= {made[-1].precision} if made else known == ()
    assert not made or known[-1] == made[-1]


@pytest.mark.parametrize("here", ["float32", "float16", "bfloat16"])
def test_frames_of_another_machine_decide_the_precision_of_the_rest(here: str) -> None:
    text = remember("", Way("bfloat16"))
    chosen = choose(AUTOMATIC, AUTOMATIC_BATCH, Way(here), text)
    assert chosen.making == Way("bfloat16")
    assert chosen.fresh == Way(here), "until none of them is there any more"


def test_an_explicit_precision_is_that_precision(job: Job) -> None:
    text = remember("", Way("bfloat16"))
    chosen = choose("float32", 1, Way("float16"), text)
    assert chosen.making == chosen.fresh == Way("float32") and chosen.good == ()


def test_frames_of_smaller_batches_and_of_tiles_stay_and_those_of_larger_ones_do_not() -> None:
    text = remember(remember(remember("", Way("float32", 8)), Way("float32", 4)), Way("float32", 2, "tiled"))
    chosen = choose("float32", 4, Way("float32"), text)
    assert chosen.making == Way("float32", 4)
    assert set(chosen.good) == {Way("float32", 2, "tiled")}
    everything = choose("float32", AUTOMATIC_BATCH, Way("float32", 4), text)
    assert set(everything.good) == {Way("float32", 8), Way("float32", 2, "tiled")}


def test_a_job_that_goes_another_way_has_other_keys_and_the_same_way_the_same(job: Job) -> None:
    job = replace(job, size=(512, 512))
    key = frame_key(resolve(job, job.frames[0]))
    assert frame_key(resolve(way_of(job).of(job), job.frames[0])) == key
    for way in (Way("bfloat16"), Way("float32", 2), Way("float32", 1, "tiled")):
        assert frame_key(resolve(way.of(job), job.frames[0])) != key


@pytest.mark.parametrize(
    ("seconds", "device", "wants", "precision"),
    [
        (AVX2, "cpu", False, "float32"),
        (AVX2, "cpu", True, "float32"),
        (BF16, "cpu", False, "bfloat16"),
        (GPU, "cuda", False, "float16"),
        (GPU, "cuda", True, "bfloat16"),
        (GPU, "mps", False, "float16"),
        ({**GPU, "bfloat16": 0.04}, "cuda", True, "float32"),  # emulated: a card of before 2020
        ({**GPU, "bfloat16": 0.04}, "cuda", False, "float16"),
        ({**GPU, "float16": math.inf}, "cuda", False, "float32"),  # wrong or no numbers
        ({**BF16, "bfloat16": 0.1}, "cpu", False, "float32"),  # as fast, within what a measurement tells
    ],
)
def test_automatic_is_what_was_measured(seconds: dict[str, float], device: str, wants: bool, precision: str) -> None:
    assert machine(seconds, device).precision(wants) == precision


def test_a_slow_choice_is_called_slow_by_its_factor() -> None:
    slow = machine(AVX2)
    assert slow.warning("bfloat16") == "bfloat16 is 38 × as slow as 32 bit on this CPU"
    assert slow.warning("float16") == "16 bit is 66 × as slow as 32 bit on this CPU"
    assert slow.warning("float32") == ""
    assert machine(GPU, "cuda").warning("float16") == ""
    assert "doesn't work" in machine({**GPU, "float16": math.inf}, "cuda").warning("float16")
    assert machine(BF16).summary("bfloat16") == "Automatic: bfloat16, 1.9 × as fast as 32 bit on this CPU"
    assert machine(AVX2).summary("float32") == "Automatic: 32 bit; bfloat16 is 38 × as slow on this CPU"


def test_batches_are_chosen_where_they_gain() -> None:
    assert machine(GPU, "cuda", 2.4).batch("float16") == speeds.BATCH
    assert machine(GPU, "cuda", 1.1).batch("float16") == 1
    assert machine(BF16, "cpu", 2.4).batch("bfloat16") == 1, "exact on a CPU"


def test_speeds_are_read_as_they_were_kept_and_only_for_the_same_machine(tmp_path: Path) -> None:
    known = machine({**AVX2, "float16": math.inf})
    speeds.file_in(tmp_path, "auto").write_text(known.to_json())
    assert speeds.kept(tmp_path, "auto") == known == speeds.kept(tmp_path, "auto", {"name": "it"})
    assert speeds.kept(tmp_path, "auto", {"name": "another"}) is None
    assert speeds.kept(tmp_path, "cuda") is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"seconds": 1}', machine(AVX2).to_json().replace("0.136", "0")]
)
def test_damaged_speeds_are_none(text: str, tmp_path: Path) -> None:
    speeds.file_in(tmp_path, "auto").write_text(text)
    assert speeds.kept(tmp_path, "auto") is None


@pytest.mark.parametrize("side", [64, 512])
@pytest.mark.parametrize("source", ["noise", "previous"])
def test_what_a_way_tells_is_what_its_frames_depend_on(job: Job, source: str, side: int) -> None:
    job = replace(job, source=source, size=(side, side))
    some = [Way(precision, batch, decode) for precision in Precision for batch in (1, 2) for decode in Decoding]
    keys = {way: frame_key(resolve(way.of(job), job.frames[0])) for way in some}
    for one in some:
        for other in some:
            assert (telling(one, job) == telling(other, job)) == (keys[one] == keys[other])
