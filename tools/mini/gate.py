"""The gate: what a trained mini is worth, in numbers and in grids for the eye."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

from blender_bend.engine.bending import apply
from blender_bend.engine.scenes import PALETTES, SCENES

from . import captions, grids
from .autoencoder import psnr
from .captions import Attributes
from .classifier import Judgement, frechet, judge, load_classifier
from .denoiser import SCHEDULE, draw
from .pictures import HELDOUT, Pictures
from .recipe import Recipe

PROMPTS = (
    "golden mandala",
    "purple nebula",
    "teal ocean waves",
    "fiery lava",
    "pink jellyfish",
    "blue city skyline",
    "rainbow stained glass",
    "a misty green forest",
)
WINDOW_ANGLE = 0.6  # radians, by which channels are rotated in a part of the steps
UNKNOWN = (
    "a photograph of an astronaut",
    "flibbertigibbet",
    "rusty bicycle in the rain",
    "saxophone solo",
    "my grandmother's kitchen",
    "xqzwv brtl",
    "a dolphin made of fire",
    "quantum chromodynamics",
)


def load(path: Path) -> StableDiffusionPipeline:
    """A pipeline as stock diffusers loads it, in float32, with the scheduler that Bend gives mini."""
    pipeline = StableDiffusionPipeline.from_pretrained(path, torch_dtype=torch.float32, safety_checker=None)
    pipeline.scheduler = DPMSolverMultistepScheduler(**SCHEDULE)
    pipeline.set_progress_bar_config(disable=True)
    for part in (pipeline.unet, pipeline.vae):
        part.to(memory_format=torch.channels_last)
    return pipeline


def gate(recipe: Recipe, folder: Path, model: Path) -> dict[str, Any]:
    """Measure a model; its figures go to ``gate-<name>.json`` in the folder."""
    pipeline = load(model)
    classifier = load_classifier(recipe, folder)
    heldout = Pictures(recipe, folder, HELDOUT)
    plain = [n for n in range(len(heldout)) if heldout.attributes(n).mood == "none"]
    real = judge(classifier, [heldout[n] for n in plain], recipe)
    figures: dict[str, Any] = {"model": str(model)}
    figures |= _shares("heldout", real, [heldout.attributes(n) for n in plain])
    wanted = plain_wishes(recipe)
    began = time.monotonic()
    tiles = draw(
        pipeline, [captions.plain(wish) for wish in wanted], recipe.picture, recipe.gate_steps, recipe.guidance, seed=11
    )
    figures["seconds_a_picture"] = (time.monotonic() - began) / len(tiles)
    made = judge(classifier, tiles, recipe)
    figures |= _shares("generated", made, wanted)
    figures["frechet"] = frechet(made.features, real.features)
    half = len(real.features) // 2
    figures["frechet_of_heldout_halves"] = frechet(real.features[:half], real.features[half:])
    figures["psnr"] = psnr(pipeline.vae, [heldout[n] for n in range(min(128, len(heldout)))])
    figures["mid_block_change"] = mid_block_change(pipeline, recipe)
    figures["sweep"] = sweep(pipeline, recipe)
    (folder / f"gate-{model.name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps({key: value for key, value in figures.items() if not isinstance(value, dict)}, indent=2))
    return figures


def plain_wishes(recipe: Recipe) -> list[Attributes]:
    """Scenes and palettes to ask for: every scene as often as another, with palettes in turn."""
    scenes, palettes = list(SCENES), list(PALETTES)
    return [
        Attributes(scenes[n % len(scenes)], palettes[(n + n // len(scenes) * 7) % len(palettes)])
        for n in range(recipe.gate_pictures)
    ]


def _shares(name: str, seen: Judgement, wanted: list[Attributes]) -> dict[str, Any]:
    """Which part of the pictures is named as wanted: in all, and for each scene and palette."""
    pairs = list(zip(seen.names, wanted, strict=True))
    shares: dict[str, Any] = {
        f"{name}_pictures": len(pairs),
        f"{name}_subject": float(np.mean([got[0] == wish.scene for got, wish in pairs])),
        f"{name}_palette": float(np.mean([got[1] == wish.palette for got, wish in pairs])),
    }
    shares[f"{name}_by_scene"] = {
        scene: float(np.mean([got[0] == scene for got, wish in pairs if wish.scene == scene]))
        for scene in SCENES
        if any(wish.scene == scene for _, wish in pairs)
    }
    shares[f"{name}_by_palette"] = {
        palette: float(np.mean([got[1] == palette for got, wish in pairs if wish.palette == palette]))
        for palette in PALETTES
        if any(wish.palette == palette for _, wish in pairs)
    }
    return shares


def mid_block_change(pipeline: StableDiffusionPipeline, recipe: Recipe) -> float:
    """Mean change of the pixels (0 … 1) when the mid block of the UNet gives zeros."""
    prompts = list(PROMPTS)[: recipe.gate_pictures]
    before = draw(pipeline, prompts, recipe.picture, recipe.gate_steps, recipe.guidance, seed=21)
    hook = pipeline.unet.mid_block.register_forward_hook(lambda module, inputs, output: output * 0)
    after = draw(pipeline, prompts, recipe.picture, recipe.gate_steps, recipe.guidance, seed=21)
    hook.remove()
    return change(np.stack(before), np.stack(after))


def sweep(pipeline: StableDiffusionPipeline, recipe: Recipe) -> dict[str, float]:
    """A slow turn of the starting noise and a slow rise of the mid block: largest and median step between frames."""
    generator = torch.Generator().manual_seed(5)
    shape = (2, 4, recipe.latent, recipe.latent)
    first, second = torch.randn(shape, generator=generator).split(1)
    turned, scaled = [], []
    for frame in range(recipe.sweep_frames):
        angle = 0.02 * frame
        noise = first * np.cos(angle) + second * np.sin(angle)
        turned += draw(pipeline, [PROMPTS[0]], recipe.picture, recipe.gate_steps, recipe.guidance, 0, latents=noise)
        factor = 1.0 + 0.02 * frame
        hook = pipeline.unet.mid_block.register_forward_hook(lambda module, inputs, output, by=factor: output * by)
        scaled += draw(pipeline, [PROMPTS[0]], recipe.picture, recipe.gate_steps, recipe.guidance, 0, latents=first)
        hook.remove()
    found = {}
    for name, tiles in (("noise", turned), ("mid", scaled)):
        steps = [change(a, b) for a, b in pairwise(tiles)]
        found |= {f"{name}_largest": max(steps), f"{name}_median": float(np.median(steps))}
    return found


def change(a: np.ndarray, b: np.ndarray) -> float:
    """Mean difference of the pixels of two pictures, 0 … 1."""
    return float(np.abs(a.astype(float) - b.astype(float)).mean() / 255)


def step_windows(pipeline: StableDiffusionPipeline, recipe: Recipe, prompt: str) -> list[np.ndarray]:
    """A prompt unbent, and with its latent's channels rotated after the first, the middle and the last steps."""
    steps = recipe.gate_steps

    def drawn(first: float, last: float) -> np.ndarray:
        def bend(pipe: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
            del pipe, timestep
            if first <= step / steps < last:
                values["latents"] = apply("rotate_channels", values["latents"], angle=WINDOW_ANGLE)
            return values

        more = {"callback_on_step_end": bend, "callback_on_step_end_tensor_inputs": ["latents"]}
        return draw(pipeline, [prompt], recipe.picture, steps, recipe.guidance, seed=36, **more)[0]

    return [drawn(*window) for window in ((0, 0), (0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1))]


def write_grids(recipe: Recipe, model: Path, folder: Path) -> None:
    """The grids that a person looks at, as JPEG."""
    pipeline = load(model)
    steps, guidance, side = recipe.gate_steps, recipe.guidance, recipe.picture

    def drawn(prompts: list[str], seed: int, *, steps: int = steps, by: float = guidance, **more: Any) -> list[Any]:
        return draw(pipeline, prompts, side, steps, by, seed, **more)

    most = recipe.grid
    wanted = [captions.plain(wish) for wish in plain_wishes(recipe)[: len(SCENES)]]
    grids.save(drawn(wanted, 11), folder / "every_scene.jpg", columns=9, size=160)
    each = [tile for prompt in PROMPTS[:most] for tile in drawn([prompt] * most, 31)]
    grids.save(each, folder / "prompts_and_seeds.jpg", columns=most, size=160)
    unknown = drawn([*UNKNOWN[:most], *[""] * most], 32)
    grids.save(unknown, folder / "unknown_and_empty.jpg", columns=most, size=160)
    four = list(PROMPTS[: min(4, most)])
    against = [
        drawn(four, 33),
        drawn(four, 33, negative_prompt=["dark"] * len(four)),
        drawn(four, 33, negative_prompt=["red"] * len(four)),
    ]
    grids.save([tile for row in against for tile in row], folder / "negative_prompts.jpg", columns=len(four), size=160)
    by = [drawn(four, 34, by=float(value)) for value in range(1, 10)]
    grids.save([row[n] for n in range(len(four)) for row in by], folder / "guidance_1_to_9.jpg", columns=9, size=144)
    bent = [tile for prompt in four for tile in step_windows(pipeline, recipe, prompt)]
    grids.save(bent, folder / "windows.jpg", columns=4, size=192)
    counts = [drawn(four, 35, steps=count) for count in (4, 6, 8, 10, 12, 16, 20)]
    grids.save([row[n] for n in range(len(four)) for row in counts], folder / "steps_4_to_20.jpg", columns=7, size=160)
