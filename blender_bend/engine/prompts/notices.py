"""What a model does not take of the prompts as they are written: words that don't fit, weights that it can't give."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...core.job.resolved import Resolved
from ...core.prompts.weights import Parts, is_weighted, words
from ..families.text import LimitedEncoder
from .encoder import PromptEncoder, Reading

#: The beginning of a word at the end of a text, read backward; Thai and the scripts of East Asia put no spaces between
#: words.
_WORD_BEGUN = re.compile(r"[^\s\u0e00-\u0eff\u2e80-\uffff]*")


@dataclass(frozen=True)
class Notice:
    """Something that an artist should know about a prompt.

    Parameters
    ----------
    prompt : as it was written
    text : what of it is lost, in words
    cut : the words that the model does not read; empty if it is not about words
    """

    prompt: str
    text: str
    cut: str = ""


def notices(prompts: PromptEncoder, frames: Iterable[Resolved]) -> list[Notice]:
    """What is to be said about the prompts of some frames, each once."""
    read: dict[tuple[str, Reading], None] = {}
    for frame in frames:
        negative = [frame["negative"]] if prompts.family.is_guided(frame["guidance"]) and frame["negative"] else []
        read |= dict.fromkeys((text, Reading.of(frame)) for text in [*(text for text, _ in frame["prompt"]), *negative])
    found = [notice for prompt, reading in read for notice in _of(prompts, prompt, reading)]
    return list(dict.fromkeys(found))


def _of(prompts: PromptEncoder, prompt: str, reading: Reading) -> Iterable[Notice]:
    family = prompts.family
    parts = prompts.parts(prompt, reading)
    if not family.text_encoders():
        if is_weighted(parts) or len(parts) > 1:
            yield Notice(prompt, "This model ignores prompt weights and BREAK.")
        yield from _cuts(prompt, parts, family.limited_encoders())
    if reading.clip_skip and not family.skips_layers:
        yield Notice(prompt, "CLIP Skip has no effect with this model.")


def _cuts(prompt: str, parts: Parts, encoders: list[LimitedEncoder]) -> Iterable[Notice]:
    """What the encoders of a model don't read: of words that only some miss it is said who reads them."""
    cuts = [(encoder, left_out(encoder, words(parts))) for encoder in encoders]
    for index, (encoder, cut) in enumerate(cuts):
        others = [other.label for other, missed in cuts[index + 1 :] if len(missed) < len(cut)]
        if cut and others:
            yield Notice(prompt, f"{encoder.label} doesn't read “{cut}”, only {others[0]} does.", cut)
        elif cut:
            yield Notice(prompt, f"The prompt is too long for this model, which doesn't read “{cut}”.", cut)


def left_out(encoder: LimitedEncoder, text: str) -> str:
    """The end of a text that an encoder does not read, from the first word that is not whole."""
    fits = encoder.most - encoder.tokenizer.num_special_tokens_to_add()
    if not encoder.tokenizer.is_fast:  # it knows no places in the text
        return str(
            encoder.tokenizer.decode(encoder.tokenizer(text, add_special_tokens=False)["input_ids"][fits:])
        ).strip()
    places = encoder.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if len(places) <= fits:
        return ""
    start = places[fits][0]
    begun = _WORD_BEGUN.match(text[:start][::-1])  # it is read in part
    return text[start - len(begun[0] if begun else "") :].strip()
