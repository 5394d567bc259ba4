"""What goes wrong within a job: memory, disk, model files, numbers and bends. Nothing wrong is ever in the store."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_child import contents
from mutations import scratched

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.models.references import MINI_PATH, fingerprint
from blender_bend.engine.bending import stack
from blender_bend.engine.host.memory import is_out_of_memory
from blender_bend.engine.rendering import model_shelf
from blender_bend.engine.rendering.render import Progress, Renderer
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]
FRAMES = 10


@pytest.fixture
def film(make_job: MakeJob) -> Job:
    """Different frames that may be rendered in batches."""
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.1 * (index + 1)} for index in range(FRAMES)])
    return make_job("mini", [bend], FRAMES, steps=2)


def failure(renderer: Renderer, job: Job, store: FrameStore) -> BendError:
    """How a job fails."""
    with pytest.raises(BendError) as caught:
        renderer.render(job, store)
    return caught.value


def frames_of(job: Job, folder: Path) -> dict[str, bytes]:
    """The frames of a run that nothing disturbs."""
    Renderer("cpu").render(job, FrameStore(folder))
    return contents(folder)


@contextmanager
def failing(renderer: Renderer, job: Job, when: Callable[[Any], Exception | None]) -> Iterator[None]:
    """The network of a job's model raises what ``when`` says of its input."""
    unet = renderer.sampler(job).pipeline.unet

    def look(_: Any, arguments: tuple[Any, ...]) -> None:
        error = when(arguments[0])
        if error is not None:
            raise error

    handle = unet.register_forward_pre_hook(look)
    try:
        yield
    finally:
        handle.remove()


MEMORY_ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    RuntimeError("could not create a primitive"),
    MemoryError("std::bad_alloc"),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
]


@pytest.mark.parametrize("error", MEMORY_ERRORS, ids=lambda error: type(error).__name__)
def test_out_of_memory_is_known_however_a_library_says_it(error: Exception) -> None:
    assert is_out_of_memory(error)
    try:
        raise ValueError("it cannot be loaded") from error
    except ValueError as outer:
        assert is_out_of_memory(outer)
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(("rows", "batch"), [(4, 4), (1, 1)])
def test_without_memory_for_a_batch_the_job_goes_on_with_half_of_it(
    rows: int, batch: int, film: Job, store: FrameStore, tmp_path: Path
) -> None:
    renderer, announced = Renderer("cpu"), []
    guided = replace(film, batch=8, guidance=1.0)

    def when(x: torch.Tensor) -> Exception | None:
        return MEMORY_ERRORS[0] if x.shape[0] > rows else None

    with failing(renderer, guided, when):
        summary = renderer.render(guided, store, progress=announced.append)
    assert summary.batch == batch
    assert contents(store.folder) == frames_of(replace(guided, batch=batch), tmp_path / "smaller")
    assert sorted(progress.number for progress in announced) == list(range(1, FRAMES + 1))
    assert [progress.done for progress in announced] == list(range(1, FRAMES + 1))
    assert {progress.total for progress in announced} == {FRAMES}
    assert all(store.has(progress.key) for progress in announced)


def test_frames_that_were_made_before_memory_ran_out_stay(film: Job, store: FrameStore, tmp_path: Path) -> None:
    renderer, announced = Renderer("cpu"), []
    film, calls = replace(film, batch=4, guidance=1.0), []

    def when(x: torch.Tensor) -> Exception | None:
        calls.append(x.shape[0])
        return MEMORY_ERRORS[1] if x.shape[0] > 2 and len(calls) > 4 else None

    with failing(renderer, film, when):
        assert renderer.render(film, store, progress=announced.append).batch == 2
    whole, half = frames_of(film, tmp_path / "4"), frames_of(replace(film, batch=2), tmp_path / "2")
    made = contents(store.folder)
    assert made.items() <= (whole | half).items()
    first, later = len(made.keys() & whole.keys()), len(made.keys() & half.keys())
    assert first and later and first + later == len(made) == FRAMES
    assert sorted(progress.number for progress in announced) == list(range(1, FRAMES + 1))


def test_frames_of_the_smaller_batch_that_are_there_are_announced_and_not_made_again(
    film: Job, store: FrameStore
) -> None:
    renderer, announced = Renderer("cpu"), list[Progress]()
    film = replace(film, batch=2, guidance=1.0)
    renderer.render(replace(film, batch=1), store)
    before = contents(store.folder)
    with failing(renderer, film, lambda x: MEMORY_ERRORS[0] if x.shape[0] > 1 else None):
        summary = renderer.render(film, store, progress=announced.append)
    assert (summary.rendered, len(announced)) == (0, FRAMES)
    assert contents(store.folder) == before


def test_without_memory_for_one_picture_the_job_stops_and_says_so(film: Job, store: FrameStore) -> None:
    renderer = Renderer("cpu")
    with failing(renderer, film, lambda _: MEMORY_ERRORS[0]):
        error = failure(renderer, replace(film, batch=4), store)
    assert (error.code, error.action) == (Code.OUT_OF_MEMORY, "bend.open_preferences")
    assert "64 × 64" in error.message
    assert contents(store.folder) == {}
    assert renderer.render(film, store).rendered == FRAMES, "and the next job works"


def test_on_a_card_the_model_is_kept_off_it_before_the_job_stops(
    film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_shelf, "OFFLOADING", {"cpu"})
    renderer = Renderer("cpu")
    whole = renderer.sampler(film).pipeline
    with failing(renderer, film, lambda _: MEMORY_ERRORS[0]):
        renderer.render(film, store)
    offloaded = renderer.sampler(film).pipeline
    assert offloaded is not whole
    assert hasattr(offloaded.unet, "_hf_hook"), "accelerate moves it"
    assert contents(store.folder) == frames_of(film, tmp_path / "whole")


