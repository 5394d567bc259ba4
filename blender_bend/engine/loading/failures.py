"""What the libraries raise for files that cannot be loaded."""

from __future__ import annotations

import re

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

#: What diffusers, transformers and safetensors raise for folders and files that are no models, or damaged ones.
UNLOADABLE = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    AssertionError,
    NameError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    SafetensorError,
    StrictDataclassError,
)


def reason(error: BaseException) -> str:
    """What a library says, as the end of a sentence: one line, without the names of exceptions."""
    if isinstance(error, SafetensorError):
        return "its file is damaged or incomplete"
    words = " ".join(str(error).split())
    return re.sub(r"\b\w*Error(?: while initializing \w+)?: ", "", words).rstrip(".") or type(error).__name__
