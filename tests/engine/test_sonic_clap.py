"""The sound as CLAP takes it: preparation, spectrogram and tower against the formulas written out again."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sonic_formulas as formulas
import torch

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.mel import WINDOW, log_mel, mel_matrix, prepare, resample, window

SMALL = (4, 4, 6, 6, 8, 8)


def sine(hertz: float, rate: int, seconds: float) -> torch.Tensor:
    return torch.sin(2 * math.pi * hertz * torch.arange(round(rate * seconds), dtype=torch.float64) / rate).float()


@pytest.mark.parametrize("rate", [48000, 22050, 16000, 96000])
def test_another_sample_rate_is_the_same_tone(rate: int) -> None:
    got = resample(sine(1000, rate, 0.5), rate, 44100)
    wanted = sine(1000, 44100, 0.5)
    assert len(got) == len(wanted)
    assert float((got - wanted)[500:-500].abs().max()) < 2e-3


def test_the_resampler_is_the_windowed_sinc_of_the_published_preparation() -> None:
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(2000))
    got = resample(noise, 48000, 44100)
    a, b = 160, 147
    f = 0.99 * b
    for index in (0, 1, 700, 1234, len(got) - 1):  # written as one sum over the input around the moment of the output
        total = 0.0
        for n, value in enumerate(noise.tolist()):
            t = (n / a - index / b) * f
            if abs(t) < 6:
                total += value * float(np.sinc(t)) * math.cos(math.pi * t / 12) ** 2 * f / a
        assert abs(float(got[index]) - total) < 1e-6


def test_what_is_above_the_new_limit_is_gone() -> None:
    assert float(resample(sine(30000, 96000, 0.2), 96000, 44100)[200:-200].abs().max()) < 0.01


def test_channels_are_averaged_and_loudness_stays() -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.1)])
    assert torch.allclose(prepare(stereo, 44100), torch.full((100,), 0.2))


def test_a_short_sound_is_repeated_until_it_fills_ten_seconds() -> None:
    embedded = window(torch.arange(1000, dtype=torch.float32))
    assert len(embedded) == WINDOW
    assert torch.equal(embedded[:1000], embedded[1000:2000])
    assert int(embedded[-1]) == (WINDOW - 1) % 1000


def test_a_window_of_a_long_sound_is_where_it_was_asked_for_and_stays_within() -> None:
    sound = torch.arange(2 * WINDOW)
    assert window(sound, 7)[0] == 7
    assert window(sound, -50)[0] == 0
    assert window(sound, 3 * WINDOW)[-1] == 2 * WINDOW - 1


def test_a_shorter_window_is_cut_out_and_repeated() -> None:
    embedded = window(torch.arange(2 * WINDOW), 100, 44100)
    assert embedded[0] == embedded[44100] == 100 and len(embedded) == WINDOW


def test_an_empty_sound_is_refused() -> None:
    with pytest.raises(BendError) as caught:
        prepare(np.zeros(0), 44100)
    assert caught.value.code == Code.SOUND_UNREADABLE


def test_the_mel_bands_are_slaneys() -> None:
    assert np.abs(mel_matrix().numpy() - formulas.mel_matrix()).max() < 1e-8


def test_the_spectrogram_is_that_of_the_formula() -> None:
    torch.manual_seed(0)
    sound = window(sine(440, 44100, 1.3) * 0.3 + 0.05 * torch.randn(57330))
    got = log_mel(sound[None], mel_matrix())
    assert got.shape == (1, 1, 1379, 64)
    short = sound[:32000]
    assert float((log_mel(short[None], mel_matrix())[0, 0] - formulas.log_mel(short)).abs().max()) < 1e-3  # decibels


def test_silence_is_the_lowest_level_everywhere() -> None:
    assert torch.equal(log_mel(torch.zeros(1, 4000), mel_matrix()), torch.full((1, 1, 13, 64), -100.0))


def small_tower(seed: int = 0) -> AudioTower:
    torch.manual_seed(seed)
    tower = AudioTower(SMALL, 12)
    for name, tensor in tower.state_dict().items():
        if "bn" in name and tensor.is_floating_point():  # statistics other than those of a fresh module
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return tower


def test_the_tower_is_that_of_the_formula() -> None:
    tower = small_tower()
    sound = torch.randn(2, 40000)
    got = tower(sound)
    weights = tower.state_dict()
    wanted = torch.cat([formulas.tower(weights, log_mel(row[None], mel_matrix())[0, 0]) for row in sound])
    assert got.shape == (2, 12)
    assert torch.allclose(got.norm(dim=-1), torch.ones(2))
    assert formulas.relative(got, wanted) < 1e-5
    assert float(torch.nn.functional.cosine_similarity(got, wanted).min()) > 0.999999


def test_the_tower_of_the_published_size_has_the_published_tensors() -> None:
    with torch.device("meta"):
        tower = AudioTower()
    shapes = {name: tuple(tensor.shape) for name, tensor in tower.state_dict().items()}
    assert len(shapes) == 84  # 88 of the file, less the Fourier matrices and the classifier, 2 each
    assert shapes["base.conv_block6.conv2.weight"] == (2048, 2048, 3, 3)
    assert shapes["base.fc1.weight"] == (2048, 2048)
    assert shapes["base.logmel_extractor.melW"] == (513, 64)
    assert shapes["projection.linear1.weight"] == (1024, 2048)
    assert shapes["projection.layer_norm.bias"] == (1024,)
