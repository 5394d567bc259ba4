"""Putting LoRA files on a pipeline."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....core.errors import BendError, Code
from ....core.job.job import Lora
from ....core.wording import some
from ...host.alignment import align_parts
from ...host.memory import is_out_of_memory
from ...loras import Loaded, attach, loaded_on, original
from .building import Built, Unfit, build
from .layer_names import LayerNames
from .purpose import instead_of_a_lora, kind_of_model, purpose
from .reading import Contents, read

log = logging.getLogger(__name__)

#: Up to so many tensors that do not fit are all named.
_NAMED = 4


def add_loras(pipeline: Any, loras: Sequence[Lora]) -> None:
    """Load LoRA files onto a pipeline, each with its strength.

    Raises
    ------
    BendError(LORA_INVALID) if a file is damaged or no LoRA, BendError(LORA_KIND) if its kind is not supported,
    BendError(LORA_MISFIT) if it was made for another model, BendError(LORA_EMPTY) if it changes nothing,
    BendError(MODEL_MISSING) if there is no such file
    """
    if not loras:
        return
    names = LayerNames(pipeline)
    for lora in loras:
        contents = read(Path(lora.path), lora.name)
        built = _fitted(lora, contents, names, pipeline)
        _check_finite(lora, built)
        if not any(_changes(one) for one in built):
            raise BendError(
                Code.LORA_EMPTY,
                f"The LoRA {lora.name} changes nothing: its weights or its alphas are all zero.",
                "Its training hasn't started, or the file is damaged: use another one.",
                "bend.open_preferences",
            )
        on = {part: Loaded(lora.site_name, lora.strength) for part in names.networks}
        for part, loaded in on.items():
            loaded_on(names.networks[part]).append(loaded)
        for one in built:
            attach(one.layer, one.tensor, one.change, on[one.place.part])
        log.info("the LoRA %s changes %d tensors", lora.name, len(built))
    align_parts(pipeline)


def _fitted(lora: Lora, contents: Contents, names: LayerNames, pipeline: Any) -> list[Built]:
    """The changes of a file, all of which fit the model."""
    if not contents.entries:
        raise _no_lora(lora, contents)
    built: list[Built] = []
    unfit: dict[str, str] = dict.fromkeys(contents.others, "")
    for entry in contents.entries:
        places = names.find(entry.name)
        try:
            if places:
                built += build(entry, places, names, contents)
            else:
                unfit[entry.key()] = ""
        except Unfit as error:
            unfit[entry.key(error.role)] = str(error)
        except (RuntimeError, IndexError) as error:  # shapes that do not go together
            if is_out_of_memory(error):
                raise
            unfit[entry.key()] = "its tensors don't fit together"
    if unfit:
        raise _misfit(lora, contents, unfit, pipeline)
    taken: set[tuple[str, str, str]] = set()
    for one in built:
        where = (one.place.part, one.place.path, one.tensor)
        if where in taken:
            raise BendError(
                Code.LORA_INVALID,
                f"The LoRA {lora.name} changes one layer twice, under two names: {one.place.path}.",
                "Use another file.",
                "bend.open_preferences",
            )
        taken.add(where)
    return built


def _no_lora(lora: Lora, contents: Contents) -> BendError:
    what = instead_of_a_lora(contents.shapes)
    if not contents.shapes:
        words = "The file of the LoRA {} is empty."
    elif what:
        words = "The file of the LoRA {} is not a LoRA but " + what + "."
    else:
        words = f"The file of the LoRA {{}} is not a LoRA: it has {some(list(contents.shapes), _NAMED)}."
    return BendError(
        Code.LORA_INVALID, words.format(lora.name), "Choose a LoRA's file in the preferences.", "bend.open_preferences"
    )


def _misfit(lora: Lora, contents: Contents, unfit: dict[str, str], pipeline: Any) -> BendError:
    made_for, here = purpose(contents.shapes, contents.metadata), kind_of_model(pipeline)
    listed = some([f"{key} ({why})" if why else key for key, why in unfit.items()], _NAMED)
    whole = len(contents.entries) + len(contents.others)
    if made_for and made_for != here:
        message = f"The LoRA {lora.name} was made for {made_for}, but this model is {here or 'a different one'}."
        hint = "Choose a LoRA for this kind of model, or the model it was made for."
    elif len(unfit) == whole:
        message = f"The LoRA {lora.name} doesn't fit this model."
        hint = "A LoRA only fits the kind of model it was trained on."
    else:
        message = f"The LoRA {lora.name} only partly fits this model."
        hint = "The file is incomplete, or was trained on another model: use another one."
    return BendError(
        Code.LORA_MISFIT,
        f"{message} {len(unfit)} of {whole} do not fit: {listed}.",
        hint,
        "bend.open_preferences",
    )


def _check_finite(lora: Lora, built: list[Built]) -> None:
    """Whether all numbers are still finite in the model's format, which in 16 bit goes to 65504."""
    for one in built:
        if not all(torch.isfinite(factor).all() for factor in one.change.parameters()):
            raise BendError(
                Code.LORA_INVALID,
                f"The LoRA {lora.name} has numbers that are too large for 16 bit, at {one.place.path}.",
                "Use 32 bit or bfloat16 in the preferences.",
                "bend.open_preferences",
            )


def _changes(one: Built) -> bool:
    """Whether a change is one, in the model's own number format."""
    base = original(one.layer, one.tensor)
    assert isinstance(base, Tensor)
    return not torch.equal((base.float() + one.change(base)).to(base.dtype), base)
