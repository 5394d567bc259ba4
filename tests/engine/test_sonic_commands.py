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
from blender_bend.engine.sonic.checkpoints import load_adapters, load_projector, save_tower
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.training.dataset import read_examples


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


def test_training_from_the_command_line_shows_itself_goes_on_and_writes_files_that_load(
    tmp_path: Path, load: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = load("sd15")
    pipeline.save_pretrained(tmp_path / "model")
    torch.manual_seed(0)
    save_tower(tmp_path / "clap.safetensors", AudioTower((2, 2, 2, 2, 2, 2), 32))
    for number, name in enumerate(("fire/one", "fire/two", "rain/one", "rain/two")):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path.with_suffix(".wav"), np.sin(np.arange(8000) * (number + 1) / 9), 16000)
        PIL.Image.new("RGB", (64, 64), (number * 60, 10, 10)).save(path.with_suffix(".png"))

    def train(stage: int, steps: int) -> str:
        common = ["--model", tmp_path / "model", "--clap", tmp_path / "clap.safetensors", "--out", tmp_path / "out"]
        sizes = ["--stage", stage, "--steps", steps, "--batch", 2, "--size", 64, "--every", 2]
        assert main(["sonic", "train", str(tmp_path / "data"), *map(str, (*common, *sizes))]) == 0
        return capsys.readouterr().out

    assert "step 3/3" in train(1, 3)
    assert "step 2/2" in train(2, 2)
    more = train(2, 4)
    assert "step 3/4" in more and "step 2/4" not in more
    projector = load_projector(tmp_path / "out" / "audio_projector.safetensors")
    assert projector.variant == "stacked"
    assert load_adapters(tmp_path / "out" / "audio_adapters.safetensors", pipeline.unet).context == 32
    for stage in (1, 2):
        with PIL.Image.open(tmp_path / "out" / f"stage{stage}" / "losses.png") as plot:
            assert len(plot.convert("RGB").getcolors(100_000)) > 3
    samples = tmp_path / "out" / "stage2" / "samples"
    assert sorted(path.name for path in samples.iterdir()) == ["000002.png", "000004.png"]
    with PIL.Image.open(samples / "000004.png") as sheet:
        assert sheet.size == (2 * 68, 64 + 22)
