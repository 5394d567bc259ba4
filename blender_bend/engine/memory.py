"""Recognising that memory ran out, however a library says it, and getting it back."""

from __future__ import annotations

import gc
import sys

from ..core.errors import BendError, Code

#: How torch, its allocators and the libraries below it say it: CUDA, ROCm and MPS, the CPU's and cuBLAS's. All that
#: oneDNN says is that a primitive could not be made.
_WORDS = (
    "out of memory",
    "can't allocate memory",
    "Cannot allocate memory",
    "DefaultCPUAllocator",
    "bad_alloc",
    "ALLOC_FAILED",
    "could not create a memory",
    "could not create a primitive",
    "could not execute a primitive",
    "can't start new thread",
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception says that memory ran out, or came of one that does; torch need not be imported."""
    while error is not None:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def out_of_memory(size: tuple[int, int] | None = None) -> BendError:
    """What to tell the artist.

    Parameters
    ----------
    size : width and height of the pictures that did not fit
    """
    what = f" for pictures of {size[0]} × {size[1]}" if size else ""
    return BendError(
        Code.OUT_OF_MEMORY,
        f"There is not enough memory{what}.",
        "Choose a smaller picture or model, or 16 bit in the preferences, or close other programs.",
        "bend.open_preferences",
    )


def give_back() -> None:
    """Let go of what nobody uses any more, on every device."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
