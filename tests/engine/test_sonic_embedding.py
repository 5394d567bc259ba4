"""The sound of frames: windows of the sound, each embedded once, by the engine's child and by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.core.sound.embed_request import EmbedRequest
from blender_bend.core.sound.windows import Windows
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.__main__ import main
from blender_bend.engine.rendering.sound_embedding import SoundEmbedder, answer, embed_frames, embed_windows
from blender_bend.engine.sonic import checkpoints
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.mel import window
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import StoredInputs

RATE = FrameRate.parse("10")


@pytest.fixture
def tower_file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return checkpoints.save_tower(tmp_path / "clap.safetensors", AudioTower((2, 2, 2, 2, 2, 2), 8))


@pytest.fixture
def sound() -> Tensor:
    """A second of one noise, a second of another, a second of silence."""
    torch.manual_seed(1)
    return torch.cat([torch.randn(44100), torch.randn(44100).cumsum(0) / 50, torch.zeros(44100)])


def counted(embedder: SoundEmbedder) -> list[int]:
    calls: list[int] = []
    embedder.tower.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_a_window_is_embedded_once_however_many_frames_share_it(
    tower_file: Path, sound: Tensor, store: FrameStore
) -> None:
    embedder = SoundEmbedder(tower_file)
    calls = counted(embedder)
    held = Windows(RATE, 0.5)
    embedded = embed_frames(embedder, sound, held, range(30), store, length=0.5)
    assert sorted(embedded) == [0, 1, 2, 3] and len(calls) == len(set(embedded.values())) == 4, "silence is no window"
    assert [held.blend(frame, embedded)[0] for frame in range(5)] == [((embedded[0], 1.0),)] * 5
    assert embed_frames(embedder, sound, held, range(30), store, length=0.5) == embedded and len(calls) == 4
    vector = StoredInputs(store).vector(embedded[1])
    assert torch.equal(vector, embedder.tower(window(sound[22050:44100])[None]))


def test_a_window_is_centred_and_ends_where_the_sound_ends(tower_file: Path, sound: Tensor, store: FrameStore) -> None:
    embedder, inputs = SoundEmbedder(tower_file), StoredInputs(store)
    first, middle, beyond = embed_windows(embedder, sound, [0.1, 1.0, 5.0], store, length=0.6)
    assert torch.equal(inputs.vector(first), embedder.tower(window(sound[: round(0.4 * 44100)])[None]))
    assert torch.equal(
        inputs.vector(middle), embedder.tower(window(sound[round(0.7 * 44100) : round(1.3 * 44100)])[None])
    )
    assert beyond == ""


def test_what_was_embedded_once_needs_no_network(tower_file: Path, sound: Tensor, tmp_path: Path) -> None:
    stores = [FrameStore(tmp_path / name) for name in ("one", "two", "three")]
    cache = tmp_path / "cache"
    first = embed_windows(SoundEmbedder(tower_file, cache=cache), sound, [0.5, 1.5], stores[0], 1.0)
    again = SoundEmbedder(tower_file, cache=cache)
    assert embed_windows(again, sound, [0.5, 1.5], stores[1], 1.0) == first
    assert "tower" not in vars(again) and len(list((stores[1].folder / "inputs").glob("*.f32"))) == 2
    for file in cache.iterdir():
        file.write_bytes(b"damaged")
    assert embed_windows(again := SoundEmbedder(tower_file, cache=cache), sound, [0.5], stores[2], 1.0) == first[:1]
    assert "tower" in vars(again)
    torch.manual_seed(5)
    checkpoints.save_tower(tower_file, AudioTower((2, 2, 2, 2, 2, 2), 8))
    assert embed_windows(SoundEmbedder(tower_file, cache=cache), sound, [0.5], stores[2], 1.0) != first[:1], (
        "other weights embed again"
    )


def test_embedding_can_be_cancelled(tower_file: Path, sound: Tensor, store: FrameStore) -> None:
    with pytest.raises(BendError) as caught:
        embed_windows(SoundEmbedder(tower_file), sound, [0.5], store, cancelled=lambda: True)
    assert caught.value.code == Code.CANCELLED


def test_the_engine_embeds_for_blender(
    tower_file: Path, sound: Tensor, write_sound: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_sound(sound.clamp(-1, 1).numpy(), 44100)
    asked = EmbedRequest(
        path, tower_file, Windows(FrameRate.parse("10"), 0.5), 30, 0.5, 0.5,
        tmp_path / "frames", tmp_path / "cache", tmp_path / "embedded.json",
    )  # fmt: skip
    said: list[str] = []
    assert answer(asked, "cpu", said.append, lambda: False) == {"out": str(asked.out), "windows": 6}
    embedded = json.loads(asked.out.read_text())
    assert sorted(embedded) == ["0", "1", "2"], "the strip begins half a second after the sound"
    assert all((tmp_path / "frames" / "inputs" / f"{digest}.f32").is_file() for digest in embedded.values())
    answer(replace(asked, windows=replace(asked.windows, step=0.1)), "cpu", said.append, lambda: False)
    assert said == [f"Embedding the sound, window {number} of 30" for number in (10, 20, 30)]
    with pytest.raises(BendError) as caught:
        answer(replace(asked, tower=tmp_path / "none.pth"), "cpu", said.append, lambda: False)
    assert caught.value.code == Code.MODEL_MISSING


def test_a_request_is_the_same_after_it_was_a_message(tmp_path: Path) -> None:
    asked = EmbedRequest(
        tmp_path / "a.wav", tmp_path / "tower", Windows(FrameRate.parse("30000/1001"), 0.25, True), 48, -0.5, 4.0,
        tmp_path / "frames", tmp_path / "cache", tmp_path / "out.json",
    )  # fmt: skip
    assert EmbedRequest.from_data(json.loads(json.dumps(asked.to_data()))) == asked


@pytest.mark.parametrize("command", ["embed", "listen"])
def test_the_command_line_embeds_the_sound_of_a_job_also_by_the_old_name(
    command: str, tower_file: Path, sound: Tensor, write_sound: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_sound(sound.clamp(-1, 1).numpy(), 44100)
    out, store = tmp_path / "embedded.json", tmp_path / "frames"
    options = ["--clap", str(tower_file), "--fps", "10", "--store", str(store), "--out", str(out)]
    assert main(["sonic", command, str(path), *options, "--window", "0.5", "--step", "1", "--blended"]) == 0
    rows = json.loads(out.read_text())
    assert [row["number"] for row in rows] == list(range(1, 31))
    shares = np.array([row["audible"] for row in rows])
    assert np.allclose(shares[5:15], 1) and np.allclose(np.diff(shares[15:24]), -0.1) and not shares[25:].any()
    assert rows[9]["sound"][0][1] == pytest.approx(0.55) and len(rows[29]["sound"]) == 0
