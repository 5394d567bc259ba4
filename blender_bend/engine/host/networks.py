"""One network of diffusers or transformers from its folder, with every one of its tensors and no other.

The libraries fill what is missing with chance, and leave out what has no place: both make other pictures than the
model's, and the first make others every time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ...core.checkpoints import weight_files
from ...core.checkpoints.safetensors_file import contents
from ...core.errors import BendError, Code
from ...core.models import model_files, part_settings
from ...core.wording import some
from .confinement import refuse_code

#: The formats of weights, in the words of safetensors.
_WEIGHTS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
#: Tensors beside the weights that older libraries wrote, whole numbers that networks now make by themselves; by the
#: ends of their names.
_COUNTERS = (".position_ids", ".num_batches_tracked")
#: Networks beside a text encoder, whose weights publishers leave in its file.
_BESIDE = ("vision_model.", "visual_projection.", "text_projection.", "logit_scale", "decoder.", "lm_head.")


def load_network(kind: Any, folder: Path, files: Collection[str], **settings: Any) -> Any:
    """Load a network.

    Parameters
    ----------
    kind : its class
    files : of its weights, within the folder
    settings : more for its ``from_pretrained``

    Raises
    ------
    BendError(MODEL_INVALID) naming the tensors that are missing, of another shape or no weights; what
    ``core.models.part_settings`` raises; and what the libraries raise, see ``loading.failures.UNLOADABLE``
    """
    part_settings.check(f"The network in {folder}", "", model_files.listing(folder))
    require_weights(folder, files)
    refuse_code()
    network, told = kind.from_pretrained(
        str(folder),
        local_files_only=True,
        use_safetensors=True,
        ignore_mismatched_sizes=True,  # they are named here, which transformers does not
        output_loading_info=True,
        **settings,
    )
    unfit = sorted((str(name), tuple(found), tuple(wanted)) for name, found, wanted in told["mismatched_keys"])
    if unfit:
        name, found, wanted = unfit[0]
        more = f", and {len(unfit) - 1} more don't fit" if len(unfit) > 1 else ""
        raise _invalid(folder, f"don't fit: {name} is {times(found)}, expected {times(wanted)}{more}")
    if missing := sorted(told["missing_keys"]):
        raise _invalid(folder, f"are incomplete: they lack {some(missing)}")
    beside = _BESIDE if kind.__name__.startswith(("CLIPText", "T5")) else ()
    spare = [name for name in told["unexpected_keys"] if not name.endswith(_COUNTERS) and not name.startswith(beside)]
    if spare:
        raise _invalid(folder, f"belong to a different architecture: there is no place for {some(sorted(spare))}")
    return network


def require_weights(folder: Path, files: Collection[str]) -> None:
    """See that the files of a network hold weights, each of them once.

    Raises
    ------
    BendError(MODEL_INVALID) naming the tensor; OSError, ValueError if a file cannot be read
    """
    listed = _listed(folder, files)
    places: dict[str, str] = {}
    for file in sorted(name for name in files if name.endswith(".safetensors")):
        for name, entry in contents(folder / file).tensors.items():
            if name in places:
                raise _invalid(folder, f"are damaged: {name} is both in {places[name]} and in {file}")
            if entry.dtype not in _WEIGHTS and not name.endswith(_COUNTERS):
                raise _invalid(folder, f"are damaged: {name} is of type {entry.dtype}, not a weight")
            places[name] = file
    # diffusers takes the list's word for what there is, and leaves the rest to chance.
    if lacking := sorted(name for name, file in listed.items() if places.get(name) != file):
        raise _invalid(folder, f"are incomplete: {some(lacking)} is not in the file that the list of shards names")


def _listed(folder: Path, files: Collection[str]) -> dict[str, str]:
    """The tensors of a list of shards, and where it says that they are; empty if there is no list."""
    found: dict[str, str] = {}
    listing = model_files.listing(folder)
    for file in (name for name in files if name.endswith(".json")):
        named = (listing.json(file) or {}).get("weight_map")
        if not isinstance(named, dict) or not all(isinstance(place, str) for place in named.values()):
            raise _invalid(folder, f"are damaged: {file} is no list of shards")
        found |= named
    return found


def files_in(folder: Path) -> tuple[str, ...]:
    """The weight files of a network of transformers that has a folder of its own."""
    return weight_files.weights_of("text_encoder", model_files.listing(folder).names).files


def times(shape: Sequence[int]) -> str:
    """A shape in words."""
    return " × ".join(map(str, shape)) or "a single number"


def _invalid(folder: Path, what: str) -> BendError:
    return BendError(
        Code.MODEL_INVALID,
        f"The weights in {folder} {what}.",
        "Download the model again, or choose another one.",
        "bend.open_preferences",
    )
