"""Films for pretended devices: what jobs may contain, and what is watched while they are rendered."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from ghost import Accelerator, Records
from lora_files import flat, kohya, lora_of, save, text_lora
from make_adapters import files_of, make
from operator_formulas import CASES
from store_pictures import capture

from blender_bend.core import catalogue
from blender_bend.core.job.job import Bend, Job, Lora, SoundCondition
from blender_bend.core.job.resolve import trace
from blender_bend.engine.loading import load_pipeline
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import store_vector
from blender_bend.engine.studies import study

#: Whether every way is tried with every film.
ALL = os.environ.get("BEND_TEST_ALL") == "1"
SIZE = (64, 64)
#: A bend and its values on every frame.
Stack = list[tuple[Bend, list[dict[str, float]]]]


@contextmanager
def brief_studies() -> Iterator[None]:
    """A study that takes a moment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PROMPTS", ("", "a forest")), ("SEEDS", (0, 1)), ("STEPS", 2), ("MOMENTS", (0, 1))):
            patch.setattr(study, name, value)
        yield


@dataclass
class Film:
    """What a job is made of."""

    bends: Stack = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Files:
    """What films need besides the model."""

    picture: str
    mask: str
    sounds: list[str]
    sound_condition: SoundCondition
    lora: Lora


def files_for(model: Path, folder: Path) -> tuple[Files, FrameStore]:
    """What the films of a model need, and the store that holds it."""
    store = FrameStore(folder / "frames")
    store.folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    pictures = [capture(store, random.integers(0, 256, (64, 64, 3), np.uint8)) for _ in range(2)]
    sounds = [store_vector(store, torch.eye(64)[:, place][None]) for place in (3, 40)]
    make(folder, model)
    pipeline = load_pipeline(model, torch.float32, "cpu")
    tensors = kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q", "to_v")[0] | text_lora(pipeline)[0]
    return Files(*pictures, sounds, SoundCondition(**files_of(folder)), lora_of(save(folder, tensors), 0.8)), store


def bend(operator: str, site: str, frames: int = 1, **settings: Any) -> tuple[Bend, list[dict[str, float]]]:
    """A bend of an operator at the first case of its formula."""
    described = catalogue.operator(operator)
    case = CASES.get(operator, [{"amount": 0.1}])[0]
    values = {parameter.name: case.get(parameter.name, parameter.default) for parameter in described.parameters}
    parts = [part for region in catalogue.REGIONS for part in region.parameters]
    if settings.get("region", "everywhere") != "everywhere":
        values |= {part.name: part.default for part in parts}
    choices = {choice.name: case.get(choice.name, choice.default) for choice in described.choices}
    name = f"{operator} {site} {settings}"
    each = [{"mix": 0.3, **{key: value + 0.01 * frame for key, value in values.items()}} for frame in range(frames)]
    return Bend(name, operator, site, choices=choices, **settings), each


def sites(files: Files) -> Film:
    places = ("noise", "latent", "prediction", "guidance", "text", "unet:**.attn2", "unet:**.resnets.0", "unet:skips.1")
    return Film([bend("threshold", place, 2) for place in (*places, "vae:decoder")], [{}, {}])


def transformer(files: Files) -> Film:
    places = (
        "noise",
        "latent",
        "prediction",
        "text",
        "transformer:**.attn",
        "transformer:*.0",
        "vae:decoder.mid_block",
    )
    return Film([bend("quantise", place) for place in places])


def operators(files: Files) -> Film:
    each = [bend(operator.name, "unet:mid_block", restore="energy") for operator in catalogue.OPERATORS]
    return Film(each, settings={"steps": 2})


def regions(files: Files) -> Film:
    bends = [
        bend("multiply", "unet:up_blocks.1", 2, region=region.name, inverted=inverted)
        for region in catalogue.REGIONS
        for inverted in (False, True)
    ]
    return Film(bends, [{"masks": (files.mask,) * len(bends)}] * 2)


def channels(files: Files) -> Film:
    selections = ("0-3", "random 25%", "top 2", "cluster 1 of 3")
    return Film([bend("add", "unet:mid_block", channels=chosen) for chosen in selections])


def restorations(files: Files) -> Film:
    kinds = [name for name, _, _ in catalogue.RESTORATIONS]
    return Film([bend("threshold", site, restore=kind) for kind in kinds for site in ("latent", "unet:**.attn1")])


def travel(files: Files, blending: str = "linear") -> Film:
    blend = (("a calm sea", 0.6), ("a forest", 0.4))
    frames = [{"prompt": blend, "walk": 0.25 * n, "strip": {"seed_travel": 0.5 + n}} for n in range(2)]
    return Film([bend("add", "latent", 2)], frames, {"walk_amount": 0.5, "blending": blending})


def on_a_circle(files: Files) -> Film:
    return travel(files, "spherical")


def painted_over(files: Files) -> Film:
    frames = [{"picture": files.picture, "strip": {"strength": strength}} for strength in (0.0, 0.7, 1.0)]
    return Film([bend("blur", "latent", 3)], frames, {"source": "pictures"})


