"""A film of 100,000 frames is planned in slices; what is parsed once a job gives every frame the key that it had."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from many_jobs import jobs

from blender_bend.core.bends import channel_selection, sites
from blender_bend.core.errors import BendError, Code
from blender_bend.core.files import json_stream
from blender_bend.core.job import sharing
from blender_bend.core.job.frames import BLOCK, Frames
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.job.resolve import Tracer, frame_key, resolve, trace

#: What the frames of ``many_jobs`` come to in this version of the renderer; written anew when it is raised.
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
    ways = "".join(repr(sharing.segments(frame, sharing.branchings(frames.values()))) for frame in frames.values())
    work = sharing.measure(frames.values())
    assert digest("".join(one.key for one in traced)) == known[0]
    assert digest(ways) == known[1]
    assert [work.frames, work.pictures, work.states, work.alone] == known[2]


def test_a_job_that_names_its_sound_condition_a_hearing_has_the_keys_that_it_had() -> None:
    written = json.loads(
        (Path(__file__).parents[1] / "data" / "before_sound_condition.json").read_text(encoding="utf-8")
    )
    job = Job.from_json(json.dumps(written["job"]))
    assert job.sound_condition is not None and [one.key for one in trace(job)] == written["keys"]
    assert "hearing" not in json.loads(job.to_json()) and list(Job.from_json(job.to_json()).frames) == list(job.frames)


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

    monkeypatch.setattr(sites, "parse", counted(sites.parse))
    monkeypatch.setattr(channel_selection, "parse", counted(channel_selection.parse))
    assert len({one.key for one in trace(film(100))}) == 100
    assert len(parsed) == 4


def test_a_film_is_read_with_little_memory(tmp_path: Path) -> None:
    """Its file is 26 MB for 100,000 frames."""
    path = tmp_path / "job.json"
    path.write_text(film(5000).to_json(), encoding="utf-8")
    tracemalloc.start()
    try:
        job = Job.read(path)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(job.frames) == 5000
    assert kept / 5000 < 100, "bytes a frame"
    assert most < kept + 4e6, "its text, of 1.2 MB, and what a part of it takes"


@pytest.mark.parametrize("job", jobs(12))
def test_packed_frames_are_the_frames_that_they_were(job: Job) -> None:
    frames = tuple(replace(frame, number=frame.number + 1000 * turn) for turn in range(80) for frame in job.frames)
    packed = Frames(frames)
    assert packed == frames and tuple(packed) == frames and len(packed) == len(frames) > 2 * BLOCK
    assert [packed[place] for place in (0, BLOCK - 1, BLOCK, -1)] == [
        frames[place] for place in (0, BLOCK - 1, BLOCK, -1)
    ]
    assert packed[BLOCK - 2 : BLOCK + 3] == frames[BLOCK - 2 : BLOCK + 3] and packed[::-1] == frames[::-1]
    assert list(packed.numbers) == [frame.number for frame in frames]
    assert packed != frames[1:] and packed != (*frames[:-1], replace(frames[-1], number=7))
    with pytest.raises(IndexError):
        packed[len(frames)]


def test_a_frame_is_found_by_its_number() -> None:
    packed = Frames(Frame(3 * number, (("sea", 1.0),), strip={"x": number / 7}) for number in range(2 * BLOCK + 5))
    for number in (0, 3, 3 * BLOCK - 3, 3 * BLOCK, 6 * BLOCK + 12):
        assert packed.find(number) == Frame(number, (("sea", 1.0),), strip={"x": number / 21})
    assert [packed.find(number) for number in (-3, 1, 3 * BLOCK - 1, 6 * BLOCK + 15)] == [None] * 4
    assert Frames().find(0) is None


def test_a_line_break_in_a_prompt_parts_no_frames() -> None:
    frames = tuple(Frame(number, ((f'a,\n"sea"\n]}},\n{number}', 1.0),)) for number in range(BLOCK + 1))
    packed = Frames(frames)
    assert tuple(packed) == frames and packed[BLOCK - 1] == frames[BLOCK - 1] and packed.find(2) == frames[2]


def test_frames_that_come_one_after_the_other_are_traced_as_together() -> None:
    for job in jobs(40):
        tracer = Tracer(replace(job, frames=()))
        assert [tracer.trace(frame) for frame in job.frames] == list(trace(job))


def test_the_work_of_parts_is_added_up() -> None:
    one, two = sharing.Work(1, 2, 3, 4), sharing.Work(10, 20, 30, 40)
    assert sharing.together([one, two]) == sharing.Work(11, 22, 33, 44)
    assert sharing.together([]) == sharing.Work(0, 0, 0, 0)


def test_for_every_choice_of_prompts_one_frame_tells() -> None:
    texts = ["sea", "sea", "fire", "sea", "fire", "wood"]
    packed = Frames(Frame(number, ((text, 1.0),)) for number, text in enumerate(texts))
    assert [frame.number for frame in packed.telling()] == [0, 2, 5]
    assert [frame.number for frame in packed.telling({1, 3, 4})] == [1, 4]


@pytest.mark.parametrize("layout", [{}, {"indent": 2}, {"separators": (",", ":")}, {"sort_keys": True}])
@pytest.mark.parametrize("piece", [1, 7, 64, json_stream.PIECE])
def test_a_job_is_read_in_any_layout_and_in_pieces_of_any_length(
    layout: dict[str, Any], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "PIECE", piece)
    for job in (replace(job, prediction="auto") for job in jobs(6)):
        assert Job.from_json(json.dumps(json.loads(job.to_json()), **layout)) == job


def test_a_job_that_was_written_before_frames_came_last_is_read() -> None:
    plain = json.loads(film(3).to_json())
    order = ["model", "frames", *(name for name in plain if name not in ("model", "frames", "schema")), "schema"]
    assert Job.from_json(json.dumps({name: plain[name] for name in order})) == film(3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-3],
        lambda text: text + "}",
        lambda text: text.replace('"frames": [', '"frames": [,'),
        lambda text: text.replace("\n]}", ",]}"),
        lambda text: text.replace("\n]}", "]]}"),
        lambda text: text.replace("\n]}", '], "frames": []}'),
        lambda text: text.replace('"frames": [', '"frames": {'),
        lambda text: text.replace('"frames": ', '"frames" '),
        lambda text: text.replace('"frames": ', '3: [], "frames": '),
        lambda text: text.replace('"a calm sea"', '"\\ud800"'),
        lambda text: text.replace('"negative": ""', '"negative": "\\ud800"'),
    ],
)
def test_a_damaged_text_of_a_job_is_refused(damage: Callable[[str], str]) -> None:
    text = film(3).to_json()
    assert damage(text) != text
    with pytest.raises(BendError) as caught:
        Job.from_json(damage(text))
    assert caught.value.code == Code.JOB_INVALID


@pytest.mark.parametrize("pauses", [1, 3, 10])
def test_reading_a_film_can_be_stopped_at_any_time(pauses: int) -> None:
    left = iter(range(pauses - 1))

    def pause() -> None:
        if next(left, None) is None:
            raise BendError(Code.CANCELLED, "Canceled.")

    with pytest.raises(BendError) as caught:
        Job.from_json(film(5000).to_json(), pause)
    assert caught.value.code == Code.CANCELLED


def test_counting_work_keeps_little_of_every_frame() -> None:
    job = film(3000)
    first = sharing.course(next(trace(job)).data)
    tracemalloc.start()
    try:
        tally = sharing.Tally.of([first])
        for one in trace(job):
            tally.add(sharing.course(one.data))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tally.work().pictures == 3000
    assert kept / 3000 < 450, "bytes a frame"
