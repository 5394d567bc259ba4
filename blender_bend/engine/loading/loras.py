"""LoRA files on a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.errors import BendError, Code
from ...core.job import Lora
from ..alignment import align_parts
from ..memory import is_out_of_memory
from .failures import UNLOADABLE


def add_loras(pipeline: Any, loras: Sequence[Lora]) -> None:
    """Load LoRA files onto a pipeline, each with its strength.

    Raises
    ------
    BendError(MODEL_INVALID) naming the file that does not fit the model
    """
    for lora in loras:
        try:
            path = Path(lora.path)
            if path.suffix != ".safetensors":
                raise ValueError("it is not a .safetensors file")
            if not path.is_file():
                raise OSError("there is no such file")
            pipeline.load_lora_weights(
                str(path.parent), weight_name=path.name, local_files_only=True, adapter_name=lora.site_name
            )
        except UNLOADABLE as error:
            if is_out_of_memory(error):
                raise
            raise BendError(
                Code.MODEL_INVALID,
                f"The LoRA {lora.name} cannot be used with this model: {error}.",
                "A LoRA fits the kind of model that it was trained on.",
                "bend.open_preferences",
            ) from error
    if loras:
        pipeline.set_adapters([lora.site_name for lora in loras], [lora.strength for lora in loras])
    align_parts(pipeline)
