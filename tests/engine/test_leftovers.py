"""After a job nothing is left of it: no hook, no memory; and hooks go together with offloaded weights."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import accelerate
import numpy as np
import psutil
import pytest
import torch

from blender_bend.core.errors import BendError
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]


def hooks(sampler: Sampler) -> int:
    """How many hooks there are on all networks."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_forward_hooks_with_kwargs")
    return sum(
        len(getattr(module, kind))
        for network in sampler.family.networks.values()
        for module in network.modules()
        for kind in kinds
    )


def bent(make_job: MakeJob, factor: float = 1.3, **settings: Any) -> Job:
    """Two frames with bends at modules, skips, tokens and in the decoder."""
    sites = ["unet:mid_block", "unet:up_blocks.*", "unet:skips.*", "unet:up_blocks.1.attentions.*", "vae:decoder.*"]
    bends = [(Bend(site, "multiply", site), [{"factor": factor}, {"factor": factor + 0.1}]) for site in sites]
    return make_job("sd15", bends, 2, **settings)


def render(sampler: Sampler, job: Job, cancelled: Callable[[], bool] = lambda: False) -> list[np.ndarray]:
    """The pictures of a job."""
    frames = {frame_key(data): data for data in (resolve(job, frame) for frame in job.frames)}
    made: list[np.ndarray] = []
    sampler.render_all(frames, lambda key, picture: made.append(np.asarray(picture)), None, cancelled)
    return made


@pytest.mark.parametrize("batch", [1, 2])
def test_no_hook_is_left_after_a_job(batch: int, samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    during: list[int] = []
    handle = samplers["sd15"].pipeline.unet.register_forward_hook(lambda *_: during.append(hooks(samplers["sd15"])))
    render(samplers["sd15"], bent(make_job, batch=batch))
    handle.remove()
    assert min(during) > 15
    assert hooks(samplers["sd15"]) == 0


def test_no_hook_is_left_after_a_failure_or_a_cancel(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    asked: list[None] = []
    with pytest.raises(BendError):
        render(samplers["sd15"], bent(make_job), lambda: bool(asked.append(None)) or len(asked) > 2)
    assert hooks(samplers["sd15"]) == 0
    with pytest.raises(BendError):
        too_much = [(Bend("Too much", "matrix_exponential", "unet:mid_block"), [{"scale": 1000.0}])]
        render(samplers["sd15"], make_job("sd15", too_much))
    assert hooks(samplers["sd15"]) == 0
    lost = make_job("sd15", [(Bend(s, "multiply", s), [{"factor": 2.0}]) for s in ("unet:mid_block", "unet:lost")])
    with pytest.raises(BendError):
        render(samplers["sd15"], lost)
    assert hooks(samplers["sd15"]) == 0


def test_two_hundred_jobs_do_not_grow_memory(make_job: MakeJob, tmp_path: Any) -> None:
    """A network is 2 MB here: a copy left by every job would be 400 MB, a kept latent or hook shows in the counts."""
    renderer, process = Renderer("cpu"), psutil.Process()

    def jobs(numbers: range) -> tuple[int, int]:
        for number in numbers:
            job = bent(make_job, 1.0 + number / 1000, steps=1, guidance=1.0)
            renderer.render(job, FrameStore(tmp_path), numbers=[1])
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()), process.memory_info().rss

    tensors, memory = jobs(range(1, 40))
    tensors_after, memory_after = jobs(range(40, 240))
    assert len(list(tmp_path.glob("*.png"))) == 239
    assert tensors_after <= tensors
    assert memory_after - memory < 30 * 2**20


def offloaded_by_accelerate(pipeline: Any) -> None:
    accelerate.cpu_offload(pipeline.unet, execution_device=torch.device("cpu"))
    accelerate.cpu_offload(pipeline.vae, execution_device=torch.device("cpu"))


def offloaded_in_groups(pipeline: Any) -> None:
    for network in (pipeline.unet, pipeline.vae):
        network.enable_group_offload(
            onload_device=torch.device("cpu"), offload_type="block_level", num_blocks_per_group=1
        )


@pytest.mark.parametrize("offload", [offloaded_by_accelerate, offloaded_in_groups])
def test_offloaded_weights_give_the_same_pixels(
    offload: Callable[[Any], None], samplers: dict[str, Sampler], load: Callable[..., Any], make_job: MakeJob
) -> None:
    pipeline = load("sd15")
    offload(pipeline)
    for one, two in zip(
        render(Sampler(pipeline), bent(make_job)), render(samplers["sd15"], bent(make_job)), strict=True
    ):
        assert np.array_equal(one, two)
