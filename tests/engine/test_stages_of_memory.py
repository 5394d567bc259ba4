"""When memory runs out a job goes on with less of it, stage by stage, and ends in frames or in words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from diffusers.models.autoencoders import vae as vaes
from engine_child import contents

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import INPUTS, frame_key, input_path, resolve
from blender_bend.core.job.tiling import tile_side
from blender_bend.core.models.references import fingerprint
from blender_bend.core.resources.footprint import Offload
from blender_bend.core.resources.speeds import Speeds, file_in
from blender_bend.engine.families.tiles import tiled
from blender_bend.engine.rendering import model_shelf
from blender_bend.engine.rendering.render import Progress, Renderer
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]
FRAMES = 3
SIZE = (128, 128)
#: Whether there is room: for the network, by rows and offload; for the decoder, by cells of its latent and offload.
Room = Callable[[int, Offload], bool]


def always(amount: int, offload: Offload) -> bool:
    """Memory without an end."""
    return True


@pytest.fixture
def film(make_job: MakeJob) -> Job:
    """Different frames of mini that can be decoded in tiles."""
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.1 * (index + 1)} for index in range(FRAMES)])
    return make_job("mini", [bend], FRAMES, steps=2, size=SIZE, guidance=1.0)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU as if it had a memory of its own."""
    monkeypatch.setattr(model_shelf, "OFFLOADING", {"cpu"})


class Narrow:
    """A renderer on a device with little memory, and what it said."""

    def __init__(self, patch: pytest.MonkeyPatch, denoiser: Room = always, decoder: Room = always) -> None:
        self.renderer, self.phases = Renderer("cpu"), list[str]()
        self.announced = list[Progress]()
        self._guard(patch, UNet2DConditionModel, denoiser, lambda x: x.shape[0])
        self._guard(patch, vaes.DecoderTiny, decoder, lambda x: x.shape[-1] * x.shape[-2])  # mini's

    def _guard(self, patch: pytest.MonkeyPatch, kind: Any, room: Room, amount: Callable[[Any], int]) -> None:
        real, shelf = kind.forward, self.renderer.shelf

        def forward(module: Any, x: torch.Tensor, *arguments: Any, **settings: Any) -> Any:
            now = max(shelf.stages.values(), default=Offload.NOTHING)
            if not room(amount(x), now):
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return real(module, x, *arguments, **settings)

        patch.setattr(kind, "forward", forward)

    def render(self, job: Job, store: FrameStore, **settings: Any) -> Any:
        """Render, with a note of all that is said."""
        return self.renderer.render(job, store, progress=self.announced.append, phase=self.phases.append, **settings)

    @property
    def lessons(self) -> list[str]:
        """The stages that it went through."""
        return [phase for phase in self.phases if phase.startswith("Out of memory")]


def frames_of(job: Job, folder: Path) -> dict[str, bytes]:
    """The frames of a run that nothing disturbs."""
    Renderer("cpu").render(job, FrameStore(folder))
    return contents(folder)


def leftover_hooks(pipeline: Any) -> int:
    """Hooks that bends left at a pipeline's networks."""
    modules = [module for part in (pipeline.unet, pipeline.vae) for module in part.modules()]
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules)


