"""What a checkpoint says of how it was trained: what it predicts, and whether it was made for few steps.

Read from its content alone: tensors that trainers leave as marks, and the metadata. Keys: Stability's ModelSpec 1.0
(``modelspec.…``), kohya's ``ss_…``, ``sd_merge_…`` of the web UI's merger. ComfyUI reads the same marks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..samplers.few_steps import BY_NAME, FEW_STEPS, FewSteps
from ..samplers.schedulers import scheduler
from .safetensors_file import Contents, Entry

if TYPE_CHECKING:
    import numpy as np

V = "v_prediction"
#: What the metadata says of the model itself; and of those that it was mixed from, which tells less.
_OF_ITSELF = ("modelspec.title", "modelspec.architecture", "modelspec.tags", "modelspec.usage_hint")
_OF_ITS_PARTS = ("modelspec.merged_from", "sd_merge_recipe", "sd_merge_models")
_FLOATS = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
#: Stable Diffusion 2 does not say what it predicts; this layer differs (ComfyUI, supported_models.py, SD20).
_TELLING = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
_TELLING_DEVIATION = 0.09


@dataclass(frozen=True)
class Marks:
    """How a checkpoint wants to be sampled.

    Parameters
    ----------
    prediction : ``epsilon``, ``v_prediction``, or empty if it does not say
    zero_snr : whether it was trained down to pure noise
    few_steps : the name of an entry of ``core.samplers.few_steps``, or empty
    trailing : whether the last timestep must be among the steps
    """

    prediction: str = ""
    zero_snr: bool = False
    few_steps: str = ""
    trailing: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for the fingerprint."""
        return asdict(self)


def named_few_steps(text: str) -> str:
    """The name of the few-step kind that a text tells of; empty if none, or more than one."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)

    def told(kind: FewSteps) -> bool:
        return bool(kind.named) and bool(re.search(rf"(?<![a-z]){kind.named}(?![a-z])", words, re.IGNORECASE))

    found = [kind.name for kind in FEW_STEPS if told(kind)]
    return found[0] if len(found) == 1 else ""


def named_prediction(text: str) -> str:
    """``v_prediction`` if a text names it."""
    return V if re.search(r"(?<![a-z])v[ _-]?pred(?:iction)?(?![a-z])|768-v\b", text, re.IGNORECASE) else ""


def marks_of(file: Path, contents: Contents, second: bool) -> Marks:
    """The marks of a checkpoint.

    Parameters
    ----------
    contents : of the file, with the names of tensors as published
    second : whether it is Stable Diffusion 2, which has to be measured if it does not say

    Raises
    ------
    OSError if the file cannot be read
    """
    noted = contents.metadata
    zero_snr = "ztsnr" in contents.tensors or _is_true(noted.get("ss_zero_terminal_snr"))
    prediction = _prediction(contents)
    if not prediction and second:
        entry = contents.tensors.get(_TELLING)
        values = _values(file, entry) if entry else None
        prediction = V if values is not None and float(values.std()) > _TELLING_DEVIATION else "epsilon"
    few_steps = next(filter(None, (named_few_steps(noted.get(key, "")) for key in _OF_ITSELF)), "")
    if second and few_steps == "sdxl_turbo":
        few_steps = "sd_turbo"  # both are called so; the second is sampled without new noise
    if "model.diffusion_model.time_embed.cond_proj.weight" in contents.tensors:
        few_steps = "lcm"  # its UNet takes the guidance as an input
    mixed = any(named_few_steps(noted.get(key, "")) for key in _OF_ITS_PARTS)
    return Marks(prediction, zero_snr, few_steps, trailing=bool(zero_snr or few_steps or mixed))


def _prediction(contents: Contents) -> str:
    noted = contents.metadata
    if "v_pred" in contents.tensors:
        return V
    said = noted.get("modelspec.prediction_type", "").strip().lower()
    if said in ("v", "v_prediction", "v-prediction", "vpred", "velocity"):
        return V
    if said in ("epsilon", "eps"):
        return "epsilon"
    if _is_true(noted.get("ss_v_parameterization")) or noted.get("ss_base_model_version") == "sd_v2_v":
        return V
    if noted.get("modelspec.architecture", "").startswith("stable-diffusion-v2-512"):
        return "epsilon"
    return next(filter(None, (named_prediction(noted.get(key, "")) for key in _OF_ITSELF)), "")


def _is_true(text: str | None) -> bool:
    return (text or "").strip().lower() in ("true", "1")


def _values(file: Path, entry: Entry) -> np.ndarray | None:
    """The numbers of a small tensor; None if they are of a type that is not read here."""
    import numpy as np  # the doctor works without it

    with open(file, "rb") as stream:
        stream.seek(entry.begin)
        data = stream.read(entry.end - entry.begin)
    if entry.dtype in _FLOATS:
        return np.frombuffer(data, _FLOATS[entry.dtype]).astype(np.float64)
    if entry.dtype == "BF16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
    if entry.dtype == "F8_E5M2":  # the upper half of a float16
        return (np.frombuffer(data, np.uint8).astype("<u2") << 8).view("<f2").astype(np.float64)
    if entry.dtype == "F8_E4M3":
        bits = np.frombuffer(data, np.uint8).astype(int)
        power, fraction = bits >> 3 & 15, (bits & 7) / 8
        size = np.where(power > 0, (1 + fraction) * 2.0 ** (power - 7), fraction * 2.0**-6)
        return np.where(bits > 127, -size, size)
    return None


def scheduler_of(own: Mapping[str, Any], marks: Marks) -> dict[str, Any]:
    """The configuration of the scheduler that a checkpoint is sampled with.

    Parameters
    ----------
    own : that of its kind
    """
    config = {**own, **(BY_NAME[marks.few_steps].scheduler_config() if marks.few_steps else {})}
    if marks.prediction:
        config["prediction_type"] = marks.prediction
    if (marks.prediction == V or marks.zero_snr) and config["_class_name"] == "PNDMScheduler":
        # As Stable Diffusion 2.1 was published; PNDM knows no zero SNR.
        config |= scheduler("ddim").config()
    if config["_class_name"] != own["_class_name"]:
        config.pop("skip_prk_steps", None)  # PNDM's alone
    if marks.zero_snr:
        config["rescale_betas_zero_snr"] = True
    if marks.trailing:
        config["timestep_spacing"] = "trailing"
    return config
