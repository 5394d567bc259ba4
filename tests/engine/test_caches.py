"""The engine trims what it keeps: on the disk after it has written, and in memory while it encodes."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blender_bend.core.files import caches
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file
from blender_bend.engine.host import kept
from blender_bend.engine.host.bounded import Bounded, tensor_bytes, tensors_bytes
from blender_bend.engine.prompts.encoder import PromptEncoder
from blender_bend.engine.rendering import sound_embedding

WriteSound = Callable[..., Path]
RATE = FrameRate.parse("24")


def age(folder: Path, minutes: float = 10) -> None:
    """Let everything in a folder be of some time ago."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 60 * minutes,) * 2)


def test_features_of_old_sounds_go_and_those_of_this_request_stay(
    write_sound: WriteSound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "FEATURES", dataclasses.replace(caches.FEATURES, most=1))
    noise, cache = np.random.default_rng(1).uniform(-0.5, 0.5, 24_000), tmp_path / "cache"
    measure_file(write_sound(noise), RATE, ["rms"], cache=cache)
    old = set(cache.iterdir())
    measure_file(write_sound(noise / 2), RATE, ["rms"], cache=cache)
    assert old <= set(cache.iterdir()), "used a moment ago"
    age(cache)
    measure_file(write_sound(noise / 2), RATE, ["rms", "centroid"], cache=cache)
    left = {path.name for path in cache.iterdir()}
    assert len(left) == 2 and not {path.name for path in old} & left, "what was read is in use as well"


def test_reading_counts_as_use(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "two.npz", x=np.zeros(3))
    age(tmp_path)
    began = time.time() - 1
    assert kept.array(tmp_path / "one.npy") is not None and kept.arrays(tmp_path / "two.npz")
    assert all(path.stat().st_mtime >= began for path in tmp_path.iterdir())


class Encoding:
    """As much of a model as an encoder of prompts asks for: embeddings of 1000 numbers."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def text_encoders(self, *_: Any) -> list[Any]:
        return []

    def encode_prompt(self, prompt: str, *_: Any) -> dict[str, torch.Tensor]:
        self.encoded.append(prompt)
        return {"prompt_embeds": torch.full((1, 1, 1000), float(len(self.encoded)))}


def test_prompts_take_only_so_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blender_bend.engine.prompts.weighted.needed", lambda *_: False)
    model = Encoding()
    encoder = PromptEncoder(model, most=5 * 4000)  # type: ignore[arg-type]
    for number in range(50):
        encoder.encode([[f"prompt {number}", 1.0]], "", False)
        encoder.encode([["always", 1.0]], "", False)
        assert encoder.kept.bytes <= 5 * 4000
    assert model.encoded.count("always") == 1, "what is used stays"
    encoder.encode([["prompt 49", 1.0]], "", False)
    encoder.encode([["prompt 0", 1.0]], "", False)
    assert model.encoded.count("prompt 49") == 1 and model.encoded.count("prompt 0") == 2


def test_two_prompts_are_blended_though_only_one_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blender_bend.engine.prompts.weighted.needed", lambda *_: False)
    found = [
        PromptEncoder(Encoding(), most).encode([["a", 0.5], ["b", 0.5]], "", False)  # type: ignore[arg-type]
        for most in (1, caches.PROMPT_BYTES)
    ]
    assert torch.equal(found[0]["prompt_embeds"], found[1]["prompt_embeds"])


def test_a_view_counts_with_all_that_it_keeps_in_memory() -> None:
    large = torch.zeros(1000)
    assert tensor_bytes(large[:1]) == 4000 and tensors_bytes({"a": large, "b": large[:1]}) == 8000
    memory: Bounded[torch.Tensor] = Bounded(100, tensor_bytes)
    assert memory.get("a", lambda: large) is large and len(memory) == 1, "the last one stays"
    memory.get("b", lambda: torch.zeros(1))
    assert len(memory) == 1 and memory.bytes == 4


def test_embeddings_of_sound_are_trimmed_when_all_windows_are_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "SOUNDS", dataclasses.replace(caches.SOUNDS, most=1))
    cache = tmp_path / "heard"
    cache.mkdir()
    (cache / "old.f32").write_bytes(bytes(4096))
    age(cache)
    embedder = sound_embedding.SoundEmbedder(tmp_path / "none", cache=cache)
    monkeypatch.setattr(sound_embedding, "embed_windows", lambda *_: [])
    windows = type("Windows", (), {"numbers": lambda *_: []})()
    sound_embedding.embed_frames(embedder, torch.zeros(1), windows, range(0), None)  # type: ignore[arg-type]
    assert list(cache.iterdir()) == []
