"""From files to a diffusers pipeline: model folders, single files, decoders and LoRA files."""

from .decoders import load_decoder, require_fit
from .loras import add_loras
from .pipelines import load_pipeline

__all__ = ["add_loras", "load_decoder", "load_pipeline", "require_fit"]
