"""The numeric precisions in which a model computes, as torch names them."""

from __future__ import annotations

from .choices import Name


class Precision(Name):
    """Of a model's weights and of what it computes."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
