"""CLAP 2022's audio tower: a CNN14 and a projection, from ten seconds of sound to a unit vector of 1024 numbers.

Only what inference needs; the names are those of the published file below ``audio_encoder.``.
Source: Kong et al. 2020 (PANNs, CNN14); Elizalde et al. 2022 (CLAP).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .mel import BANDS, log_mel, mel_matrix

CHANNELS = (64, 128, 256, 512, 1024, 2048)
EMBEDDING = 1024


class ConvBlock(nn.Module):
    """Two convolutions and an averaging pool."""

    def __init__(self, inside: int, outside: int, pool: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.bn2 = nn.BatchNorm2d(outside)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """From (B, inside, t, f) to (B, outside, t / pool, f / pool)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.avg_pool2d(x, self.pool) if self.pool > 1 else x


class LogMel(nn.Module):
    """Holds the mel matrix of the file; it is preferred to one computed anew."""

    def __init__(self) -> None:
        super().__init__()
        self.melW: Tensor
        self.register_buffer("melW", mel_matrix().clone())

    def forward(self, sound: Tensor) -> Tensor:
        """From (B, n) to (B, 1, frames, 64)."""
        return log_mel(sound, self.melW)


class Cnn14(nn.Module):
    """From sound to one vector of all of it: mean and maximum over time."""

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.logmel_extractor = LogMel()
        self.bn0 = nn.BatchNorm2d(BANDS)
        ins = (1, *channels[:-1])
        for number, (inside, outside) in enumerate(zip(ins, channels, strict=True), 1):
            self.add_module(f"conv_block{number}", ConvBlock(inside, outside, 2 if number < len(channels) else 1))
        self._blocks = [f"conv_block{number}" for number in range(1, len(channels) + 1)]
        self.fc1 = nn.Linear(channels[-1], channels[-1])

    def forward(self, sound: Tensor) -> Tensor:
        """From (B, n) to (B, channels[-1])."""
        x = self.logmel_extractor(sound)
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
        for name in self._blocks:
            x = getattr(self, name)(x)
        x = x.mean(dim=3)
        return functional.relu(self.fc1(x.amax(dim=2) + x.mean(dim=2)))


class Projection(nn.Module):
    """Into the space that CLAP's sounds and words share."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(inside, outside, bias=False)
        self.linear2 = nn.Linear(outside, outside, bias=False)
        self.layer_norm = nn.LayerNorm(outside)

    def forward(self, x: Tensor) -> Tensor:
        """From (B, inside) to (B, outside)."""
        first = self.linear1(x)
        return self.layer_norm(first + self.linear2(functional.gelu(first)))


class AudioTower(nn.Module):
    """CLAP's audio encoder, in evaluation mode for good.

    Parameters
    ----------
    channels : of the six blocks; the published file has the default
    embedding : length of the vector
    """

    def __init__(self, channels: Sequence[int] = CHANNELS, embedding: int = EMBEDDING) -> None:
        super().__init__()
        self.sizes = (tuple(channels), embedding)
        self.base = Cnn14(channels)
        self.projection = Projection(channels[-1], embedding)
        self.eval()

    @torch.no_grad()
    def forward(self, sound: Tensor) -> Tensor:
        """Embed windows.

        Parameters
        ----------
        sound : shape (B, 441000), see ``mel.window``

        Returns
        -------
        shape (B, 1024), each of length 1. Silence too gives a vector, which is not the same as no sound.
        """
        return functional.normalize(self.projection(self.base(sound)), dim=-1)
