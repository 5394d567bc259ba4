"""Whole films on an accelerator: the CPU's pictures, and within a step no read but those of the stock scheduler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from ghost import Accelerator, Records, pretended
from make_hearing import files_of, make
from operator_formulas import CASES
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from store_pictures import capture

from blender_bend.core import catalogue
from blender_bend.core.errors import BendError, Code
from blender_bend.core.footprint import Offload
from blender_bend.core.job import Bend, Hearing, Job, Lora
from blender_bend.core.models import file_fingerprint
from blender_bend.core.resolve import resolve, trace
from blender_bend.engine import study
from blender_bend.engine.families import family_of
from blender_bend.engine.frame_store import FrameStore
from blender_bend.engine.inputs import store_vector
from blender_bend.engine.loading import load_pipeline
from blender_bend.engine.render import Renderer
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.sampling.schedulers import prepare

MakeJob = Callable[..., Job]
SIZE = (64, 64)
FLOW_KINDS = ("sd3", "flux")
#: A bend and its values on every frame.
Stack = list[tuple[Bend, list[dict[str, float]]]]


@pytest.fixture(autouse=True, scope="module")
def brief() -> Iterator[None]:
    """A study that takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "PROMPTS", ("", "a forest"))
        patch.setattr(study, "SEEDS", (0, 1))
        patch.setattr(study, "STEPS", 2)
        patch.setattr(study, "MOMENTS", (0, 1))
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
    hearing: Hearing
    lora: Lora


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


def heard(files: Files) -> Film:
    frames = [{"sound": ((sound, 1.0),), "strip": {"sound_scale": 0.7}} for sound in files.sounds]
    return Film([bend("multiply", "unet:**.attn2", 2)], frames, {"hearing": files.hearing})


def heard_apart(files: Files) -> Film:
    return Film(**{**vars(heard(files)), "settings": {"hearing": Hearing(**{**vars(files.hearing), "separate": True})}})


def edited_by_sound(files: Files) -> Film:
    frames = [{"picture": files.picture, "sound": ((sound, 1.0),)} for sound in files.sounds]
    return Film([], frames, {"hearing": files.hearing, "source": "pictures", "editing": True})


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
        heard,
        heard_apart,
        edited_by_sound,
        batch,
        lora,
        directions,
    )
}


@pytest.fixture(scope="module")
def files(
    model_folders: dict[str, Path], load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Files, FrameStore]:
    """What the films need, and the store that holds it."""
    store = FrameStore(tmp_path_factory.mktemp("films") / "frames")
    store.folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    pictures = [capture(store, random.integers(0, 256, (64, 64, 3), np.uint8)) for _ in range(2)]
    sounds = [store_vector(store, torch.eye(64)[:, place][None]) for place in (3, 40)]
    folder = tmp_path_factory.mktemp("parts")
    make(folder, model_folders["sd15"])
    pipeline = load("sd15")
    torch.manual_seed(0)
    pipeline.unet.add_adapter(LoraConfig(r=4, lora_alpha=4, init_lora_weights=False, target_modules=["to_q", "to_v"]))
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipeline.unet))
    StableDiffusionPipeline.save_lora_weights(folder / "lora", unet_lora_layers=layers, safe_serialization=True)
    path = next((folder / "lora").glob("*.safetensors"))
    ink = Lora("ink", str(path), file_fingerprint(path), 0.8)
    return Files(*pictures, sounds, Hearing(**files_of(folder)), ink), store


@contextmanager
def steps_watched(accelerator: Accelerator) -> Iterator[list[Records]]:
    """What happens in each denoising step of any sampler."""
    steps: list[Records] = []
    advance = Sampler._advance

    def watched(self: Sampler, *arguments: Any) -> Any:
        with accelerator.watched() as records:
            steps.append(records)
            return advance(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sampler, "_advance", watched)
        yield steps


def pictures_of(job: Job, store: FrameStore) -> list[np.ndarray]:
    return [np.asarray(PIL.Image.open(store.path(traced.key))).astype(int) for traced in trace(job)]


def copied(store: FrameStore, folder: Path) -> FrameStore:
    """An empty store with the same inputs."""
    folder.mkdir()
    (folder / "inputs").symlink_to(store.folder / "inputs")
    return FrameStore(folder)


def check_steps(accelerator: Accelerator, steps: list[Records]) -> None:
    """No step made the host wait, but for what the scheduler of diffusers reads."""
    assert steps
    for records in steps:
        assert not [place for place in records.reads if "@ diffusers/schedulers/" not in place]
        assert not records.ours("wide")
        assert records.answers.total() <= 1
        assert accelerator.kind == "mps" or not records.ours("stalling")


@pytest.fixture(scope="module", params=list(FILMS))
def job(request: pytest.FixtureRequest, files: tuple[Files, FrameStore], make_job: MakeJob) -> Job:
    """Each of the films."""
    content = FILMS[request.param](files[0])
    settings = {"size": SIZE, "steps": 3, "scheduler": "euler", **content.settings}
    return make_job("sd15", content.bends, content.frames, **settings)


def rendered(device: str, job: Job, inputs: FrameStore, folder: Path) -> list[np.ndarray]:
    """The pictures of a job; what a device has found out about the model serves all its jobs."""
    store = copied(inputs, folder)
    Renderer(device, inputs.folder / f"studies on {device}").render(job, store)
    return pictures_of(job, store)


