"""Which files hold the weights of a part, in which number format, and which of them are missing.

A part has one file, or numbered shards and a list of them, each maybe several times: in full precision, and as variants
that carry a word in their names. Names as diffusers' and transformers' ``save_pretrained`` give them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ..files.foreign_json import Unreadable

#: The parts that are networks, by the beginning of their names, and what their weights are called.
STEMS = {
    "unet": "diffusion_pytorch_model",
    "transformer": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
#: The variants that are loaded, the best first: full precision, then what has more digits.
VARIANTS = ("", "fp16", "bf16")

#: Reads the list of shards of a part: its name to the shards that it wants; None where it cannot be read yet.
Shards = Callable[[str], set[str] | None]


@dataclass(frozen=True)
class Weights:
    """The weights of one part in one variant.

    Parameters
    ----------
    variant : empty for full precision
    files : those that are there
    missing : those that are not
    """

    variant: str
    files: tuple[str, ...]
    missing: tuple[str, ...] = ()


def stem_of(part: str) -> str:
    """What the weights of a part are called; empty for a part without weights."""
    return next((stem for beginning, stem in STEMS.items() if part.startswith(beginning)), "")


def unknown(part: str) -> set[str] | None:
    """The shards of a list that has not been fetched."""
    return None


def weights_of(part: str, names: Collection[str], shards: Shards = unknown, listed_first: bool = False) -> Weights:
    """The best complete weights of a part; if none is complete, those that lack least.

    Parameters
    ----------
    part : a part with weights
    names : the files in the part's folder
    shards : reads a list of shards
    listed_first : whether the library takes the shards where there is one file as well
    """
    stem = stem_of(part)
    found = [_variant(stem, variant, names, shards, listed_first) for variant in VARIANTS]
    begun = [weights for weights in found if weights is not None]
    nothing = Weights("", (), (f"{stem}.safetensors",))
    return min(begun, key=lambda weights: len(weights.missing), default=nothing)


def _variant(stem: str, variant: str, names: Collection[str], shards: Shards, listed_first: bool) -> Weights | None:
    word = f".{variant}" if variant else ""
    whole = f"{stem}{word}.safetensors"
    # The second spellings are of diffusers before 0.28, which still reads them.
    lists = [f"{stem}.safetensors.index{word}.json", *([f"{stem}.safetensors{word}.index.json"] if variant else [])]
    listed = next((name for name in lists if name in names), None)
    if whole in names and not (listed_first and listed):
        return Weights(variant, (whole,))
    numbered = re.compile(
        rf"{re.escape(stem + word)}-\d{{5}}-of-(\d{{5}})\.safetensors"
        rf"|{re.escape(stem)}-\d{{5}}-of-(\d{{5}}){re.escape(word)}\.safetensors"
    )
    pieces = sorted(name for name in names if numbered.fullmatch(name))
    if not listed and not pieces:
        return None
    try:
        wanted = (shards(listed) if listed else None) or _all_of(pieces) or {whole}
    except Unreadable:  # it takes the place of what it should name
        return Weights(variant, (), tuple(filter(None, [listed])))
    missing = sorted(wanted - set(names)) + ([] if listed else lists[:1])
    present = sorted(wanted & set(names)) + ([listed] if listed else [])
    return Weights(variant, tuple(present), tuple(missing))


def _all_of(pieces: list[str]) -> set[str]:
    """All shards of which these are some: the names tell how many there are."""
    if not pieces:
        return set()
    before, _, rest = pieces[0].partition("-")
    count, after = rest[9:14], rest[14:]
    return {f"{before}-{number:05}-of-{count}{after}" for number in range(1, int(count) + 1)}


def others(part: str, names: Collection[str]) -> list[str]:
    """Weights of a part in forms that Bend does not load: pickles, other runtimes, variants of unknown meaning."""
    endings = (".safetensors", ".bin", ".gguf", ".msgpack", ".onnx", ".ckpt", ".pt", ".pth", ".h5")
    own = weights_of(part, names).files
    return sorted(name for name in names if name.endswith(endings) and name not in own)
