"""How much work a job is: states that frames share are counted once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.job import sharing
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.job.resolved import Resolved

STEPS = 8
SEA = (("a calm sea", 1.0),)


def job(bends: list[tuple[Bend, list[float]]], frames: list[dict[str, Any]] | int = 1, **settings: Any) -> Job:
    """A job of eight steps with Multiply bends, whose factors are given frame by frame; 1 is neutral."""
    frames = [{}] * frames if isinstance(frames, int) else frames
    made = tuple(
        Frame(**{"number": n, "prompt": SEA, **frame, "values": tuple({"factor": f[n]} for _, f in bends)})
        for n, frame in enumerate(frames)
    )
    stack = tuple(bend for bend, _ in bends)
    return Job("m", "f" * 64, (64, 64), STEPS, 5.0, 7, "", stack, made, **settings)


def frames_of(job: Job) -> list[Resolved]:
    """The different frames."""
    return list({frame_key(data): data for data in (resolve(job, frame) for frame in job.frames)}.values())


def work(job: Job) -> tuple[int, int, int]:
    """Pictures, states, and states if each picture were rendered alone."""
    measured = sharing.measure(frames_of(job))
    return measured.pictures, measured.states, measured.alone


def bend(start: float, end: float = 1.0, site: str = "latent") -> Bend:
    """A Multiply bend."""
    return Bend(f"From {start}", "multiply", site, start, end)


def test_frames_without_bends_are_one_picture() -> None:
    assert work(job([], 5)) == (1, 8, 8)


def test_a_bend_at_half_the_steps_shares_the_first_half() -> None:
    assert work(job([(bend(0.5), [1.1, 1.2, 1.3, 1.4])], 4)) == (4, 4 + 4 * 4, 32)


def test_an_unbent_frame_shares_the_trunk_to_its_end() -> None:
    assert work(job([(bend(0.5), [1.0, 1.2])], 2)) == (2, 8 + 4, 16)


def test_frames_that_are_decoded_whole_and_in_tiles_share_their_steps() -> None:
    """A bend in the decoder keeps its frame whole; all before it is one and the same."""
    film = replace(
        job([(bend(0.0, site="vae:decoder.mid_block"), [1.0, 1.1, 1.2])], 3, decode="tiled"), size=(512, 512)
    )
    assert [frame.get("decode") for frame in frames_of(film)] == ["tiled", None, None]
    assert work(film) == work(replace(film, decode="whole")) == (3, 8, 24)


def test_a_bend_from_the_first_step_shares_nothing() -> None:
    assert work(job([(bend(0.0), [1.1, 1.2, 1.3])], 3)) == (3, 24, 24)


def test_a_bend_of_the_finished_latent_or_in_the_decoder_shares_every_state() -> None:
    assert work(job([(bend(1.0), [1.1, 1.2, 1.3])], 3)) == (3, 8, 24)
    assert work(job([(bend(0.0, site="vae:decoder.mid_block"), [1.1, 1.2, 1.3])], 3)) == (3, 8, 24)


def test_a_bend_of_the_noise_shares_nothing_whatever_its_window() -> None:
    assert work(job([(bend(0.9, site="noise"), [1.1, 1.2])], 2)) == (2, 16, 16)


def test_two_windows_part_twice() -> None:
    """Two ways through the first bend, each with two through the second: 2 + 2 * 4 + 4 * 2."""
    both = [(bend(0.25, 0.5), [1.1, 1.1, 1.2, 1.2]), (bend(0.75), [1.1, 1.2, 1.1, 1.2])]
    assert work(job(both, 4)) == (4, 2 + 2 * 4 + 4 * 2, 32)


def test_a_quantised_curve_is_as_much_work_as_it_has_levels() -> None:
    levels = [1.1, 1.2, 1.3, 1.4]
    assert work(job([(bend(0.5), [levels[n % 4] for n in range(100)])], 100)) == (4, 4 + 4 * 4, 32)


def test_a_walk_shares_nothing() -> None:
    assert work(job([], [{"walk": n / 4} for n in range(4)], walk_amount=0.5)) == (4, 32, 32)


def test_a_start_from_a_picture_is_as_long_as_its_strength() -> None:
    frames = [{"picture": "1" * 64, "strip": {"strength": strength}} for strength in (0.5, 0.25, 0.0)]
    assert work(job([], frames, source="pictures")) == (3, 4 + 2 + 0, 6)


def test_equal_starts_from_a_picture_share_until_a_bend() -> None:
    frames = [{"picture": "1" * 64, "strip": {"strength": 0.5}}] * 2
    assert work(job([(bend(0.75), [1.1, 1.2])], frames, source="pictures")) == (2, 2 + 2 * 2, 8)


def test_frames_shown_more_than_once_are_counted_as_frames() -> None:
    measured = sharing.measure(frames_of(job([(bend(0.5), [1.1, 1.2])], 2)), [3, 4])
    assert (measured.frames, measured.pictures) == (7, 2)


windows = st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.sampled_from([0.25, 0.5, 1.0])).map(sorted)
sites = st.sampled_from(["noise", "latent", "unet:mid_block", "vae:decoder", "text"])


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    """Jobs of up to five frames with up to three bends, with or without pictures to start from."""
    count = draw(st.integers(1, 5))
    bends = []
    for number in range(draw(st.integers(0, 3))):
        start, end = draw(windows)
        values = draw(st.lists(st.sampled_from([1.0, 1.1, 1.2]), min_size=count, max_size=count))
        bends.append((Bend(f"{number}", "multiply", draw(sites), start, end), values))
    if not draw(st.booleans()):
        return job(bends, count)
    strengths = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=count, max_size=count))
    starts = [{"picture": "1" * 64, "strip": {"strength": strength}} for strength in strengths]
    return job(bends, starts, source="pictures")


@given(jobs())
def test_sharing_never_costs_and_one_frame_is_its_steps(job: Job) -> None:
    frames = frames_of(job)
    measured = sharing.measure(frames)
    assert measured.states <= measured.alone
    assert measured.alone == sum(STEPS - sharing.first_step(frame) for frame in frames)
    for frame in frames:
        assert sharing.measure([frame]).states == STEPS - sharing.first_step(frame)


def past(frame: Resolved, step: int) -> Any:
    """All that has determined a state by the end of a step: where it began, and the bends that have acted."""
    began = (sharing.first_step(frame), repr(frame["source"]))
    acted = [bend for bend in frame["bends"] if bend["site"] == "noise" or bend["steps"][0] <= step]
    return began, [{name: value for name, value in bend.items() if name != "name"} for bend in acted]


@given(jobs())
def test_two_frames_are_in_one_segment_exactly_if_their_bends_so_far_are_equal(job: Job) -> None:
    frames = frames_of(job)
    parting = sharing.branchings(frames)
    ways = [sharing.segments(frame, parting) for frame in frames]
    for frame, way in zip(frames, ways, strict=True):
        assert way[0].first == sharing.first_step(frame) and way[-1].last == STEPS + 1
        assert all(one.last == two.first for one, two in itertools.pairwise(way))
        for other, way_of_other in zip(frames, ways, strict=True):
            for step in range(max(sharing.first_step(frame), sharing.first_step(other)), STEPS + 1):
                (here,) = (segment.key for segment in way if segment.first <= step < segment.last)
                (there,) = (segment.key for segment in way_of_other if segment.first <= step < segment.last)
                assert (here == there) == (past(frame, step) == past(other, step))


@given(jobs())
def test_the_states_are_the_different_pasts(job: Job) -> None:
    frames = frames_of(job)
    pasts = {repr((step, past(frame, step))) for frame in frames for step in range(sharing.first_step(frame), STEPS)}
    assert sharing.measure(frames).states == len(pasts)
