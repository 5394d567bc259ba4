"""The tokenizer: byte pairs learnt from the captions' own words, so that each word mini knows is one token.

The pairs are learnt here and not by the tokenizers package, whose trainer numbers tokens differently in each process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

from .captions import vocabulary

START, END, LAST = "<|startoftext|>", "<|endoftext|>", "</w>"


def make_tokenizer(length: int) -> CLIPTokenizer:
    """A CLIP tokenizer whose known words are those of the captions; other words are spelt from parts.

    Parameters
    ----------
    length : the most tokens of a prompt, with the start and the end
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = learn_merges(vocabulary())
    tokens = [*alphabet, *(letter + LAST for letter in alphabet)]
    tokens += list(dict.fromkeys(left + right for left, right in merges))
    tokens += [START, END]
    numbers = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=numbers, merges=merges, model_max_length=length)


def tokenizer_of(folder: Path, length: int) -> CLIPTokenizer:
    """The tokenizer of a training: made once, and kept, so that it outlives a change of the scenes' words."""
    path = folder / "tokenizer"
    if not (path / "tokenizer.json").exists():
        make_tokenizer(length).save_pretrained(path)
    return CLIPTokenizer.from_pretrained(path)


def learn_merges(words: Iterable[str]) -> list[tuple[str, str]]:
    """Join the most frequent neighbours, again and again, until every word is one token."""
    spelt = [[*word[:-1], word[-1] + LAST] for word in words]
    merges = []
    while True:
        pairs = Counter(pair for parts in spelt for pair in pairwise(parts))
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelt = [_joined(parts, best) for parts in spelt]


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """A spelling in which every such pair is one part."""
    found: list[str] = []
    for part in parts:
        if found and (found[-1], part) == pair:
            found[-1] += part
        else:
            found.append(part)
    return found
