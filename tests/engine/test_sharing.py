"""Frames rendered together are those rendered alone, shared states are computed once, batches change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job import sharing
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.job.resolved import Resolved
from blender_bend.core.samplers.schedulers import SCHEDULERS
from blender_bend.engine.sampling import Sampler, queue

MakeJob = Callable[..., Job]
STEPS = 4
FEW = settings(
    max_examples=max(settings.default.max_examples // 4, 1),
    phases=(Phase.explicit, Phase.generate),  # to find a smaller case takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Pictures:
    """Inputs made up from their digests."""

    def source(self, frame: Resolved) -> PIL.Image.Image:
        generator = np.random.default_rng(int(frame["source"]["picture"][0], 16))
        return PIL.Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).resize((64, 64))

    def mask(self, digest: str) -> Tensor:
        side = 8 + int(digest[0], 16)
        return torch.rand((1, 1, side, side), generator=torch.Generator().manual_seed(side))


@contextmanager
def counted(sampler: Sampler) -> Iterator[list[int]]:
    """The rows of each call of the network."""
    calls: list[int] = []
    handle = sampler.family.denoiser.register_forward_pre_hook(
        lambda module, inputs, named: calls.append((inputs[0] if inputs else named["hidden_states"]).shape[0]),
        with_kwargs=True,
    )
    try:
        yield calls
    finally:
        handle.remove()


def frames_of(job: Job) -> dict[str, Resolved]:
    """The different frames of a job."""
    resolved = [resolve(job, frame) for frame in job.frames]
    return {frame_key(frame): frame for frame in resolved}


def together(sampler: Sampler, frames: dict[str, Resolved]) -> dict[str, np.ndarray]:
    """The pictures of frames, rendered as one job."""
    made: dict[str, np.ndarray] = {}
    sampler.render_all(frames, lambda key, picture: made.update({key: np.asarray(picture)}), Pictures())
    return {key: made[key] for key in frames}


def alone(sampler: Sampler, frames: dict[str, Resolved]) -> dict[str, np.ndarray]:
    """The pictures of frames, each rendered by itself."""
    return {key: np.asarray(sampler.render(frame, Pictures())) for key, frame in frames.items()}


def assert_equal(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> None:
    """The same pictures, bit for bit."""
    for key, picture in one.items():
        assert np.array_equal(picture, two[key])


SITES = (
    "noise",
    "latent",
    "prediction",
    "guidance",
    "text",
    "unet:mid_block",
    "unet:up_blocks.1",
    "unet:skips.3",
    "vae:decoder.mid_block",
)
moments = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


@st.composite
def jobs(draw: st.DrawFn) -> dict[str, Any]:
    """Random stacks of bends over a few frames, that share more or less of their past."""
    count = draw(st.integers(2, 4))
    bends = []
    for number in range(draw(st.integers(0, 3))):
        site = draw(st.sampled_from(SITES))
        start, end = sorted((draw(moments), draw(moments)))
        region = draw(st.sampled_from(["everywhere", "everywhere", "mask", "disc"])) if site != "text" else "everywhere"
        operator, name = draw(st.sampled_from([("multiply", "factor"), ("add", "amount"), ("add_noise", "amount")]))
        values = [
            {name: draw(st.sampled_from([0.0, 0.5, 1.0, 1.3])), "mix": draw(st.sampled_from([0.0, 0.7, 1.0]))}
            for _ in range(count)
        ]
        restore = draw(st.sampled_from(["none", "statistics"]))
        bends.append((Bend(f"Bend {number}", operator, site, start, end, region=region, restore=restore), values))
    source = draw(st.sampled_from(["noise", "noise", "pictures"]))
    frames: list[dict[str, Any]] = []
    for _ in range(count):
        strip = {
            "seed_travel": draw(st.sampled_from([0.0, 0.0, 0.5, 1.0])),
            "strength": draw(st.sampled_from([0.0, 0.5, 1.0])),
        }
        frame: dict[str, Any] = {"strip": strip, "walk": draw(st.sampled_from([None, None, 0.25]))}
        frame["prompt"] = draw(
            st.sampled_from([(("a calm sea", 1.0),), (("a calm sea", 1.0),), (("a calm sea", 0.5), ("fire", 0.5))])
        )
        frame["masks"] = tuple(draw(st.sampled_from("05")) * 64 if b.region == "mask" else "" for b, _ in bends)
        if source == "pictures":
            frame["picture"] = draw(st.sampled_from("12")) * 64
        frames.append(frame)
    scheduler = draw(st.sampled_from([row.name for row in SCHEDULERS if not row.flow]))
    chosen = {"scheduler": scheduler, "guidance": draw(st.sampled_from([1.0, 3.0])), "source": source}
    return {"bends": bends, "frames": frames, "walk_amount": 0.4, **chosen}


LATE = {
    "bends": [(Bend("Late", "multiply", "latent", 0.5, 1.0), [{"factor": 1.0}, {"factor": 1.3}])],
    "frames": [{}, {}],
    "scheduler": "dpm",
}
"""An unbent frame with one that is bent late."""
DRAWING = {
    "bends": [(Bend("Late", "multiply", "latent", 0.5, 1.0), [{"factor": 1.1}, {"factor": 1.3}])],
    "frames": [{}, {}],
    "scheduler": "euler_ancestral",
}
"""A sampler that draws noise at every step, on both sides of a branch."""


@FEW
@given(jobs())
@example(LATE)
@example(DRAWING)
def test_frames_rendered_together_are_bit_equal_to_each_alone(
    samplers: dict[str, Sampler], make_job: MakeJob, described: dict[str, Any]
) -> None:
    frames = frames_of(make_job("sd15", steps=STEPS, **described))
    assert_equal(together(samplers["sd15"], frames), alone(samplers["sd15"], frames))


@FEW
@given(jobs())
@example(LATE)
def test_the_network_is_called_once_for_every_state_of_the_plan(
    samplers: dict[str, Sampler], make_job: MakeJob, described: dict[str, Any]
) -> None:
    """PNDM and Heun, which ask more often than there are steps, are left out."""
    if described["scheduler"] in ("own", "pndm", "heun"):
        described = {**described, "scheduler": "ddim"}
    frames = frames_of(make_job("sd15", steps=STEPS, **described))
    with counted(samplers["sd15"]) as calls:
        together(samplers["sd15"], frames)
    assert len(calls) == sharing.measure(frames.values()).states


@FEW
@given(jobs(), st.randoms(use_true_random=False))
def test_a_picture_of_a_batch_does_not_depend_on_its_neighbours_or_their_order(
    samplers: dict[str, Sampler], make_job: MakeJob, described: dict[str, Any], random: Any
) -> None:
    frames = frames_of(make_job("sd15", steps=STEPS, batch=4, **described))
    pictures = together(samplers["sd15"], frames)
    shuffled = list(frames.items())
    random.shuffle(shuffled)
    assert_equal(together(samplers["sd15"], dict(shuffled)), pictures)
    assert_equal(together(samplers["sd15"], dict(shuffled[: len(shuffled) // 2 + 1])), pictures)


def film(make_job: MakeJob, **settings: Any) -> Job:
    """Seven frames with bends of all kinds of regions and mixes; some are neutral on some frames."""
    factors = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.2]
    mixes = [1.0, 0.0, 0.5, 1.0, 0.3, 1.0, 1.0]
    bends = [
        (Bend("Turn", "rotate_channels", "latent", 0.25, 1.0), [{"angle": f - 1.0} for f in factors]),
        (
            Bend("Deep", "multiply", "unet:mid_block", 0.5, 1.0, region="mask"),
            [{"factor": f, "mix": mix} for f, mix in zip(factors, mixes, strict=True)],
        ),
        (Bend("Spot", "add", "latent", 0.0, 0.25, region="disc"), [{"amount": 0.2, "mix": mix} for mix in mixes]),
    ]
    masks = ["0", "0", "5", "3", "0", "5", "1"]
    frames = [{"masks": ("", mask * 64, "")} for mask in masks]
    return make_job("sd15", bends, frames, steps=STEPS, **settings)


def test_a_batch_differs_little_from_single_states(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    single = together(samplers["sd15"], frames_of(film(make_job)))
    batched = together(samplers["sd15"], frames_of(film(make_job, batch=4)))
    for one, four in zip(single.values(), batched.values(), strict=True):
        assert np.abs(one.astype(int) - four.astype(int)).max() <= 2


def test_a_batch_is_always_full_where_a_bend_has_acted(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    """Or its rows would be rounded in another way. Guidance doubles the rows."""
    with counted(samplers["sd15"]) as calls:
        together(samplers["sd15"], frames_of(film(make_job, batch=4)))
    assert set(calls) <= {2, 8} and 8 in calls


def test_batches_take_fewer_calls(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    bends = [(Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.1 * number} for number in range(1, 9)])]
    job = make_job("sd15", bends, 8, steps=STEPS, scheduler="ddim")
    for batch, expected in ((1, 8 * STEPS), (4, 2 * STEPS), (8, STEPS)):
        with counted(samplers["sd15"]) as calls:
            together(samplers["sd15"], frames_of(replace(job, batch=batch)))
        assert len(calls) == expected


def branching(make_job: MakeJob, slow: list[int], batch: int = 1) -> dict[str, Resolved]:
    """Frames whose slow bend has a value that some of them share, below a fast one that is another on each."""
    bends = [
        (Bend("Slow", "multiply", "latent", 0.25, 1.0), [{"factor": 1.0 + 0.1 * value} for value in slow]),
        (Bend("Fast", "rotate_channels", "latent", 0.75, 1.0), [{"angle": 0.1 * n} for n in range(1, len(slow) + 1)]),
    ]
    return frames_of(make_job("sd15", bends, len(slow), steps=STEPS, scheduler="ddim", batch=batch))


def finished_order(sampler: Sampler, frames: dict[str, Resolved]) -> list[int]:
    """The places of pictures among those that are wanted, as they are finished."""
    order: list[str] = []
    sampler.render_all(frames, lambda key, _: order.append(key))
    return [list(frames).index(key) for key in order]


@pytest.mark.parametrize("batch", [1, 3])
def test_pictures_come_in_the_order_in_which_they_are_wanted(
    batch: int, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    frames = branching(make_job, [1, 2, 3, 1, 2, 3], batch)
    with counted(samplers["sd15"]) as calls:
        order = finished_order(samplers["sd15"], frames)
    assert [place // batch for place in order] == [place // batch for place in range(len(frames))]
    if batch == 1:
        assert len(calls) == sharing.measure(frames.values()).states


def test_where_many_states_wait_the_deepest_come_first(
    samplers: dict[str, Sampler], make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_WAITING", 0)
    assert finished_order(samplers["sd15"], branching(make_job, [1, 2, 1, 2])) == [0, 2, 1, 3]


@pytest.mark.parametrize("kind", ["sdxl", "sd3", "flux"])
def test_other_families_share_and_batch_as_well(kind: str, samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    factors: Sequence[float] = [1.0, 1.2, 1.4, 1.2]
    bends = [(Bend("Late", "multiply", "latent", 0.5, 1.0), [{"factor": factor} for factor in factors])]
    prompts = [{"prompt": (("a calm sea", 1.0 - share), ("fire", share))} for share in (0.5, 0.5, 0.5, 0.25)]
    job = make_job(kind, bends, prompts, steps=2)
    single = together(samplers[kind], frames_of(job))
    assert_equal(single, alone(samplers[kind], frames_of(job)))
    batched = together(samplers[kind], frames_of(replace(job, batch=4)))
    backward = together(samplers[kind], frames_of(replace(job, batch=4, frames=job.frames[::-1])))
    assert_equal(batched, backward)
    for one, four in zip(single.values(), batched.values(), strict=True):
        assert np.abs(one.astype(int) - four.astype(int)).max() <= 2


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("answers", [0, 3, 6])
def test_a_cancel_is_heard_before_the_next_call_of_the_network(
    answers: int, batch: int, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    with counted(samplers["sd15"]) as calls, pytest.raises(BendError) as caught:
        samplers["sd15"].render_all(
            frames_of(film(make_job, batch=batch)), lambda *_: None, Pictures(), lambda: len(calls) >= answers
        )
    assert caught.value.code == Code.CANCELLED
    assert len(calls) == answers
