"""Whether Bend can bend a model, seen from its index and its settings, before any weights are fetched or loaded.

The same for the hub and for folders. What is refused is said in words: what the model is for, and what to take instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..checkpoints import weight_files
from ..errors import BendError, Code
from ..wording import some
from . import layouts, model_files, part_settings
from .layouts import Layout
from .model_files import INDEX, Listing
from .part_settings import begun

_INSTEAD = f"Choose a model of one of these kinds: {layouts.labels()}."
_PREFERENCES = "bend.open_preferences"
_PICKLED = re.compile(r"(diffusion_)?pytorch_model.*\.bin")
_LORA = re.compile(r"(?<![a-z])lora(?![a-z]).*\.safetensors$", re.IGNORECASE)


def check(name: str, files: Listing) -> Layout:
    """See that a model is of a kind that Bend bends, is complete, and that its parts fit together.

    Parameters
    ----------
    name : what to call it in a message

    Raises
    ------
    BendError(MODEL_INVALID) if it is no model or incomplete; MODEL_KIND, MODEL_PURPOSE, MODEL_QUANTIZED, MODEL_PICKLED,
    MODEL_UNSAFE, each for its reason
    """
    layout = check_index(name, files)
    check_settings(name, layout, files)
    check_files(name, files)
    return layout


def check_index(name: str, files: Listing) -> Layout:
    """See that the index is of a kind of model that Bend bends, with parts that it knows.

    Raises
    ------
    BendError
    """
    index = _settings(name, files, INDEX)
    if index is None:
        raise without_index(name, files)
    pipeline = index.get("_class_name")
    if isinstance(pipeline, list):
        raise _unsafe(name, f"its {INDEX} asks for a custom pipeline")
    layout = layouts.layout_of(str(pipeline))
    if layout is None:
        purpose = layouts.purpose_of(str(pipeline))
        why = f": {purpose}" if purpose else ""
        raise BendError(Code.MODEL_KIND, f"Bend doesn't support {name}, a {pipeline}{why}.", _INSTEAD, _PREFERENCES)
    if index.get("requires_aesthetics_score"):
        hint = "Choose the base model; a refiner only finishes its pictures."
        raise BendError(Code.MODEL_PURPOSE, f"{begun(name)} is a refiner of {layout.label}.", hint, _PREFERENCES)
    for part, known in layout.parts.items():
        pair = index.get(part)
        if not model_files.names_part(pair):
            if part in layout.optional:
                continue
            raise _invalid(name, f"its {INDEX} leaves out {part}")
        if pair not in [list(one) for one in known]:
            named = ".".join(str(word) for word in pair) if isinstance(pair, list) else str(pair)
            words = f"Bend can't load {name}: its {part} is a {named}."
            raise BendError(Code.MODEL_KIND, words, _INSTEAD, _PREFERENCES)
    return layout


def check_settings(name: str, layout: Layout, files: Listing) -> None:
    """See that the parts' settings ask for nothing that Bend does not do, and fit together.

    Raises
    ------
    BendError
    """
    index = files.json(INDEX) or {}
    parts = model_files.parts_in(index)
    configs = {part: _settings(name, files, f"{part}/config.json") or {} for part in parts}
    part_settings.check_values(name, INDEX, files)
    for part in parts:
        part_settings.check(name, part, files)
    inputs = configs[layout.denoiser].get("in_channels", 4)
    latents = configs["vae"].get("latent_channels", 4)
    if not (isinstance(inputs, int) and isinstance(latents, int)):
        raise _invalid(name, "its channels are not numbers")
    purpose = layouts.made_for(layout, inputs, latents)
    if purpose:
        raise BendError(
            Code.MODEL_PURPOSE,
            f"{begun(name)} is made for {purpose}: its {layout.denoiser} takes {inputs} channels.",
            "Choose the model it was made from, which makes pictures from words alone.",
            _PREFERENCES,
        )
    for part, wanted, found in _joints(layout, configs):
        if wanted is not None and found is not None and wanted != found:
            widths = f"{part} of width {wanted}, and its text encoders give {found}"
            raise _invalid(name, f"its parts don't fit together: the {layout.denoiser} takes {widths}")


def _joints(layout: Layout, configs: dict[str, dict[str, Any]]) -> Iterator[tuple[str, int | None, int | None]]:
    """Where a denoiser meets the text encoders: what, the width that it takes, and the width that they give."""
    denoiser = configs[layout.denoiser]
    width = {part: config.get("d_model") or config.get("hidden_size") for part, config in configs.items()}
    projected = [configs.get(part, {}).get("projection_dim") for part in ("text_encoder", "text_encoder_2")]
    words = "embeddings"
    if layout.denoiser == "unet":
        if "encoder_hid_dim" in denoiser and denoiser["encoder_hid_dim"] is not None:
            return
        both = [width.get(part) for part in ("text_encoder", "text_encoder_2") if part in configs]
        takes = denoiser.get("cross_attention_dim")
        yield words, takes if isinstance(takes, int) else None, _sum(both)
        sizes = denoiser.get("addition_time_embed_dim")
        takes = denoiser.get("projection_class_embeddings_input_dim")
        if "text_encoder_2" in configs and isinstance(sizes, int) and isinstance(takes, int):
            yield "pooled embeddings", takes - 6 * sizes, projected[1]
        return
    longest = width.get("text_encoder_3") or (width.get("text_encoder_2") if layout.packed > 1 else None)
    yield words, denoiser.get("joint_attention_dim"), longest
    pooled = width.get("text_encoder") if layout.packed > 1 else _sum(projected)
    yield "pooled embeddings", denoiser.get("pooled_projection_dim"), pooled


def _sum(widths: list[Any]) -> int | None:
    return sum(widths) if widths and all(isinstance(width, int) for width in widths) else None


def check_files(name: str, files: Listing) -> None:
    """See that every file is there.

    Raises
    ------
    BendError(MODEL_PICKLED), BendError(MODEL_QUANTIZED), BendError(MODEL_INVALID)
    """
    parts = model_files.parts_in(files.json(INDEX) or {})
    missing = model_files.missing_of(files, parts)
    if not missing:
        return
    lacking = [part for part in parts if weight_files.stem_of(part) and files.weights(part).missing]
    others = {part: weight_files.others(part, files.within(part)) for part in lacking}
    # Where some shards are there, the others are missing, and pickles beside them are not the reason.
    without = [part for part in lacking if not files.weights(part).files]
    pickled = [part for part in without if any(_PICKLED.fullmatch(name) for name in others[part])]
    if pickled:
        raise BendError(
            Code.MODEL_PICKLED,
            f"{begun(name)} has no .safetensors weights for {', '.join(pickled)}: they are pickles (.bin).",
            "Bend never loads pickles, which can run code. Choose a model with .safetensors weights.",
            _PREFERENCES,
        )
    if any(name.endswith(".gguf") for part in without for name in others[part]):
        words, hint = f"The weights of {name} are quantized (GGUF).", "Choose the original model."
        raise BendError(Code.MODEL_QUANTIZED, words, hint, _PREFERENCES)
    instead = [f"{part}/{file}" for part, names in others.items() for file in names[:2]]
    there = f" There is {', '.join(instead)}, which Bend doesn't load." if instead else ""
    verb = "is" if len(missing) == 1 else "are"
    raise BendError(
        Code.MODEL_INVALID,
        f"{begun(name)} is not complete: {some(missing, 6)} {verb} missing.{there}",
        "Download the model again, with its .safetensors weights.",
        _PREFERENCES,
    )


def without_index(name: str, files: Listing) -> BendError:
    """What a repository or folder is that is no whole diffusers model.

    Raises
    ------
    BendError if its config.json is damaged
    """
    top = {file for file in files.names if "/" not in file}
    config = _settings(name, files, "config.json") or {}
    kind = str(config.get("_class_name") or "")
    if "adapter_config.json" in top or any(_LORA.search(file) for file in top):
        hint = "Download its .safetensors file from its page and add it under LoRA Files in the preferences."
        return BendError(Code.MODEL_PURPOSE, f"{begun(name)} is a LoRA, not a complete model.", hint, _PREFERENCES)
    if kind.startswith("Autoencoder"):
        hint = "Add its folder under Decoders in the preferences."
        return BendError(
            Code.MODEL_PURPOSE, f"{begun(name)} is a decoder ({kind}), not a complete model.", hint, _PREFERENCES
        )
    if kind:
        purpose = layouts.purpose_of(kind)
        words = f"{begun(name)} is one part of a model ({kind}), not a complete one{': ' if purpose else ''}{purpose}."
        return BendError(Code.MODEL_PURPOSE, words, _INSTEAD, _PREFERENCES)
    if any(file.endswith(".gguf") for file in top):
        words = f"The weights of {name} are quantized (GGUF)."
        return BendError(Code.MODEL_QUANTIZED, words, "Choose the original model.", _PREFERENCES)
    if any(file.endswith(".safetensors") for file in top) and "config.json" not in top:
        words = f"{begun(name)} has no {INDEX}: it holds single files."
        hint = "Download one of its .safetensors files and add it in the preferences, as a model or as a LoRA."
        return BendError(Code.MODEL_INVALID, words, hint, _PREFERENCES)
    if any(file.endswith((".ckpt", ".bin", ".pt", ".pth")) for file in top) and "config.json" not in top:
        words = f"{begun(name)} has no {INDEX}, only pickles, which Bend never loads."
        return BendError(Code.MODEL_PICKLED, words, "Choose a model with .safetensors weights.", _PREFERENCES)
    hint = "Choose a folder saved by diffusers' save_pretrained, or a single .safetensors file."
    return BendError(
        Code.MODEL_INVALID, f"{begun(name)} is not a diffusers model: it has no {INDEX}.", hint, _PREFERENCES
    )


def _settings(name: str, files: Listing, file: str) -> dict[str, Any] | None:
    """A configuration; None if it is not here.

    Raises
    ------
    BendError(MODEL_INVALID) if it cannot be read
    """
    try:
        return files.json(file)
    except ValueError as error:
        raise _invalid(name, f"its {file} can't be read") from error


def _invalid(name: str, why: str) -> BendError:
    hint = "Download the model again, or choose another one."
    return BendError(Code.MODEL_INVALID, f"{begun(name)} can't be loaded: {why}.", hint, _PREFERENCES)


def _unsafe(name: str, why: str) -> BendError:
    words = f"{begun(name)} needs code that comes with it: {why}."
    hint = "Bend never runs code from models. Choose a model that diffusers loads without it."
    return BendError(Code.MODEL_UNSAFE, words, hint, _PREFERENCES)
