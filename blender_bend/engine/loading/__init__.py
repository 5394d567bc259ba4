"""From files to a diffusers pipeline: model folders, single files, decoders, LoRA files and embeddings."""

from .decoders import load_decoder
from .embeddings import add_embeddings, has_embeddings
from .loras import add_loras
from .pipelines import load_pipeline

__all__ = ["add_embeddings", "add_loras", "has_embeddings", "load_decoder", "load_pipeline"]
