"""Recognising that memory ran out, however a library says it, and getting it back."""

from __future__ import annotations

import ctypes
import gc
import sys

from ...core.errors import BendError, Code

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


class NoRoomForAutoencoder(MemoryError):
    """Memory ran out while a picture was decoded or encoded; smaller batches do not help there."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception says that memory ran out, or came of one that does; torch need not be imported."""
    while error is not None:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def out_of_memory(size: tuple[int, int] | None = None, half: bool = False) -> BendError:
    """What to tell the artist.

    Parameters
    ----------
    size : width and height of the pictures that did not fit
    half : whether 16 bit would save memory, and is not much slower on this machine
    """
    less = "Choose a smaller picture or model" + (", or 16 bit in the preferences" if half else "")
    what = f" for pictures of {size[0]} × {size[1]}" if size else ""
    return BendError(
        Code.OUT_OF_MEMORY,
        f"There is not enough memory{what}.",
        f"{less}, or close other programs.",
        "bend.open_preferences",
    )


#: mallopt's number for the size from which on a block is the system's own, and what it is set to.
_MMAP_THRESHOLD, _OWN_BLOCK = -3, 2**20


def give_back() -> None:
    """Let go of what nobody uses any more, on every device.

    On Linux every large block is the system's own from now on, and goes back to it when it is freed. As it comes, glibc
    keeps freed blocks of up to 32 MB; batches that do not fit leave holes between what stays, into which even a picture
    alone may not fit. It is not so from the start, since a CPU is slower by it: mini takes 1.70 s a picture instead of
    1.40 s, and 7.5 s instead of 5.7 s for one of 512 × 512.
    """
    gc.collect()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):  # not musl's
            libc.mallopt(_MMAP_THRESHOLD, _OWN_BLOCK)
            libc.malloc_trim(0)
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