def test_numbers_of_the_model_that_are_not_finite_make_no_picture(film: Job, store: FrameStore) -> None:
    renderer = Renderer("cpu")
    film = replace(film, bends=(), frames=tuple(replace(frame, values=()) for frame in film.frames))
    vae = renderer.sampler(film).pipeline.vae
    handle = vae.decoder.register_forward_hook(lambda *_: torch.full((1, 3, 64, 64), torch.nan))
    try:
        error = failure(renderer, film, store)
    finally:
        handle.remove()
    assert error.code == Code.NON_FINITE and "The model" in error.message
    assert contents(store.folder) == {}


@pytest.mark.parametrize("error", [IndexError("out of range"), RuntimeError("shapes"), ZeroDivisionError("by zero")])
def test_a_bend_that_breaks_is_named(
    error: Exception, film: Job, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = stack.bend_tensor, []

    def bend(*arguments: Any) -> torch.Tensor:
        calls.append(arguments)
        if len(calls) > 6:
            raise error
        return real(*arguments)

    monkeypatch.setattr(stack, "bend_tensor", bend)
    renderer = Renderer("cpu")
    caught = failure(renderer, film, store)
    assert caught.code == Code.BEND_FAILED
    assert "'Turn'" in caught.message and "latent" in caught.message and str(error) in caught.message
    made = contents(store.folder)
    assert 0 < len(made) < FRAMES
    monkeypatch.undo()
    renderer.render(film, store)
    assert contents(store.folder).items() >= made.items()
    assert len(contents(store.folder)) == FRAMES


def test_a_bend_without_memory_is_a_matter_of_memory(
    film: Job, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bend(*_: Any) -> torch.Tensor:
        raise MEMORY_ERRORS[1]

    monkeypatch.setattr(stack, "bend_tensor", bend)
    assert failure(Renderer("cpu"), film, store).code == Code.OUT_OF_MEMORY


def test_a_store_that_is_removed_during_the_job_stops_it(film: Job, store: FrameStore) -> None:
    seen: list[Progress] = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 3:
            shutil.rmtree(store.folder)

    with pytest.raises(BendError) as caught:
        Renderer("cpu").render(film, store, progress=watch)
    assert caught.value.code == Code.STORE_UNWRITABLE
    assert len(seen) == 3 and not store.folder.exists()


def test_a_disk_that_is_full_stops_the_job_and_room_lets_it_go_on(
    film: Job, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, writes = os.fsync, []

    def full(number: int) -> None:
        writes.append(number)
        if len(writes) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    renderer = Renderer("cpu")
    monkeypatch.setattr(os, "fsync", full)
    error = failure(renderer, film, store)
    assert error.code == Code.STORE_UNWRITABLE and "No space left" in error.message
    assert len(contents(store.folder)) == 3, "no beginning of a frame is left"
    assert all(name.endswith(".png") for name in contents(store.folder))
    renderer.render(film, store)
    assert contents(store.folder) == frames_of(film, tmp_path / "undisturbed")


def damage_header(data: bytes) -> bytes:
    """The length of a safetensors header beyond all measure."""
    return b"\xff" * 8 + data[8:]


DAMAGES = {
    "cut in half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "header": damage_header,
    "zeros": lambda data: bytes(len(data)),
    "a web page": lambda data: b"<!DOCTYPE html><title>404</title>",
}


@pytest.fixture
def damaged_model(tmp_path: Path) -> Path:
    """A copy of mini that may be damaged."""
    return Path(shutil.copytree(MINI_PATH, tmp_path / "mini"))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_a_damaged_weight_file_is_a_model_that_cannot_be_loaded(
    damage: str, part: str, film: Job, store: FrameStore, damaged_model: Path
) -> None:
    (file,) = (damaged_model / part).glob("*.safetensors")
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    job = replace(film, model=str(damaged_model), fingerprint=fingerprint(damaged_model))
    error = failure(Renderer("cpu"), job, store)
    assert (error.code, error.action) == (Code.MODEL_INVALID, "bend.open_preferences")
    assert str(damaged_model) in error.message
    assert contents(store.folder) == {}


@pytest.mark.parametrize("name", ["model_index.json", "unet/config.json", "text_encoder/config.json"])
def test_a_damaged_configuration_is_a_model_that_cannot_be_loaded(
    name: str, film: Job, store: FrameStore, damaged_model: Path
) -> None:
    (damaged_model / name).write_text("{")
    job = replace(film, model=str(damaged_model), fingerprint=fingerprint(damaged_model))
    assert failure(Renderer("cpu"), job, store).code == Code.MODEL_INVALID
    assert contents(store.folder) == {}


def test_a_model_that_changed_since_the_job_was_made_makes_no_frames(
    film: Job, store: FrameStore, damaged_model: Path
) -> None:
    job = replace(film, model=str(damaged_model), fingerprint=fingerprint(damaged_model))
    config = damaged_model / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("{", '{"other": 1,', 1))
    error = failure(Renderer("cpu"), job, store)
    assert error.code == Code.MODEL_INVALID and "has changed" in error.message
    assert contents(store.folder) == {}


def test_a_scratched_frame_before_it_stops_a_chain(film: Job, store: FrameStore) -> None:
    """The frame's own file is what the next begins with: if that cannot be read, nothing is made of it."""
    renderer = Renderer("cpu")
    chain = replace(film, source="previous", frames=film.frames[:3])
    renderer.render(chain, store)
    last = max(store.folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    last.unlink()
    for path in store.folder.glob("*.png"):
        path.write_bytes(scratched(path.read_bytes()[:200], random.Random(5)))
    assert failure(renderer, chain, store).code == Code.INPUT_MISSING
    assert not last.exists()
