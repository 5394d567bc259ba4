"""Whole files count in fingerprints; each is read once, and what is known of it holds only while it is the same."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.files import foreign_json, hash_cache
from blender_bend.core.models import file_hashes, references, sonic_files
from blender_bend.core.models.file_hashes import Unread

WriteModel = Callable[..., Path]
#: More than is read at once, so that its hash is kept for the next process.
LARGE = np.random.default_rng(2).bytes(5 << 20)


def between_probes(data: bytes) -> bytes:
    """Other content that is equal wherever Bend once looked: 17 places of 64 KiB."""
    places = [(len(data) - (1 << 16)) * probe // 16 for probe in range(17)]
    found = bytearray(data)
    for place in places[:-1]:
        found[place + (1 << 16) + 7] ^= 1
    probed = [(found[at : at + (1 << 16)], data[at : at + (1 << 16)]) for at in places]
    assert found != data and all(one == other for one, other in probed)
    return bytes(found)


@contextmanager
def counted() -> Iterator[list[tuple[str, int]]]:
    """The files that are read meanwhile, with the bytes of each."""
    found: list[tuple[str, int]] = []

    def step(path: Path, done: int, size: int) -> None:
        if done == size:
            found.append((path.name, size))

    with file_hashes.telling(step):
        yield found


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as written long ago."""
    monkeypatch.setattr(file_hashes, "FRESH_NS", 0)


@pytest.fixture
def large(tmp_path: Path, settled: None) -> Path:
    """A weight file of 5 MiB."""
    path = tmp_path / "large.safetensors"
    path.write_bytes(LARGE)
    return path


def of_folder(folder: Path) -> str:
    return references.fingerprint(folder)


def of_lora(folder: Path) -> str:
    return references.resolve_lora("x", {"x": str(folder / "vae/diffusion_pytorch_model.safetensors")}).fingerprint


def of_embedding(folder: Path) -> str:
    return references.resolve_embedding("x", {"x": str(folder / "vae/diffusion_pytorch_model.safetensors")}).fingerprint


def of_decoder(folder: Path) -> str:
    return references.resolve_decoder("x", {"x": str(folder / "vae")}).fingerprint


def of_ears(folder: Path) -> str:
    for name in ("clap.pth", "projector.pt", "adapters.pt"):
        shutil.copyfile(folder / "vae/diffusion_pytorch_model.safetensors", folder / "vae" / name)
    (folder / "vae/diffusion_pytorch_model.safetensors").unlink()
    files = sonic_files.resolve("x", {"x": str(folder / "vae")})
    assert files.tower.fingerprint == files.projector.fingerprint == files.adapters.fingerprint
    return files.tower.fingerprint


@pytest.mark.parametrize("measure", [of_folder, of_lora, of_embedding, of_decoder, of_ears])
def test_what_lies_between_the_places_once_looked_at_counts(
    write_model: WriteModel, measure: Callable[[Path], str]
) -> None:
    prints = []
    for where, content in (("one", LARGE), ("other", between_probes(LARGE)), ("again", LARGE)):
        folder = write_model(where)
        (folder / "vae/diffusion_pytorch_model.safetensors").write_bytes(content)
        prints.append(measure(folder))
    assert prints[0] != prints[1]
    assert prints[0] == prints[2]


def test_a_hash_is_the_sha256_of_the_file(large: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert file_hashes.of(large) == hashlib.sha256(LARGE).hexdigest() == references.file_fingerprint(large)
    assert file_hashes.of(tmp_path / "empty") == hashlib.sha256().hexdigest()


@pytest.mark.parametrize("mkfifo", [False, True])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, mkfifo: bool) -> None:
    if mkfifo:
        os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError):
        file_hashes.of(tmp_path / "pipe" if mkfifo else tmp_path)


