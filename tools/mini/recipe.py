"""The recipe: every size and number that the training of mini depends on, once in full and once as a toy for CI."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """What is trained, on how much, and how fast it learns."""

    seed: int = 5
    picture: int = 256
    pictures: int = 16384
    heldout: int = 1024
    shard: int = 256
    # Autoencoder
    encoder_width: int = 32
    decoder_width: int = 48
    encoder_blocks: tuple[int, ...] = (1, 1, 2, 4)
    decoder_blocks: tuple[int, ...] = (4, 3, 1, 1)
    autoencoder_batch: int = 8
    autoencoder_rate: float = 1e-3
    # Text encoder
    text_width: int = 160
    text_layers: int = 3
    text_length: int = 32
    # UNet
    channels: tuple[int, ...] = (64, 128, 192)
    groups: int = 16
    heads: int = 4
    pictures_32: int = 6144  # as many of the pictures are learnt from at full size
    batch_16: int = 64
    batch_32: int = 16
    rate_16: float = 2e-3
    rate_32: float = 1e-3
    warm_up: int = 100
    warm_up_32: int = 20
    ema: float = 0.998
    # Classifier
    classifier_picture: int = 64
    classifier_width: int = 24
    classifier_batch: int = 64
    classifier_rate: float = 2e-3
    # Sounds, and the tower that embeds them
    sounds: int = 40  # of each kind
    sounds_heldout: int = 12
    sound_seconds: float = 10.0
    tower_channels: tuple[int, ...] = (8, 16, 32, 64, 96, 128)
    tower_embedding: int = 256
    tower_frames: int = 414  # about three seconds
    tower_batch: int = 32
    tower_rate: float = 3e-3
    projector_inner: int = 80
    words_steps: int = 250
    words_rate: float = 5e-4
    adapters_steps: int = 400
    adapters_rate: float = 1e-3
    # Gate
    gate_steps: int = 8
    guidance: float = 5.0
    gate_pictures: int = 180
    sweep_frames: int = 24
    grid: int = 8  # prompts, and seeds of each

    @property
    def latent(self) -> int:
        """Rows of a latent of a whole picture."""
        return self.picture // 8


FULL = Recipe()
TOY = replace(
    FULL,
    picture=64,
    pictures=32,
    heldout=16,
    shard=16,
    encoder_width=8,
    decoder_width=8,
    encoder_blocks=(1, 1, 1, 1),
    decoder_blocks=(1, 1, 1, 1),
    autoencoder_batch=2,
    text_width=16,
    text_layers=1,
    channels=(8, 16, 16),
    groups=4,
    heads=2,
    pictures_32=16,
    batch_16=4,
    batch_32=2,
    warm_up=2,
    warm_up_32=2,
    classifier_picture=32,
    classifier_width=8,
    classifier_batch=8,
    sounds=2,
    sounds_heldout=1,
    sound_seconds=1.0,
    tower_channels=(2, 2, 2, 2, 2, 4),
    tower_embedding=16,
    tower_frames=64,
    tower_batch=4,
    projector_inner=8,
    words_steps=2,
    adapters_steps=2,
    gate_steps=2,
    gate_pictures=4,
    sweep_frames=3,
    grid=2,
)
