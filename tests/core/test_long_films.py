"""A film of 100,000 frames is planned in slices; what is parsed once a job gives every frame the key that it had."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from many_jobs import jobs

from blender_bend.core import bend_resolution, plan
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job import Bend, Frame, Job
from blender_bend.core.resolve import frame_key, resolve, trace

#: What the frames of ``many_jobs`` came to before parts of a job were parsed once for all frames.
KNOWN = json.loads((Path(__file__).parent / "data" / "frames_of_many_jobs.json").read_text())


def film(frames: int) -> Job:
    """A film in which every frame is another."""
    bends = (Bend("Turn", "rotate_channels", "latent", 0.2, 0.8), Bend("Grain", "add_noise", "unet:up_blocks.*", 0.5))
    made = tuple(
        Frame(number, (("a calm sea", 1.0),), ({"angle": number / 1000}, {"mix": 0.5, "amount": 0.3}))
        for number in range(frames)
    )
    return Job("m", "f" * 64, (512, 512), 20, 7.0, 1, "", bends, made)


def digest(text: str) -> str:
    """A digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(("job", "known"), list(zip(jobs(), KNOWN, strict=True)))
def test_frames_have_the_keys_and_the_work_that_they_always_had(job: Job, known: list[Any]) -> None:
    traced = list(trace(job))
    frames = {one.key: one.data for one in traced}
    ways = "".join(repr(plan.segments(frame, plan.branchings(frames.values()))) for frame in frames.values())
    work = plan.measure(frames.values())
    assert digest("".join(one.key for one in traced)) == known[0]
    assert digest(ways) == known[1]
    assert [work.frames, work.pictures, work.states, work.alone] == known[2]


@pytest.mark.parametrize("job", jobs(12))
def test_a_frame_alone_is_the_frame_among_others(job: Job) -> None:
    for one in trace(job):
        assert frame_key(resolve(job, one.frame)) == one.key and resolve(job, one.frame) == one.data


def test_sites_and_channels_are_parsed_once_for_all_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(parse: Any) -> Any:
        def count(text: str) -> Any:
            parsed.append(text)
            return parse(text)

        return count

    monkeypatch.setattr(bend_resolution.sites, "parse", counted(bend_resolution.sites.parse))
    monkeypatch.setattr(bend_resolution.channels, "parse", counted(bend_resolution.channels.parse))
    assert len({one.key for one in trace(film(100))}) == 100
    assert len(parsed) == 4


def test_a_film_is_read_with_little_more_memory_than_it_takes() -> None:
    text = film(5000).to_json()
    tracemalloc.start()
    try:
        job = Job.from_json(text)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(job.frames) == 5000
    assert kept / 5000 < 900, "bytes a frame"
    assert most < 2.2 * kept


@pytest.mark.parametrize("pauses", [1, 3, 16])
def test_reading_a_film_can_be_stopped_at_any_time(pauses: int) -> None:
    left = iter(range(pauses - 1))

    def pause() -> None:
        if next(left, None) is None:
            raise BendError(Code.CANCELLED, "Cancelled.")

    with pytest.raises(BendError) as caught:
        Job.from_json(film(5000).to_json(), pause)
    assert caught.value.code == Code.CANCELLED


def test_counting_work_keeps_little_of_every_frame() -> None:
    job = film(3000)
    parting = plan.branchings(one.data for one in trace(replace(job, frames=job.frames[:1])))
    tracemalloc.start()
    try:
        tally = plan.Tally(parting)
        for one in trace(job):
            tally.add(one.data)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tally.work().pictures == 3000
    assert kept / 3000 < 450, "bytes a frame"
