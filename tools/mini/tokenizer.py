"""The tokenizer: byte pairs learnt from the captions' own words, so that each word mini knows is one token."""

from __future__ import annotations

import json

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from .captions import vocabulary

START, END = "<|startoftext|>", "<|endoftext|>"


def make_tokenizer(length: int) -> CLIPTokenizer:
    """A CLIP tokenizer whose known words are those of the captions; other words are spelt from parts.

    Parameters
    ----------
    length : the most tokens of a prompt, with the start and the end
    """
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=END))
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        min_frequency=1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(vocabulary(), trainer)
    model = json.loads(learner.to_str())["model"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    merges = [tuple(merge) for merge in model["merges"]]
    known = set(tokens)
    for left, right in merges:
        if left + right not in known:
            known.add(left + right)
            tokens.append(left + right)
    tokens += [START, END]
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=merges, model_max_length=length
    )
