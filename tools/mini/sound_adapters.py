"""Training mini's sound adapters: the projector learns the words of a sound's scene, then the adapters the pictures."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from blender_bend.engine.scenes import SCENES
from blender_bend.engine.sonic import checkpoints as files
from blender_bend.engine.sonic.adapters import AudioAdapters
from blender_bend.engine.sonic.projector import AudioProjector
from blender_bend.engine.sonic.training.training import Examples, Training, smoothed
from blender_bend.engine.sonic.training.training import Recipe as SonicRecipe

from . import captions
from .audio_tower import embeddings_of, load_sound_classifier, load_sounds
from .denoiser import tokens_of
from .gate import load
from .latents import load_all
from .loop import Budget
from .pictures import TRAINING, attributes
from .recipe import Recipe
from .sounds import SOUNDS

PIECES = 3  # windows of each sound that are learnt from
LIMIT = 10_000_000  # bytes of all files


def train_adapters(recipe: Recipe, folder: Path, model: Path, budget: Budget) -> None:
    """The stage: projector, then adapters, then the files; goes on from where it was stopped.

    Parameters
    ----------
    model : the exported mini that the adapters are for; its weights stay as they are
    """
    pipeline = load(model)
    torch.manual_seed(recipe.seed)
    examples = paired(recipe, folder, pipeline)
    width = pipeline.unet.config.cross_attention_dim
    projector = AudioProjector(
        "stacked", recipe.tower_embedding, recipe.text_length, width, inner=recipe.projector_inner
    )
    adapters = AudioAdapters.for_unet(pipeline.unet, width)
    words, pictures = (recipe.words_steps, recipe.words_rate), (recipe.adapters_steps, recipe.adapters_rate)
    for stage, (steps, rate) in enumerate((words, pictures), 1):
        steps = budget.steps or steps
        settings = SonicRecipe(stage, 0, recipe.batch_32, rate, recipe.seed, negatives=8, drop_text=0.7)
        training = Training(settings, projector, adapters if stage == 2 else None, pipeline)
        _run(training, examples, folder / f"adapters{stage}", steps, budget.minutes)
    export_adapters(recipe, folder, projector, adapters, folder / "sound")


def _run(training: Training, examples: Examples, folder: Path, steps: int, minutes: float) -> None:
    began, every = time.monotonic(), 25
    for target in range(every, steps + every, every):
        training.recipe = replace(training.recipe, steps=min(target, steps))
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):  # weights change within
            training.run(examples, folder, every=every)
        seconds = time.monotonic() - began
        done = len(training.losses)
        left = seconds / target * (steps - done) / 60
        name, loss = f"adapters, stage {training.recipe.stage}", smoothed(training.losses)
        print(f"{name}: {done} steps, loss {loss:.4f}, {left:.1f} min left", flush=True)
        if minutes and seconds > minutes * 60:
            break


def paired(recipe: Recipe, folder: Path, pipeline: StableDiffusionPipeline) -> Examples:
    """Every picture of a scene that has a sound, each with one of its sounds and with a caption."""
    tower, _ = load_sound_classifier(recipe, folder)
    sounds = load_sounds(folder, TRAINING)
    latents = load_all(recipe, folder, recipe.latent)
    what = [attributes(recipe, TRAINING, number) for number in range(len(latents))]
    random = np.random.Generator(np.random.Philox(key=recipe.seed))
    vectors, words, classes, chosen = [], [], [], []
    for number, kind in enumerate(SOUNDS.values()):
        pictures = [n for n, each in enumerate(what) if each.scene == kind.scene]
        if not pictures:  # in toy size there are few
            continue
        embeddings = embeddings_of(tower, sounds[kind.name], PIECES)
        texts = [captions.caption(what[n], random) or SCENES[kind.scene].words[0] for n in pictures]
        vectors.append(embeddings[torch.arange(len(pictures)) % len(embeddings)])
        words.append(encoded(pipeline, texts))
        classes += [number] * len(pictures)
        chosen += pictures
    silence = encoded(pipeline, [""])
    return Examples(torch.cat(vectors), torch.cat(words), torch.tensor(classes), silence, latents[chosen].float())


@torch.no_grad()
def encoded(pipeline: StableDiffusionPipeline, texts: list[str]) -> Tensor:
    """What the text encoder makes of texts, shape (texts, tokens, width)."""
    parts = [tokens_of(pipeline.tokenizer, texts[n : n + 64]) for n in range(0, len(texts), 64)]
    return torch.cat([pipeline.text_encoder(part).last_hidden_state for part in parts])


def export_adapters(
    recipe: Recipe, folder: Path, projector: AudioProjector, adapters: AudioAdapters, target: Path
) -> None:
    """Write the tower, the projector and the adapters in fp16.

    Raises
    ------
    SystemExit if they are larger than they may be
    """
    tower, _ = load_sound_classifier(recipe, folder)
    files.save_tower(target / "clap.safetensors", tower)
    files.save_projector(target / "projector.safetensors", projector.half())
    files.save_adapters(target / "adapters.safetensors", adapters.half(), {"base": "mini"})
    size = sum(path.stat().st_size for path in target.iterdir())
    print(f"adapters: {size / 1e6:.1f} MB in {target}")
    if size > LIMIT:
        raise SystemExit(f"The files have {size} bytes; they may have {LIMIT}.")
