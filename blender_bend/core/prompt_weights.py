"""Weights in prompts, as artists write them: ``(word:1.3)``, ``(word)``, ``[word]``, and ``BREAK`` between parts.

The notation is that of AUTOMATIC1111's web UI (github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features,
"Attention/emphasis"); ComfyUI and Deforum read the round brackets alike. Unlike there, a bracket without its partner is
a letter: it doesn't weigh the rest of the prompt.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

#: What a pair of brackets without a number multiplies by, and what it divides by.
EMPHASIS = 1.1
#: Weights beyond these count as these.
LEAST, MOST = 0.0, 10.0

_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_TOKEN = re.compile(r"\\[()\[\]\\]|[()\[\]]|[^()\[\]\\]+|\\")
_NUMBER = re.compile(r"(.*):\s*(\+?(?:\d+\.?\d*|\.\d+))\s*", re.DOTALL)
_PARTNERS = {")": "(", "]": "["}


@dataclass(frozen=True)
class Fragment:
    """A piece of a prompt whose words all have one weight."""

    text: str
    weight: float = 1.0


#: A prompt as read: its parts, which ``BREAK`` divides, in fragments.
Parts = tuple[tuple[Fragment, ...], ...]


def read(prompt: str) -> Parts:
    """The weighted fragments of every part of a prompt; at least one part, which may have none.

    Examples
    --------
    >>> read("a (calm:1.3) sea")
    ((Fragment(text='a ', weight=1.0), Fragment(text='calm', weight=1.3), Fragment(text=' sea', weight=1.0)),)
    """
    parts: list[list[Fragment]] = [[]]
    for fragment in _fragments(prompt):
        first, *others = _BREAK.split(fragment.text)
        parts[-1].append(Fragment(first, fragment.weight))
        parts += [[Fragment(text, fragment.weight)] for text in others]
    return tuple(_joined(part) for part in parts)


def _fragments(text: str) -> list[Fragment]:
    tokens = _TOKEN.findall(text)
    opened = _pairs(tokens)
    closed = {end: begin for begin, end in opened.items()}
    texts = [token[1:] if len(token) == 2 and token[0] == "\\" else token for token in tokens]
    weights = [1.0] * len(tokens)
    for begin, end in opened.items():
        factor = EMPHASIS if tokens[begin] == "(" else 1 / EMPHASIS
        # A number stands before the closing bracket; where another pair ends there, it is letters.
        numbered = _NUMBER.fullmatch(tokens[end - 1]) if tokens[begin] == "(" and _is_text(tokens[end - 1]) else None
        if numbered:
            factor, texts[end - 1] = float(numbered[2]), numbered[1]
        for inside in range(begin + 1, end):
            weights[inside] *= factor
    return [
        Fragment(piece, round(min(max(weight, LEAST), MOST), 6))
        for index, (piece, weight) in enumerate(zip(texts, weights, strict=True))
        if index not in opened and index not in closed
    ]


def _is_text(token: str) -> bool:
    return token not in ("(", ")", "[", "]") and not token.startswith("\\")


def _pairs(tokens: list[str]) -> dict[int, int]:
    """The places of opening brackets, each with that of its partner; what has none is left out."""
    pairs: dict[int, int] = {}
    waiting: list[int] = []
    for index, token in enumerate(tokens):
        if token in ("(", "["):
            waiting.append(index)
        elif token in _PARTNERS:
            found = next((place for place in reversed(waiting) if tokens[place] == _PARTNERS[token]), None)
            if found is not None:
                pairs[found] = index
                del waiting[waiting.index(found) :]  # what was opened within it and not closed
    return pairs


def _joined(pieces: list[Fragment]) -> tuple[Fragment, ...]:
    """Neighbors of one weight as one fragment, without empty ones."""
    joined: list[Fragment] = []
    for piece in filter(lambda piece: piece.text, pieces):
        if joined and joined[-1].weight == piece.weight:
            joined[-1] = Fragment(joined[-1].text + piece.text, piece.weight)
        else:
            joined.append(piece)
    return tuple(joined)


def literal(prompt: str) -> Parts:
    """A prompt whose brackets are letters."""
    return ((Fragment(prompt),) if prompt else (),)


@functools.lru_cache(maxsize=1024)
def is_plain(prompt: str) -> bool:
    """Whether it makes no difference that weights are read."""
    return read(prompt) == literal(prompt)


def words(parts: Parts) -> str:
    """A prompt without its weights."""
    return " ".join("".join(fragment.text for fragment in part) for part in parts)


def is_weighted(parts: Parts) -> bool:
    """Whether any word has a weight of its own."""
    return any(fragment.weight != 1 for part in parts for fragment in part)