def feedback(files: Files) -> Film:
    frames = [{"strip": {"strength": 0.7, "zoom": 1.1, "colour_match": 0.5}}] * 3
    return Film([bend("add", "latent", 3)], frames, {"source": "previous"})


def kept_layout(files: Files) -> Film:
    frames = [{"picture": files.picture, "strip": {"kept_layout": 0.8, "kept_shapes": 0.5}}] * 2
    return Film([bend("add", "unet:mid_block", 2)], frames, {"source": "pictures", "editing": True})


def sound_condition(files: Files) -> Film:
    frames = [{"sound": ((sound, 1.0),), "strip": {"sound_scale": 0.7}} for sound in files.sounds]
    return Film([bend("multiply", "unet:**.attn2", 2)], frames, {"sound_condition": files.sound_condition})


def sound_apart(files: Files) -> Film:
    return Film(
        **{
            **vars(sound_condition(files)),
            "settings": {"sound_condition": SoundCondition(**{**vars(files.sound_condition), "separate": True})},
        }
    )


def edited_by_sound(files: Files) -> Film:
    frames = [{"picture": files.picture, "sound": ((sound, 1.0),)} for sound in files.sounds]
    return Film([], frames, {"sound_condition": files.sound_condition, "source": "pictures", "editing": True})


def batch(files: Files) -> Film:
    bends = [bend(name, "unet:**.attn2", 3) for name in ("multiply", "rotate_channels")]
    bends += [bend(name, "latent", 3) for name in ("blur", "dilate")]
    return Film(bends, [{}] * 3, {"batch": 2})


def lora(files: Files) -> Film:
    return Film([bend("multiply", "lora:ink", 2), bend("add", "unet:mid_block", 2)], [{}] * 2, {"loras": (files.lora,)})


def directions(files: Files) -> Film:
    return Film([bend("add_direction", "unet:mid_block", 2), bend("add_direction", "unet:**.attn2", 2)], [{}] * 2)


FILMS: dict[str, Callable[[Files], Film]] = {
    make.__name__: make
    for make in (
        sites,
        operators,
        regions,
        channels,
        restorations,
        travel,
        on_a_circle,
        painted_over,
        feedback,
        kept_layout,
        sound_condition,
        sound_apart,
        edited_by_sound,
        batch,
        lora,
        directions,
    )
}


@contextmanager
def steps_watched(accelerator: Accelerator) -> Iterator[list[Records]]:
    """What happens in each denoising step of any sampler."""
    steps: list[Records] = []
    advance = Sampler.advance

    def watched(self: Sampler, *arguments: Any) -> Any:
        with accelerator.watched() as records:
            steps.append(records)
            return advance(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sampler, "advance", watched)
        yield steps


def pictures_of(job: Job, store: FrameStore) -> list[np.ndarray]:
    return [np.asarray(PIL.Image.open(store.path(traced.key))).astype(int) for traced in trace(job)]


def check_steps(accelerator: Accelerator, steps: list[Records]) -> None:
    """No step made the host wait, but for what the scheduler of diffusers reads."""
    assert steps
    for records in steps:
        assert not [place for place in records.reads if "@ diffusers/schedulers/" not in place]
        assert not records.ours("wide")
        assert records.answers.total() <= 1
        assert accelerator.kind == "mps" or not records.ours("stalling")


def reads_of(records: Iterable[Records]) -> Counter[str]:
    """All reads of some steps."""
    return sum((each.reads for each in records), Counter())


class Devices:
    """Renderers of devices, each with the model that it used last, as in the engine.

    Parameters
    ----------
    inputs : the store that holds what films need
    folder : for what is rendered and found out
    """

    def __init__(self, inputs: FrameStore, folder: Path) -> None:
        self.inputs, self.folder = inputs, folder
        self._renderers: dict[Any, Renderer] = {}
        self._count = 0

    def renderer(self, device: str, job: Job) -> Renderer:
        """The renderer of a job's model."""
        key = (device, job.model, job.precision, job.loras)
        if key not in self._renderers:
            self._renderers[key] = Renderer(device, self.folder / f"studies on {device}")
        return self._renderers[key]

    def store(self) -> FrameStore:
        """An empty store with the inputs."""
        self._count += 1
        folder = self.folder / f"film {self._count}"
        folder.mkdir()
        (folder / "inputs").symlink_to(self.inputs.folder / "inputs")
        return FrameStore(folder)

    def rendered(self, device: str, job: Job, renderer: Renderer | None = None) -> list[np.ndarray]:
        """The pictures of a job."""
        store = self.store()
        (renderer or self.renderer(device, job)).render(job, store)
        return pictures_of(job, store)


def check_alike(made: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    """A device's pictures are the CPU's; attention there is another function of torch, with another order of sums."""
    for one, other in zip(made, wanted, strict=True):
        assert np.abs(one - other).max() <= 1