def test_every_film_looks_on_the_device_as_on_the_cpu(
    job: Job, files: tuple[Files, FrameStore], tmp_path: Path
) -> None:
    wanted = rendered("cpu", job, files[1], tmp_path / "cpu")
    with pretended("cuda") as accelerator, steps_watched(accelerator) as steps:
        made = rendered("cuda", job, files[1], tmp_path / "cuda")
        check_steps(accelerator, steps)
    for one, other in zip(made, wanted, strict=True):
        # Their attention is computed by another function of torch, in another order.
        assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize(("kind", "precision"), [("cuda", "float16"), ("cuda", "bfloat16"), ("mps", "float16")])
def test_every_film_is_made_in_half_precision(
    kind: str, precision: str, job: Job, files: tuple[Files, FrameStore], tmp_path: Path
) -> None:
    with pretended(kind) as accelerator, steps_watched(accelerator) as steps:
        made = rendered(kind, replace(job, precision=precision), files[1], tmp_path / kind)
        check_steps(accelerator, steps)
    assert len(made) == len(job.frames)


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("kind", ["sd21", "sdxl", "lcm", "sd3", "flux", "mini"])
def test_every_family_of_models_is_bent_on_the_device(
    kind: str, precision: str, make_job: MakeJob, files: tuple[Files, FrameStore], tmp_path: Path
) -> None:
    film = (transformer if kind in FLOW_KINDS else sites)(files[0])
    job = make_job(kind, film.bends, film.frames, size=SIZE, steps=2, precision=precision)
    for device in ("cuda", "mps"):
        with pretended(device) as accelerator, steps_watched(accelerator) as steps:
            assert len(rendered(device, job, files[1], tmp_path / device)) == len(film.frames)
            check_steps(accelerator, steps)


def reads_of(records: Iterable[Records]) -> Counter[str]:
    return sum((each.reads for each in records), Counter())


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("scheduler", ["own", "ddim", "euler", "euler_ancestral", "dpm", "lcm"])
def test_no_more_is_read_than_by_the_stock_pipeline(
    scheduler: str, guidance: float, make_job: MakeJob, files: tuple[Files, FrameStore], tmp_path: Path
) -> None:
    film = sites(files[0])
    bends = [(bend, values[:1]) for bend, values in film.bends]
    job = make_job("sd15", bends, size=SIZE, steps=3, guidance=guidance, scheduler=scheduler)
    with pretended("cuda") as accelerator:
        with steps_watched(accelerator) as steps:
            rendered("cuda", job, files[1], tmp_path / "cuda")
        pipeline = load_pipeline(Path(job.model), torch.float32, "cuda")
        pipeline.scheduler = prepare(family_of(pipeline), resolve(job, job.frames[0]))
        with accelerator.watched() as stock:
            pipeline("a calm sea", height=64, width=64, num_inference_steps=3, guidance_scale=guidance)
    assert reads_of(steps) <= stock.reads


@pytest.mark.parametrize("film", [sites, heard, kept_layout, lora])
def test_a_model_that_is_kept_off_the_device_is_bent_on_it(
    film: Callable[[Files], Film], make_job: MakeJob, files: tuple[Files, FrameStore], tmp_path: Path
) -> None:
    content = film(files[0])
    job = make_job("sd15", content.bends, content.frames, size=SIZE, steps=2, scheduler="euler", **content.settings)
    with pretended("cuda") as accelerator:
        wanted = rendered("cuda", job, files[1], tmp_path / "whole")
        store, renderer = copied(files[1], tmp_path / "offloaded"), Renderer("cuda", files[1].folder / "studies")
        assert renderer._shelf.offload(job, "cuda", Offload.MODEL)
        with steps_watched(accelerator) as steps:
            renderer.render(job, store)
        assert hasattr(renderer._shelf.pipeline(job, "cuda").unet, "_hf_hook")
        assert not [place for records in steps for place in records.ours("reads")]
        made = pictures_of(job, store)
    for one, other in zip(made, wanted, strict=True):
        assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("site", ["noise", "latent", "unet:mid_block", "prediction", "vae:decoder.mid_block"])
@pytest.mark.parametrize("start", [0.0, 0.9])
def test_a_frame_of_numbers_that_are_not_finite_is_never_kept(
    start: float, site: str, kind: str, make_job: MakeJob, files: tuple[Files, FrameStore], tmp_path: Path
) -> None:
    """Though nobody has looked when the next step begins; the error names the bend, not the model."""
    window = {"start": 0.0 if site == "noise" else start}
    bends = [
        (Bend("Much", "multiply", site, **window), [{"factor": factor, "mix": 1.0} for factor in (1.1, 1000.0)]),
        (Bend("Too much", "power", site, **window), [{"exponent": power, "mix": 1.0} for power in (1.1, 16.0)]),
    ]
    job = make_job("sd15", bends, 2, size=SIZE, steps=3, scheduler="euler")
    store = copied(files[1], tmp_path / "store")
    with pretended(kind), pytest.raises(BendError) as caught:
        Renderer(kind).render(job, store)
    assert caught.value.code == Code.NON_FINITE and "'Too much'" in caught.value.message
    assert not store.path(list(trace(job))[1].key).exists()


def test_the_device_has_its_next_step_before_an_answer_is_waited_for(
    make_job: MakeJob, files: tuple[Files, FrameStore], tmp_path: Path
) -> None:
    """Waiting for the last thing that the device was given would let it run idle."""
    order: list[str] = []
    job = make_job("sd15", [bend("add", "unet:mid_block")], size=SIZE, steps=3, scheduler="euler")
    with pretended("cuda") as accelerator:
        renderer = Renderer("cuda")
        unet = renderer.sampler(job).pipeline.unet
        unet.register_forward_hook(lambda *_: order.append("step"))
        accelerator.waited = lambda: order.append("wait")
        renderer.render(job, copied(files[1], tmp_path / "store"))
    assert order == ["step", "step", "wait", "step", "wait", "wait"]
