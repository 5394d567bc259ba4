"""From LoRA files, as trainers and artists share them, to changes of a pipeline's layers."""

from .adding import add_loras

__all__ = ["add_loras"]
