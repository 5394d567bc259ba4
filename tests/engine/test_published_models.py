"""Models in the layout in which they are published: downloaded from a hub, loaded, bent; plain they are the stock's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import published
import pytest
import torch
from diffusers import DiffusionPipeline
from hub_downloads import Downloads
from hub_server import TOKEN, Hub, Model

from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.models import known_models, layouts, references
from blender_bend.engine.families import FAMILIES
from blender_bend.engine.host.alignment import align_parts
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]
NETWORKS = ("unet", "transformer", "vae", "text_encoder")
#: Steps and guidance that suit the models, fewer steps where they take many; guidance as Bend and as the stock has it.
SUITABLE: dict[str, tuple[int, float, float]] = {
    "sd15": (4, 7.5, 7.5),
    "sd21": (3, 7.5, 7.5),
    "sd_turbo": (1, 1.0, 0.0),
    "lcm": (4, 8.0, 8.0),
    "sdxl": (3, 6.0, 6.0),
    "sdxl_turbo": (2, 1.0, 0.0),
    "sd35": (3, 4.5, 4.5),
    "flux": (2, 1.0, 0.0),
}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with all models, under their own names."""
    gated = {model.name for model in known_models.MODELS if model.gated}
    kinds = published.MODELS.items()
    server = Hub({name: Model(published.published(kind), gated=name in gated) for kind, name in kinds})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def downloaded(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Downloads a model as Blender does, once, and finds it as Blender does."""
    downloads = Downloads(hub.address, tmp_path_factory.mktemp("hub"))
    downloads.variables["HF_TOKEN"] = TOKEN
    found: dict[str, Path] = {}

    def download(kind: str) -> Path:
        if kind not in found:
            name = published.MODELS[kind]
            said = downloads.run("download", name)
            assert said[-1]["end"] == "done", said[-1]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("HF_HUB_CACHE", str(downloads.cache))
                found[kind] = Path(references.resolve(name, {}).path)
        return found[kind]

    return download


def job_of(make_job: MakeJob, folder: Path, kind: str, bends: Any = None, **more: Any) -> Job:
    steps, guidance, _ = SUITABLE[kind]
    made = make_job("mini", bends, 2 if bends else 1, steps=steps, guidance=guidance, size=(64, 64), **more)
    return replace(made, model=str(folder), fingerprint=references.fingerprint(folder))


def pictures(renderer: Renderer, job: Job, store: FrameStore) -> list[np.ndarray]:
    """What the engine makes of a job's frames."""
    renderer.render(job, store)
    found = []
    for frame in job.frames:
        with PIL.Image.open(store.path(frame_key(resolve(job, frame)))) as picture:
            found.append(np.asarray(picture))
    return found


def stock(folder: Path, kind: str, job: Job, variant: str | None = None) -> np.ndarray:
    """What diffusers alone makes of the same folder."""
    unneeded = dict.fromkeys(("safety_checker", "feature_extractor")) if kind in ("sd15", "sd21", "lcm") else {}
    pipeline = DiffusionPipeline.from_pretrained(
        str(folder), dtype=torch.float32, local_files_only=True, variant=variant, **unneeded
    )
    align_parts(pipeline)
    pipeline.set_progress_bar_config(disable=True)
    ((prompt, _),) = job.frames[0].prompt
    return np.asarray(
        pipeline(
            prompt,
            width=job.size[0],
            height=job.size[1],
            num_inference_steps=job.steps,
            guidance_scale=SUITABLE[kind][2],
            generator=torch.Generator("cpu").manual_seed(job.seed),
        ).images[0]
    )


def bends_at_four_sites(kind: str) -> list[tuple[Bend, list[dict[str, float]]]]:
    """Bends of two frames at the noise, the latent, the denoiser and the decoder."""
    denoiser = "transformer:transformer_blocks.1" if kind in ("sd35", "flux") else "unet:mid_block"
    return [
        (Bend("Grain", "add_noise", "noise"), [{"mix": 0.5, "amount": amount} for amount in (0.2, 0.6)]),
        (Bend("Turn", "rotate_channels", "latent"), [{"angle": angle} for angle in (0.3, 0.9)]),
        (Bend("Deep", "multiply", denoiser), [{"factor": factor} for factor in (-0.7, 1.8)]),
        (Bend("Late", "multiply", "vae:decoder.mid_block"), [{"factor": factor} for factor in (1.5, 0.4)]),
    ]


@pytest.mark.parametrize("kind", published.MODELS)
def test_a_published_model_downloads_loads_and_bends_and_is_the_stocks_without_bends(
    kind: str,
    downloaded: Callable[[str], Path],
    renderer: Renderer,
    store: FrameStore,
    make_job: MakeJob,
) -> None:
    folder = downloaded(kind)
    plain = job_of(make_job, folder, kind)
    (ours,) = pictures(renderer, plain, store)
    assert np.array_equal(ours, stock(folder, kind, plain)) and ours.std() > 0
    bends = bends_at_four_sites(kind)
    first, second = pictures(renderer, job_of(make_job, folder, kind, bends), store)
    assert not np.array_equal(first, second)
    for only in bends:
        bent, _ = pictures(renderer, job_of(make_job, folder, kind, [only]), store)
        assert not np.array_equal(bent, ours), only[0].site


@pytest.mark.parametrize("kind", published.MODELS)
def test_only_what_is_loaded_is_downloaded(kind: str, downloaded: Callable[[str], Path]) -> None:
    folder = downloaded(kind)
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    layout = layouts.layout_of(published.settings(kind)["model_index.json"]["_class_name"])
    assert layout is not None
    assert {name.partition("/")[0] for name in names} == {"model_index.json", *layout.parts}
    weights = {name for name in names if name.endswith(".safetensors")}
    assert not [name for name in weights if "fp16" in name or "non_ema" in name]
    assert {name.partition("/")[0] for name in weights} == {part for part in layout.parts if part.startswith(NETWORKS)}
    assert not [name for name in names if name.endswith((".bin", ".py", ".onnx", ".msgpack", ".ckpt"))]


def test_every_known_model_is_among_the_published_ones() -> None:
    assert {model.name for model in known_models.MODELS} <= set(published.MODELS.values())


@pytest.mark.parametrize("kind", [kind for kind, name in published.MODELS.items() if known_models.known(name)])
def test_what_is_told_of_a_known_model_is_what_its_settings_say(kind: str) -> None:
    """The weights are counted on networks of full width that take no memory."""
    known = known_models.known(published.MODELS[kind])
    own = published.settings(kind)
    index = own["model_index.json"]
    layout = layouts.layout_of(index["_class_name"])
    assert known is not None and layout is not None
    size = 0
    for part in layout.parts:
        if part.startswith(NETWORKS):
            with torch.device("meta"):
                network = published.network(own[f"{part}/config.json"])
            stored = {id(value): value.numel() for value in network.state_dict(keep_vars=True).values()}
            size += sum(stored.values())
    size *= 2 if kind in ("sd35", "flux") else 4
    assert 0 < known.gigabytes - size / 1e9 < 0.1
    denoiser = own[f"{layout.denoiser}/config.json"]
    assert known.size == 8 * denoiser.get("sample_size", 128)
    assert known.steps[0] <= known.steps[1] and str(known.size) in known.good_for


def test_the_table_of_layouts_is_that_of_the_families_and_of_diffusers() -> None:
    """Every pipeline has a family, takes all parts of its layout, and every class of a part is there."""
    import diffusers
    import transformers

    libraries = {"diffusers": diffusers, "transformers": transformers}
    assert {layout.pipeline for layout in layouts.LAYOUTS} == set(FAMILIES)
    for layout in layouts.LAYOUTS:
        pipeline = getattr(diffusers, layout.pipeline)
        expected, _ = pipeline._get_signature_keys(pipeline)
        assert set(layout.parts) <= set(expected)
        assert set(expected) - set(layout.parts) <= {"safety_checker", "feature_extractor", "image_encoder"}
        for pairs in layout.parts.values():
            assert all(hasattr(libraries[library], name) for library, name in pairs)


KINDS = {
    "StableDiffusionPipeline": "sd15",
    "LatentConsistencyModelPipeline": "lcm",
    "StableDiffusionXLPipeline": "sdxl",
    "StableDiffusion3Pipeline": "sd35",
    "FluxPipeline": "flux",
}
SAME = [(layout.pipeline, name) for layout in layouts.LAYOUTS for name in layout.same]


@pytest.mark.parametrize(("pipeline", "name"), SAME, ids=[name for _, name in SAME])
def test_an_index_of_another_pipeline_with_the_same_parts_makes_the_same_pictures(
    pipeline: str, name: str, renderer: Renderer, make_job: MakeJob, tmp_path: Path
) -> None:
    kind = KINDS[pipeline]
    made = []
    for index in (pipeline, name):
        files = published.with_json(
            published.published(kind), "model_index.json", lambda own, index=index: own.update(_class_name=index)
        )
        folder = published.write(files, tmp_path / index)
        made += pictures(renderer, job_of(make_job, folder, kind), FrameStore(tmp_path / f"frames of {index}"))
    assert np.array_equal(*made)


SCHEDULERS = sorted(name for _, name in layouts.LAYOUTS[0].parts["scheduler"])


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_that_an_index_may_name_is_the_stocks(
    name: str, renderer: Renderer, store: FrameStore, make_job: MakeJob, tmp_path: Path
) -> None:
    pair = {"scheduler": ["diffusers", name]}
    files = published.with_json(published.published("sd15"), "model_index.json", lambda index: index.update(pair))
    own = {"_class_name": name}
    files = published.with_json(files, "scheduler/scheduler_config.json", lambda config: config.update(own))
    folder = published.write(files, tmp_path / "model")
    job = job_of(make_job, folder, "sd15")
    (ours,) = pictures(renderer, job, store)
    assert np.array_equal(ours, stock(folder, "sd15", job))
