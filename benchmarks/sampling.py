"""How much faster is Bend's sampler than the plain diffusers pipeline, frame by frame? Prints ratios of one run."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import models
from blender_bend.core.job import Bend, Frame, Job
from blender_bend.core.plan import measure
from blender_bend.core.resolve import trace
from blender_bend.engine.bending import apply
from blender_bend.engine.sampling import Sampler

PROMPT, SEED, STEPS, GUIDANCE, SIDE, BATCH = "teal ocean waves", 3, 20, 5.0, 256, 8
Pictures = list[np.ndarray]


def job(angles: list[float], start: float, batch: int = 1) -> Job:
    """One rotation of the latent at the given step, another angle on every frame."""
    bend = Bend("turn", "rotate_channels", "latent", start, start, choices={"plane": "1-2"})
    return _job((bend,), [({"angle": angle},) for angle in angles], batch)


def hooked_job(places: list[str]) -> Job:
    """One frame with a pointwise bend at each of some places."""
    bends = tuple(Bend(f"hook {place}", "multiply", f"unet:{place}") for place in places)
    return _job(bends, [tuple({"factor": 1.01} for _ in bends)], 1)


def _job(bends: tuple[Bend, ...], values: list[tuple[dict[str, float], ...]], batch: int) -> Job:
    frames = tuple(Frame(number, ((PROMPT, 1.0),), each) for number, each in enumerate(values))
    return Job("", "", (SIDE, SIDE), STEPS, GUIDANCE, SEED, "", bends, frames, batch=batch)


def plain(pipeline: Any, angles: list[float], start: float) -> Pictures:
    """What a diffusers user would write: the pipeline for every frame, with the bend in its callback."""
    return [_plain(pipeline, angle, round(start * STEPS)) for angle in angles]


def _plain(pipeline: Any, angle: float, moment: int) -> np.ndarray:
    def turned(latents: torch.Tensor) -> torch.Tensor:
        return apply("rotate_channels", latents, angle=angle, plane="1-2")

    def after_step(pipe: Any, step: int, timestep: Any, state: dict[str, Any]) -> dict[str, Any]:
        return {"latents": turned(state["latents"])} if step + 1 == moment else {}

    generator, latents = torch.Generator("cpu").manual_seed(SEED), None
    if moment == 0:
        shape = (1, pipeline.unet.config.in_channels, SIDE // 8, SIDE // 8)
        latents = turned(torch.randn(shape, generator=generator, dtype=pipeline.unet.dtype))
    result = pipeline(
        PROMPT,
        height=SIDE,
        width=SIDE,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=generator,
        latents=latents,
        callback_on_step_end=after_step,
    )
    return np.asarray(result.images[0])


def bent(sampler: Sampler, work: Job) -> Pictures:
    """The same by Bend's sampler; every frame of the timeline gets its picture."""
    traced = list(trace(work))
    made: dict[str, np.ndarray] = {}
    sampler.render_all(
        {frame.key: frame.data for frame in traced}, lambda key, picture: made.__setitem__(key, np.asarray(picture))
    )
    return [made[frame.key] for frame in traced]


def timed(function: Callable[[], Pictures]) -> tuple[float, Pictures]:
    """Processor seconds and what came out."""
    began = time.process_time()
    result = function()
    return time.process_time() - began, result


def report(name: str, ratio: float, bound: float, note: str) -> bool:
    """One line of the table."""
    print(
        f"{name:<58} {ratio:6.2f}x   at least {bound:5.2f}x   {'ok ' if ratio >= bound else 'LOW'}   {note}", flush=True
    )
    return ratio >= bound


def difference(one: Pictures, other: Pictures) -> str:
    """Whether two runs are equal, or by how many of 255 levels they differ."""
    apart = [np.abs(a.astype(int) - b.astype(int)) for a, b in zip(one, other, strict=True)]
    if not any(gap.any() for gap in apart):
        return "bit-equal"
    return f"differs by at most {max(int(gap.max()) for gap in apart)}, on average {np.mean(apart):.3f} of 255"


def compare(name: str, pipeline: Any, frames: int) -> list[bool]:
    """Every comparison on one model."""
    sampler = Sampler(pipeline)
    bent(sampler, job([0.0], 0.5))  # warm up
    good = []
    for label, count, start, bound, batched in (
        ("half the steps", frames, 0.5, 1.8, 2.5),
        ("three quarters", 2 * frames, 0.75, 3.3, 4.0),
    ):
        angles = [0.05 * (number + 1) for number in range(count)]
        alone, wanted = timed(lambda a=angles, s=start: plain(pipeline, a, s))
        work = measure([frame.data for frame in trace(job(angles, start))])
        seconds, made = timed(lambda a=angles, s=start: bent(sampler, job(a, s)))
        note = f"{work.states} steps instead of {work.alone}; {difference(made, wanted)}"
        good.append(report(f"{name}, {count} frames, first bend at {label}", alone / seconds, bound, note))
        seconds, made = timed(lambda a=angles, s=start: bent(sampler, job(a, s, BATCH)))
        good.append(
            report(f"{'':<10}the same in batches of {BATCH}", alone / seconds, batched, difference(made, wanted))
        )
    angles = [0.05 * (number + 1) for number in range(frames)]
    alone, wanted = timed(lambda: plain(pipeline, angles, 0.0))
    seconds, made = timed(lambda: bent(sampler, job(angles, 0.0)))
    good.append(
        report(f"{name}, {frames} frames, all different from step 0", alone / seconds, 0.97, difference(made, wanted))
    )
    levels, length = 4 * frames, 45 * frames
    curve = np.sin(np.linspace(0, 12, length)) * 0.5 + 0.5
    quantised = (np.round(curve * (levels - 1)) / (levels - 1)).tolist()
    seconds, made = timed(lambda: bent(sampler, job(quantised, 0.5)))
    note = f"plain: {frames} frames measured, times 45"
    good.append(report(f"{name}, {length} frames of a curve of {levels} levels", 45 * alone / seconds, 10.0, note))
    return good


def hooks(name: str, pipeline: Any, repeats: int) -> bool:
    """What ten pointwise hooks cost: the fastest of several runs with and without, taken in turns."""
    sampler = Sampler(pipeline)
    places = [path for path, module in pipeline.unet.named_modules() if type(module).__name__ == "ResnetBlock2D"][:10]
    without, within = _job((), [()], 1), hooked_job(places)
    pairs = [
        (timed(lambda: bent(sampler, without))[0], timed(lambda: bent(sampler, within))[0]) for _ in range(repeats)
    ]
    free, hooked = (min(times) for times in zip(*pairs, strict=True))
    cost = f"cost {hooked / free - 1:+.1%}"
    return report(f"{name}, {len(places)} pointwise hooks against none", free / hooked, 1 / 1.03, cost)


def main() -> int:
    """Run all; the exit code says whether every bound is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four frames instead of sixteen; bounds do not hold then")
    frames = 4 if parser.parse_args().quick else 16
    torch.set_num_threads(1)
    good = []
    with torch.inference_mode():
        for name, make in (("mini", models.mini), ("small UNet", models.small_unet)):
            for precision in (torch.float32, torch.bfloat16):
                pipeline = make(precision)
                label = f"{name} {str(precision).removeprefix('torch.')}"
                good += compare(label, pipeline, frames)
                good.append(hooks(label, pipeline, 8))
    print(f"{sum(good)} of {len(good)} bounds kept")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
