"""The embeddings of the preferences that a strip's prompts name."""

from __future__ import annotations

from collections.abc import Iterable

from ...core.job.job import Embedding
from ...core.models import references
from ...core.prompts import embeddings
from ..host import preferences


def named_in(prompts: Iterable[str]) -> tuple[Embedding, ...]:
    """The embeddings whose names stand in any of the prompts.

    Raises
    ------
    BendError(MODEL_MISSING), BendError(MODEL_INVALID) for one whose file is missing, or no embedding
    """
    files = preferences.embedding_files()
    found = [references.resolve_embedding(name, files) for name in embeddings.used(prompts, files)]
    return tuple(Embedding(one.name, one.path, one.fingerprint) for one in found)
