"""What the text fields of the Bend tab suggest."""

from __future__ import annotations

from typing import Any

from bpy.types import Context

from ...core.bends import sites as core_sites
from ...core.bends.channel_selection import CLUSTERS
from ...core.models import references as core_models
from ...core.models.sonic_files import MINI_SOUND
from ..host import model_list, preferences


def sites(self: Any, context: Context, typed: str) -> list[tuple[str, str]]:
    """Sites that are worth trying first, and the LoRA files of the preferences."""
    named = [(f"lora:{name}", "Weights of this LoRA") for name in preferences.lora_files()]
    return [*((name, summary) for name, summary in core_sites.COMMON_SITES), *named]


def channels(self: Any, context: Context, typed: str) -> list[tuple[str, str]]:
    """Ways to choose channels."""
    clusters = [(f"cluster {index}", "channels that act alike") for index in range(CLUSTERS)]
    return [
        ("all", "all channels"),
        ("0-3", "numbers and ranges, such as 0-3, 7"),
        ("random 25%", "seeded random subset of the channels"),
        ("top 16", "most active channels"),
        *clusters,
    ]


def models(self: Any, context: Context, typed: str) -> list[tuple[str, str]]:
    """mini, the models of the preferences, and those of the hub."""
    named = [(name, "in the preferences") for name in preferences.model_folders()]
    of_the_hub = [
        (row.name, "downloaded" if row.whole else row.known.good_for if row.known else "incomplete")
        for row in sorted(model_list.rows(), key=lambda row: not row.whole)
    ]
    return [(core_models.MINI, "ships with Bend"), *named, *of_the_hub]


def decoders(self: Any, context: Context, typed: str) -> list[str]:
    """The decoders of the preferences."""
    return list(preferences.decoder_folders())


def loras(self: Any, context: Context, typed: str) -> list[str]:
    """The LoRA files of the preferences."""
    return list(preferences.lora_files())


def sound_adapters(self: Any, context: Context, typed: str) -> list[tuple[str, str]]:
    """The sound adapters of mini and of the preferences."""
    named = [(name, "folder in the preferences") for name in preferences.sound_adapter_folders()]
    return [*([(core_models.MINI, "ships with Bend")] if MINI_SOUND.is_dir() else []), *named]


def blocks(self: Any, context: Context, typed: str) -> list[tuple[str, str]]:
    """Ways to weaken the sound in some blocks."""
    return [
        ("mid_block 0", "sound acts on the up blocks only"),
        ("up_blocks 0", "sound acts on the middle block only"),
        ("mid_block 0.5, up_blocks.1 1.5", "any factors"),
    ]
