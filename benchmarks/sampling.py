"""How much faster is Bend's sampler than the plain diffusers pipeline, frame by frame? Prints ratios of one run."""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import models
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.job.resolve import trace
from blender_bend.core.job.sharing import measure
from blender_bend.engine.bending import apply
from blender_bend.engine.sampling import Sampler

PROMPT, SEED, STEPS, SIDE, BATCH = "teal ocean waves", 3, 20, 256, 8
#: Off unless ``--guidance`` says otherwise: with guidance a state is two rows already, and batches bring less.
GUIDANCE = 1.0
MODELS = {"mini": models.mini, "small-unet": models.small_unet}
Results = list[np.ndarray]


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
    return Job("", "0" * 64, (SIDE, SIDE), STEPS, GUIDANCE, SEED, "", bends, frames, batch=batch)


def plain(pipeline: Any, angles: list[float], start: float, output: str = "latent") -> Results:
    """What a diffusers user would write: the pipeline for every frame, with the bend in its callback."""
    return [_plain(pipeline, angle, round(start * STEPS), output) for angle in angles]


def _plain(pipeline: Any, angle: float, moment: int, output: str) -> np.ndarray:
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
        output_type=output,
        callback_on_step_end=after_step,
    )
    return as_array(result.images[0])


def as_array(result: Any) -> np.ndarray:
    """A latent, or a picture as numbers 0...1."""
    if isinstance(result, torch.Tensor):
        return result.float().numpy()
    return np.asarray(result, dtype=np.float32) / 255


class Latents(Sampler):
    """The sampler without the decoding, as ``output_type="latent"`` of a pipeline."""

    def __init__(self, pipeline: Any) -> None:
        super().__init__(pipeline)
        self.family.decode = lambda latents: latents[0]  # type: ignore[method-assign]


def bent(sampler: Sampler, work: Job) -> Results:
    """The same by Bend's sampler; every frame of the timeline gets its result."""
    traced = list(trace(work))
    made: dict[str, np.ndarray] = {}
    sampler.render_all(
        {frame.key: frame.data for frame in traced}, lambda key, result: made.__setitem__(key, as_array(result))
    )
    return [made[frame.key] for frame in traced]


def timed(function: Callable[[], Results]) -> tuple[float, Results]:
    """Processor seconds and what came out."""
    began = time.process_time()
    result = function()
    return time.process_time() - began, result


def report(name: str, ratio: float, bound: float | None, note: str) -> bool:
    """One line of the table."""
    kept = bound is None or ratio >= bound
    wanted = "" if bound is None else f"at least {bound:5.2f}x {'ok' if kept else 'LOW'}"
    print(f"{name:<62} {ratio:6.2f}x  {wanted:<20} {note}", flush=True)
    return kept


def difference(one: Results, other: Results) -> str:
    """Whether two runs are equal, or how far apart they are."""
    apart = [np.abs(a - b) for a, b in zip(one, other, strict=True)]
    if not any(gap.any() for gap in apart):
        return "bit-equal"
    spread = np.mean([result.std() for result in other])
    largest, usual = max(gap.max() for gap in apart) / spread, np.mean(apart) / spread
    return f"differs by at most {largest:.0e} spreads, {usual:.0e} on average"


def compare(name: str, pipeline: Any, frames: int, batches: bool) -> list[bool]:
    """Every comparison on one model; ``batches`` says whether they must pay, as they do where bfloat16 is quick."""
    sampler = Latents(pipeline)
    bent(sampler, job([0.0], 0.5))  # warm up
    good = []
    for label, count, start, bound, batched in (
        ("half the steps", frames, 0.5, 1.8, 2.5),
        ("three quarters", 2 * frames, 0.75, 3.3, 4.0),
    ):
        angles = [0.05 * (number + 1) for number in range(count)]
        alone, wanted = timed(functools.partial(plain, pipeline, angles, start))
        work = measure([frame.data for frame in trace(job(angles, start))])
        seconds, made = timed(functools.partial(bent, sampler, job(angles, start)))
        note = f"{work.states} steps instead of {work.alone}; {difference(made, wanted)}"
        good.append(report(f"{name}, {count} frames, first bend at {label}", alone / seconds, bound, note))
        seconds, made = timed(functools.partial(bent, sampler, job(angles, start, BATCH)))
        limit = batched if batches else None
        good.append(report(f"{'':>12}in batches of {BATCH}", alone / seconds, limit, difference(made, wanted)))
    angles = [0.05 * (number + 1) for number in range(frames)]
    alone, wanted = timed(functools.partial(plain, pipeline, angles, 0.0))
    seconds, made = timed(functools.partial(bent, sampler, job(angles, 0.0)))
    note = difference(made, wanted)
    good.append(report(f"{name}, {frames} frames, all different from step 0", alone / seconds, 0.97, note))
    levels, length = 4 * frames, 45 * frames
    curve = np.sin(np.linspace(0, 12, length)) * 0.5 + 0.5
    quantised = (np.round(curve * (levels - 1)) / (levels - 1)).tolist()
    seconds, made = timed(functools.partial(bent, sampler, job(quantised, 0.5)))
    note = f"plain: {frames} frames measured, times {length // frames}"
    ratio = length / frames * alone / seconds
    good.append(report(f"{name}, {length} frames of a curve of {levels} levels", ratio, 10.0, note))
    angles = angles[: frames // 2]
    alone, wanted = timed(functools.partial(plain, pipeline, angles, 0.5, "pil"))
    seconds, made = timed(functools.partial(bent, Sampler(pipeline), job(angles, 0.5)))
    note = difference(made, wanted)
    report(f"{name}, {len(angles)} frames at half the steps, decoding included", alone / seconds, None, note)
    return good


def hooks(name: str, pipeline: Any, pairs: int) -> bool:
    """What ten pointwise hooks cost: the median over pairs of runs with and without, taken in turns."""
    sampler = Latents(pipeline)
    places = [path for path, module in pipeline.unet.named_modules() if type(module).__name__ == "ResnetBlock2D"][:10]
    without, within = _job((), [()], 1), hooked_job(places)
    runs = [[timed(functools.partial(bent, sampler, work))[0] for work in (without, within)] for _ in range(pairs)]
    cost = float(np.median([hooked / free for free, hooked in runs]))
    return report(f"{name}, {len(places)} pointwise hooks", 1 / cost, 1 / 1.03, f"cost {cost - 1:+.1%}")


def main() -> int:
    """Run all; the exit code says whether every bound is kept."""
    global GUIDANCE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four frames instead of sixteen; bounds do not hold then")
    parser.add_argument("--model", choices=MODELS, nargs="+", default=list(MODELS))
    parser.add_argument("--guidance", type=float, default=GUIDANCE)
    options = parser.parse_args()
    GUIDANCE = options.guidance
    frames = 4 if options.quick else 16
    torch.set_num_threads(1)
    good = []
    with torch.inference_mode():
        for name in options.model:
            for precision in (torch.float32, torch.bfloat16):
                pipeline = MODELS[name](precision)
                label = f"{name} {str(precision).removeprefix('torch.')}"
                good += compare(label, pipeline, frames, batches=precision == torch.bfloat16)
                good.append(hooks(label, pipeline, 12))
    print(f"{sum(good)} of {len(good)} bounds kept")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
