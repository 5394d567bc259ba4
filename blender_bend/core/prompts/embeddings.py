"""Textual inversion embeddings in prompts: an embedding is chosen by writing its name."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable

#: What embeddings were saved as before .safetensors; all of them are pickles.
PICKLES = (".pt", ".bin", ".pth", ".ckpt")

_NOT_AFTER, _NOT_BEFORE = r"(?<![\w-])", r"(?![\w-])"


class _Names:
    """Finds names as words of their own, in upper or lower case; where two fit, the longer one."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.ordered = sorted(filter(None, names), key=len, reverse=True)
        self.pattern = re.compile("|".join(f"({_alone(name)})" for name in self.ordered), re.IGNORECASE)

    def of(self, mention: re.Match[str]) -> str:
        """The name that is mentioned."""
        assert mention.lastindex is not None
        return self.ordered[mention.lastindex - 1]


@functools.lru_cache(maxsize=64)
def _known(names: tuple[str, ...]) -> _Names:
    return _Names(names)


def _alone(name: str) -> str:
    """A name that no letter may touch where it has letters itself, as ``<cat-toy>`` has none at its ends."""
    before = _NOT_AFTER if re.match(r"[\w-]", name) else ""
    after = _NOT_BEFORE if re.search(r"[\w-]$", name) else ""
    return before + re.escape(name) + after


def used(prompts: Iterable[str], names: Iterable[str]) -> list[str]:
    """Which of the names stand in any of the prompts, sorted."""
    known = _known(tuple(names))
    if not known.ordered:
        return []
    return sorted({known.of(mention) for prompt in prompts for mention in known.pattern.finditer(prompt)})


def replaced(prompt: str, names: Iterable[str], by: Callable[[str], str]) -> str:
    """A prompt with something else in the place of every name.

    Parameters
    ----------
    by : given the name as it is listed
    """
    known = _known(tuple(names))
    return known.pattern.sub(lambda mention: by(known.of(mention)), prompt) if known.ordered else prompt
