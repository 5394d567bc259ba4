"""The sampler against plain diffusers loops written out by hand, with the bend put in at its moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
)
from torch import Tensor, nn

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.job.resolved import Resolved
from blender_bend.engine.sampling import Sampler

MakeJob = Callable[..., Job]
#: A bend written by hand: the site, the steps at which it acts, and what it does.
Hand = tuple[str, range, Callable[[Tensor], Tensor]]

PLAIN = {
    "ddim": (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler_ancestral": (EulerAncestralDiscreteScheduler, {}),
    "dpm": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "lcm": (LCMScheduler, {}),
}


def scheduler_by_hand(pipeline: Any, name: str) -> Any:
    """The scheduler of a name, made as diffusers' documentation says."""
    own = pipeline.scheduler
    kind, settings = (type(own), {}) if name == "own" else PLAIN[name]
    return kind.from_config(own.config, **settings)


def steps_of_calls(scheduler: Any, steps: int) -> list[int]:
    """The denoising step of each call of the network: PNDM asks twice in its first step, when there are two."""
    return [0, *range(steps)] if len(scheduler.timesteps) == steps + 1 else list(range(steps))


@contextmanager
def changed(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """A module whose output goes through a function, without Bend's own hooks."""
    forward = module.forward

    def changing(*arguments: Any, **named: Any) -> Any:
        output = forward(*arguments, **named)
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    module.forward = changing  # type: ignore[method-assign]
    try:
        yield
    finally:
        del module.forward


@torch.inference_mode()
def by_hand(pipeline: Any, frame: Resolved, *hands: Hand) -> tuple[Tensor, np.ndarray]:
    """What goes into the decoder, and the picture, of a UNet pipeline, in a loop to be read from top to bottom."""

    def bent(site: str, step: int, x: Tensor) -> Tensor:
        for where, steps, change in hands:
            x = change(x) if where == site and step in steps else x
        return x

    steps, guidance, (width, height) = frame["steps"], frame["guidance"], frame["size"]
    guided = guidance > 1
    ((prompt, _),) = frame["prompt"]
    positive, negative = pipeline.encode_prompt(prompt, "cpu", 1, guided)
    scheduler = scheduler_by_hand(pipeline, frame["scheduler"])
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(frame["seed"])
    latents = bent("noise", 0, torch.randn((1, 4, height // 8, width // 8), generator=generator))
    latents = latents * scheduler.init_noise_sigma
    before = -1
    for step, timestep in zip(steps_of_calls(scheduler, steps), scheduler.timesteps, strict=True):
        latents = bent("latent", step, latents) if step != before else latents
        before = step
        text = bent("text", step, positive)
        x = scheduler.scale_model_input(torch.cat([latents] * 2) if guided else latents, timestep)
        inner = [hand for hand in hands if hand[0].startswith("unet:") and step in hand[1]]
        with changed_paths(pipeline.unet, inner):
            words = torch.cat([negative, text]) if guided else text
            prediction = pipeline.unet(x, timestep, encoder_hidden_states=words, return_dict=False)[0]
        if guided:
            without, within = prediction.chunk(2)
            prediction = without + guidance * bent("guidance", step, within - without)
        else:
            prediction = bent("guidance", step, prediction)
        prediction = bent("prediction", step, prediction)
        extra = {} if type(scheduler).__name__ in ("PNDMScheduler",) else {"generator": generator}
        latents = scheduler.step(prediction, timestep, latents, **extra, return_dict=False)[0]
    latents = bent("latent", steps, latents)
    with changed_paths(pipeline.vae, [hand for hand in hands if hand[0].startswith("vae:")]):
        latents = latents / pipeline.vae.config.scaling_factor
        image = pipeline.vae.decode(latents, return_dict=False)[0]
    return latents, np.asarray(pipeline.image_processor.postprocess(image)[0])


@contextmanager
def changed_paths(network: nn.Module, hands: list[Hand]) -> Iterator[None]:
    """A network with some of its modules changed."""
    if not hands:
        yield
        return
    (site, _, change), *rest = hands
    with changed(network.get_submodule(site.partition(":")[2]), change), changed_paths(network, rest):
        yield


def by_bend(sampler: Sampler, frames: dict[str, Resolved]) -> dict[str, tuple[Tensor, np.ndarray]]:
    """What goes into the decoder, and the pictures, that the sampler makes, rendered together."""
    vae, seen, made = sampler.pipeline.vae, [], {}
    decode = vae.decode
    vae.decode = lambda latents, **named: seen.append(latents.clone()) or decode(latents, **named)
    try:
        sampler.render_all(frames, lambda key, picture: made.update({key: (seen[-1], np.asarray(picture))}))
    finally:
        del vae.decode
    return made


def assert_equal(ours: tuple[Tensor, np.ndarray], theirs: tuple[Tensor, np.ndarray]) -> None:
    """The same bits, in the latent and in the picture."""
    assert torch.equal(ours[0], theirs[0])
    assert np.array_equal(ours[1], theirs[1])


def moments(make_job: MakeJob, kind: str, site: str, steps: int, chosen: list[int], **settings: Any) -> list[Resolved]:
    """Frames of one job, in each of which the bend sits at another step."""
    found = []
    for step in chosen:
        bend = Bend("Strong", "multiply", site, step / steps, step / steps)
        job = make_job(kind, [(bend, [{"factor": 1.7}])], steps=steps, **settings)
        found.append(resolve(job, job.frames[0]))
    return found


@pytest.mark.parametrize("guidance", [3.0, 1.0], ids=["guided", "unguided"])
@pytest.mark.parametrize("scheduler", ["own", *PLAIN])
def test_a_latent_bend_at_a_step_is_the_plain_loop_with_the_bend_put_in(
    scheduler: str, guidance: float, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    """At the first, a middle and the last step, and on the finished latent; for one, two and five steps."""
    pipeline = samplers["sd15"].pipeline
    for steps, chosen in ((1, [0, 1]), (2, [1]), (5, [0, 2, 4, 5])):
        frames = moments(make_job, "sd15", "latent", steps, chosen, scheduler=scheduler, guidance=guidance)
        made = by_bend(samplers["sd15"], {str(step): frame for step, frame in zip(chosen, frames, strict=True)})
        for step, frame in zip(chosen, frames, strict=True):
            hand = ("latent", range(step, step + 1), lambda x: x * 1.7)
            assert_equal(made[str(step)], by_hand(pipeline, frame, hand))


@pytest.mark.parametrize("kind", ["sd21", "mini"])
def test_models_that_predict_velocity_bend_as_in_the_plain_loop(
    kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    pipeline = samplers[kind].pipeline
    for name, chosen in (("own", [0, 2]), ("euler_ancestral", [1])):
        for step, frame in zip(
            chosen, moments(make_job, kind, "latent", 3, chosen, scheduler=name, guidance=3.0), strict=True
        ):
            hand = ("latent", range(step, step + 1), lambda x: x * 1.7)
            assert_equal(by_bend(samplers[kind], {"": frame})[""], by_hand(pipeline, frame, hand))


@pytest.mark.parametrize("guidance", [3.0, 1.0], ids=["guided", "unguided"])
@pytest.mark.parametrize("scheduler", ["own", "dpm", "euler_ancestral"])
@pytest.mark.parametrize(
    "site", ["noise", "prediction", "guidance", "text", "unet:mid_block", "unet:up_blocks.1.attentions.0"]
)
def test_a_window_at_every_site_is_the_plain_loop_with_the_bend_put_in(
    site: str, scheduler: str, guidance: float, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    """Steps 1 and 2 of four; noise is bent once."""
    pipeline = samplers["sd15"].pipeline
    bend = Bend("Strong", "multiply", site, 0.25, 0.75)
    job = make_job("sd15", [(bend, [{"factor": 1.7}])], steps=4, scheduler=scheduler, guidance=guidance)
    frame = resolve(job, job.frames[0])
    hand = (site, range(1) if site == "noise" else range(1, 3), lambda x: x * 1.7)
    theirs = by_hand(pipeline, frame, hand)
    assert_equal(by_bend(samplers["sd15"], {"": frame})[""], theirs)
    assert not torch.equal(theirs[0], by_hand(pipeline, frame)[0])


@pytest.mark.parametrize("site", ["vae:decoder.mid_block", "vae:decoder.up_blocks.1", "vae:decoder.conv_in"])
def test_a_bend_in_the_decoder_acts_once_at_the_end(site: str, samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    pipeline = samplers["sd15"].pipeline
    job = make_job("sd15", [(Bend("Strong", "multiply", site), [{"factor": 1.7}])])
    frame = resolve(job, job.frames[0])
    ours, theirs = (
        by_bend(samplers["sd15"], {"": frame})[""],
        by_hand(pipeline, frame, (site, range(1), lambda x: x * 1.7)),
    )
    assert_equal(ours, theirs)
    assert not np.array_equal(theirs[1], by_hand(pipeline, frame)[1])


@pytest.mark.parametrize(
    ("number", "block", "place"), [(0, 3, 0), (2, 3, 2), (4, 2, 1), (11, 0, 2)], ids=["first", "third", "fifth", "last"]
)
def test_a_skip_connection_bends_what_leads_across_and_nothing_else(
    number: int, block: int, place: int, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    """By hand: each block of the way up takes three of the twelve skips; the shallowest go to the last block."""
    pipeline = samplers["sd15"].pipeline
    job = make_job("sd15", [(Bend("Bridge", "multiply", f"unet:skips.{number}"), [{"factor": 1.7}])])
    frame = resolve(job, job.frames[0])
    module = pipeline.unet.up_blocks[block]
    forward = module.forward

    def across(**named: Any) -> Any:
        skips = list(named.pop("res_hidden_states_tuple"))
        skips[place] = skips[place] * 1.7
        return forward(**named, res_hidden_states_tuple=tuple(skips))

    ours = by_bend(samplers["sd15"], {"": frame})[""]
    module.forward = across
    try:
        theirs = by_hand(pipeline, frame)
    finally:
        del module.forward
    assert_equal(ours, theirs)


def test_skips_are_counted_in_the_order_of_the_way_down(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    unet, seen = samplers["sd15"].pipeline.unet, []
    handles = [unet.conv_in.register_forward_hook(lambda module, inputs, output: seen.append(output))]
    for block in unet.down_blocks:
        handles.append(block.register_forward_hook(lambda module, inputs, output: seen.extend(output[1])))
    taken: list[Tensor] = []
    for block in unet.up_blocks:
        handles.append(
            block.register_forward_pre_hook(
                lambda module, inputs, named: taken.append(named["res_hidden_states_tuple"]), with_kwargs=True
            )
        )
    job = make_job("sd15", steps=1, guidance=1.0)
    try:
        samplers["sd15"].render(resolve(job, job.frames[0]))
    finally:
        for handle in handles:
            handle.remove()
    crossing = [skip for skips in reversed(taken) for skip in skips]
    assert len(crossing) == len(seen) == 12
    assert all(one is two for one, two in zip(crossing, seen, strict=True))


def test_several_bends_act_in_the_order_of_the_stack(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    pipeline = samplers["sd15"].pipeline
    bends = [
        (Bend("One", "add", "latent", 0.5, 1.0), [{"amount": 0.3}]),
        (Bend("Two", "multiply", "unet:mid_block", 0.25, 0.5), [{"factor": 1.7}]),
        (Bend("Three", "multiply", "latent", 0.0, 0.75), [{"factor": 0.9}]),
    ]
    job = make_job("sd15", bends, steps=4, scheduler="dpm")
    frame = resolve(job, job.frames[0])
    theirs = by_hand(
        pipeline,
        frame,
        ("latent", range(2, 4), lambda x: x + 0.3),
        ("unet:mid_block", range(1, 2), lambda x: x * 1.7),
        ("latent", range(3), lambda x: x * 0.9),
    )
    assert_equal(by_bend(samplers["sd15"], {"": frame})[""], theirs)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_turbo_model_without_guidance_gives_what_diffusers_gives(
    steps: int, load: Callable[..., Any], make_job: MakeJob
) -> None:
    """SDXL Turbo: Euler ancestral, trailing timesteps, guidance 0, one to four steps."""
    ours, theirs = load("sdxl"), load("sdxl")
    for pipeline in (ours, theirs):
        pipeline.scheduler = EulerAncestralDiscreteScheduler.from_config(
            pipeline.scheduler.config, timestep_spacing="trailing"
        )
    job = make_job("sdxl", steps=steps, guidance=0.0)
    picture = Sampler(ours).render(resolve(job, job.frames[0]))
    assert np.array_equal(np.asarray(picture), plain(theirs, job))


@pytest.mark.parametrize("guidance", [1.0, 8.0])
@pytest.mark.parametrize("steps", [1, 4])
def test_an_lcm_model_takes_its_guidance_as_an_input(
    steps: int, guidance: float, samplers: dict[str, Sampler], load: Callable[..., Any], make_job: MakeJob
) -> None:
    stock = load("lcm")
    stock.scheduler = LCMScheduler.from_config(stock.scheduler.config)
    job = make_job("lcm", steps=steps, guidance=guidance, scheduler="lcm")
    calls: list[int] = []
    handle = samplers["lcm"].pipeline.unet.register_forward_pre_hook(lambda module, x: calls.append(x[0].shape[0]))
    try:
        picture = np.asarray(samplers["lcm"].render(resolve(job, job.frames[0])))
    finally:
        handle.remove()
    assert np.array_equal(picture, plain(stock, job))
    assert calls == [1] * steps


def test_the_guidance_of_an_lcm_model_is_heard(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    pictures = []
    for guidance in (1.0, 8.0):
        job = make_job("lcm", guidance=guidance, scheduler="lcm")
        pictures.append(np.asarray(samplers["lcm"].render(resolve(job, job.frames[0]))))
    assert not np.array_equal(*pictures)


def plain(pipeline: Any, job: Job) -> np.ndarray:
    """What diffusers alone makes of the first frame."""
    ((prompt, _),) = job.frames[0].prompt
    return np.asarray(
        pipeline(
            prompt,
            width=job.size[0],
            height=job.size[1],
            num_inference_steps=job.steps,
            guidance_scale=job.guidance,
            generator=torch.Generator("cpu").manual_seed(job.seed),
        ).images[0]
    )


def test_a_sampler_of_another_kind_of_model_is_refused_with_words(
    samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    for kind, scheduler in (("sd15", "flow_euler"), ("sd3", "ddim")):
        job = make_job(kind, scheduler=scheduler)
        with pytest.raises(BendError) as caught:
            samplers[kind].render(resolve(job, job.frames[0]))
        assert caught.value.code == Code.PARAMETER_INVALID and caught.value.hint


def test_a_noise_that_a_bend_breaks_is_caught_by_the_bends_name(
    samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    job = make_job("sd15", [(Bend("Too much", "matrix_exponential", "noise"), [{"scale": 1000.0}])])
    with pytest.raises(BendError) as caught:
        samplers["sd15"].render(resolve(job, job.frames[0]))
    assert caught.value.code == Code.NON_FINITE
    assert "Too much" in caught.value.message


def test_frames_of_one_key_are_one_picture(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    """The key that names the file is that of the resolved frame, and the sampler gives it back with the picture."""
    job = make_job("sd15", frames=[{"walk": 0.1}, {"walk": 0.2}], walk_amount=0.5)
    frames = {frame_key(data): data for data in (resolve(job, frame) for frame in job.frames)}
    assert list(by_bend(samplers["sd15"], frames)) == list(frames)
