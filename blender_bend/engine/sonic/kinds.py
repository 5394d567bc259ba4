"""What a weight file is, by the names in it: told apart before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class Kind(NamedTuple):
    """A kind of file: how it is told from others, what it is called, and what to do with it if it is not wanted."""

    name: str
    mark: str
    words: str
    hint: str


#: The first whose mark is part of a name in the file.
KINDS = (
    Kind(
        "clap 2023",
        "htsat",
        "CLAP 2023 or clapcap",
        "Its embeddings have the same length but a different meaning. Use CLAP_weights_2022.pth from Microsoft's CLAP.",
    ),
    Kind(
        "laion",
        "audio_branch.",
        "LAION's CLAP",
        "Different architecture. Use CLAP_weights_2022.pth from Microsoft's CLAP.",
    ),
    Kind(
        "laion",
        "audio_model.audio_encoder.",
        "LAION's CLAP as transformers has it",
        "Different architecture. Use CLAP_weights_2022.pth from Microsoft's CLAP.",
    ),
    Kind(
        "clap",
        "caption_encoder.",
        "the whole of CLAP 2022 (msclap)",
        "Convert it once: `python -m blender_bend.engine sonic convert CLAP_weights_2022.pth`.",
    ),
    Kind("tower", "audio_encoder.base.conv_block1.", "CLAP 2022's audio tower", "Use it as the CLAP file."),
    Kind("projector", "audio_emb_projection.", "an audio projector", "Use it as the projector."),
    Kind(
        "tokenizer", "last_layer.", "an AudioTokenizer, which was not published for use", "Use audio_projector_*.pth."
    ),
    Kind("adapters", "attn_adapter.to_q.", "audio adapters", "Use it as the adapters."),
    Kind("lora", "lora", "a LoRA", "Add it to the LoRA files."),
    Kind(
        "base", "model.diffusion_model.", "a whole Stable Diffusion checkpoint", "Use landscape.pt or greatest_hits.pt."
    ),
    Kind("base", "down_blocks.", "a UNet without audio adapters", "Use landscape.pt or greatest_hits.pt."),
)
_UNKNOWN = Kind("", "", "an unknown kind of file", "Choose another file.")


def kind_of(weights: Mapping[str, Tensor]) -> Kind:
    """What a file is, by the names in it."""
    return next((kind for kind in KINDS if any(kind.mark in name for name in weights)), _UNKNOWN)
