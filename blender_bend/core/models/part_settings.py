"""What the settings of a model's part may not ask for: code, other places, quantized weights, and sizes without end.

Every JSON file of a part's folder is looked at, at any depth, since the libraries look in many: transformers asks for
code in the settings of a network, a tokenizer, a processor, a generation and an adapter. Nothing is imported here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ..errors import BendError, Code
from .model_files import INDEX, Listing

_PREFERENCES = "bend.open_preferences"
#: Vocabularies, whose keys are words, and lists of shards, whose keys are tensors.
_NO_SETTINGS = re.compile(r"(tokenizer(\.[\d.]+)?|vocab|added_tokens)\.json|.*\.index(\.\w+)?\.json")
#: Settings that name code to run, by the libraries' own names.
_CODE = {"auto_map", "custom_pipeline", "custom_pipelines", "custom_generate", "trust_remote_code"}
#: Settings by which transformers fetches compiled code from the hub; these values are its own.
_ATTENTION = {"attn_implementation", "_attn_implementation", "_attn_implementation_internal"}
_OWN_ATTENTION = (None, "eager", "sdpa")
_QUANTIZED = {"quantization_config", "compression_config"}
#: Settings that name files of the folder.
_FILES = {"fast_tokenizer_files", "gguf_file"}
#: How many tokens a prompt has. Published tokenizers say 10**30 where there is no limit.
_LENGTHS = {"model_max_length"}
#: The most that a number may be, by its name; the first that fits. Published models stay far below.
_MOST = (
    (re.compile(r"layers|blocks|depth"), 256),
    (re.compile(r"pos_embed_max_size"), 1024),
    (re.compile(r"timesteps|inference_steps"), 100_000),
    (re.compile(r"bandwidth"), 1000),
    (re.compile(r""), 10_000_000),
)
#: The most blocks of a network; FLUX.1 has 57, and SDXL's UNet 70 in its longest block.
_MOST_BLOCKS = 2048
#: The most entries of a list; a scheduler may list one number for each timestep.
_LONGEST, _LONGEST_SCHEDULE = 64, 100_000


def begun(name: str) -> str:
    """A name at the beginning of a sentence; those of the hub are left as they are."""
    return f"The {name.removeprefix('the ')}" if name.startswith("the ") else name


def check(name: str, part: str, files: Listing) -> None:
    """See that the settings of a part ask for nothing that Bend does not do.

    Parameters
    ----------
    name : of the model, in a message
    part : empty for a folder that is one network alone, of which the index is not looked at

    Raises
    ------
    BendError(MODEL_UNSAFE), BendError(MODEL_QUANTIZED), BendError(MODEL_INVALID)
    """
    inside = f"{part}/" if part else ""
    for file in sorted(files.names):
        within = file.removeprefix(inside)
        if not file.startswith(inside) or "/" in within or not within.endswith(".json") or file == INDEX:
            continue
        if within == "adapter_config.json":
            raise _unsafe(name, f"{file} leads to another model")
        if within == "quantization_config.json":
            raise _quantized(name, part or file)
        if not _NO_SETTINGS.fullmatch(PurePosixPath(file).name):
            check_values(name, file, files)


def check_values(name: str, file: str, files: Listing) -> None:
    """See the same of one file.

    Raises
    ------
    BendError
    """
    try:
        found = files.json(file)
    except ValueError as error:
        raise _invalid(name, f"its {file} can't be read") from error
    if found is None:
        return
    longest = _LONGEST_SCHEDULE if file.endswith("scheduler_config.json") else _LONGEST
    sized = file.endswith(("/config.json", "scheduler_config.json")) or file == "config.json"
    for key, value in _entries(found):
        _check_value(name, file, key, value)
        if sized:
            _check_size(name, file, key, value, longest)
    if sized and _blocks(found) > _MOST_BLOCKS:
        raise _invalid(name, f"its {file} asks for {_blocks(found)} blocks, and Bend takes up to {_MOST_BLOCKS}")


def _entries(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key and its value, at any depth."""
    waiting: list[Any] = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _check_value(name: str, file: str, key: str, value: Any) -> None:
    if key in _CODE and value:
        raise _unsafe(name, f"its {file} asks for custom code ({key})")
    if key in _ATTENTION and (isinstance(value, dict | list) or value not in _OWN_ATTENTION):
        raise _unsafe(name, f"its {file} asks for code from the hub ({str(value)[:80]})")
    if key in _QUANTIZED and value is not None:
        method = value.get("quant_method") or value.get("quant_type") if isinstance(value, dict) else ""
        raise _quantized(name, file.partition("/")[0], str(method or ""))
    if key in _LENGTHS and value is not None and not (_is_number(value) and value > 2):  # two are marks
        raise _invalid(name, f"its {file} says that a prompt has {str(value)[:20]} tokens ({key})")
    if key in _FILES and re.search(r"[/\\]", str(value)):
        raise _unsafe(name, f"its {file} leads out of the model's folder ({key})")


def _check_size(name: str, file: str, key: str, value: Any, longest: int) -> None:
    if isinstance(value, list) and len(value) > longest:
        raise _invalid(name, f"its {file} lists {len(value)} {key}, and Bend takes up to {longest}")
    most = next(most for pattern, most in _MOST if pattern.search(key))
    for number in _numbers(value):
        if isinstance(number, float) and (most == _MOST[-1][1] or not math.isfinite(number)):
            continue  # schedulers have endless bounds, and no float of another name counts anything
        if abs(number) > most:
            raise _invalid(name, f"its {file} asks for {_shown(number)} {key}, and Bend takes up to {most}")


def _is_number(value: Any) -> bool:
    finite = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return finite and not isinstance(value, bool)


def _shown(number: float) -> str:
    """A number in a message; one may have thousands of digits."""
    return f"{max(min(number, 10**300), -(10**300)):.6g}"


def _numbers(value: Any) -> Iterator[int | float]:
    """The numbers of a value and of the lists in it; dictionaries have names of their own."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield one


def _blocks(config: dict[str, Any]) -> float:
    """How many blocks a network has at most: at every level as many as the longest has, or as many as are listed."""
    levels = max(
        (len(value) for key, value in config.items() if key.endswith("block_types") and isinstance(value, list)),
        default=1,
    )
    layers, *inner = (
        max((abs(number) for number in _numbers(config.get(key))), default=1)
        for key in ("layers_per_block", "transformer_layers_per_block", "reverse_transformer_layers_per_block")
    )
    listed = (value for key, value in config.items() if re.search("layers|blocks", key))
    return max(levels * (layers + 1) * max(inner), sum(abs(number) for value in listed for number in _numbers(value)))


def _invalid(name: str, why: str) -> BendError:
    hint = "Download the model again, or choose another one."
    return BendError(Code.MODEL_INVALID, f"{begun(name)} can't be loaded: {why}.", hint, _PREFERENCES)


def _quantized(name: str, part: str, method: str = "") -> BendError:
    words = f"The weights of {name} are quantized: {part} ({method or 'quantized'})."
    hint = "Bend doesn't load quantized weights. Choose the original model."
    return BendError(Code.MODEL_QUANTIZED, words, hint, _PREFERENCES)


def _unsafe(name: str, why: str) -> BendError:
    words = f"{begun(name)} needs code that comes with it: {why}."
    hint = "Bend never runs code from models. Choose a model that diffusers loads without it."
    return BendError(Code.MODEL_UNSAFE, words, hint, _PREFERENCES)
