"""What is typed: converting CLAP, and training from a folder of sounds, pictures and captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile
import torch

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.__main__ import main
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.dataset import read_examples


def test_a_file_that_cannot_be_converted_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "CLAP_weights_2023.pth"
    torch.save({"model": {"audio_encoder.base.htsat.norm.weight": torch.zeros(2)}}, path)
    assert main(["sonic", "convert", str(path)]) == 1
    assert "CLAP 2023" in capsys.readouterr().err


def test_a_folder_becomes_examples(tmp_path: Path, load: Callable[..., Any]) -> None:
    pipeline = load("sd15")
    for number, name in enumerate(("fire/one", "fire/two", "rain/one")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path.with_suffix(".wav"), np.sin(np.arange(8000) * (number + 1) / 9), 16000)
        PIL.Image.new("RGB", (80, 60), (number * 90, 10, 10)).save(path.with_suffix(".png"))
    (tmp_path / "fire/one.txt").write_text("a fire at night")
    soundfile.write(tmp_path / "rain/without.wav", np.zeros(100), 16000)
    torch.manual_seed(0)
    tower = AudioTower((2, 2, 2, 2, 2, 2), 8)
    found = read_examples(tmp_path, pipeline, tower, 64)
    assert found.classes.tolist() == [0, 0, 1] and found.latents is not None
    assert (found.embeddings.shape, found.latents.shape) == ((3, 8), (3, 4, 8, 8))
    wanted = pipeline.encode_prompt("a fire at night", "cpu", 1, False)[0]
    assert torch.equal(found.words[0], wanted[0])
    assert torch.equal(found.words[2], pipeline.encode_prompt("rain", "cpu", 1, False)[0][0])
    assert len(read_examples(tmp_path, pipeline, tower, 64, pictures=False).classes) == 4


def test_a_folder_without_sounds_is_told(tmp_path: Path, load: Callable[..., Any]) -> None:
    with pytest.raises(BendError) as caught:
        read_examples(tmp_path, load("sd15"), AudioTower((2,) * 6, 8))
    assert caught.value.code == Code.INPUT_MISSING