def test_without_room_for_the_whole_network_it_is_loaded_layer_by_layer_and_the_pixels_stay(
    card: None, film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = frames_of(film, tmp_path / "whole")
    narrow = Narrow(monkeypatch, denoiser=lambda rows, offload: offload == Offload.SEQUENTIAL)
    summary = narrow.render(film, store)
    assert contents(store.folder) == whole
    assert (summary.offload, summary.decode) == (Offload.SEQUENTIAL, "whole"), "tiles would have been no help"
    assert len(narrow.lessons) == 2
    unet = narrow.renderer.sampler(film).pipeline.unet
    assert all(parameter.device.type == "meta" for parameter in unet.parameters()), "accelerate keeps every layer"
    assert leftover_hooks(narrow.renderer.sampler(film).pipeline) == 0


def test_the_next_job_of_the_model_begins_where_the_one_before_ended(
    card: None, film: Job, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = Narrow(monkeypatch, denoiser=lambda rows, offload: offload == Offload.SEQUENTIAL)
    narrow.render(film, store)
    pipeline = narrow.renderer.sampler(film).pipeline
    narrow.phases.clear()
    assert narrow.render(replace(film, seed=8), store).rendered == FRAMES
    assert narrow.lessons == [] and narrow.renderer.sampler(film).pipeline is pipeline


def test_without_room_for_decoding_pictures_are_decoded_in_tiles_under_other_keys(
    card: None, film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = replace(film, batch=4)
    side = tile_side(SIZE)
    assert side is not None
    wanted = frames_of(replace(film, batch=1, decode="tiled"), tmp_path / "tiled")
    whole = frames_of(replace(film, batch=1), tmp_path / "whole")
    narrow = Narrow(monkeypatch, decoder=lambda cells, offload: cells <= (side // 8) ** 2)
    summary = narrow.render(film, store)
    assert (summary.batch, summary.decode, summary.offload) == (1, "tiled", Offload.MODEL)
    assert contents(store.folder) == wanted
    assert not wanted.keys() & whole.keys()
    assert sorted(progress.number for progress in narrow.announced) == list(range(1, FRAMES + 1))
    assert all(store.has(progress.key) for progress in narrow.announced)
    assert leftover_hooks(narrow.renderer.sampler(film).pipeline) == 0


def test_a_processor_has_nothing_to_offload_and_tiles_come_after_smaller_batches(
    film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = frames_of(replace(film, decode="tiled"), tmp_path / "tiled")
    narrow = Narrow(monkeypatch, decoder=lambda cells, offload: cells < SIZE[0] * SIZE[1] // 64)
    assert narrow.render(replace(film, batch=2), store).decode == "tiled"
    assert contents(store.folder) == wanted
    assert [("batches" in lesson, "tiled" in lesson) for lesson in narrow.lessons] == [(True, False), (False, True)]


def test_without_room_for_either_every_stage_is_gone_through(
    card: None, film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = replace(film, batch=2)
    wanted = frames_of(replace(film, batch=1, decode="tiled"), tmp_path / "tiled")
    narrow = Narrow(
        monkeypatch,
        denoiser=lambda rows, offload: rows == 1 and offload >= Offload.MODEL,
        decoder=lambda cells, offload: cells <= 64 and offload == Offload.SEQUENTIAL,
    )
    summary = narrow.render(film, store)
    assert (summary.batch, summary.decode, summary.offload) == (1, "tiled", Offload.SEQUENTIAL)
    assert contents(store.folder) == wanted
    assert len(narrow.lessons) == 4


@pytest.mark.parametrize("where", ["denoiser", "decoder"])
def test_where_no_stage_helps_the_job_ends_in_words_and_the_next_one_works(
    card: None, where: str, film: Job, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed = list[bool]()
    narrow = Narrow(monkeypatch, **{where: lambda amount, offload: bool(freed)})
    with pytest.raises(BendError) as caught:
        narrow.render(film, store)
    assert caught.value.code == Code.OUT_OF_MEMORY
    assert f"{SIZE[0]} × {SIZE[1]}" in caught.value.message
    assert contents(store.folder) == {}
    freed.append(True)
    assert narrow.render(film, store).rendered == FRAMES
    assert leftover_hooks(narrow.renderer.sampler(film).pipeline) == 0


@pytest.mark.parametrize(
    ("half", "precision", "suggested"),
    [(0.03, "float32", False), (1.9, "float32", True), (1.9, "float16", False), (None, "float32", False)],
)
def test_16_bit_is_suggested_only_where_it_is_known_to_be_quick(
    half: float | None, precision: str, suggested: bool, film: Job, store: FrameStore, tmp_path: Path, monkeypatch: Any
) -> None:
    if half is not None:
        seconds = {"float32": 1.0, "float16": 1 / half, "bfloat16": 1 / half}
        known = Speeds({}, "cpu", "it", seconds, dict.fromkeys(seconds, 1.0))
        file_in(tmp_path, "cpu").write_text(known.to_json())
    narrow = Narrow(monkeypatch, denoiser=lambda rows, offload: False)
    narrow.renderer.studies.folder = tmp_path
    with pytest.raises(BendError) as caught:
        narrow.render(replace(film, precision=precision), store)
    assert ("16 bit" in caught.value.hint) == suggested


def test_a_job_can_be_cancelled_between_two_stages(
    card: None, film: Job, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = Narrow(monkeypatch, decoder=lambda cells, offload: cells <= 64)
    with pytest.raises(BendError) as caught:
        narrow.render(film, store, cancelled=lambda: len(narrow.lessons) == 2)
    assert caught.value.code == Code.CANCELLED
    assert contents(store.folder) == {}
    assert narrow.render(film, store).rendered == FRAMES, "and the model is still good for the next job"


def test_a_bend_in_the_decoder_needs_the_picture_as_a_whole(
    card: None, film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the frames on which it acts; the others are decoded in tiles."""
    inner = Bend("Inner", "multiply", "vae:decoder.layers.2")
    values = ((1.5,), (1.0,), (1.0,))
    frames = tuple(
        replace(frame, values=(*frame.values, {"factor": value}))
        for frame, (value,) in zip(film.frames, values, strict=True)
    )
    bent = replace(film, bends=(*film.bends, inner), frames=frames)
    ways = [resolve(replace(bent, decode="tiled"), frame).get("decode", "whole") for frame in bent.frames]
    assert ways == ["whole", "tiled", "tiled"]
    narrow = Narrow(monkeypatch, decoder=lambda cells, offload: cells <= 64 or offload == Offload.SEQUENTIAL)
    assert narrow.render(bent, store).rendered == FRAMES
    assert contents(store.folder) == frames_of(replace(bent, decode="tiled"), tmp_path / "tiled")
    only = replace(bent, frames=bent.frames[:1])
    summary = Narrow(monkeypatch, decoder=lambda cells, offload: offload == Offload.SEQUENTIAL).render(
        replace(only, seed=9), store
    )
    assert (summary.decode, summary.offload) == ("whole", Offload.SEQUENTIAL), "tiles would change no frame"


def test_a_chain_that_goes_on_in_tiles_is_one_chain(
    film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each frame begins with the file of the one before, so that with other keys all are made again."""
    chain = replace(film, source="previous")
    calls = list[int]()

    def room(cells: int, offload: Offload) -> bool:
        calls.append(cells)
        return cells <= 64 or len(calls) <= 2

    wanted = frames_of(replace(chain, decode="tiled"), tmp_path / "tiled")
    narrow = Narrow(monkeypatch, decoder=room)
    narrow.render(chain, store)
    assert wanted.items() <= contents(store.folder).items()
    last = {progress.number: progress.key for progress in narrow.announced}
    assert {f"{key}.png" for key in last.values()} == wanted.keys()
    assert all(progress.done <= progress.total for progress in narrow.announced)


def test_pictures_are_encoded_in_tiles_as_well(
    film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store.folder / INPUTS).mkdir(parents=True)
    PIL.Image.radial_gradient("L").resize(SIZE).convert("RGB").save(tmp_path / "source.png")
    digest = hashlib.sha256((tmp_path / "source.png").read_bytes()).hexdigest()
    (tmp_path / "source.png").rename(input_path(store.folder, digest))
    job = replace(film, source="pictures", frames=tuple(replace(frame, picture=digest) for frame in film.frames))
    real, sides = vaes.EncoderTiny.forward, list[int]()

    def forward(module: Any, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] > 64:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sides.append(x.shape[-1])
        return real(module, x)

    monkeypatch.setattr(vaes.EncoderTiny, "forward", forward)
    assert Narrow(monkeypatch).render(job, store).decode == "tiled"
    assert sides and max(sides) == 64


@pytest.mark.parametrize("kind", ["sdxl", "sd15", "flux"])
def test_tiles_really_tile_at_the_size_of_the_model_where_those_of_diffusers_do_not(
    kind: str, load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = load(kind).vae
    vae.register_to_config(sample_size=128)
    vae.tile_sample_min_size, vae.tile_latent_min_size = 128, 16  # as its constructor sets them
    latents = torch.randn(1, vae.config.latent_channels, 16, 16, generator=torch.Generator().manual_seed(1))
    real, sides = vaes.Decoder.forward, list[int]()

    def forward(module: Any, x: torch.Tensor, *more: Any) -> torch.Tensor:
        sides.append(x.shape[-1])
        return real(module, x, *more)

    monkeypatch.setattr(vaes.Decoder, "forward", forward)
    with torch.inference_mode():
        vae.enable_tiling()
        whole = vae.decode(latents).sample
        assert sides == [16], "diffusers' own tiles are of no use at this size"
        vae.disable_tiling()
        sides.clear()
        with tiled(vae, (128, 128)):
            made = vae.decode(latents).sample
        assert max(sides) == 8 and len(sides) == 9
        assert made.shape == whole.shape
        sides.clear()
        assert torch.equal(vae.decode(latents).sample, whole) and sides == [16], "afterwards all is as before"


def test_a_tiny_decoder_tiles_as_well() -> None:
    torch.manual_seed(0)
    vae = AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8), latent_channels=4
    ).eval()
    sides = list[int]()
    vae.decoder.register_forward_pre_hook(lambda _, given: sides.append(given[0].shape[-1]))
    latents = torch.randn(1, 4, 16, 16)
    with torch.inference_mode():
        whole = vae.decode(latents).sample
        with tiled(vae, (128, 128)):
            made = vae.decode(latents).sample
    assert sides[0] == 16 and max(sides[1:]) == 8 and len(sides) > 4
    assert made.shape == whole.shape and not vae.use_tiling


@pytest.mark.parametrize(
    "size", [(1024, 1024), (768, 512), (512, 512), (448, 256), (2048, 1024), (136, 64), (4096, 64)]
)
def test_a_tile_is_smaller_than_the_picture_and_fits_the_latent(size: tuple[int, int]) -> None:
    side = tile_side(size)
    assert side is not None and side % 64 == 0
    assert side <= 512 and side < max(size) <= side * max(2, max(size) // 512)


def test_a_picture_too_small_for_tiles_keeps_its_key(film: Job) -> None:
    small = replace(film, size=(64, 64))
    assert tile_side((64, 64)) is None
    keys = [frame_key(resolve(replace(small, decode=way), small.frames[0])) for way in ("whole", "tiled")]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("side", [128, 256])
def test_a_tiled_picture_looks_like_the_whole_one(film: Job, side: int) -> None:
    """By the true weights of mini; a tile is normalized by its own statistics, so that it is not the same."""
    renderer, pixels = Renderer("cpu"), []
    film = replace(
        film, size=(side, side), steps=8, guidance=5.0, bends=(), frames=(replace(film.frames[0], values=()),)
    )
    for way in ("whole", "tiled"):
        job = replace(film, decode=way)
        picture = renderer.sampler(job).render(resolve(job, job.frames[0]))
        pixels.append(np.asarray(picture, dtype=np.float64))
    difference = np.abs(pixels[0] - pixels[1])
    assert 0 < difference.mean() < 6 and np.percentile(difference, 99) < 32


@pytest.mark.parametrize("stage", [Offload.MODEL, Offload.SEQUENTIAL])
def test_the_autoencoder_of_sdxl_is_lifted_to_float32_in_every_stage(
    card: None, stage: Offload, make_job: MakeJob, store: FrameStore, tmp_path: Path
) -> None:
    job = make_job("sdxl", [], 1, steps=1, size=SIZE, guidance=1.0, precision="float16", decode="tiled")
    renderer = Renderer("cpu")
    assert renderer.shelf.offload(job, "cpu", stage)
    renderer.render(job, store)
    assert contents(store.folder) == frames_of(job, tmp_path / "whole")
    assert renderer.sampler(job).pipeline.vae.dtype == torch.float16


@pytest.mark.parametrize("stage", [Offload.MODEL, Offload.SEQUENTIAL])
@pytest.mark.parametrize("kind", ["sd15", "sdxl", "sd3", "flux"])
def test_every_family_gives_the_same_pixels_in_every_stage(
    card: None, kind: str, stage: Offload, make_job: MakeJob, store: FrameStore, tmp_path: Path
) -> None:
    network = "transformer:transformer_blocks.*" if kind in ("sd3", "flux") else "unet:mid_block"
    bends = [
        (Bend("Inner", "multiply", network), [{"factor": 1.5}]),
        (Bend("Decoder", "multiply", "vae:decoder.mid_block"), [{"factor": 1.2}]),
    ]
    job = make_job(kind, bends, 1, steps=2)
    renderer = Renderer("cpu")
    assert renderer.shelf.offload(job, "cpu", stage)
    renderer.render(job, store)
    assert contents(store.folder) == frames_of(job, tmp_path / "whole")


def test_a_decoder_of_another_folder_is_offloaded_and_tiled_with_the_model(
    card: None, film: Job, store: FrameStore, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    tiny = AutoencoderTiny(encoder_block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8))
    tiny.save_pretrained(tmp_path / "taesd")
    job = replace(
        film,
        decoder=str(tmp_path / "taesd"),
        decoder_fingerprint=fingerprint(tmp_path / "taesd"),
        decode="tiled",
    )
    renderer = Renderer("cpu")
    assert renderer.shelf.offload(job, "cpu", Offload.SEQUENTIAL)
    renderer.render(job, store)
    assert contents(store.folder) == frames_of(job, tmp_path / "whole")