def test_a_file_is_read_once_in_this_process_and_in_the_next(large: Path) -> None:
    for forget, read in ((False, [(large.name, len(LARGE))]), (False, []), (True, [])):
        if forget:
            hash_cache.forget()
        with counted() as found:
            assert file_hashes.of(large) == hashlib.sha256(LARGE).hexdigest()
        assert found == read


def test_small_files_take_no_room_on_the_disk(tmp_path: Path, settled: None, hashes: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    file_hashes.of(tmp_path / "config.json")
    assert not hashes.exists()
    with counted() as found:
        file_hashes.of(tmp_path / "config.json")
    assert found == []


def touch(file: Path) -> None:
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))


def write(file: Path) -> None:
    file.write_bytes(between_probes(LARGE))


def write_and_keep_the_time(file: Path) -> None:
    before = file.stat().st_mtime_ns
    write(file)
    os.utime(file, ns=(before, before))


def replace_and_keep_the_time(file: Path) -> None:
    other, before = file.with_suffix(".other"), file.stat().st_mtime_ns
    write(other)
    os.utime(other, ns=(before, before))
    other.replace(file)


def move(file: Path) -> None:
    file.rename(file.with_suffix(".moved"))
    file.write_bytes(LARGE)


@pytest.mark.parametrize("forget", [False, True], ids=["here", "next process"])
@pytest.mark.parametrize("change", [touch, write, write_and_keep_the_time, replace_and_keep_the_time, move])
def test_a_file_that_may_have_changed_is_read_once_more(
    large: Path, change: Callable[[Path], None], forget: bool
) -> None:
    file_hashes.of(large)
    change(large)
    if forget:
        hash_cache.forget()
    with counted() as found:
        assert file_hashes.of(large) == hashlib.sha256(large.read_bytes()).hexdigest()
        file_hashes.of(large)
    assert found == [(large.name, len(LARGE))]


def test_what_was_written_a_moment_ago_is_not_taken_for_known(tmp_path: Path) -> None:
    path = tmp_path / "fresh.safetensors"
    for content in (LARGE, between_probes(LARGE)):
        path.write_bytes(content)
        os.utime(path, ns=(10**18, 10**18))  # as if the clock of the disk stood still
        assert not file_hashes.is_settled(path)
        assert file_hashes.of(path) == hashlib.sha256(content).hexdigest()
    with counted() as found:
        file_hashes.of(path)
    assert len(found) == 1


def test_a_file_that_changes_while_it_is_read_is_not_kept(large: Path) -> None:
    def step(path: Path, done: int, size: int) -> None:
        if done == size:
            write(path)

    with file_hashes.telling(step):
        file_hashes.of(large)
    assert file_hashes.of(large) == hashlib.sha256(between_probes(LARGE)).hexdigest()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: json.dumps(dict.fromkeys(json.loads(text), 7)),
        lambda text: json.dumps(dict.fromkeys(json.loads(text), "../../x")),
        lambda text: json.dumps({name: [digest] for name, digest in json.loads(text).items()}),
        lambda text: "[" * 100_000,
        lambda text: " " * (foreign_json.LARGEST + 1),
    ],
)
def test_a_damaged_cache_counts_as_none_and_is_written_again(
    large: Path, hashes: Path, damage: Callable[[str], str]
) -> None:
    file_hashes.of(large)
    good = hashes.read_text()
    hashes.write_text(damage(good))
    for read in ([(large.name, len(LARGE))], []):
        hash_cache.forget()
        with counted() as found:
            assert file_hashes.of(large) == hashlib.sha256(LARGE).hexdigest()
        assert found == read
    assert hashes.read_text() == good


def test_the_cache_tells_nobody_where_files_are(large: Path, hashes: Path) -> None:
    file_hashes.of(large)
    assert large.name not in hashes.read_text()


