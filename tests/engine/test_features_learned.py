"""EnCodec features, with a tiny model of random weights in a folder, as the artist would name one."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import EncodecConfig, EncodecModel

from blender_bend.core.errors import BendError, Code
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import Settings, measure_file
from blender_bend.engine.analysis.features import learned
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.spectra.spectrum import Grid

RATE = FrameRate(Fraction(20))


@pytest.fixture(scope="module", params=[1, 2], ids=["mono", "stereo"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in the layout of facebook/encodec_24khz (mono) or encodec_48khz (stereo)."""
    torch.manual_seed(3)
    config = EncodecConfig(
        sampling_rate=24000 * request.param,
        audio_channels=request.param,
        normalize=request.param == 2,
        chunk_length_s=1.0 if request.param == 2 else None,
        overlap=0.01 if request.param == 2 else None,
        hidden_size=16,
        num_filters=4,
        codebook_size=64,
        codebook_dim=16,
    )
    model = EncodecModel(config)
    with torch.inference_mode():
        heard = model.encoder(torch.randn(1, request.param, 64 * 320))[0].T
    for layer in model.quantizer.layers:  # codes among what the encoder says, or all sounds are one code
        layer.codebook.embed.copy_(heard[:64] * torch.rand(64, 1))
    path = tmp_path_factory.mktemp("encodec")
    model.save_pretrained(path, safe_serialization=True)
    return path


@pytest.fixture
def melody() -> np.ndarray:
    """Two tones in turn, two seconds."""
    time = np.arange(96000) / 48000
    return (0.5 * np.sin(2 * np.pi * np.where(time % 1 < 0.5, 220, 1760) * time)).astype(np.float32)


def test_components_follow_the_sound(folder: Path, melody: np.ndarray) -> None:
    names = [f"encodec:{number}" for number in range(1, 9)]
    measured = measure(melody, Grid(RATE, 40, 48000), names, Settings(encodec=folder))
    first = measured["encodec:1"]
    assert all(np.isfinite(values).all() and np.abs(values).max() <= 1 for values in measured.values())
    assert np.abs(first).max() == 1.0
    high = (np.arange(40) // 10) % 2 == 1
    assert abs(first[high].mean() - first[~high].mean()) > first[high].std() + first[~high].std()
    again = measure(melody, Grid(RATE, 40, 48000), names, Settings(encodec=folder))
    assert all(np.array_equal(again[name], measured[name]) for name in names)


def test_codes_are_those_of_the_model_for_the_frame_alone(folder: Path, melody: np.ndarray) -> None:
    model = learned.load(folder)
    sound = learned.Sound(melody, Grid(RATE, 40, 48000), Settings(encodec=folder))
    _, codes = learned.encodings(sound)
    frame = torch.from_numpy(melody[5 * 2400 : 6 * 2400][:: 48000 // model.config.sampling_rate].copy())
    if model.config.sampling_rate == 48000:  # where nothing has to be resampled
        with torch.inference_mode():
            expected = model.encode(frame.expand(1, 2, -1)).audio_codes
        assert np.array_equal(codes[5], expected[0][0, 0].numpy())
    assert codes.shape[0] == 40 and len(np.unique(codes)) > 1


def test_frames_are_laid_out_by_likeness(folder: Path, melody: np.ndarray) -> None:
    names = ["encodec_tsne:1", "encodec_tsne:16"]
    measured = measure(melody, Grid(RATE, 40, 48000), names, Settings(encodec=folder))
    for values in measured.values():
        assert values.shape == (40,) and np.isfinite(values).all() and np.abs(values).max() == 1.0


def test_of_a_long_sound_a_choice_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "TSNE_FRAMES", 30)
    codes = np.random.default_rng(1).integers(0, 64, (90, 8))
    codes[45:] = codes[:45]
    placed = learned.laid_out(codes)
    assert placed.shape == (90, 16) and np.isfinite(placed).all()


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(48000), np.array([0.5])], ids=["none", "silence", "one"])
def test_odd_sounds_give_numbers(folder: Path, samples: np.ndarray) -> None:
    names = ["encodec:1", "encodec:8", "encodec_tsne:1"]
    measured = measure(samples.astype(np.float32), Grid(RATE, 4, 48000), names, Settings(encodec=folder))
    assert all(values.shape == (4,) and np.isfinite(values).all() for values in measured.values())


def test_without_a_folder_it_is_said_what_to_do(write_sound: Callable[..., Path], melody: np.ndarray) -> None:
    with pytest.raises(BendError) as caught:
        measure_file(write_sound(melody), RATE, ["encodec:1"])
    assert caught.value.code == Code.MODEL_MISSING
    assert "encodec" in caught.value.hint and caught.value.action


@pytest.mark.parametrize("content", [{}, {"config.json": "{}"}, {"config.json": "no", "pytorch_model.bin": "x"}])
def test_a_folder_without_safetensors_is_refused(tmp_path: Path, melody: np.ndarray, content: dict[str, str]) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(BendError) as caught:
        measure(melody, Grid(RATE, 40, 48000), ["encodec:1"], Settings(encodec=tmp_path))
    assert caught.value.code == Code.MODEL_INVALID


def test_another_model_is_another_entry_of_the_cache(
    folder: Path, write_sound: Callable[..., Path], melody: np.ndarray, tmp_path: Path
) -> None:
    cache, path = tmp_path / "cache", write_sound(melody)
    for _ in range(2):
        measure_file(path, RATE, ["encodec:1"], cache=cache, settings=Settings(encodec=folder))
    assert len(list(cache.iterdir())) == 1
    other = tmp_path / "other"
    model = learned.load(folder)
    for layer in model.quantizer.layers:
        layer.codebook.embed.normal_(0, 0.2)
    model.save_pretrained(other, safe_serialization=True)
    measure_file(path, RATE, ["encodec:1"], cache=cache, settings=Settings(encodec=other))
    assert len(list(cache.iterdir())) == 2