def test_a_name_that_is_no_text_is_known_like_any_other(tmp_path: Path, settled: None) -> None:
    folder = tmp_path / os.fsdecode(b"m\xf6del")
    folder.mkdir()
    (folder / os.fsdecode(b"vocab\xff.txt")).write_bytes(LARGE)
    first = references.fingerprint(folder)
    hash_cache.forget()
    with counted() as found:
        assert references.fingerprint(folder) == first
    assert found == []


def test_a_cache_folder_that_cannot_be_written_costs_one_reading_a_process(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no folder").touch()  # root may write into any folder
    monkeypatch.setattr(hash_cache, "place", lambda: tmp_path / "no folder" / "hashes.json")
    hash_cache.forget()
    with counted() as found:
        assert {file_hashes.of(large) for _ in range(3)} == {hashlib.sha256(LARGE).hexdigest()}
    assert len(found) == 1


def test_a_full_cache_lets_the_oldest_go(
    tmp_path: Path, settled: None, hashes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hash_cache, "MOST", 3)
    paths = [tmp_path / f"{number}.pt" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(LARGE + bytes([number]))
        file_hashes.of(path)
    assert len(json.loads(hashes.read_text())) == 3
    hash_cache.forget()
    with counted() as found:
        for path in reversed(paths):
            file_hashes.of(path)
    assert [name for name, _ in found] == ["1.pt", "0.pt"]


def test_what_is_known_here_is_limited_too(tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_cache, "MOST_HERE", 4)
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text(str(number))
        file_hashes.of(tmp_path / f"{number}.txt")
    assert len(hash_cache.here) <= 4


def keep_many(file: Path, first: int) -> None:
    """What a writer in another process does."""
    hash_cache.place = lambda: file
    for number in range(first, first + 60):
        hash_cache.keep((f"/{number}", 1, 1, 1, 0), f"{number:064x}", lasting=True)


def test_two_processes_that_write_at_once_leave_a_whole_cache(hashes: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=keep_many, args=(hashes, first)) for first in (0, 1000)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        foreign_json.read(hashes)  # raises if it is ever half
    assert [writer.exitcode for writer in writers] == [0, 0]
    right = {hash_cache.name_of((f"/{n}", 1, 1, 1, 0)): f"{n:064x}" for n in (*range(60), *range(1000, 1060))}
    left = json.loads(hashes.read_text())
    assert left.items() <= right.items()  # who reads, waits and then writes takes back what came meanwhile
    assert {f"{59:064x}", f"{1059:064x}"} & set(left.values()), "the last one wins, whole"
    assert not list(hashes.parent.glob(".*.tmp"))


@pytest.fixture
def snapshot(write_model: WriteModel, tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in the hub's cache as huggingface_hub leaves it: links to blobs, weights named by their SHA-256."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    model = tmp_path / "hub" / "models--owner--painter"
    folder = write_model("hub/models--owner--painter/snapshots/abc123", weights=LARGE)
    (model / "refs").mkdir()
    (model / "refs/main").write_text("abc123")
    (model / "blobs").mkdir()
    for file in [file for file in folder.rglob("*") if file.is_file()]:
        data = file.read_bytes()
        weights = file.suffix == ".safetensors"
        name = hashlib.sha256(data).hexdigest() if weights else hashlib.sha1(data).hexdigest()
        file.unlink()
        if not (model / "blobs" / name).exists():
            (model / "blobs" / name).write_bytes(data)
        file.symlink_to(os.path.relpath(model / "blobs" / name, file.parent))
    return folder


def test_of_the_hubs_files_no_weights_are_read(snapshot: Path, tmp_path: Path) -> None:
    with counted() as found:
        first = references.resolve("owner/painter", {}).fingerprint
    assert found and not [name for name, _ in found if name.endswith(".safetensors")]
    shutil.copytree(snapshot, tmp_path / "copy")  # its files are files of their own
    with counted() as found:
        assert references.resolve("copy", {"copy": str(tmp_path / "copy")}).fingerprint == first
    assert sum(size for name, size in found if name.endswith(".safetensors")) > len(LARGE)


WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def damage(file: Path, hub: Path) -> Path:
    file.resolve().write_bytes(between_probes(LARGE))
    later = file.lstat().st_mtime_ns + 10**7
    os.utime(file, ns=(later, later))
    return file


def not_in_a_hub(file: Path, hub: Path) -> Path:
    target = hub.parent / "blobs" / ("a" * 64)
    target.parent.mkdir()
    target.write_bytes(LARGE)
    link = hub.parent / "link.safetensors"
    link.symlink_to(target)
    return link


def another_name(file: Path, hub: Path) -> Path:
    other = file.resolve().with_name("b" * 63)
    file.resolve().rename(other)
    file.unlink()
    file.symlink_to(other)
    return file


def beside_the_blobs(file: Path, hub: Path) -> Path:
    target = hub / "models--owner--painter" / "other" / ("a" * 64)
    target.parent.mkdir()
    target.write_bytes(LARGE)
    file.unlink()
    file.symlink_to(target)
    return file


@pytest.mark.parametrize("change", [damage, not_in_a_hub, another_name, beside_the_blobs])
def test_a_blobs_name_counts_only_where_it_tells_the_content(
    snapshot: Path, tmp_path: Path, change: Callable[[Path, Path], Path]
) -> None:
    file = change(snapshot / WEIGHTS, tmp_path / "hub")
    assert stat.S_ISLNK(file.lstat().st_mode)
    assert file_hashes.of(file) == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def spared(settled: None) -> Iterator[None]:
    """A window waits for the main thread."""
    file_hashes.spare_main_thread(True)
    yield
    file_hashes.spare_main_thread(False)


def test_the_main_thread_of_a_window_reads_no_weights_and_says_which_it_wants(
    write_model: WriteModel, spared: None
) -> None:
    folder = write_model("painter", weights=LARGE)
    with counted() as found, pytest.raises(Unread) as raised:
        references.resolve("painter", {"painter": str(folder)})
    assert raised.value.code == Code.MODEL_UNREAD
    assert len(raised.value.paths) == 3 and {path.suffix for path in raised.value.paths} == {".safetensors"}
    assert not [name for name, _ in found if name.endswith(".safetensors")]
    reader = threading.Thread(target=lambda: [file_hashes.of(path) for path in raised.value.paths])
    reader.start()
    reader.join()
    assert references.resolve("painter", {"painter": str(folder)}).fingerprint


@pytest.mark.parametrize(("name", "size"), [("tiny.pt", 9), ("tiny.SAFETENSORS", 9), ("vocab.json", (1 << 20) + 1)])
def test_weights_of_any_size_and_large_files_of_any_kind_are_left_to_another_thread(
    tmp_path: Path, spared: None, name: str, size: int
) -> None:
    (tmp_path / name).write_bytes(bytes(size))
    with pytest.raises(Unread):
        file_hashes.of(tmp_path / name)
    with file_hashes.reading_here():
        known = file_hashes.of(tmp_path / name)
    assert file_hashes.of(tmp_path / name) == known == hashlib.sha256(bytes(size)).hexdigest()


def test_reading_is_told_of_and_can_be_cancelled(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_hashes, "SILENT_SECONDS", 0.0)
    monkeypatch.setattr(file_hashes, "BLOCK", 1 << 20)
    said: list[str] = []
    with file_hashes.telling(file_hashes.spoken(said.append)):
        file_hashes.of(large)
    assert said == [f"Reading once, {percent}%: large.safetensors" for percent in (0, 20, 40, 60, 80, 100)]
    touch(large)
    with (
        file_hashes.telling(file_hashes.spoken(said.append, lambda: len(said) > 8)),
        pytest.raises(BendError) as raised,
    ):
        file_hashes.of(large)
    assert raised.value.code == Code.CANCELLED
    assert len(said) == 9
